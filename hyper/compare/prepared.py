"""From waveforms to all that decoding them needs: pieces, encoder states, LoRA weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from hyper.compare.stopwatch import Stopwatch
from hyper.model.backbone import Backbone
from hyper.model.hypernet import HyperNetwork
from hyper.model.lora import LoraWeights
from hyper.model.utterance_encoder import pool_pieces, pool_statistics
from hyper.recordings.audio import split_at_quiet

ENCODE_BATCH = 4  # windows; the states of all layers of the largest Whisper take half a gigabyte each


@dataclass(frozen=True, eq=False)
class Prepared:
    """One recording, encoded once: all that decoding it at any strength needs. Made by `PersonalizedAsr.prepare`.

    It takes memory, on the model's device too, for as long as it is kept: for each piece of at most one window the
    encoder states and the log-mel, beside 64 kB of waveform a second. With the bundled base 0.54 MB for each 10 s;
    with Whisper large in half precision 5.4 MB for each 30 s, or 9.2 MB where encoder layers are adapted, and the LoRA
    weights of its `fc1`, 0.8 MB a rank.
    """

    waveform: np.ndarray  # (n_samples,) 16 kHz
    n_samples: tuple[int, ...]  # of each piece
    log_mel: Tensor  # (n_pieces, n_mels, n_frames) padded to the window, on the CPU
    states: Tensor  # (n_pieces, n_states, d_model) of the last layer, as the base has them
    embedded: Tensor | None  # (n_pieces, n_states, d_model) what an adapted first layer reads; None where none is
    lora: LoraWeights | None  # as trained; one row, or with one adaptation per piece a row for each
    embedding: Tensor | None  # (rows of lora, d_embedding)
    language: str
    timings_ms: dict[str, float]  # audio, encode, generate

    def lora_of(self, piece: int) -> LoraWeights:
        """The row that the piece is decoded with."""
        assert self.lora is not None
        return self.lora.row(piece if len(self.lora) > 1 else 0)

    @property
    def first_embedding(self) -> np.ndarray | None:  # (d_embedding,)
        """Of the recording; with one adaptation per piece, the first piece's."""
        return None if self.embedding is None else self.embedding[0].float().cpu().numpy()

    def scaled(self, strength: float) -> Prepared:
        """The same with this strength for its own."""
        return replace(self, lora=self.lora.scaled(strength)) if self.lora else self


@dataclass(frozen=True, eq=False)
class Encoded:
    """One recording as the base's encoder hears it, before any hypernetwork. Made by `encode`."""

    waveform: np.ndarray  # (n_samples,) 16 kHz
    n_samples: tuple[int, ...]  # of each piece
    log_mel: Tensor  # (n_pieces, n_mels, n_frames) padded to the window, on the CPU
    states: Tensor  # (n_pieces, n_states, d_model) of the last layer
    embedded: Tensor  # (n_pieces, n_states, d_model) what the first layer reads
    n_speech: Tensor  # (n_pieces,) states that cover speech
    statistics: Tensor | None  # (n_pieces, n_layers + 1, 3, d_model); None where nobody reads them

    def pooled(self) -> Tensor:
        """Statistics of the whole recording, (1, n_layers + 1, 3, d_model)."""
        assert self.statistics is not None
        return pool_pieces(self.statistics, self.n_speech)


def encode(
    backbone: Backbone,
    waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
    with_statistics: bool = True,
) -> list[Encoded]:
    """Cut each recording into pieces of at most one window and encode them, like windows together."""
    split = [split_at_quiet(waveform, backbone.window_seconds) for waveform in waveforms]
    windows = [backbone.window_samples(max(map(len, own))) for own in split]
    encoded: dict[int, Encoded] = {}
    for window in sorted(set(windows)):
        chosen = [i for i, own in enumerate(windows) if own == window]
        parts = _encode_in(
            window, backbone, [waveforms[i] for i in chosen], [split[i] for i in chosen], with_statistics
        )
        encoded |= zip(chosen, parts, strict=True)
    return [encoded[i] for i in range(len(waveforms))]


def _encode_in(
    window: int,  # samples that every piece is padded to
    backbone: Backbone,
    waveforms: Sequence[np.ndarray],
    split: Sequence[Sequence[np.ndarray]],  # the pieces of each
    with_statistics: bool,
) -> list[Encoded]:
    pieces = [piece for own in split for piece in own]
    n_speech = torch.tensor([backbone.n_speech_states(len(piece)) for piece in pieces])
    states, embedded, statistics = [], [], []
    with backbone.lock, torch.inference_mode():
        log_mel = backbone.log_mel(pieces, window)  # (n_pieces, n_mels, n_frames)
        for part, part_n_speech in zip(log_mel.split(ENCODE_BATCH), n_speech.split(ENCODE_BATCH), strict=True):
            all_layers = backbone.encode(part)  # (n_layers + 1, batch, n_states, d_model)
            states.append(all_layers[-1].clone())  # the others need not stay in memory
            embedded.append(all_layers[0].clone())
            if with_statistics:
                statistics.append(pool_statistics(all_layers, part_n_speech))
    n_pieces = [len(own) for own in split]
    of_recordings = zip(
        waveforms,
        split,
        _apart(log_mel, n_pieces),
        _apart(torch.cat(states), n_pieces),
        _apart(torch.cat(embedded), n_pieces),
        n_speech.split(n_pieces),
        torch.cat(statistics).split(n_pieces) if statistics else [None] * len(split),
        strict=True,
    )
    return [Encoded(waveform, tuple(map(len, own)), *rest) for waveform, own, *rest in of_recordings]


def _apart(tensor: Tensor, n_pieces: Sequence[int]) -> Sequence[Tensor]:
    """The rows of each recording, in memory of their own: what one visitor keeps must not keep another's."""
    return [own.clone() for own in tensor.split(list(n_pieces))] if len(n_pieces) > 1 else [tensor]


def adapt(
    backbone: Backbone,
    hypernet: HyperNetwork | None,
    encoded: Sequence[Encoded],
    language: str,
    adapt_per_piece: bool,
    stopwatch: Stopwatch,
    given: Tensor | None = None,  # (n_recordings, ...) what the hypernetwork reads in place of their own statistics
) -> list[Prepared]:
    """LoRA weights and embedding of each recording: one row, its statistics pooled over its pieces, or one a piece."""
    adaptations: list[tuple[LoraWeights | None, Tensor | None]] = [(None, None)] * len(encoded)
    with backbone.lock, torch.inference_mode(), stopwatch.stage("generate"):
        if hypernet:
            own_statistics = (each.statistics if adapt_per_piece else each.pooled() for each in encoded)
            read = given if given is not None else torch.cat([each for each in own_statistics if each is not None])
            embedding = hypernet.embed(read)
            lora = hypernet.generate(embedding)
            n_rows = [len(each.n_samples) if adapt_per_piece else 1 for each in encoded]
            ends = list(accumulate(n_rows))
            own = [range(end - n, end) for end, n in zip(ends, n_rows, strict=True)]
            adaptations = [(lora.take(rows), embedding[rows.start : rows.stop].clone()) for rows in own]
    return [
        Prepared(
            waveform=each.waveform,
            n_samples=each.n_samples,
            log_mel=each.log_mel,
            states=each.states,
            embedded=each.embedded if lora is not None and lora.in_stack("encoder").sites else None,
            lora=lora,
            embedding=embedding,
            language=language,
            timings_ms=dict(stopwatch.timings_ms),
        )
        for each, (lora, embedding) in zip(encoded, adaptations, strict=True)
    ]
