"""From waveforms to all that decoding them needs: pieces, encoder states, LoRA weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from hyper.audio import split_at_quiet
from hyper.backbone import Backbone
from hyper.embedding import pool_pieces, pool_statistics
from hyper.hypernet import HyperNetwork
from hyper.lora import LoraWeights
from hyper.stopwatch import Stopwatch

ENCODE_BATCH = 4  # windows; the states of all layers of the largest Whisper take half a gigabyte each


@dataclass(frozen=True, eq=False)
class Prepared:
    """One recording, encoded once: all that decoding it at any strength needs. Made by `PersonalizedAsr.prepare`.

    It takes memory, on the model's device too, for as long as it is kept: for each piece of at most one window the
    encoder states and the log-mel, beside 64 kB of waveform a second. With the bundled base 0.35 MB for each 10 s;
    with Whisper large in half precision 5.4 MB for each 30 s, and the LoRA weights of its `fc1`, 0.8 MB a rank.
    """

    waveform: np.ndarray  # (n_samples,) 16 kHz
    n_samples: tuple[int, ...]  # of each piece
    log_mel: Tensor  # (n_pieces, n_mels, n_frames) padded to the window, on the CPU
    states: Tensor  # (n_pieces, n_states, d_model) of the last layer, as the base has them
    lora: LoraWeights | None  # as trained; one row, or with one adaptation per piece a row for each
    embedding: Tensor | None  # (rows of lora, d_embedding)
    language: str
    task: str
    timings_ms: dict[str, float]  # audio, encode, generate

    def lora_of(self, piece: int) -> LoraWeights:
        """The row that the piece is decoded with."""
        return self.lora.row(piece if len(self.lora) > 1 else 0)


def prepare(
    backbone: Backbone,
    hypernet: HyperNetwork | None,
    waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
    language: str,
    task: str,
    adapt_per_piece: bool,
    stopwatch: Stopwatch,
    statistics: Tensor | None = None,  # (n_waveforms, ...) that the hypernetwork reads in place of each one's own
) -> list[Prepared]:
    """Cut into pieces, encode once, write LoRA weights; without a hypernetwork there are none."""
    backbone.prompt(language, task)  # an unknown language is told before the work
    split = [split_at_quiet(waveform, backbone.window_seconds) for waveform in waveforms]
    own = _own_pieces(split)
    with backbone.lock, torch.inference_mode():
        with stopwatch.stage("encode"):
            own_statistics = hypernet is not None and statistics is None
            encoded = _encode(backbone, [piece for pieces in split for piece in pieces], own_statistics)
        with stopwatch.stage("generate"):
            adaptations = [(None, None)] * len(own)
            if hypernet:
                adaptations = _adapt(hypernet, encoded, own, adapt_per_piece, statistics)
    return [
        Prepared(
            waveform=waveforms[i],
            n_samples=tuple(map(len, split[i])),
            log_mel=encoded.log_mel[own[i]],
            states=encoded.states[own[i]],
            lora=lora,
            embedding=embedding,
            language=language,
            task=task,
            timings_ms=dict(stopwatch.timings_ms),
        )
        for i, (lora, embedding) in enumerate(adaptations)
    ]


def recording_statistics(backbone: Backbone, waveforms: Sequence[np.ndarray]) -> Tensor:  # each (n_samples,) 16 kHz
    """What a hypernetwork reads of each recording, (n, n_layers + 1, 3, d_model), pooled over its pieces."""
    split = [split_at_quiet(waveform, backbone.window_seconds) for waveform in waveforms]
    with backbone.lock, torch.inference_mode():
        encoded = _encode(backbone, [piece for pieces in split for piece in pieces], True)
        return _pooled(encoded, _own_pieces(split))


def _own_pieces(split: Sequence[Sequence[np.ndarray]]) -> list[slice]:
    """Which pieces each recording has."""
    ends = accumulate(map(len, split))
    return [slice(end - len(pieces), end) for pieces, end in zip(split, ends, strict=True)]


@dataclass(frozen=True)
class _Encoded:
    log_mel: Tensor  # (n_pieces, n_mels, n_frames)
    states: Tensor  # (n_pieces, n_states, d_model) of the last layer
    n_speech: Tensor  # (n_pieces,) states that cover speech
    statistics: Tensor | None  # (n_pieces, n_layers + 1, 3, d_model); None where nobody reads them


def _encode(backbone: Backbone, pieces: Sequence[np.ndarray], with_statistics: bool) -> _Encoded:
    log_mel = backbone.log_mel(pieces)  # (n_pieces, n_mels, n_frames)
    n_speech = torch.tensor([backbone.n_speech_states(len(piece)) for piece in pieces])
    states, statistics = [], []
    for part, part_n_speech in zip(log_mel.split(ENCODE_BATCH), n_speech.split(ENCODE_BATCH), strict=True):
        all_layers = backbone.encode(part)  # (n_layers + 1, batch, n_states, d_model)
        states.append(all_layers[-1].clone())  # the other layers need not stay in memory
        if with_statistics:
            statistics.append(pool_statistics(all_layers, part_n_speech))
    return _Encoded(log_mel, torch.cat(states), n_speech, torch.cat(statistics) if statistics else None)


def _pooled(encoded: _Encoded, own: Sequence[slice]) -> Tensor:  # (n_recordings, n_layers + 1, 3, d_model)
    return torch.cat([pool_pieces(encoded.statistics[i], encoded.n_speech[i]) for i in own])


def _adapt(
    hypernet: HyperNetwork,
    encoded: _Encoded,
    own: Sequence[slice],  # which pieces each recording has
    per_piece: bool,
    given: Tensor | None,  # (n_recordings, ...) what the hypernetwork reads in place of their own statistics
) -> list[tuple[LoraWeights, Tensor]]:
    """LoRA weights and embedding of each recording: one row, its statistics pooled over its pieces, or one a piece."""
    pooled = encoded.statistics if given is None else given
    if not per_piece and given is None:
        pooled = _pooled(encoded, own)
    lora, embedding = hypernet(pooled), hypernet.embed(pooled)
    rows = own if per_piece else [slice(i, i + 1) for i in range(len(own))]
    return [(lora.take(range(len(lora))[i]), embedding[i]) for i in rows]
