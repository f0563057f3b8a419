"""What stood before: an earlier scorecard to compare with, and the bars that are already on record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class ScorecardError(ValueError):
    """The scorecard cannot be made; the message says what is missing."""


def read_scorecard(path: Path) -> dict[str, Any]:
    """A scorecard.json, of this version or an older one."""
    record = _read_json(path)
    if not isinstance(record, dict) or "sets" not in record:
        raise ScorecardError(f"{path} is no scorecard: it has no `sets`. Name a scorecard.json.")
    return record


def read_bars(path: Path) -> list[dict[str, Any]]:
    """A bars.json; none yet is an empty list."""
    if not path.exists():
        return []
    bars = _read_json(path)
    if not isinstance(bars, list) or not all(isinstance(bar, dict) and "name" in bar for bar in bars):
        raise ScorecardError(f"{path} is no list of bars with a name each; move it away, and it will be written anew.")
    return bars


def replace_bars(bars: Sequence[Mapping[str, Any]], measured: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Measured bars in the place of those of their name, new ones at the end; all others stay."""
    by_name = {bar["name"]: bar for bar in bars}
    return list((by_name | {bar["name"]: bar for bar in measured}).values())


def base_wer_before(before: Mapping[str, Any] | None, set_name: str, group: Mapping[str, Any]) -> float | None:
    """The base's WER on the same set and group in the earlier scorecard; None where that lacks it."""
    record = before and before["sets"].get(set_name)
    for other in record["groups"] if record else ():
        if (other["by"], other["value"]) == (group["by"], group["value"]):
            return other["base_wer"]
    return None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8, or not JSON
        raise ScorecardError(f"{path} is not JSON ({error}).") from error
