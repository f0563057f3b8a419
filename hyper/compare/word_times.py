"""When each word of a transcript was said, as the decoder's cross-attention tells it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from hyper.compare.confidence import spell_out
from hyper.compare.guards import BLOCK_SAMPLES, loud_blocks, with_hangover
from hyper.compare.prepared import Prepared
from hyper.compare.transcript import Pair, Transcript
from hyper.model.backbone import Backbone
from hyper.recordings.limits import SAMPLE_RATE

# openai/whisper, whisper/timing.py: the first word of a piece takes all silence before it, and is cut to so much.
MOST_OF_MEDIAN = 2  # times the median length of the piece's words ...
LONGEST_MEDIAN = 0.7  # ... which is no longer than this, in seconds


class WordTime(NamedTuple):
    """A word of a transcript and when it was said."""

    word: str
    start: float  # seconds from the start of the recording
    end: float


class PairTimes(NamedTuple):
    """The words of both transcripts of one recording."""

    base: tuple[WordTime, ...]
    adapted: tuple[WordTime, ...] | None  # None without a hypernetwork


def pair_word_times(backbone: Backbone, prepared: Prepared, pair: Pair) -> PairTimes:
    """The words of both transcripts, decoded with times.

    The tokens of a word are those that its confidence counts. It ends where the next token begins.
    """
    adapted = pair.adapted
    return PairTimes(_words_of(backbone, prepared, pair.base), adapted and _words_of(backbone, prepared, adapted))


def _words_of(backbone: Backbone, prepared: Prepared, transcript: Transcript) -> tuple[WordTime, ...]:
    """The words of all pieces, one after the other."""
    words: list[WordTime] = []
    ends = np.cumsum(prepared.n_samples)
    waveforms = np.split(prepared.waveform, ends[:-1])
    pieces = zip(waveforms, ends - prepared.n_samples, _tokens_of(transcript), transcript.starts, strict=True)
    for waveform, offset, tokens, starts in pieces:
        if spelt := spell_out(backbone, tokens):
            samples = np.array(starts) * backbone.samples_per_state - backbone.silence_before(len(waveform))
            seconds = ((offset + np.clip(samples, 0, len(waveform))) / SAMPLE_RATE).tolist()
            own_words = [WordTime(word, seconds[own.start], seconds[own.stop]) for word, own in spelt]
            words += [begun_with_sound(own_words, waveform, float(offset / SAMPLE_RATE)), *own_words[1:]]
    return tuple(words)


def _tokens_of(transcript: Transcript) -> list[tuple[int, ...]]:
    """Of each piece."""
    lengths = transcript.piece_lengths or (len(transcript.tokens),)
    return [transcript.tokens[end - length : end] for length, end in zip(lengths, accumulate(lengths), strict=True)]


def begun_with_sound(
    words: Sequence[WordTime],  # of one piece
    waveform: np.ndarray,  # (n_samples,) 16 kHz, the piece
    offset: float,  # seconds that the piece begins at
) -> WordTime:
    """The first word, which the warp begins where the piece begins, from where its sound begins.

    As long as openai/whisper lets it be; longer only where sound goes on without a pause, as a prolonged one does.
    """
    word, start, end = words[0]
    median = float(np.median([each.end - each.start for each in words]))
    earliest = max(start, end - MOST_OF_MEDIAN * min(median, LONGEST_MEDIAN))
    is_loud = loud_blocks(waveform)
    block, last = ((seconds - offset) * SAMPLE_RATE / BLOCK_SAMPLES for seconds in (earliest, end))
    pauses = np.flatnonzero(~with_hangover(is_loud)[: int(block) + 1])
    since = int(pauses[-1]) + 1 if len(pauses) else 0
    loud = since + np.flatnonzero(is_loud[since : int(last)])
    begins = offset + int(loud[0]) * BLOCK_SAMPLES / SAMPLE_RATE if len(loud) else earliest
    return WordTime(word, max(start, begins), end)
