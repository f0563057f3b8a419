"""What the adaptation writes at every strength, and how far that is from what was meant or from the base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hyper.compare.confidence import calibrated_confidences
from hyper.compare.guards import Heard
from hyper.compare.pipeline import DECODE_BATCH, PersonalizedAsr
from hyper.compare.prepared import Prepared
from hyper.compare.row import Row, make_row
from hyper.compare.transcript import Transcript
from hyper.metrics.normalize import ENGLISH
from hyper.metrics.word_errors import align_words
from hyper.model.lora import MAX_STRENGTH

N_STEPS = 8
STRENGTHS = tuple(MAX_STRENGTH * step / N_STEPS for step in range(N_STEPS + 1))  # 0, 0.25, ... 2


@dataclass(frozen=True)
class StrengthPoint:
    """The adapted row at one strength."""

    strength: float
    row: Row
    n_changed: int  # words in which it differs from the base's transcript

    @property
    def wer(self) -> float | None:
        """None without a reference word."""
        return self.row.errors and self.row.errors.wer


def sweep(
    asr: PersonalizedAsr,
    prepared: Prepared,
    reference: str | None,
    on_model: Callable[[Callable[[], Any]], Any] = lambda step: step(),  # works each step that needs the model
) -> tuple[StrengthPoint, ...]:
    """A point for each strength from 0, which is the base, to 2; of a short recording all are rows of one batch.

    Errors: StrengthError where the model has no hypernetwork.
    """
    # Of a long one no more at a time than a comparison of it has, so that others who use the model come in between.
    at_once = max(2, 2 * DECODE_BATCH // len(prepared.n_samples))
    transcripts: list[Transcript] = []
    for start in range(0, len(STRENGTHS), at_once):
        transcripts += on_model(partial(asr.strength_sweep, prepared, STRENGTHS[start : start + at_once]))
    heard = Heard(prepared.waveform)
    return tuple(
        StrengthPoint(
            strength=strength,
            row=make_row(
                transcript,
                heard,
                reference,
                words=calibrated_confidences(asr.backbone, transcript, asr.calibration, prepared.language),
                language=prepared.language,
            ),
            n_changed=n_changed_words(transcripts[0].text, transcript.text, prepared.language),
        )
        for strength, transcript in zip(STRENGTHS, transcripts, strict=True)
    )


def n_changed_words(base: str, other: str, language: str = ENGLISH) -> int:
    """Words substituted, left out or added on the way from one text to the other."""
    return sum(span.kind != "hit" for span in align_words(base, other, language))


def has_rates(points: Sequence[StrengthPoint]) -> bool:
    """Whether the points have a WER, or else only changed words."""
    return all(point.wer is not None for point in points)
