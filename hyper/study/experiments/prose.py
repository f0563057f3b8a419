"""Numbers as the words and tables of the results page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hyper.study.methods.runs import MAIN, TYPICAL_COMMANDS

Rates = Mapping[str, Any]  # of one arm on one set

COMMANDS = {MAIN: "simulated atypical", TYPICAL_COMMANDS: "typical"}  # the sets of most experiments, in short


def rates(record: Mapping[str, Any], arm: str, set_name: str = MAIN, part: str = "") -> Rates:
    """Rates of an arm on a set, or on a part of it, as "cohort:stuttering"."""
    whole = record["arms"][arm]["sets"][set_name]
    return whole[part] if part else whole


def percent(share: float | None, digits: int = 1) -> str:
    """0.123 is 12.3 %."""
    return "–" if share is None else f"{round(100 * share, digits) + 0.0:.{digits}f} %"  # never -0


def between(ends: Sequence[float] | None, unit: float = 100, digits: int = 1) -> str:
    """The interval in brackets, in per cent unless another unit is given."""
    if ends is None:
        return "(no interval: too few speakers or cases)"
    low, high = (f"{unit * end:.{digits}f}" for end in ends)
    return f"(95 % interval {low} to {high})"


def wer_words(rates: Rates) -> str:
    """A WER with its interval."""
    return f"{percent(rates['wer'])} {between(rates['wer_interval'])}"


def mended(rates: Rates) -> str:
    """The relative reduction of the base's errors with its interval, or by how much there are more."""
    reduction, ends = rates["relative_reduction"], rates["relative_reduction_interval"]
    if reduction is None:
        return "errors where the base has none"
    if reduction < 0:
        return f"{percent(-reduction)} more errors than the base {between(ends and [-ends[1], -ends[0]])}"
    return f"{percent(reduction)} fewer errors than the base {between(ends)}"


def difference_words(difference: Mapping[str, Any]) -> str:
    """A difference of two WERs in points, with its interval."""
    return f"{100 * difference['difference']:.1f} points {between(difference['interval'])}"


def side_of(ends: Sequence[float] | None, zero: float = 0.0) -> int:
    """1 where the whole interval lies above zero, -1 where below, 0 where it holds zero or there is none."""
    if ends is None:
        return 0
    return 1 if ends[0] > zero else -1 if ends[1] < zero else 0


def listed(words: Iterable[str]) -> str:
    """ "a, b and c"."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows))


def cell(rates: Rates | None) -> str:
    """A WER and its interval, as short as a table needs it."""
    if rates is None:
        return "–"
    ends = rates["wer_interval"]
    return percent(rates["wer"]) + ("" if ends is None else f" ({100 * ends[0]:.1f}–{100 * ends[1]:.1f})")


def reduction_cell(rates: Rates) -> str:
    """A relative reduction and its interval, as short as a table needs it."""
    ends = rates["relative_reduction_interval"]
    return percent(rates["relative_reduction"]) + (
        "" if ends is None else f" ({100 * ends[0]:.0f}–{100 * ends[1]:.0f})"
    )


def arm_table(record: Mapping[str, Any]) -> str:
    """Every arm: what it adapts, its WER on commands, and its reduction where these are atypical."""
    header = ["arm", "numbers an utterance", "of the base", "trainable", "learning rate"]
    header += [f"WER, {title}" for title in COMMANDS.values()] + ["less than the base"]
    lines = []
    for arm in record["arms"].values():
        cells = [arm["title"], f"{arm['adapted_parameters']:,}", percent(arm["adapted_share"], 4)]
        cells += [f"{arm['trainable_parameters']:,}", f"{arm['learning_rate']:g}" if arm["updates"] else "–"]
        cells += [cell(arm["sets"].get(name)) for name in COMMANDS]
        lines.append([*cells, reduction_cell(arm["sets"][MAIN])])
    return table(header, lines)
