"""Held-out recordings as the frozen base hears them: encoded once for every method that leaves its encoder alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.prepared import Encoded, adapt, encode
from hyper.compare.stopwatch import Stopwatch
from hyper.compare.transcribe import RowWeights
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import AudioError
from hyper.recordings.manifest import ManifestRow
from hyper.training.adaptation.states import usable_seconds

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from hyper.compare.transcript import Transcript
    from hyper.model.backbone import Backbone

LANGUAGE = "en"
CACHE_BYTES = 4 * 2**30  # of encoded recordings in memory: thousands with a small Whisper, hundreds with a large one
BATCH, GPU_BATCH = 32, 128  # recordings decoded together; a step costs a GPU as much for few as for many

StatisticsOf = Callable[[ManifestRow], Tensor]  # what the hypernetwork reads of a recording
Heard = list[tuple[ManifestRow, Encoded]]


class HeldOut:
    """Recordings encoded by one backbone; what fits in memory is kept, the rest is encoded each time."""

    def __init__(self, backbone: Backbone, cache_bytes: int = CACHE_BYTES) -> None:
        self._backbone, self._room = backbone, cache_bytes
        self._cache: dict[Path, Encoded] = {}

    def batches(self, rows: Sequence[ManifestRow]) -> Iterator[Heard]:
        """Recordings of like length, a few at a time; those that cannot be read are left out."""
        # A batch decodes for as long as its longest recording: like goes with like.
        by_length = sorted(rows, key=lambda row: usable_seconds(row.path) or 0.0)
        at_once = BATCH if self._backbone.device.type == "cpu" else GPU_BATCH
        for start in range(0, len(by_length), at_once):
            heard = self._hear(by_length[start : start + at_once])
            if heard:
                yield heard

    def _hear(self, rows: Sequence[ManifestRow]) -> Heard:
        found = {row.path: self._cache[row.path] for row in rows if row.path in self._cache}
        waveforms: dict[Path, np.ndarray] = {}
        for row in rows:
            if row.path not in found:
                try:
                    waveforms[row.path] = load_audio(row.path)
                except AudioError:
                    continue  # counts as the base has it
        if waveforms:
            for path, encoded in zip(waveforms, encode(self._backbone, list(waveforms.values())), strict=True):
                found[path] = encoded
                self._remember(path, encoded)
        return [(row, found[row.path]) for row in rows if row.path in found]

    def _remember(self, path: Path, encoded: Encoded) -> None:
        tensors = (encoded.log_mel, encoded.states, encoded.statistics)
        size = encoded.waveform.nbytes + sum(tensor.nbytes for tensor in tensors if tensor is not None)
        if size <= self._room:
            self._room -= size
            self._cache[path] = encoded


def transcribe(
    asr: PersonalizedAsr,
    held_out: HeldOut,
    rows: Sequence[ManifestRow],
    *,
    strength: float = 1.0,
    statistics_of: StatisticsOf | None = None,
) -> list[tuple[ManifestRow, Transcript]]:
    """Every recording that can be read, adapted where there is a hypernetwork, as the model is where there is none.

    `statistics_of` gives what the hypernetwork reads of a recording in place of its own statistics: those of another
    recording, say, or another kind of embedding.
    """
    written: list[tuple[ManifestRow, Transcript]] = []
    weights = RowWeights(strength if asr.hypernet else 0.0)
    for heard in held_out.batches(rows):
        own = [row for row, _ in heard]
        given = None
        if statistics_of:
            given = torch.stack([statistics_of(row) for row in own]).to(asr.backbone.device)
        stopwatch = Stopwatch(asr.backbone.device)
        encoded = [each for _, each in heard]
        prepared = adapt(asr.backbone, asr.hypernet, encoded, LANGUAGE, False, stopwatch, given)
        (transcripts,) = zip(*asr.decode_rows(prepared, [weights], stopwatch, len(heard)), strict=True)
        written += zip(own, transcripts, strict=True)
    return written
