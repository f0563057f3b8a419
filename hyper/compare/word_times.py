"""When each word of a transcript was said, as the decoder's cross-attention tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hyper.compare.confidence import spell_out
from hyper.compare.guards import BLOCK_SAMPLES, loud_blocks, with_hangover
from hyper.compare.prepared import Prepared
from hyper.compare.transcribe import in_batches, states_with
from hyper.compare.transcript import Pair, Transcript
from hyper.model.alignment import token_starts
from hyper.model.backbone import Backbone
from hyper.model.lora import LoraWeights
from hyper.recordings.limits import SAMPLE_RATE

# openai/whisper, whisper/timing.py: the first word of a piece takes all silence before it, and is cut to so much.
MOST_OF_MEDIAN = 2  # times the median length of the piece's words ...
LONGEST_MEDIAN = 0.7  # ... which is no longer than this, in seconds
READ_TOGETHER = 16  # rows, at most ...
READ_BYTES = READ_TOGETHER * 10_000_000  # ... for what eight heads read of 200 tokens in a whole window takes 10 MB


class WordTime(NamedTuple):
    """A word of a transcript and when it was said."""

    word: str
    start: float  # seconds from the start of the recording
    end: float


class PairTimes(NamedTuple):
    """The words of both transcripts of one recording."""

    base: tuple[WordTime, ...]
    adapted: tuple[WordTime, ...] | None  # None without a hypernetwork


@dataclass(frozen=True, eq=False)
class Written:
    """One recording and both transcripts that it was decoded to."""

    prepared: Prepared
    pair: Pair
    strength: float  # that the adapted transcript was written with


def pair_word_times(backbone: Backbone, written: Sequence[Written]) -> list[PairTimes]:
    """Both transcripts of each, read with the weights that wrote them, piece by piece. One language for all.

    The decoder reads what it wrote once more, all tokens at once and many transcripts as rows of one batch. The tokens
    of a word are those that its confidence counts. It ends where the next token begins.
    """
    texts = [text for each in written for text in _texts_of(each)]
    starts = _token_starts(backbone, [piece for text in texts for piece in text])
    words = [_words_of(backbone, text, starts) for text in texts]
    of_recordings = iter(words)
    return [PairTimes(next(of_recordings), next(of_recordings) if each.pair.adapted else None) for each in written]


@dataclass(frozen=True, eq=False)
class _Piece:
    """What was written of one piece of a recording."""

    prepared: Prepared
    piece: int
    transcript: Transcript
    strength: float
    tokens: tuple[int, ...]

    @property
    def waveform(self) -> np.ndarray:  # (n_samples,) 16 kHz
        first = sum(self.prepared.n_samples[: self.piece])
        return self.prepared.waveform[first : first + self.n_samples]

    @property
    def n_samples(self) -> int:
        return self.prepared.n_samples[self.piece]

    @property
    def states(self) -> Tensor:  # (n_states, d_model) of the base
        return self.prepared.states[self.piece]


def _texts_of(said: Written) -> list[list[_Piece]]:
    """Of each transcript its pieces."""
    prepared, pair = said.prepared, said.pair
    written = [(pair.base, 0.0)] + ([(pair.adapted, said.strength)] if pair.adapted else [])
    return [
        [
            _Piece(prepared, piece, transcript, strength, _tokens_of(transcript, piece))
            for piece in range(len(prepared.n_samples))
        ]
        for transcript, strength in written
    ]


def _tokens_of(transcript: Transcript, piece: int) -> tuple[int, ...]:
    ends = [0, *accumulate(transcript.piece_lengths or (len(transcript.tokens),))]
    return transcript.tokens[ends[piece] : ends[piece + 1]]


def _words_of(backbone: Backbone, text: Sequence[_Piece], starts: Mapping[_Piece, np.ndarray]) -> tuple[WordTime, ...]:
    """The words of all pieces, one after the other."""
    words: list[WordTime] = []
    offset = 0
    for piece in text:
        if spelt := spell_out(backbone, piece.tokens):
            samples = starts[piece] * backbone.samples_per_state - backbone.silence_before(piece.n_samples)
            samples = np.clip(samples, 0, piece.n_samples)
            seconds = ((offset + samples) / SAMPLE_RATE).tolist()
            own_words = [WordTime(word, seconds[own.start], seconds[own.stop]) for word, own in spelt]
            words += [begun_with_sound(own_words, piece.waveform, offset / SAMPLE_RATE), *own_words[1:]]
        offset += piece.n_samples
    return tuple(words)


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


def _token_starts(backbone: Backbone, pieces: Sequence[_Piece]) -> dict[_Piece, np.ndarray]:
    """The state that each token of each piece begins at; none where nothing was written."""
    # A batch reads as many tokens as its longest text: like goes with like.
    written = sorted((piece for piece in pieces if piece.tokens), key=lambda piece: len(piece.tokens))
    starts: dict[_Piece, np.ndarray] = {}
    with backbone.lock, torch.inference_mode():
        for part in in_batches(written, [len(piece.states) for piece in written], _at_once(backbone, written)):
            starts |= zip(part, map(token_starts, _attentions(backbone, part)), strict=True)
    return starts


def _at_once(backbone: Backbone, pieces: Sequence[_Piece]) -> int:
    """Rows that are read together: fewer of a model that names no heads, as all of half its layers are read then."""
    n_tokens = max((len(piece.tokens) for piece in pieces), default=0)
    n_states = max((len(piece.states) for piece in pieces), default=0)
    of_one = backbone.attention_bytes(n_tokens, n_states)
    return max(1, min(READ_TOGETHER, READ_BYTES // max(1, of_one)))


def _attentions(backbone: Backbone, pieces: Sequence[_Piece]) -> list[Tensor]:
    """(n_heads, n_tokens + 1, n_states) each: before each token, and before what would end the text."""
    prompt = backbone.prompt(pieces[0].prepared.language)
    length = max(len(piece.tokens) for piece in pieces)
    fill = prompt[:1]  # nothing reads ahead
    read = torch.tensor([[*prompt, *piece.tokens, *fill * (length - len(piece.tokens))] for piece in pieces])
    if pieces[0].prepared.lora is None:
        shares = backbone.attention(torch.stack([piece.states for piece in pieces]), read)
    else:
        weights = [piece.prepared.lora_of(piece.piece).scaled(piece.strength) for piece in pieces]
        states = [_states_of(backbone, piece, lora) for piece, lora in zip(pieces, weights, strict=True)]
        with backbone.adapted(LoraWeights.joined(weights), "decoder") as applied:
            shares = backbone.attention(torch.stack(states), read, applied)
    first = len(prompt) - 1
    return [
        row[:, first : first + len(piece.tokens) + 1, : backbone.n_speech_states(piece.n_samples)]
        for row, piece in zip(shares, pieces, strict=True)
    ]


def _states_of(
    backbone: Backbone,
    piece: _Piece,
    lora: LoraWeights,  # at its strength
) -> Tensor:  # (n_states, d_model)
    """What the text was decoded from; encoded again where it was not kept."""
    if piece.transcript.states is not None:
        return piece.transcript.states[piece.piece]
    if piece.strength == 0:
        return piece.states
    return states_with(backbone, lora, [(piece.prepared, piece.piece)], piece.states[None])[0]
