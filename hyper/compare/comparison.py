"""What comparing one recording gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hyper.compare.confidence import WordConfidence
from hyper.compare.evaluation import utterance_record
from hyper.compare.guards import Flag, guard, heard_nobody
from hyper.metrics.word_errors import WordErrors, word_errors
from hyper.model.decoding import Stopped
from hyper.model.lora import LoraWeights
from hyper.model.subspace import LayerSize, LayerUpdate


@dataclass(frozen=True)
class Transcript:
    """What one row wrote; of a recording in pieces, all pieces joined."""

    text: str
    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]  # natural logarithm, one per token
    stopped: Stopped  # of several pieces the worst: repetition, then length, then end
    no_speech_prob: float | None  # of several pieces the lowest: somewhere somebody spoke
    piece_lengths: tuple[int, ...] = ()  # tokens of each piece; () is one piece


@dataclass(frozen=True)
class Pair:
    """Both transcripts of one recording."""

    base: Transcript
    adapted: Transcript | None  # None without a hypernetwork
    layers: tuple[LayerSize, ...] = ()  # how far each layer was moved; only where many are transcribed


def errors_against(reference: str | None, transcript: Transcript | None) -> WordErrors | None:
    """The errors, where there is a text to hold the transcript against."""
    return word_errors(reference, transcript.text) if reference and transcript else None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Both transcripts of one recording with all that is shown of them."""

    base: Transcript
    adapted: Transcript | None  # None without a hypernetwork for this base
    reference: str | None  # the words that were meant
    base_errors: WordErrors | None  # against the reference
    adapted_errors: WordErrors | None
    layers: tuple[LayerUpdate, ...]  # () without hypernetwork; with one adaptation per piece, the first piece's
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
    task: str = "transcribe"
    strength: float = 1.0  # how many times the update was applied: 0 is the base, 1 as trained
    lora: LoraWeights | None = None  # one row, at this strength; with one adaptation per piece, the first piece's
    verbatim: str | None = None  # every sound that was said, repetitions included
    base_verbatim_errors: WordErrors | None = None  # against it
    adapted_verbatim_errors: WordErrors | None = None
    base_words: tuple[WordConfidence, ...] = ()
    adapted_words: tuple[WordConfidence, ...] = ()
    shared_parameters: int = 0  # of the update, learned and the same for every recording
    is_calibrated: bool = False  # whether those confidences are shares of right words, or the model's own probabilities

    @cached_property
    def base_flags(self) -> tuple[Flag, ...]:
        """What speaks against the base transcript."""
        return guard(self.base, self.waveform)

    @cached_property
    def adapted_flags(self) -> tuple[Flag, ...]:
        """What speaks against the adapted transcript, by the same guards; () without one."""
        return guard(self.adapted, self.waveform) if self.adapted else ()

    @property
    def base_heard_nobody(self) -> bool:
        """Whether the guards say that nobody speaks, as far as the base can tell."""
        return heard_nobody(self.base_flags)

    @property
    def adapted_heard_nobody(self) -> bool:
        """The same for the adapted row."""
        return heard_nobody(self.adapted_flags)

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
            base=self.base,
            adapted=self.adapted,
            base_errors=self.base_errors,
            adapted_errors=self.adapted_errors,
            verbatim=self.verbatim,
            base_verbatim_errors=self.base_verbatim_errors,
            adapted_verbatim_errors=self.adapted_verbatim_errors,
        )
        return {
            **record,
            "words": {
                "base": [word._asdict() for word in self.base_words],
                "adapted": [word._asdict() for word in self.adapted_words],
            },
            "confidence_is_calibrated": self.is_calibrated,
            "no_speech": {"base": self.base_heard_nobody, "adapted": self.adapted_heard_nobody},
            "flags": {
                "base": [flag.to_json() for flag in self.base_flags],
                "adapted": [flag.to_json() for flag in self.adapted_flags],
            },
            "strength": self.strength,
            "timings_ms": self.timings_ms,
            "device": self.device,
            "base_model": self.base_model,
            "hypernetwork": self.hypernetwork,
            "generated_parameters": self.generated_parameters,
            "generated_share": self.generated_share,
            "layers": [layer.to_json() for layer in self.layers],
        }
