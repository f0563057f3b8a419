"""The whole path from a recording to two transcripts, written once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hyper.audio import SAMPLE_RATE, check_waveform, load_audio, split_at_quiet
from hyper.backbone import Backbone
from hyper.checkpoint import find_hypernet, load_hypernet
from hyper.comparison import Comparison, Pair, Transcript
from hyper.decoding import DecodedRow, greedy_decode, token_limit
from hyper.embedding import pool_pieces, pool_statistics
from hyper.hypernet import HyperNetwork
from hyper.lora import LoraWeights, apply_lora
from hyper.metrics import word_errors
from hyper.model_files import ASSETS, BUNDLED
from hyper.subspace import LayerUpdate, layer_update

ENCODE_BATCH = 4  # windows; the states of all layers of the largest Whisper take half a gigabyte each
DECODE_BATCH = 8  # pieces of a long recording that are decoded together
STOPPED_WORST_FIRST = ("repetition", "length", "end")


class PersonalizedAsr:
    """A Whisper with the hypernetwork that belongs to it; safe to share between threads."""

    def __init__(self, backbone: Backbone, hypernet: HyperNetwork | None, hypernetwork: str | None) -> None:
        self.backbone = backbone
        self.hypernet = hypernet.to(backbone.device).eval() if hypernet else None
        self.hypernetwork = hypernetwork  # its name
        self.base_model = backbone.name
        self.device = str(backbone.device)

    @classmethod
    def load(
        cls, base: str | Path = BUNDLED, hypernet: str | Path | None = None, device: str | None = None
    ) -> PersonalizedAsr:
        """Load a base and its hypernetwork: the one in the folder given, or the one in assets/ that fits, or none."""
        backbone = Backbone.load(base, device)
        folder = Path(hypernet) if hypernet else find_hypernet(backbone.fingerprint, sorted(ASSETS.glob("*/")))
        if folder is None:
            return cls(backbone, None, None)
        return cls(backbone, load_hypernet(folder, backbone), folder.resolve().name)

    def compare(
        self,
        recording: str | Path | np.ndarray,  # a file, or (n_samples,) 16 kHz
        reference: str | None = None,
        *,
        language: str = "en",
        task: str = "transcribe",
        adapt_per_piece: bool = False,
    ) -> Comparison:
        """Transcribe one recording with base and adapted weights; count errors where the reference is given."""
        stopwatch = _Stopwatch(self.backbone.device)
        with stopwatch.stage("audio"):
            is_waveform = isinstance(recording, np.ndarray)
            waveform = check_waveform(recording) if is_waveform else load_audio(recording)
        (heard,) = self._hear([waveform], DECODE_BATCH, language, task, adapt_per_piece, stopwatch)
        reference = reference.strip() or None if reference else None
        generated = self.hypernet.n_generated if self.hypernet else 0
        return Comparison(
            base=heard.base,
            adapted=heard.adapted,
            reference=reference,
            base_errors=word_errors(reference, heard.base.text) if reference else None,
            adapted_errors=word_errors(reference, heard.adapted.text) if reference and heard.adapted else None,
            layers=self._layer_updates(heard.lora),
            waveform=waveform,
            log_mel=heard.log_mel,
            embedding=heard.embedding,
            timings_ms=stopwatch.timings_ms,
            seconds=len(waveform) / SAMPLE_RATE,
            n_pieces=heard.n_pieces,
            device=self.device,
            base_model=self.base_model,
            hypernetwork=self.hypernetwork,
            generated_parameters=generated,
            generated_share=generated / self.backbone.n_parameters,
        )

    def transcribe_pairs(
        self,
        waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
        batch_size: int = 16,
        *,
        language: str = "en",
        task: str = "transcribe",
    ) -> list[Pair]:
        """Transcribe many recordings as `compare` does one, `batch_size` at a time; the order stays."""
        stopwatch = _Stopwatch(self.backbone.device)
        # A batch decodes for as long as its longest row: like goes with like.
        by_length = sorted(range(len(waveforms)), key=lambda i: len(waveforms[i]))
        pairs: dict[int, Pair] = {}
        for start in range(0, len(by_length), batch_size):
            batch = by_length[start : start + batch_size]
            heard = self._hear([waveforms[i] for i in batch], batch_size, language, task, False, stopwatch)
            pairs.update({i: Pair(each.base, each.adapted) for i, each in zip(batch, heard, strict=True)})
        return [pairs[i] for i in range(len(waveforms))]

    def _hear(
        self,
        waveforms: Sequence[np.ndarray],
        batch_size: int,
        language: str,
        task: str,
        adapt_per_piece: bool,
        stopwatch: _Stopwatch,
    ) -> list[_Heard]:
        """The one path: pieces, encoder once, LoRA, base and adapted rows in one decode, texts joined."""
        self.backbone.prompt(language, task)  # an unknown language is told before the work
        window = self.backbone.window_seconds
        pieces = _Pieces.of([split_at_quiet(waveform, window) for waveform in waveforms])
        with self.backbone.lock, torch.inference_mode():
            with stopwatch.stage("encode"):
                encoded = self._encode(pieces)
            with stopwatch.stage("generate"):
                adaptation = self._adapt(encoded, pieces, adapt_per_piece) if self.hypernet else None
            if adaptation and any(site.name.startswith("model.encoder") for site in adaptation.lora.sites):
                with stopwatch.stage("encode"):  # adapted layers before the states: the adapted rows have their own
                    adaptation.states = self._encode_adapted(encoded.log_mel, adaptation)
            with stopwatch.stage("decode"):
                rows = self._decode(pieces, encoded.states, adaptation, batch_size, language, task)
        base, adapted = rows
        return [self._join(i, pieces, encoded, adaptation, base, adapted) for i in range(len(waveforms))]

    def _encode(self, pieces: _Pieces) -> _Encoded:
        log_mel = self.backbone.log_mel(pieces.waveforms)  # (n_pieces, n_mels, n_frames)
        n_speech = torch.tensor([self.backbone.n_speech_states(len(w)) for w in pieces.waveforms])
        states, statistics = [], []
        for part, part_n_speech in zip(log_mel.split(ENCODE_BATCH), n_speech.split(ENCODE_BATCH), strict=True):
            all_layers = self.backbone.encode(part)  # (n_layers + 1, batch, n_states, d_model)
            states.append(all_layers[-1].clone())  # the other layers need not stay in memory
            if self.hypernet:
                statistics.append(pool_statistics(all_layers, part_n_speech))
        return _Encoded(log_mel, torch.cat(states), n_speech, torch.cat(statistics) if statistics else None)

    def _adapt(self, encoded: _Encoded, pieces: _Pieces, per_piece: bool) -> _Adaptation:
        """LoRA weights from the statistics of each recording, pooled over its pieces, or of each piece."""
        pooled = encoded.statistics
        if not per_piece:
            pooled = torch.cat([pool_pieces(pooled[i], encoded.n_speech[i]) for i in pieces.of_recording])
        which = range(len(pieces.waveforms)) if per_piece else pieces.recording
        return _Adaptation(self.hypernet(pooled), list(which), self.hypernet.embed(pooled), encoded.states)

    def _encode_adapted(self, log_mel: Tensor, adaptation: _Adaptation) -> Tensor:
        states = []
        for start in range(0, len(log_mel), ENCODE_BATCH):
            part = slice(start, start + ENCODE_BATCH)
            with apply_lora(self.backbone.model, adaptation.lora.take(adaptation.which[part])):
                states.append(self.backbone.encode(log_mel[part])[-1].clone())
        return torch.cat(states)

    def _decode(
        self,
        pieces: _Pieces,
        states: Tensor,  # (n_pieces, n_states, d_model)
        adaptation: _Adaptation | None,
        batch_size: int,
        language: str,
        task: str,
    ) -> tuple[list[DecodedRow], list[DecodedRow]]:
        """Base rows and adapted rows, each one per piece; the second list is empty without an adaptation."""
        limits = [token_limit(len(waveform) / SAMPLE_RATE, self.backbone) for waveform in pieces.waveforms]
        base: list[DecodedRow] = []
        adapted: list[DecodedRow] = []
        for start in range(0, len(limits), batch_size):
            part = slice(start, start + batch_size)
            if adaptation is None:
                base += greedy_decode(self.backbone, states[part], limits[part], language, task)
                continue
            both = torch.cat([states[part], adaptation.states[part]])
            lora = adaptation.lora.take(adaptation.which[part]).with_base_rows()
            with apply_lora(self.backbone.model, lora) as applied:
                rows = greedy_decode(self.backbone, both, 2 * limits[part], language, task, applied)
            base += rows[: len(rows) // 2]
            adapted += rows[len(rows) // 2 :]
        return base, adapted

    def _join(
        self,
        recording: int,
        pieces: _Pieces,
        encoded: _Encoded,
        adaptation: _Adaptation | None,
        base: list[DecodedRow],
        adapted: list[DecodedRow],
    ) -> _Heard:
        own = pieces.of_recording[recording]
        frames = [encoded.log_mel[i, :, : self.backbone.n_speech_frames(len(pieces.waveforms[i]))].numpy() for i in own]
        first = adaptation.which[own[0]] if adaptation else None
        return _Heard(
            base=self._transcript([base[i] for i in own]),
            adapted=self._transcript([adapted[i] for i in own]) if adaptation else None,
            n_pieces=len(own),
            log_mel=np.concatenate(frames, axis=1),
            lora=adaptation.lora.row(first) if adaptation else None,
            embedding=adaptation.embedding[first].float().cpu().numpy() if adaptation else None,
        )

    def _transcript(self, rows: Sequence[DecodedRow]) -> Transcript:
        texts = [self.backbone.to_text(row.tokens) for row in rows]
        no_speech = [row.no_speech_prob for row in rows if row.no_speech_prob is not None]
        return Transcript(
            text=" ".join(text for text in texts if text),
            tokens=tuple(token for row in rows for token in row.tokens),
            log_probs=tuple(log_prob for row in rows for log_prob in row.log_probs),
            stopped=min((row.stopped for row in rows), key=STOPPED_WORST_FIRST.index),
            no_speech_prob=min(no_speech) if no_speech else None,
        )

    def _layer_updates(self, lora: LoraWeights | None) -> tuple[LayerUpdate, ...]:
        if lora is None:
            return ()
        return tuple(
            layer_update(self.backbone.site_weight(site), a[0], b[0], lora.scaling, site.name)
            for site, a, b in zip(lora.sites, lora.a, lora.b, strict=True)
        )


@dataclass(frozen=True)
class _Pieces:
    """The pieces of all recordings in one row."""

    waveforms: list[np.ndarray]  # each (n_samples,), at most one window
    recording: list[int]  # which recording each piece belongs to
    of_recording: list[list[int]]  # which pieces each recording has

    @classmethod
    def of(cls, split: Sequence[Sequence[np.ndarray]]) -> _Pieces:
        recording = [i for i, parts in enumerate(split) for _ in parts]
        of_recording = [[j for j, owner in enumerate(recording) if owner == i] for i in range(len(split))]
        return cls([piece for parts in split for piece in parts], recording, of_recording)


@dataclass(frozen=True)
class _Encoded:
    log_mel: Tensor  # (n_pieces, n_mels, n_frames)
    states: Tensor  # (n_pieces, n_states, d_model) of the last layer
    n_speech: Tensor  # (n_pieces,) states that cover speech
    statistics: Tensor | None  # (n_pieces, n_layers + 1, 3, d_model); None without a hypernetwork


@dataclass
class _Adaptation:
    lora: LoraWeights  # one row per recording, or per piece
    which: list[int]  # the row that each piece is decoded with
    embedding: Tensor  # (rows, d_embedding)
    states: Tensor  # (n_pieces, n_states, d_model) that the adapted rows are decoded from


@dataclass(frozen=True)
class _Heard:
    base: Transcript
    adapted: Transcript | None
    n_pieces: int
    log_mel: np.ndarray  # (n_mels, n_frames) all pieces joined, without padding
    lora: LoraWeights | None  # one row
    embedding: np.ndarray | None  # (d_embedding,)


@dataclass
class _Stopwatch:
    """Wall-clock time of each stage, the work on the device included."""

    device: torch.device
    timings_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.timings_ms[name] = self.timings_ms.get(name, 0.0) + 1000 * (time.perf_counter() - start)
