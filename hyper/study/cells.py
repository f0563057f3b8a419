"""Rates as the cells of Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hyper.metrics.percent import percent

Rates = Mapping[str, Any]  # of one arm on one set, as JSON


def interval_cell(ends: Sequence[float] | None, unit: float = 100, digits: int = 1) -> str:
    """As "9.4 to 15.5", in percent unless another unit is given."""
    return "–" if ends is None else f"{unit * ends[0]:.{digits}f} to {unit * ends[1]:.{digits}f}"


def wer_cell(rates: Rates | None) -> str:
    """A WER with its interval."""
    return "–" if rates is None else percent(rates["wer"]) + _in_brackets(rates["wer_interval"], 1)


def reduction_cell(rates: Rates) -> str:
    """The relative reduction of the base's errors with its interval."""
    return percent(rates["relative_reduction"]) + _in_brackets(rates["relative_reduction_interval"], 0)


def points_cell(difference: Mapping[str, Any]) -> str:
    """A difference of two WERs with its interval."""
    return f"{100 * difference['difference']:.1f} points" + _in_brackets(difference["interval"], 1)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows))


def _in_brackets(ends: Sequence[float] | None, digits: int) -> str:
    return "" if ends is None else f" ({interval_cell(ends, digits=digits)})"
