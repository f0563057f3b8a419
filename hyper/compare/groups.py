"""Recordings pooled: what each row got wrong, how sure that is, and whom adapting helped or harmed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hyper.compare.utterance import ScoredUtterance
from hyper.metrics.intervals import Interval, reduction_interval, sum_by_speaker, wer_interval
from hyper.metrics.word_errors import WordErrors, pooled, relative_reduction
from hyper.recordings.manifest import counted_voice


@dataclass(frozen=True)
class Intervals:
    """95 % intervals over the speakers of a group; None where it cannot be computed (`hyper.metrics.intervals`)."""

    base_wer: Interval | None = None
    adapted_wer: Interval | None = None
    relative_reduction: Interval | None = None

    def to_json(self) -> dict[str, list[float] | None]:
        """`base_wer_interval: [low, high]` and so on, or null."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {f"{name}_interval": interval and interval.to_json() for name, interval in named.items()}


@dataclass(frozen=True)
class Group:
    """The pooled errors of the scored recordings that share a value. What adapting did is None without it."""

    by: str  # "all" or a column
    value: str
    n_utterances: int
    n_simulated: int
    n_speakers: int | None  # voices (`counted_voice`); None where a recording does not name its speaker
    base: WordErrors
    adapted: WordErrors | None
    chosen: WordErrors | None  # of the row to show first; None without a rule for that
    oracle: WordErrors | None  # of the better row of each recording, which only who knows the words can choose
    better_share: float | None  # of the recordings: those with fewer word errors once adapted
    worse_share: float | None  # of the recordings: those with more
    base_loop_share: float | None  # of the recordings: those that looped in a phrase, decoded again
    adapted_loop_share: float | None
    intervals: Intervals
    recording_intervals: Intervals  # where speakers give none: over recordings, "other recordings of the same people"

    def to_json(self) -> dict[str, Any]:
        """The group record; a rate is null where there are no reference words."""
        adapted = self.adapted
        return {
            "by": self.by,
            "value": self.value,
            "n_utterances": self.n_utterances,
            "n_simulated": self.n_simulated,
            "n_words": self.base.n_reference,
            "base_wer": self.base.wer,
            "adapted_wer": adapted and adapted.wer,
            "chosen_wer": self.chosen and self.chosen.wer,
            "oracle_wer": self.oracle and self.oracle.wer,
            "relative_reduction": adapted and relative_reduction(self.base, adapted),
            "base_cer": self.base.cer,
            "adapted_cer": adapted and adapted.cer,
            "n_speakers": self.n_speakers,
            **self.intervals.to_json(),
            **{f"{name}_over_recordings": ends for name, ends in self.recording_intervals.to_json().items()},
            "better_share": self.better_share,
            "worse_share": self.worse_share,
            **_kinds_of_error("base", self.base),
            **_kinds_of_error("adapted", adapted),
            "base_loop_share": self.base_loop_share,
            "adapted_loop_share": self.adapted_loop_share,
        }


def _kinds_of_error(row: str, errors: WordErrors | None) -> dict[str, float | None]:
    """What a row's WER is the sum of; an inserted word is one with no counterpart in the reference."""
    names = ("substitution_rate", "deletion_rate", "insertion_rate")
    return {f"{row}_{name}": errors and getattr(errors, name) for name in names}


def pool(by: str, value: str, utterances: Sequence[ScoredUtterance]) -> Group:
    """Counts of all the utterances added up, so that long ones weigh more, as in corpus WER."""
    both = [(each, each.adapted) for each in utterances if each.adapted is not None]
    is_named = all(utterance.recording.speaker for utterance in utterances)
    voices = [counted_voice(utterance.recording) for utterance in utterances]
    over_speakers = _intervals(utterances, voices) if is_named else Intervals()
    each_alone = [f"{i:09}" for i in range(len(utterances))]
    more_errors = [adapted.counted.n_errors - each.base.counted.n_errors for each, adapted in both]
    has_rule = bool(both) and all(each.preferred for each, _ in both)
    return Group(
        by=by,
        value=value,
        n_utterances=len(utterances),
        n_simulated=sum(utterance.recording.simulated for utterance in utterances),
        n_speakers=len(set(voices)) if is_named else None,
        base=pooled(utterance.base.counted for utterance in utterances),
        adapted=pooled(adapted.counted for _, adapted in both) if both else None,
        chosen=pooled(each.chosen.counted for each, _ in both) if has_rule else None,
        oracle=pooled(min(each.base.counted, row.counted, key=_n_errors) for each, row in both) if both else None,
        better_share=_share(more < 0 for more in more_errors),
        worse_share=_share(more > 0 for more in more_errors),
        base_loop_share=_share(utterance.base.transcript.stopped == "repetition" for utterance in utterances),
        adapted_loop_share=_share(adapted.transcript.stopped == "repetition" for _, adapted in both),
        intervals=over_speakers,
        recording_intervals=Intervals() if over_speakers.base_wer else _intervals(utterances, each_alone),
    )


def _n_errors(errors: WordErrors) -> int:
    return errors.n_errors


def _intervals(utterances: Sequence[ScoredUtterance], speakers: Sequence[str]) -> Intervals:
    """Intervals over the speakers, each a name for all that is drawn together."""
    base = np.array([(each.base.counted.n_errors, each.base.counted.n_reference) for each in utterances])
    base_errors, words = sum_by_speaker(speakers, base).T  # each (n_speakers,)
    adapted = [each.adapted.counted.n_errors for each in utterances if each.adapted is not None]
    if len(adapted) < len(utterances):
        return Intervals(wer_interval(base_errors, words))
    (adapted_errors,) = sum_by_speaker(speakers, np.array(adapted)[:, None]).T
    return Intervals(
        wer_interval(base_errors, words),
        wer_interval(adapted_errors, words),
        reduction_interval(base_errors, adapted_errors),
    )


def _share(holds: Iterable[bool]) -> float | None:
    """How many of the recordings, as a fraction; None of none."""
    answers = list(holds)
    return sum(answers) / len(answers) if answers else None
