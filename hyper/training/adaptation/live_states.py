"""Encoder states computed for each batch, for what no disk holds, and the choice between these and kept ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hyper.model.backbone import Backbone
from hyper.model.utterance_encoder import N_STATISTICS, pool_statistics
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import SAMPLE_RATE, AudioError
from hyper.recordings.manifest import ManifestRow, source_speaker
from hyper.recordings.whole_files import write_whole
from hyper.training.adaptation.states import (
    SILENT_STATES,
    StateBatch,
    StateStore,
    StoreError,
    check_any,
    tell_left_out,
    usable_seconds,
)

_LIVE_BATCH = 16  # recordings encoded together for their statistics alone


class LiveStates:
    """The same without a cache: every batch is read and encoded when it is asked for. For what no disk holds."""

    def __init__(self, backbone: Backbone, rows: Sequence[ManifestRow]) -> None:
        self._backbone = backbone
        seconds = [usable_seconds(row.path, backbone.window_seconds) for row in rows]
        self._rows = [row for row, length in zip(rows, seconds, strict=True) if length is not None]
        samples = [round(length * SAMPLE_RATE) for length in seconds if length is not None]
        left_out = [row for row, length in zip(rows, seconds, strict=True) if length is None]
        tell_left_out(left_out, len(rows), backbone)
        check_any(self._rows, rows, backbone)
        self.tokens = [backbone.to_tokens(row.reference) for row in self._rows]
        self.speakers = [row.speaker for row in self._rows]
        self.people = [source_speaker(row) for row in self._rows]
        self.cohorts = [row.cohort or "typical" for row in self._rows]
        self.paths = [str(row.path) for row in self._rows]
        self.lengths = np.array([backbone.n_speech_states(n) + SILENT_STATES for n in samples], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def log_mel(self, chosen: Sequence[int] | np.ndarray) -> tuple[Tensor, np.ndarray]:
        """(n, n_mels, n_frames), padded to the window of the longest, and which of the chosen could be used.

        Where none of them could, one that can be. Errors: StoreError where none of all could be used.
        """
        waveforms = self._loaded(chosen)
        if not waveforms:  # a batch of one, or of few, is no reason to end the run
            waveforms = self._instead_of(int(chosen[0]))
            chosen = list(waveforms)
        window = self._backbone.window_samples(max(map(len, waveforms.values())))
        used = np.array([i for i in map(int, chosen) if i in waveforms])  # one that was drawn twice counts twice
        return self._backbone.log_mel([waveforms[i] for i in used], window), used

    def _loaded(self, chosen: Sequence[int] | np.ndarray) -> dict[int, np.ndarray]:
        """Those that can be used, by position."""
        waveforms = {}
        for i in np.unique(chosen):
            with suppress(AudioError):  # silent or broken inside: what its file says of it was in order
                waveforms[int(i)] = load_audio(self._rows[i].path)
        return waveforms

    def _instead_of(self, place: int) -> dict[int, np.ndarray]:
        """The nearest recording that can be used, of the same person where there is one: who is held out stays so."""
        near = sorted(range(len(self)), key=lambda i: (self.people[i] != self.people[place], abs(i - place)))
        for i in near:
            if found := self._loaded([i]):
                return found
        raise StoreError(f"None of {len(self)} recordings could be used; the first is {self._rows[place].file}.")

    def statistics(self, chosen: Sequence[int] | np.ndarray) -> Tensor:
        """(n, n_layers + 1, 3, d_model) float32; fewer where recordings could not be used."""
        parts = [chosen[i : i + _LIVE_BATCH] for i in range(0, len(chosen), _LIVE_BATCH)]
        return torch.cat([self.batch(part).statistics.cpu() for part in tqdm(parts, desc="statistics", unit="batch")])

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """States as the encoder gives them, padding included; recordings that cannot be used are left out."""
        log_mel, used = self.log_mel(chosen)
        with self._backbone.lock:
            states = self._backbone.encode(log_mel)
        n_speech = torch.from_numpy(self.lengths[used] - SILENT_STATES)
        # Out of inference mode by copying: gradients pass through what reads these.
        statistics = pool_statistics(states, n_speech).clone()
        return StateBatch(states[-1].clone(), statistics, [self.tokens[i] for i in used], used)


def open_store(
    backbone: Backbone,
    rows: Sequence[ManifestRow],
    folder: Path,
    on_disk: bool | None = None,
    bfloat16: bool = False,
) -> StateStore | LiveStates:
    """Encoder states kept in `folder`, or computed for each batch: as asked, else kept where they take little room.

    Little is under a third of the room that the disk has left; the choice is printed with its reason. It stays beside
    the folder: both read a recording's length in their own way, so that a run goes on with neither but its own.
    Errors: StoreError where they shall be kept and the disk has no room.
    """
    choice = folder.with_suffix(".json")
    folder.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(choice.read_text())["on_disk"] if choice.exists() else None
    if (folder / "index.json").exists():
        on_disk = True
    elif on_disk is None:
        on_disk = _has_room(backbone, rows, folder) if before is None else before
    elif on_disk:
        _check_room(backbone, rows, folder)
    if on_disk is not before:  # else the first of several processes has written it, and the others would be in its way
        write_whole(choice, json.dumps({"on_disk": on_disk}))
    return StateStore.build(backbone, rows, folder, bfloat16=bfloat16) if on_disk else LiveStates(backbone, rows)


def _has_room(backbone: Backbone, rows: Sequence[ManifestRow], folder: Path) -> bool:
    """Whether the disk has three times what the states take; printed."""
    needed, free = _room(backbone, rows, folder)
    on_disk = needed < free / 3
    print(f"{_told(needed, free)}: {'kept on disk' if on_disk else 'computed for each batch'}", flush=True)
    return on_disk


def _check_room(backbone: Backbone, rows: Sequence[ManifestRow], folder: Path) -> None:
    """Say what the disk will hold. Errors: StoreError where it has no room for that."""
    needed, free = _room(backbone, rows, folder)
    if needed > free:
        raise StoreError(
            f"{_told(needed, free)} in {folder.parent}: please name a --run folder with more room, or fewer recordings."
        )
    print(f"{_told(needed, free)}: kept on disk", flush=True)


def _room(backbone: Backbone, rows: Sequence[ManifestRow], folder: Path) -> tuple[int, int]:
    """Bytes that the states take, and that are free."""
    seconds = [usable_seconds(row.path, backbone.window_seconds) or 0.0 for row in rows]
    return states_bytes(backbone, seconds), shutil.disk_usage(folder.parent).free


def _told(needed: int, free: int) -> str:
    return f"encoder states take {needed / 2**30:.1f} GiB, {free / 2**30:.0f} GiB are free"


def states_bytes(backbone: Backbone, seconds: Sequence[float]) -> int:
    """What the states and statistics of recordings of these lengths take on disk, in float16."""
    n_states = sum(backbone.n_speech_states(round(s * SAMPLE_RATE)) + SILENT_STATES for s in seconds)
    n_statistics = len(seconds) * (backbone.n_encoder_layers + 1) * N_STATISTICS
    return 2 * backbone.d_model * (n_states + n_statistics)
