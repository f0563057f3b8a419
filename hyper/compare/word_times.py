"""When each word of a transcript was said, as the decoder's cross-attention tells it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hyper.compare.confidence import spell_out
from hyper.compare.prepared import Prepared
from hyper.compare.transcribe import states_with
from hyper.compare.transcript import Pair, Transcript
from hyper.model.alignment import token_starts
from hyper.model.backbone import Backbone
from hyper.model.lora import LoraWeights
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
    """Both transcripts, each read with the weights that wrote it, piece by piece.

    The decoder reads what it wrote once more, all tokens at once and both transcripts as rows of one batch. The tokens
    of a word are those that its confidence counts. It ends where the next token begins.
    """
    written = [(pair.base, 0.0)] if pair.adapted is None else [(pair.base, 0.0), (pair.adapted, strength)]
    words: list[list[WordTime]] = [[] for _ in written]
    offsets = [0, *accumulate(prepared.n_samples)]
    for piece, n_samples in enumerate(prepared.n_samples):
        tokens = [_tokens_of(transcript, piece) for transcript, _ in written]
        with backbone.lock, torch.inference_mode():
            attentions = _attentions(backbone, prepared, piece, written, tokens)
        for own_words, own_tokens, attention in zip(words, tokens, attentions, strict=True):
            if not (spelt := spell_out(backbone, own_tokens)):
                continue
            samples = np.minimum(token_starts(attention) * backbone.samples_per_state, n_samples)
            seconds = ((offsets[piece] + samples) / SAMPLE_RATE).tolist()
            own_words += [WordTime(word, seconds[own.start], seconds[own.stop]) for word, own in spelt]
    return PairTimes(tuple(words[0]), tuple(words[1]) if len(words) > 1 else None)


def _tokens_of(transcript: Transcript, piece: int) -> tuple[int, ...]:
    ends = [0, *accumulate(transcript.piece_lengths or (len(transcript.tokens),))]
    return transcript.tokens[ends[piece] : ends[piece + 1]]


def _attentions(
    backbone: Backbone,
    prepared: Prepared,
    piece: int,
    written: Sequence[tuple[Transcript, float]],  # with the strength of its weights
    tokens: Sequence[tuple[int, ...]],  # of this piece of each
) -> list[Tensor]:  # (n_heads, n_tokens + 1, n_states) each: before each token, and before what would end the text
    prompt = backbone.prompt(prepared.language)
    length = max(map(len, tokens))
    read = torch.tensor([[*prompt, *own, *[prompt[0]] * (length - len(own))] for own in tokens])  # nothing reads ahead
    n_states = backbone.n_speech_states(prepared.n_samples[piece])
    if prepared.lora is None:
        shares = backbone.attention(prepared.states[piece : piece + 1], read)
    else:
        weights = [prepared.lora_of(piece).scaled(strength) for _, strength in written]
        states = [
            _states_of(backbone, prepared, piece, transcript, strength, lora)
            for (transcript, strength), lora in zip(written, weights, strict=True)
        ]
        with backbone.adapted(LoraWeights.joined(weights)) as applied:
            shares = backbone.attention(torch.cat(states), read, applied)
    first = len(prompt) - 1
    return [row[:, first : first + len(own) + 1, :n_states] for row, own in zip(shares, tokens, strict=True)]


def _states_of(
    backbone: Backbone,
    prepared: Prepared,
    piece: int,
    transcript: Transcript,
    strength: float,
    lora: LoraWeights,  # at this strength
) -> Tensor:  # (1, n_states, d_model)
    """What the transcript was decoded from; encoded again where it was not kept."""
    if transcript.states is not None:
        return transcript.states[piece : piece + 1]
    states = prepared.states[piece : piece + 1]
    return states if strength == 0 else states_with(backbone, lora, [(prepared, piece)], states)
