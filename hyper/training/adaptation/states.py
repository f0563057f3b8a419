"""Encoder states and statistics of many recordings, computed once: the base is frozen while its hypernetwork learns."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hyper.model.backbone import Backbone
from hyper.model.utterance_encoder import N_STATISTICS, pool_statistics
from hyper.recordings.audio import audio_seconds, load_audio
from hyper.recordings.limits import SAMPLE_RATE, AudioError
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.whole_files import write_whole
from hyper.training.begun_with import check_size, manifest_mark, read_index
from hyper.training.speed import mixed_precision

SILENT_STATES = 8  # states of padding kept behind the speech; the last is repeated where a batch is longer
FRAMES_PER_STATE = 2  # the second convolution of every Whisper has stride 2
INDEX_KEYS = ("tokens", "speakers", "cohorts", "paths", "lengths", "statistics_shape")
_LIVE_BATCH = 16  # recordings encoded together for their statistics alone


@dataclass(frozen=True)
class StateBatch:
    """What one update of a hypernetwork needs."""

    states: Tensor  # (batch, n_states, d_model) what the decoder reads
    statistics: Tensor  # (batch, n_layers + 1, 3, d_model) what the hypernetwork reads
    tokens: list[list[int]]  # the reference of each, without prompt and end
    chosen: np.ndarray  # (batch,) positions in the store
    lessons: Tensor | None = None  # (n_targets, d_model) the base's hidden states on the originals, if taught


class Store(Protocol):
    """Utterances that a decoder is taught on, by position."""

    tokens: list[list[int]]
    speakers: list[str]
    cohorts: list[str]
    lengths: np.ndarray  # (n,) states of each

    def __len__(self) -> int: ...

    def statistics(self, chosen: Sequence[int] | np.ndarray) -> Tensor:
        """(n, n_layers + 1, 3, d_model) float32."""

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """States, statistics and tokens of the chosen utterances."""


class StateStore:
    """Everything about the utterances that training reads, in one folder of flat files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = read_index(folder / "index.json", INDEX_KEYS)
        self.tokens: list[list[int]] = index["tokens"]
        self.speakers: list[str] = index["speakers"]
        self.cohorts: list[str] = index["cohorts"]
        self.paths: list[str] = index["paths"]
        self.lengths = np.array(index["lengths"], dtype=np.int64)  # states kept of each utterance
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])
        shape = tuple(index["statistics_shape"])
        check_size(folder / "states.f16", 2 * int(self.lengths.sum()) * shape[-1])
        check_size(folder / "statistics.f16", 2 * len(self.lengths) * math.prod(shape))
        self._states = np.memmap(folder / "states.f16", np.float16, "r").reshape(-1, shape[-1])
        self._statistics = np.memmap(folder / "statistics.f16", np.float16, "r").reshape(-1, *shape)

    def __len__(self) -> int:
        return len(self.tokens)

    def statistics(self, chosen: Sequence[int] | np.ndarray) -> Tensor:
        """(n, n_layers + 1, 3, d_model) float32."""
        return torch.from_numpy(self._statistics[np.asarray(chosen)].astype(np.float32))

    def states(self, i: int) -> np.ndarray:
        """(n_states, d_model) float16: what covers speech, and `SILENT_STATES` of the silence behind it."""
        return self._states[self._starts[i] : self._starts[i + 1]]

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """Utterances padded to the longest among them by repeating their last, silent state."""
        longest = int(self.lengths[np.asarray(chosen)].max())
        longest = min(32 * -(-longest // 32), int(self.lengths.max()))  # few shapes
        states = np.empty((len(chosen), longest, self._states.shape[1]), np.float32)
        for row, i in enumerate(chosen):
            own = self.states(i)
            states[row, : len(own)] = own
            states[row, len(own) :] = own[-1]
        return StateBatch(
            torch.from_numpy(states), self.statistics(chosen), [self.tokens[i] for i in chosen], np.asarray(chosen)
        )

    @classmethod
    def build(
        cls,
        backbone: Backbone,
        rows: Sequence[ManifestRow],
        folder: Path,
        batch_size: int = 32,
        bfloat16: bool = False,  # compute so where the device is faster with it; kept in float16 either way
    ) -> StateStore:
        """Encode what is not there yet; a folder that is complete, of this base and these rows, is opened as it is.

        Errors: StoreError where the folder was made with another base or other recordings, RunError where it is
        damaged.
        """
        if (folder / "index.json").exists():
            made_with = read_index(folder / "index.json", ("base_fingerprint", "recordings"))
            if made_with["base_fingerprint"] != backbone.fingerprint:
                raise StoreError(
                    f"{folder} holds encoder states of another base ({made_with['base_fingerprint']}, not "
                    f"{backbone.fingerprint}); choose another --run folder or delete this one."
                )
            if made_with["recordings"] != (now := manifest_mark(rows)):
                raise StoreError(
                    f"{folder} holds encoder states of other recordings ({made_with['recordings']}, not {now}); "
                    "choose another --run folder or delete this one."
                )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            _write(backbone, rows, folder, batch_size, bfloat16)
        return cls(folder)


class StoreError(ValueError):
    """Cached encoder states do not belong to this run; the message says what to do."""


class LiveStates:
    """The same without a cache: every batch is read and encoded when it is asked for. For what no disk holds."""

    def __init__(self, backbone: Backbone, rows: Sequence[ManifestRow]) -> None:
        self._backbone = backbone
        seconds = [usable_seconds(row.path, backbone.window_seconds) for row in rows]
        self._rows = [row for row, length in zip(rows, seconds, strict=True) if length is not None]
        samples = [round(length * SAMPLE_RATE) for length in seconds if length is not None]
        _tell_left_out(len(rows) - len(self._rows), len(rows), backbone)
        _check_any(self._rows, rows, backbone)
        self.tokens = [backbone.to_tokens(row.reference) for row in self._rows]
        self.speakers = [row.speaker for row in self._rows]
        self.cohorts = [row.cohort or "typical" for row in self._rows]
        self.lengths = np.array([backbone.n_speech_states(n) + SILENT_STATES for n in samples], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def log_mel(self, chosen: Sequence[int] | np.ndarray) -> tuple[Tensor, np.ndarray]:
        """(n, n_mels, n_frames), padded to the window of the longest, and which of the chosen could be used."""
        waveforms = {}
        for i in chosen:
            with suppress(AudioError):  # silent or broken inside: what its file says of it was in order
                waveforms[int(i)] = load_audio(self._rows[i].path)
        if not waveforms:
            raise StoreError(
                f"None of {len(chosen)} recordings could be used; the first is {self._rows[chosen[0]].file}."
            )
        window = self._backbone.window_samples(max(map(len, waveforms.values())))
        return self._backbone.log_mel(list(waveforms.values()), window), np.array(list(waveforms))

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

    Little is under a third of the room that the disk has left; the choice is printed with its reason.
    """
    is_there = (folder / "index.json").exists()
    if on_disk is None and not is_there:
        seconds = [usable_seconds(row.path, backbone.window_seconds) or 0.0 for row in rows]
        needed = states_bytes(backbone, seconds)
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        on_disk = needed < free / 3
        where = "kept on disk" if on_disk else "computed for each batch"
        print(f"encoder states take {needed / 2**30:.1f} GiB, {free / 2**30:.0f} GiB are free: {where}", flush=True)
    if on_disk or is_there:
        return StateStore.build(backbone, rows, folder, bfloat16=bfloat16)
    return LiveStates(backbone, rows)


def states_bytes(backbone: Backbone, seconds: Sequence[float]) -> int:
    """What the states and statistics of recordings of these lengths take on disk, in float16."""
    n_states = sum(backbone.n_speech_states(round(s * SAMPLE_RATE)) + SILENT_STATES for s in seconds)
    n_statistics = len(seconds) * (backbone.n_encoder_layers + 1) * N_STATISTICS
    return 2 * backbone.d_model * (n_states + n_statistics)


def usable_seconds(path: Path, longest: float = math.inf) -> float | None:
    """Length of a recording; None where it is too long or cannot be used."""
    try:
        seconds = audio_seconds(path)
    except AudioError:
        return None
    return seconds if seconds <= longest else None


def _check_any(used: Sequence[object], rows: Sequence[ManifestRow], backbone: Backbone) -> None:
    if not used:
        raise StoreError(
            f"None of {len(rows)} recordings can be trained on: each is {_not_used(backbone)}. "
            "Check the paths in the manifest."
        )


def _tell_left_out(n_left_out: int, n_rows: int, backbone: Backbone) -> None:
    if n_left_out:
        print(f"left out {n_left_out} of {n_rows} recordings: {_not_used(backbone)}", flush=True)


def _not_used(backbone: Backbone) -> str:
    return f"over {backbone.window_seconds:g} s or not usable"


def _write(backbone: Backbone, rows: Sequence[ManifestRow], folder: Path, batch_size: int, bfloat16: bool) -> None:
    index: dict[str, Any] = {"base_fingerprint": backbone.fingerprint, "recordings": manifest_mark(rows)}
    index |= {"tokens": [], "speakers": [], "cohorts": [], "paths": [], "lengths": []}
    with open(folder / "states.f16", "wb") as states_file, open(folder / "statistics.f16", "wb") as statistics_file:
        for used, waveforms in _loaded(backbone, rows, batch_size):
            for row, (kept, statistics) in zip(used, _encoded(backbone, waveforms, bfloat16), strict=True):
                states_file.write(kept.tobytes())
                statistics_file.write(statistics.tobytes())
                index["lengths"].append(len(kept))
                index["tokens"].append(backbone.to_tokens(row.reference))
                index["speakers"].append(row.speaker)
                index["cohorts"].append(row.cohort or "typical")
                index["paths"].append(str(row.path))
            index["statistics_shape"] = statistics.shape
    _check_any(index["tokens"], rows, backbone)
    write_whole(folder / "index.json", json.dumps(index))  # last: a killed run leaves no half store that looks whole


def _encoded(
    backbone: Backbone, waveforms: Sequence[np.ndarray], bfloat16: bool
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each its states, speech and the silence kept behind it, and its statistics, in float16."""
    windows = np.array([backbone.window_samples(len(waveform)) for waveform in waveforms])
    encoded: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for window in np.unique(windows):
        chosen = np.flatnonzero(windows == window).tolist()
        log_mel = backbone.log_mel([waveforms[i] for i in chosen], int(window))
        with backbone.lock, mixed_precision(backbone.device, bfloat16):
            states = backbone.encode(log_mel)
        n_speech = torch.tensor([backbone.n_speech_states(len(waveforms[i])) for i in chosen])
        statistics = pool_statistics(states, n_speech).cpu().numpy().astype(np.float16)
        read = states[-1].float().cpu().numpy().astype(np.float16)
        for place, i in enumerate(chosen):
            encoded[int(i)] = read[place, : int(n_speech[place]) + SILENT_STATES], statistics[place]
    return [encoded[i] for i in range(len(waveforms))]


def _loaded(
    backbone: Backbone, rows: Sequence[ManifestRow], batch_size: int
) -> Iterator[tuple[list[ManifestRow], list[np.ndarray]]]:
    """Batches of recordings that can be used: readable, with words, within the model's window."""
    used, waveforms, n_left_out = [], [], 0
    for row in tqdm(rows, desc="encoding", unit="recording"):
        try:
            waveform = load_audio(row.path, max_seconds=backbone.window_seconds)
        except AudioError:  # too long or broken: counted, and said at the end
            n_left_out += 1
            continue
        used.append(row)
        waveforms.append(waveform)
        if len(used) == batch_size:
            yield used, waveforms
            used, waveforms = [], []
    if used:
        yield used, waveforms
    _tell_left_out(n_left_out, len(rows), backbone)
