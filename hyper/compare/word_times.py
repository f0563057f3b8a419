"""When each word of a transcript was said, as the decoder's cross-attention tells it."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from hyper.compare.confidence import spell_out
from hyper.compare.prepared import Prepared
from hyper.compare.transcribe import states_with
from hyper.compare.transcript import Pair, Transcript
from hyper.model.alignment import token_starts
from hyper.model.backbone import Backbone
from hyper.recordings.limits import SAMPLE_RATE


class WordTime(NamedTuple):
    """A word of a transcript and when it was said."""

    word: str
    start: float  # seconds from the start of the recording
    end: float


class PairTimes(NamedTuple):
    """The words of both transcripts of one recording."""

    base: tuple[WordTime, ...]
    adapted: tuple[WordTime, ...] | None  # None without a hypernetwork


def pair_word_times(backbone: Backbone, prepared: Prepared, pair: Pair, strength: float) -> PairTimes:
    """Both transcripts, each read with the weights that wrote it."""
    base = word_times(backbone, prepared, pair.base, 0.0)
    return PairTimes(base, pair.adapted and word_times(backbone, prepared, pair.adapted, strength))


def word_times(backbone: Backbone, prepared: Prepared, transcript: Transcript, strength: float) -> tuple[WordTime, ...]:
    """Each word of the text, piece by piece: the decoder reads what it wrote once more, all tokens at once.

    The tokens of a word are those that its confidence counts. It ends where the next token begins.
    """
    ends = [0, *accumulate(transcript.piece_lengths or (len(transcript.tokens),))]
    offsets = [0, *accumulate(prepared.n_samples)]
    words: list[WordTime] = []
    for piece, (first, last) in enumerate(pairwise(ends)):
        tokens = transcript.tokens[first:last]
        spelt = spell_out(backbone, tokens)
        if not spelt:
            continue
        with backbone.lock, torch.inference_mode():
            starts = token_starts(_attention(backbone, prepared, piece, tokens, strength))
        seconds = [
            (offsets[piece] + min(start * backbone.samples_per_state, prepared.n_samples[piece])) / SAMPLE_RATE
            for start in starts.tolist()
        ]
        words += [WordTime(word, seconds[own.start], seconds[own.stop]) for word, own in spelt]
    return tuple(words)


def _attention(
    backbone: Backbone, prepared: Prepared, piece: int, tokens: tuple[int, ...], strength: float
) -> Tensor:  # (n_heads, n_tokens + 1, n_states) before each token, and before what would end the text
    prompt = backbone.prompt(prepared.language)
    read = torch.tensor([[*prompt, *tokens]])
    states = prepared.states[piece : piece + 1]
    if prepared.lora is None or strength == 0:
        weights = backbone.attention(states, read)
    else:
        lora = prepared.lora_of(piece).scaled(strength)
        states = states_with(backbone, lora, [(prepared, piece)], states)
        with backbone.adapted(lora) as applied:
            weights = backbone.attention(states, read, applied)
    return weights[0, :, len(prompt) - 1 :, : backbone.n_speech_states(prepared.n_samples[piece])]
