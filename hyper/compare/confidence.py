"""How sure the model was of each word that it wrote."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median_low
from typing import NamedTuple

from hyper.compare.calibration import Calibration
from hyper.compare.transcript import Transcript
from hyper.metrics.normalize import ENGLISH, UNSPACED
from hyper.model.backbone import Backbone

CUT_LETTER = "\ufffd"  # what a decoder writes of some of a letter's bytes


class WordConfidence(NamedTuple):
    """A word of a transcript and how sure the model was of it."""

    word: str
    confidence: float  # 0 to 1


def word_confidences(backbone: Backbone, transcript: Transcript, language: str = ENGLISH) -> list[WordConfidence]:
    """Each word of the text with the probability of its least sure token, given all before it.

    The least, not the mean: most tokens of a word follow from those before them, so that their probabilities near 1
    would hide the one choice that was in doubt, all the more in a small vocabulary that spells words in many tokens.
    Words stand between spaces, so in a language without spaces a sentence is one word: it is as sure as the less sure
    half of its letters, or it would be in doubt wherever one of them is.
    """
    lengths = transcript.piece_lengths or (len(transcript.tokens),)
    words, start = [], 0
    for length in lengths:
        own = slice(start, start + length)
        words += _piece_confidences(backbone, transcript.tokens[own], transcript.log_probs[own], language)
        start += length
    return words


def calibrated_confidences(
    backbone: Backbone, transcript: Transcript, calibration: Calibration | None, language: str = ENGLISH
) -> tuple[WordConfidence, ...]:
    """Each word with the share of such words that were right, or, uncalibrated, with its raw confidence."""
    words = word_confidences(backbone, transcript, language)
    if calibration is None:
        return tuple(words)
    return tuple(WordConfidence(word, calibration.share_right(raw)) for word, raw in words)


def _piece_confidences(
    backbone: Backbone, tokens: Sequence[int], log_probs: Sequence[float], language: str
) -> list[WordConfidence]:
    words = []
    for word, own in spell_out(backbone, tokens):
        parts = _letters(backbone, tokens, own) if language in UNSPACED else [own]
        least = [min(log_probs[part.start : part.stop]) for part in parts]
        words.append(WordConfidence(word, math.exp(median_low(least))))
    return words


def _letters(backbone: Backbone, tokens: Sequence[int], word: range) -> list[range]:
    """The tokens of a word in groups, each the fewest that write whole letters."""
    groups, start = [], word.start
    for end in range(word.start + 1, word.stop + 1):
        text = backbone.to_text(tokens[start:end])
        if end == word.stop or (text and not text.endswith(CUT_LETTER)):
            groups.append(range(start, end))
            start = end
    return groups


def spell_out(backbone: Backbone, tokens: Sequence[int]) -> list[tuple[str, range]]:
    """Each word that the tokens write, and which of them: those that begin it, go on with it or end it."""
    words = backbone.to_text(tokens).split()
    own: list[list[int]] = [[] for _ in words]
    n_before = 0
    for i in range(len(tokens) if words else 0):
        # Decoded from the first token on, since one character may take several tokens.
        n_words = min(max(1, len(backbone.to_text(tokens[: i + 1]).split())), len(words))
        for word in range(min(n_before, n_words - 1), n_words):
            own[word].append(i)
        n_before = n_words
    return [(word, range(places[0], places[-1] + 1)) for word, places in zip(words, own, strict=True)]
