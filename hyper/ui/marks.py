"""What the page says of a transcript: where nobody speaks, and what the marks below its words mean."""

from __future__ import annotations

from hyper.compare.calibration import UNSURE_BELOW
from hyper.compare.confidence import WordConfidence
from hyper.metrics.percent import percent

NO_SPEECH = "No speech found"
NO_WORDS = "(no words)"
CALIBRATED = (
    "Words with a wavy line and a question mark are uncertain: fewer than "
    f"{10 * UNSURE_BELOW:.0f} in 10 of them were right on validation recordings."
)
NOT_CALIBRATED = (
    "Words with a wavy line and a question mark are uncertain: the model itself gave them a probability below "
    f"{percent(UNSURE_BELOW, 0)}. How often such words are right has not been checked for this model."
)

BOXED = "Uncertain words that count as wrong are boxed instead of marked with a question mark."


def is_unsure(word: WordConfidence) -> bool:
    """Whether the word gets a mark."""
    return word.confidence < UNSURE_BELOW
