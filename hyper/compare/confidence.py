"""How sure the model was of each word that it wrote."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from hyper.compare.calibration import Calibration
from hyper.compare.transcript import Transcript
from hyper.model.backbone import Backbone


class WordConfidence(NamedTuple):
    """A word of a transcript and how sure the model was of it."""

    word: str
    confidence: float  # 0 to 1


def word_confidences(backbone: Backbone, transcript: Transcript) -> list[WordConfidence]:
    """Each word of the text with the probability of its least sure token, given all before it.

    The least, not the mean: most tokens of a word follow from those before them, so that their probabilities near 1
    would hide the one choice that was in doubt, all the more in a small vocabulary that spells words in many tokens.
    Words stand between spaces, so in a language without spaces a sentence is one word.
    """
    lengths = transcript.piece_lengths or (len(transcript.tokens),)
    words, start = [], 0
    for length in lengths:
        own = slice(start, start + length)
        words += _piece_confidences(backbone, transcript.tokens[own], transcript.log_probs[own])
        start += length
    return words


def calibrated_confidences(
    backbone: Backbone, transcript: Transcript, calibration: Calibration | None
) -> tuple[WordConfidence, ...]:
    """Each word with the share of such words that were right, or, uncalibrated, with its raw confidence."""
    words = word_confidences(backbone, transcript)
    if calibration is None:
        return tuple(words)
    return tuple(WordConfidence(word, calibration.share_right(raw)) for word, raw in words)


def _piece_confidences(backbone: Backbone, tokens: Sequence[int], log_probs: Sequence[float]) -> list[WordConfidence]:
    """A token counts for the words that it begins, or for the word that it goes on with or ends."""
    words = backbone.to_text(tokens).split()
    if not words:
        return []
    lowest = [0.0] * len(words)  # logarithms
    n_before = 0
    for i, log_prob in enumerate(log_probs):
        # Decoded from the first token on, since one character may take several tokens.
        n_words = min(max(1, len(backbone.to_text(tokens[: i + 1]).split())), len(words))
        for word in range(min(n_before, n_words - 1), n_words):
            lowest[word] = min(lowest[word], log_prob)
        n_before = n_words
    return [WordConfidence(word, math.exp(log_prob)) for word, log_prob in zip(words, lowest, strict=True)]
