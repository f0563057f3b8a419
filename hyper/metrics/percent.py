"""A share as people read it."""

from __future__ import annotations


def percent(rate: float | None, digits: int = 1) -> str:
    """A rate for people: 0.123 is 12.3 %, never -0.0 %; none where there were no reference words."""
    return "–" if rate is None else f"{round(100 * rate, digits) + 0.0:.{digits}f} %"
