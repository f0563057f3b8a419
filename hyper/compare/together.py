"""Recordings that several visitors ask about, worked on together; each gets what it would get alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from hyper.compare.pipeline import DECODE_BATCH, PersonalizedAsr
from hyper.compare.prepared import Prepared
from hyper.compare.scheduler import BATCH_SIZE
from hyper.compare.stopwatch import Stopwatch
from hyper.compare.transcript import Pair
from hyper.model.lora import check_strength
from hyper.model.subspace import LayerUpdate
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import SAMPLE_RATE


@dataclass(frozen=True, eq=False)
class Wanted:
    """One recording to decode with base and adapted weights. Made by `wanted`, so that it fails before it waits."""

    asr: PersonalizedAsr
    recording: np.ndarray | Prepared  # (n_samples,) 16 kHz, or encoded already with these same settings
    language: str
    adapt_per_piece: bool
    strength: float
    audio_ms: float  # that reading it took
    with_times: bool = False  # of words
    with_layers: bool = False  # how each is moved

    @property
    def n_samples(self) -> int:
        """Length of the recording."""
        return len(self.recording.waveform if isinstance(self.recording, Prepared) else self.recording)

    @property
    def seconds(self) -> float:
        """The same."""
        return self.n_samples / SAMPLE_RATE

    @property
    def alike(self) -> Hashable:
        """Those for which this is equal go into one batch; windows of different lengths would not share a pass."""
        window = self.asr.backbone.window_samples(self.n_samples)
        return self.asr, self.language, self.adapt_per_piece, window


@dataclass(frozen=True, eq=False)
class Decoded:
    """What comes back."""

    prepared: Prepared  # as trained, whatever the strength
    pair: Pair
    timings_ms: dict[str, float]  # audio, and of the whole batch, which all in it waited for: encode, generate, decode
    layers: tuple[LayerUpdate, ...] | None = None  # for whoever wanted them


def wanted(
    asr: PersonalizedAsr,
    recording: str | Path | np.ndarray | Prepared,  # a file, what `load_audio` made of one, or encoded as wanted here
    language: str = "en",
    adapt_per_piece: bool = False,
    strength: float = 1.0,
    with_times: bool = False,
    with_layers: bool = False,
) -> Wanted:
    """Read the recording, and tell what can be told before it waits.

    Errors: `AudioError`, `BackboneError` for a language that the model does not know, `StrengthError`.
    """
    asr.backbone.prompt(language)
    check_strength(strength)
    more = with_times, with_layers
    if isinstance(recording, Prepared):
        return Wanted(asr, recording, language, adapt_per_piece, strength, recording.timings_ms["audio"], *more)
    stopwatch = Stopwatch(torch.device("cpu"))  # reading waits for no GPU, and may be where there is none
    with stopwatch.stage("audio"):
        waveform = recording if isinstance(recording, np.ndarray) else load_audio(recording)
    return Wanted(asr, waveform, language, adapt_per_piece, strength, stopwatch.timings_ms["audio"], *more)


def decode_together(batch: Sequence[Wanted]) -> list[Decoded]:
    """Encode what is not encoded yet, then decode all as rows of one batch, each with its own weights.

    Layers that are wanted are measured here too, so that nobody waits a second time for them.
    """
    asr = batch[0].asr
    decoding = Stopwatch(asr.backbone.device)
    prepared = prepare_together(batch)
    scaled = [one.scaled(each.strength) for one, each in zip(prepared, batch, strict=True)]
    is_long = any(len(one.n_samples) > 1 for one in prepared)
    at_once = DECODE_BATCH if is_long else BATCH_SIZE
    pairs = asr.decode_many(scaled, 1.0, at_once, decoding, any(each.with_times for each in batch))
    layers = [asr.layers(one, 1.0) if each.with_layers else None for each, one in zip(batch, scaled, strict=True)]
    return [
        Decoded(one, pair, _added(one.timings_ms, decoding.timings_ms), own)
        for one, pair, own in zip(prepared, pairs, layers, strict=True)
    ]


def pair_with_sizes(asr: PersonalizedAsr, decoded: Decoded) -> Pair:
    """Both transcripts, as trained, and how far each layer was moved: as `transcribe_pairs` gives them."""
    prepared = decoded.prepared
    return Pair(decoded.pair.base, decoded.pair.adapted, asr.layer_sizes(prepared, 1.0), prepared.first_embedding)


def pairs_together(batch: Sequence[Wanted]) -> list[Pair]:
    """`decode_together`, and of each only both transcripts with the sizes of its layers."""
    return [pair_with_sizes(each.asr, one) for each, one in zip(batch, decode_together(batch), strict=True)]


def prepare_together(batch: Sequence[Wanted]) -> list[Prepared]:
    """Encode those that are not encoded yet; all are given, in their order."""
    first = batch[0]
    stopwatch = Stopwatch(first.asr.backbone.device)
    new = {each: each.recording for each in batch if not isinstance(each.recording, Prepared)}
    prepared = {each: each.recording for each in batch if isinstance(each.recording, Prepared)}
    if new:
        encoded = first.asr.prepare_many(list(new.values()), first.language, first.adapt_per_piece, stopwatch)
        for each, one in zip(new, encoded, strict=True):
            prepared[each] = replace(one, timings_ms={"audio": each.audio_ms, **stopwatch.timings_ms})
    return [prepared[each] for each in batch]


def _added(timings_ms: dict[str, float], more_ms: dict[str, float]) -> dict[str, float]:
    return {stage: timings_ms.get(stage, 0.0) + more_ms.get(stage, 0.0) for stage in {**timings_ms, **more_ms}}
