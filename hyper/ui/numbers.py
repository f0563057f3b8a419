"""Numbers as the page writes them."""

from __future__ import annotations

MOST_SURE = 0.99  # what is shown at most: nothing is ever certain


def short_percent(fraction: float | None) -> str:
    """A rate with one decimal, unless it is a whole number of percent."""
    return "–" if fraction is None else f"{100 * fraction:.1f}".removesuffix(".0") + "%"


def certainty(confidence: float) -> str:
    """How sure the model was of a word, as a whole number of percent."""
    return f"{min(confidence, MOST_SURE):.0%}"


def count(n: int, noun: str) -> str:
    """The number with its noun, which gets an s where there is not exactly one."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
