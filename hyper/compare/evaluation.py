"""Many recordings: all that one run over a manifest found, pooled by group, and its table for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hyper.compare.groups import Group, pool
from hyper.compare.row import Row
from hyper.compare.utterance import Failure, ScoredUtterance
from hyper.compare.verdict import unreliable_text
from hyper.metrics.intervals import Interval
from hyper.metrics.normalize import counting_note
from hyper.metrics.percent import percent
from hyper.metrics.word_errors import WordErrors
from hyper.recordings.limits import shown

# Each makes groups where the manifest fills it.
GROUP_COLUMNS = ("cohort", "severity", "speaker", "corpus", "domain", "voice", "age_group")
CHANGE_INTERVAL = "95 % of speakers"
MOST_VALUES_SHOWN = 20  # a column with more values (speakers, mostly) is left to the JSON report


class GroupError(ValueError):
    """No group has that name; the message says which there are."""


@dataclass(frozen=True)
class Evaluation:
    """Everything one run over a manifest found."""

    base_model: str
    hypernetwork: str | None
    device: str
    utterances: tuple[ScoredUtterance, ...]
    failures: tuple[Failure, ...]
    language: str = "en"
    fingerprint: str = ""  # of the base's weights

    @property
    def n_done(self) -> int:
        """Recordings that were worked on."""
        return len(self.utterances) + len(self.failures)

    @property
    def rows(self) -> tuple[Row, ...]:
        """All transcripts, base and adapted."""
        return tuple(row for utterance in self.utterances for row in utterance.rows)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """All scored recordings pooled, then each value of each column that the manifest fills."""
        if not self._scored:
            return ()
        columns = [group for column in GROUP_COLUMNS for group in self._pooled_by(column)]
        return (pool("all", "all", self._scored), *columns)

    @cached_property
    def cells(self) -> tuple[Group, ...]:
        """Each severity of each cohort, pooled; the value is "stuttering, mild"."""
        return self._pooled_by("cohort", "severity")

    @cached_property
    def _scored(self) -> list[ScoredUtterance]:
        return [utterance for utterance in self.utterances if utterance.base.errors is not None]

    def _pooled_by(self, *columns: str) -> tuple[Group, ...]:
        """A group for each combination of values; a recording that lacks one of them is in none."""
        members: dict[tuple[str, ...], list[ScoredUtterance]] = {}
        for utterance in self._scored:
            members.setdefault(tuple(getattr(utterance.recording, column) for column in columns), []).append(utterance)
        by = ", ".join(columns)
        return tuple(pool(by, ", ".join(values), members[values]) for values in sorted(members) if all(values))

    def group(self, by: str, value: str) -> Group:
        """The one group of that name. Errors: GroupError where there is none."""
        for group in self.groups:
            if (group.by, group.value) == (by, value):
                return group
        if not self.groups:
            raise GroupError(f"There is no group {by!r}, {value!r}: no recording that was heard has a reference.")
        values = [group.value for group in self.groups if group.by == by]
        there = ", ".join(values or dict.fromkeys(group.by for group in self.groups))
        raise GroupError(f"There is no group {by!r}, {value!r}; there are {shown(there)}.")

    def to_json(self) -> dict[str, Any]:
        """The whole report."""
        return {
            "base_model": self.base_model,
            "hypernetwork": self.hypernetwork,
            "device": self.device,
            "language": self.language,
            "fingerprint": self.fingerprint,
            "utterances": [utterance.to_json(self.language) for utterance in self.utterances],
            "groups": [group.to_json() for group in self.groups],
            "failures": [{"file": failure.file, "reason": failure.reason} for failure in self.failures],
        }


def error_summary(errors: WordErrors) -> str:
    """WER and CER in per cent, with the counts behind the first."""
    return f"WER {percent(errors.wer)} ({error_counts(errors)}), CER {percent(errors.cer)}"


def error_counts(errors: WordErrors) -> str:
    """How many words are wrong in which way."""
    return f"{errors.substitutions} substituted, {errors.deletions} deleted, {errors.insertions} inserted"


def table(evaluation: Evaluation) -> str:
    """All groups as text, one line each; "simulated" stands on every line that holds simulated recordings."""
    header = (
        "",
        "recordings",
        "words",
        "base WER",
        "adapted WER",
        "change",
        CHANGE_INTERVAL,
        "base CER",
        "adapted CER",
    )
    lines: list[tuple[str, ...]] = [header]
    by, n_groups = "all", Counter(group.by for group in evaluation.groups)
    for group in evaluation.groups:
        n_values = n_groups[group.by]
        if group.by != by:
            by = group.by
            note = f"by {by}: {n_values} values, in the JSON report" if n_values > MOST_VALUES_SHOWN else f"by {by}"
            lines.append((note,) + ("",) * (len(header) - 1))
        if n_values <= MOST_VALUES_SHOWN:
            lines.append(_table_line(group))
    doubts = unreliable_text([each.doubts for each in evaluation.utterances])
    notes = [doubts, _unscored_note(evaluation), counting_note(evaluation.language)]
    return "\n".join(filter(None, [aligned(lines), *notes]))


def _unscored_note(evaluation: Evaluation) -> str:
    """How many recordings the numbers leave out for want of a reference, "" where none."""
    n_unscored = sum(each.base.errors is None for each in evaluation.utterances)
    return f"without a reference, so transcribed and not scored: {n_unscored:,} recordings" if n_unscored else ""


def _table_line(group: Group) -> tuple[str, ...]:
    """One group's cells."""
    record = group.to_json()
    reduction = record["relative_reduction"]
    name = group.value if group.by == "all" else f"  {group.value}"
    return (
        name + simulated_note(group),
        f"{group.n_utterances:,}",
        f"{group.base.n_reference:,}",
        percent(record["base_wer"]),
        percent(record["adapted_wer"]),
        "–" if reduction is None else f"{100 * (0 - reduction):+.1f} %",  # not -reduction, which prints "-0.0"
        _change_interval(group),
        percent(record["base_cer"]),
        percent(record["adapted_cer"]),
    )


def _change_interval(group: Group) -> str:
    """Ends of the change over speakers, or else over recordings, which is said."""
    if reduction := group.intervals.relative_reduction:
        return _change_ends(reduction)
    if reduction := group.recording_intervals.relative_reduction:
        return f"{_change_ends(reduction)} over recordings"
    return "–"


def _change_ends(reduction: Interval) -> str:
    """In per cent: those of the reduction, negative and swapped."""
    return f"{100 * (0 - reduction.high):+.1f} to {100 * (0 - reduction.low):+.1f}"


def simulated_note(group: Group) -> str:
    """How much of the group a simulator made, for beside its name."""
    if group.n_simulated == 0:
        return ""
    return " (simulated)" if group.n_simulated == group.n_utterances else f" ({group.n_simulated:,} simulated)"


def simulated_share(n_simulated: int, n: int) -> str:
    """How many of so many recordings a simulator made, for beside what is told of them; "" where none."""
    if not n_simulated:
        return ""
    return "(simulated)" if n_simulated == n else f"({n_simulated} of {n} simulated)"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns: the first to the left, numbers to the right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    texts = []
    for first, *numbers in lines:
        cells = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=True)]
        texts.append("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
    return "\n".join(texts)
