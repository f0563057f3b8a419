"""Words that nobody said: what each row writes where nobody speaks or somebody far off, and what the guards hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from hyper.compare.row import Row
from hyper.compare.utterance import ScoredUtterance
from hyper.metrics.word_errors import word_errors


@dataclass(frozen=True)
class MadeUpWords:
    """Words written for recordings of one kind, or of all; with a hypernetwork, as the scorecard has."""

    kind: str
    n_recordings: int
    minutes: float
    base_share: float  # of the recordings: those with any made-up word
    adapted_share: float
    base_words_per_minute: float
    adapted_words_per_minute: float
    base_no_speech_share: float  # of the recordings: those that the page shows as "No speech found"
    adapted_no_speech_share: float
    base_shown_share: float  # of the recordings: those of which the page still shows made-up words
    adapted_shown_share: float

    def to_json(self) -> dict[str, str | int | float]:
        """Every field under its name."""
        return asdict(self)


@dataclass(frozen=True)
class _MadeUp:
    """What one row made up for each recording."""

    n_words: np.ndarray  # (n_recordings,)
    is_hidden: np.ndarray  # (n_recordings,)

    def share(self) -> float:
        return float((self.n_words > 0).mean())

    def shown_share(self) -> float:
        return float(((self.n_words > 0) & ~self.is_hidden).mean())


def made_up_words(
    without_speech: Sequence[ScoredUtterance], far_off: Sequence[ScoredUtterance] = ()
) -> list[MadeUpWords]:
    """All recordings without speech, then each kind of them, which is their domain; then far-off speech.

    Of far-off speech a word is made up that the reference has not in its place: inserted or substituted.
    """
    kinds = sorted({utterance.row.domain for utterance in without_speech})
    groups = {kind: [each for each in without_speech if each.row.domain == kind] for kind in kinds}
    groups = {"all": list(without_speech), **groups, **({far_off[0].row.domain: far_off} if far_off else {})}
    return [_count(kind, members) for kind, members in groups.items() if members]


def _count(kind: str, utterances: Sequence[ScoredUtterance]) -> MadeUpWords:
    from hyper.recordings.audio import SAMPLE_RATE, load_audio

    waveforms = [load_audio(utterance.row.path) for utterance in utterances]
    minutes = sum(map(len, waveforms)) / SAMPLE_RATE / 60
    references = [utterance.row.reference for utterance in utterances]
    base = _made_up(references, [utterance.base for utterance in utterances])
    adapted = _made_up(references, [utterance.adapted for utterance in utterances])
    return MadeUpWords(
        kind=kind,
        n_recordings=len(utterances),
        minutes=minutes,
        base_share=base.share(),
        adapted_share=adapted.share(),
        base_words_per_minute=float(base.n_words.sum()) / minutes,
        adapted_words_per_minute=float(adapted.n_words.sum()) / minutes,
        base_no_speech_share=float(base.is_hidden.mean()),
        adapted_no_speech_share=float(adapted.is_hidden.mean()),
        base_shown_share=base.shown_share(),
        adapted_shown_share=adapted.shown_share(),
    )


def _made_up(references: Sequence[str], rows: Sequence[Row]) -> _MadeUp:
    errors = [word_errors(text, row.text) for text, row in zip(references, rows, strict=True)]
    hidden = [row.heard_nobody for row in rows]
    return _MadeUp(np.array([each.insertions + each.substitutions for each in errors]), np.array(hidden))
