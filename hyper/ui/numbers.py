"""Numbers as the page writes them."""

from __future__ import annotations


def percent(fraction: float | None) -> str:
    """With one decimal, unless it is a whole number of percent."""
    return "–" if fraction is None else f"{100 * fraction:.1f}".removesuffix(".0") + "%"


def count(n: int, noun: str) -> str:
    """The number with its noun, which gets an s where there is not exactly one."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
