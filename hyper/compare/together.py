"""Recordings that several visitors ask about, worked on together; each gets what it would get alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from hyper.compare.pipeline import DECODE_BATCH, PersonalizedAsr
from hyper.compare.prepared import Prepared
from hyper.compare.scheduler import BATCH_SIZE
from hyper.compare.stopwatch import Stopwatch
from hyper.compare.transcript import Pair
from hyper.compare.word_times import PairTimes, Written
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
    with_more: bool = False  # than transcripts: what takes as long again

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


class More(NamedTuple):
    """What a comparison tells beside its transcripts."""

    layers: tuple[LayerUpdate, ...]
    word_times: PairTimes


@dataclass(frozen=True, eq=False)
class Decoded:
    """What comes back."""

    prepared: Prepared  # as trained, whatever the strength
    pair: Pair
    timings_ms: dict[str, float]  # audio, and of the whole batch, which all in it waited for: encode, generate, decode
    more: More | None = None  # for whoever wanted it


def wanted(
    asr: PersonalizedAsr,
    recording: str | Path | np.ndarray | Prepared,  # a file, what `load_audio` made of one, or encoded as wanted here
    language: str = "en",
    adapt_per_piece: bool = False,
    strength: float = 1.0,
    with_more: bool = False,
) -> Wanted:
    """Read the recording, and tell what can be told before it waits.

    Errors: `AudioError`, `BackboneError` for a language that the model does not know, `StrengthError`.
    """
    asr.backbone.prompt(language)
    check_strength(strength)
    if isinstance(recording, Prepared):
        return Wanted(asr, recording, language, adapt_per_piece, strength, recording.timings_ms["audio"], with_more)
    stopwatch = Stopwatch(torch.device("cpu"))  # reading waits for no GPU, and may be where there is none
    with stopwatch.stage("audio"):
        waveform = recording if isinstance(recording, np.ndarray) else load_audio(recording)
    return Wanted(asr, waveform, language, adapt_per_piece, strength, stopwatch.timings_ms["audio"], with_more)


def decode_together(batch: Sequence[Wanted]) -> list[Decoded]:
    """Encode what is not encoded yet, then decode all as rows of one batch, each with its own weights.

    What more is wanted is found here too, so that nobody waits a second time for it.
    """
    asr = batch[0].asr
    decoding = Stopwatch(asr.backbone.device)
    prepared = prepare_together(batch)
    scaled = [one.scaled(each.strength) for one, each in zip(prepared, batch, strict=True)]
    is_long = any(len(one.n_samples) > 1 for one in prepared)
    at_once = DECODE_BATCH if is_long else BATCH_SIZE
    pairs = asr.decode_many(scaled, 1.0, at_once, decoding, keep_states=True)
    decoded = [
        Decoded(one, pair, _added(one.timings_ms, decoding.timings_ms))
        for one, pair in zip(prepared, pairs, strict=True)
    ]
    more = _more(batch, decoded)
    return [replace(one, more=more.get(each)) for each, one in zip(batch, decoded, strict=True)]


def _more(batch: Sequence[Wanted], decoded: Sequence[Decoded]) -> dict[Wanted, More]:
    """For those who want it: the word times of all of them together, and the layers of each."""
    asr = batch[0].asr
    wanting = {each: one for each, one in zip(batch, decoded, strict=True) if each.with_more}
    times = asr.word_times([Written(one.prepared, one.pair, each.strength) for each, one in wanting.items()])
    return {
        each: More(asr.layers(one.prepared, each.strength), own)
        for (each, one), own in zip(wanting.items(), times, strict=True)
    }


def pair_with_sizes(asr: PersonalizedAsr, decoded: Decoded) -> Pair:
    """Both transcripts, as trained, and how far each layer was moved: as `transcribe_pairs` gives them."""
    adapted = decoded.pair.adapted and decoded.pair.adapted.without_states()
    prepared = decoded.prepared
    return Pair(decoded.pair.base, adapted, asr.layer_sizes(prepared, 1.0), prepared.first_embedding)


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
