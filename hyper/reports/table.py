"""What a table of many recordings holds: the same columns on the page, in files and in the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hyper.compare.evaluation import Evaluation
from hyper.compare.groups import Group
from hyper.compare.guards import Flag
from hyper.compare.row import Row
from hyper.compare.utterance import Failure, ScoredUtterance
from hyper.metrics.intervals import Interval
from hyper.metrics.word_errors import WordErrors
from hyper.recordings.tables import Cell, Sheet

TEXT_COLUMNS = ("number", "file", "speaker", "note", "simulated", "seconds", "what was meant", "base", "adapted")
ERROR_COLUMNS = ("WER", "substituted", "deleted", "inserted")
WARNING_COLUMNS = ("base: warnings", "adapted: warnings", "not reliable", "problem")
GROUP_COLUMNS = ("by", "value", "recordings", "simulated", "words")
SPEAKERS, RECORDINGS = "speakers", "recordings"  # what an interval is over
INTERVAL_MEANING = {
    SPEAKERS: "95 % interval over speakers: how far the rate would move with other speakers of the same kind.",
    RECORDINGS: (
        "95 % interval over recordings: how far the rate would move with other recordings of the same people. "
        "With fewer than five named speakers it says nothing about other people."
    ),
    "": "No interval: it takes at least five recordings with a reference text.",
}


def sheets(evaluation: Evaluation) -> list[Sheet]:
    """All that the files hold: a line for each recording, and a line for each group."""
    return [recordings_sheet(evaluation), groups_sheet(evaluation)]


def recordings_sheet(evaluation: Evaluation) -> Sheet:
    """A line for each recording, those that could not be used at the end; rates are fractions."""
    columns = (
        *TEXT_COLUMNS,
        *(f"{row} {name}" for row in ("base", "adapted") for name in ERROR_COLUMNS),
        "change of WER",
        *WARNING_COLUMNS,
    )
    done = [_utterance_line(number, utterance) for number, utterance in enumerate(evaluation.utterances, start=1)]
    failed = enumerate(evaluation.failures, start=len(done) + 1)
    return Sheet("recordings", columns, done + [_failure_line(number, failure, columns) for number, failure in failed])


def groups_sheet(evaluation: Evaluation) -> Sheet:
    """A line for each group with its pooled rates and their intervals."""
    columns = (
        *GROUP_COLUMNS,
        *(f"{row} {name}" for row in ("base", "adapted") for name in ("WER", "WER from", "WER to", *ERROR_COLUMNS[1:])),
        "interval over",
    )
    return Sheet("groups", columns, [_group_line(group) for group in evaluation.groups])


def wer_intervals(group: Group) -> tuple[str, Interval | None, Interval | None]:
    """What the group's intervals are over, "" where it has none, and those of base and adapted WER.

    A row without errors has none: whoever is drawn, it would go from 0 to 0 %, as if it could never be wrong.
    """
    for over, intervals in ((SPEAKERS, group.intervals), (RECORDINGS, group.recording_intervals)):
        if intervals.base_wer is not None:
            adapted = intervals.adapted_wer if group.adapted and group.adapted.n_errors else None
            return over, intervals.base_wer if group.base.n_errors else None, adapted
    return "", None, None


def shown_groups(evaluation: Evaluation) -> list[Group]:
    """All recordings together, then each speaker."""
    return [group for group in evaluation.groups if group.by in ("all", "speaker")]


def reasons(flags: Iterable[Flag], say: Callable[[str], str] = str) -> str:
    """What speaks against a transcript, in sentences, each as `say` gives it."""
    return " ".join(say(flag.reason) for flag in flags)


def _utterance_line(number: int, utterance: ScoredUtterance) -> list[Cell]:
    recording, adapted = utterance.recording, utterance.adapted
    return [
        number,
        recording.file,
        recording.speaker,
        recording.note,
        _simulated(recording.simulated),
        None if utterance.seconds is None else round(utterance.seconds, 2),
        recording.reference,
        shown_text(utterance.base),
        adapted and shown_text(adapted),
        *counts(utterance.base.errors),
        *counts(adapted and adapted.errors),
        utterance.change,
        reasons(utterance.base.flags),
        reasons(adapted.flags) if adapted else "",
        " ".join(utterance.reasons),
        None,
    ]


def shown_text(row: Row) -> str:
    """The transcript; nothing where nobody speaks, for which the warnings stand."""
    return "" if row.heard_nobody else row.text


def _failure_line(number: int, failure: Failure, columns: Sequence[str]) -> list[Cell]:
    recording = failure.recording
    given: list[Cell] = [
        number,
        recording.file,
        recording.speaker,
        recording.note,
        _simulated(recording.simulated),
        None,
        recording.reference,
    ]
    return [*given, *[None] * (len(columns) - len(given) - 1), failure.reason]


def _group_line(group: Group) -> list[Cell]:
    over, base, adapted = wer_intervals(group)
    return [
        group.by,
        group.value,
        group.n_utterances,
        group.n_simulated,
        group.base.n_reference,
        *_pooled(group.base, base),
        *_pooled(group.adapted, adapted),
        over,
    ]


def _pooled(errors: WordErrors | None, interval: Interval | None) -> list[Cell]:
    wer, *wrong = counts(errors)
    return [wer, interval and interval.low, interval and interval.high, *wrong]


def counts(errors: WordErrors | None) -> list[Cell]:
    """WER and the three kinds of errors; empty without a reference word, for a rate of nothing is no rate."""
    if errors is None or errors.wer is None:
        return [None] * len(ERROR_COLUMNS)
    return [errors.wer, errors.substitutions, errors.deletions, errors.insertions]


def _simulated(is_simulated: bool) -> str:
    return "simulated" if is_simulated else ""
