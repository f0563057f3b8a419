"""What comparing one recording gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hyper.compare.choice import Preferred
from hyper.compare.row import Row
from hyper.compare.utterance import flags_record, no_speech_record, utterance_record
from hyper.compare.verdict import Verdict, judge
from hyper.compare.voice_map import Whereabouts
from hyper.compare.word_times import PairTimes
from hyper.metrics.normalize import other_count
from hyper.model.lora import LoraWeights
from hyper.model.subspace import LayerUpdate


@dataclass(frozen=True, eq=False)
class Comparison:
    """Both transcripts of one recording with all that is shown of them."""

    base: Row
    adapted: Row | None  # None without a hypernetwork for this base
    reference: str | None  # the words that were meant
    measure_layers: Callable[[], tuple[LayerUpdate, ...]]  # what `layers` is; it takes a while, and not all read it
    word_times: PairTimes  # when each word of both transcripts was said; those of the rows, one for one
    waveform: np.ndarray  # (n_samples,) 16 kHz
    log_mel: np.ndarray  # (n_mels, n_frames) the part that covers speech
    embedding: np.ndarray | None  # (d_embedding,) of the recording; with one adaptation per piece, the first piece's
    timings_ms: dict[str, float]  # audio, encode, generate, decode
    seconds: float  # length of the recording
    n_pieces: int
    device: str
    base_model: str
    hypernetwork: str | None
    generated_parameters: int  # per utterance
    generated_share: float  # of the base's parameters, a fraction
    language: str = "en"
    strength: float = 1.0  # how many times the update was applied: 0 is the base, 1 as trained
    lora: LoraWeights | None = None  # one row, at this strength; with one adaptation per piece, the first piece's
    verbatim: str | None = None  # every sound that was said, repetitions included
    shared_parameters: int = 0  # of the update, learned and the same for every recording
    is_calibrated: bool = (
        False  # whether the confidences of words are shares of right words, or the model's own probabilities
    )

    preferred: Preferred | None = None  # the row to show first; None where no rule was fitted for this pair
    where: Whereabouts | None = None  # the voice's place among those of the training; None without a map

    @property
    def layers(self) -> tuple[LayerUpdate, ...]:
        """How each layer is moved; () without hypernetwork; with one adaptation per piece, the first piece's."""
        measured = self.measure_layers()
        # A function that goes to another process, as to a lent GPU; the measure itself holds weights. `cached_property`
        # of Python 3.11 has one lock for all: who holds it may wait for the model's thread, and that for the lock.
        self.__dict__["measure_layers"] = partial(_given, measured)
        return measured

    @property
    def verdict(self) -> Verdict:
        """What can be said of this recording."""
        return judge(self.base, self.adapted, self.where, self.language)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The base, and the adapted row where there is one."""
        return (self.base,) if self.adapted is None else (self.base, self.adapted)

    @property
    def heard_nobody(self) -> bool:
        """Whether every row says that nobody speaks, so that no words are shown."""
        return all(row.heard_nobody for row in self.rows)

    @property
    def count_note(self) -> str:
        """Why what was meant has more or fewer words than are counted; "" where it has as many, or is not known."""
        errors = self.base.errors
        return other_count(self.reference, errors.n_reference, self.language) if self.reference and errors else ""

    def to_json(
        self,
        file: str | None = None,
        speaker: str | None = None,
        cohort: str | None = None,
        severity: str | None = None,
    ) -> dict[str, Any]:
        """The utterance record, with how sure each word is, what speaks against each text, and how the layers moved."""
        record = utterance_record(
            file=file,
            reference=self.reference,
            speaker=speaker,
            cohort=cohort,
            severity=severity,
            verbatim=self.verbatim,
            base=self.base,
            adapted=self.adapted,
        )
        rows = {"base": self.base, "adapted": self.adapted}
        return {
            **record,
            "words": {name: [word._asdict() for word in row.words] if row else [] for name, row in rows.items()},
            "word_times": {
                name: [word._asdict() for word in times or ()] for name, times in self.word_times._asdict().items()
            },
            "confidence_is_calibrated": self.is_calibrated,
            "no_speech": no_speech_record(self.base, self.adapted),
            "flags": flags_record(self.base, self.adapted),
            "preferred": self.preferred,
            "verdict": self.verdict.to_json(),
            "strength": self.strength,
            "timings_ms": self.timings_ms,
            "device": self.device,
            "base_model": self.base_model,
            "hypernetwork": self.hypernetwork,
            "generated_parameters": self.generated_parameters,
            "generated_share": self.generated_share,
            "layers": [layer.to_json() for layer in self.layers],
        }


def _given(measured: Any) -> Any:
    """Itself."""
    return measured
