"""What each row writes where nobody speaks: every word of it is made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hyper.metrics import word_errors
from hyper.report import ScoredUtterance


@dataclass(frozen=True)
class MadeUpWords:
    """Words written for recordings of one kind, or of all; with a hypernetwork, as the scorecard has."""

    kind: str
    n_recordings: int
    minutes: float
    base_share: float  # of the recordings: those with any word
    adapted_share: float
    base_words_per_minute: float
    adapted_words_per_minute: float

    def to_json(self) -> dict[str, str | int | float]:
        """Every field under its name."""
        return asdict(self)


def made_up_words(utterances: Sequence[ScoredUtterance]) -> list[MadeUpWords]:
    """All recordings, then each kind, which is their domain."""
    kinds = sorted({utterance.row.domain for utterance in utterances})
    groups = {kind: [each for each in utterances if each.row.domain == kind] for kind in kinds}
    return [_count(kind, members) for kind, members in {"all": list(utterances), **groups}.items() if members]


def _count(kind: str, utterances: Sequence[ScoredUtterance]) -> MadeUpWords:
    from hyper.audio import SAMPLE_RATE, load_audio

    minutes = sum(len(load_audio(utterance.row.path)) for utterance in utterances) / SAMPLE_RATE / 60
    base = [word_errors("", utterance.base.text).insertions for utterance in utterances]
    adapted = [word_errors("", utterance.adapted.text).insertions for utterance in utterances]
    return MadeUpWords(
        kind=kind,
        n_recordings=len(utterances),
        minutes=minutes,
        base_share=sum(n > 0 for n in base) / len(base),
        adapted_share=sum(n > 0 for n in adapted) / len(adapted),
        base_words_per_minute=sum(base) / minutes,
        adapted_words_per_minute=sum(adapted) / minutes,
    )
