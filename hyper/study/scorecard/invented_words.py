"""Words that nobody said: what each row writes where nobody speaks or somebody far off, and what the guards hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from hyper.compare.row import Row
from hyper.compare.utterance import ScoredUtterance
from hyper.metrics.word_errors import word_errors
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import SAMPLE_RATE


@dataclass(frozen=True)
class MadeUp:
    """What one row, base or adapted, made up."""

    share: float  # of the recordings: those with any made-up word
    words_per_minute: float
    no_speech_share: float  # of the recordings: those that the page shows as "No speech found"
    shown_share: float  # of the recordings: those of which the page still shows made-up words


@dataclass(frozen=True)
class MadeUpWords:
    """Words written for recordings of one kind, or of all; with a hypernetwork, as the scorecard has."""

    kind: str
    n_recordings: int
    minutes: float
    base: MadeUp
    adapted: MadeUp

    def to_json(self) -> dict[str, str | int | float]:
        """Every field under its name, those of a row behind the row's."""
        rows = {"base": self.base, "adapted": self.adapted}
        figures = {f"{row}_{field.name}": getattr(rows[row], field.name) for field in fields(MadeUp) for row in rows}
        return {"kind": self.kind, "n_recordings": self.n_recordings, "minutes": self.minutes, **figures}


def made_up_words(
    without_speech: Sequence[ScoredUtterance], far_off: Sequence[ScoredUtterance] = ()
) -> list[MadeUpWords]:
    """All recordings without speech, then each kind of them, which is their domain; then far-off speech.

    Of far-off speech a word is made up that the reference has not in its place: inserted or substituted.
    """
    kinds = sorted({utterance.recording.domain for utterance in without_speech})
    groups = {"all": list(without_speech)}
    groups |= {kind: [each for each in without_speech if each.recording.domain == kind] for kind in kinds}
    if far_off:
        groups[far_off[0].recording.domain] = list(far_off)
    return [_count(kind, members) for kind, members in groups.items() if members]


def _count(kind: str, utterances: Sequence[ScoredUtterance]) -> MadeUpWords:
    minutes = sum(len(load_audio(utterance.recording.path)) for utterance in utterances) / SAMPLE_RATE / 60
    references = [utterance.recording.reference for utterance in utterances]
    rows = ([each.base for each in utterances], [each.adapted for each in utterances if each.adapted is not None])
    return MadeUpWords(kind, len(utterances), minutes, *(_made_up(references, own, minutes) for own in rows))


def _made_up(references: Sequence[str], rows: Sequence[Row], minutes: float) -> MadeUp:
    errors = [word_errors(text, row.text) for text, row in zip(references, rows, strict=True)]
    n_words = np.array([each.insertions + each.substitutions for each in errors])
    is_hidden = np.array([row.heard_nobody for row in rows])
    return MadeUp(
        share=float((n_words > 0).mean()),
        words_per_minute=float(n_words.sum()) / minutes,
        no_speech_share=float(is_hidden.mean()),
        shown_share=float(((n_words > 0) & ~is_hidden).mean()),
    )
