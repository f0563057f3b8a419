"""Encoder states and statistics of many recordings, computed once: the base is frozen while its hypernetwork learns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hyper.model.backbone import HEARD_SECONDS, Backbone
from hyper.model.utterance_encoder import pool_statistics
from hyper.recordings.audio import audio_seconds, load_audio, why_unusable
from hyper.recordings.limits import SAMPLE_RATE, AudioError
from hyper.recordings.manifest import ManifestRow, source_speaker
from hyper.recordings.parallel import ahead
from hyper.recordings.whole_files import write_whole
from hyper.training.begun_with import check_size, in_few_words, manifest_mark, read_index
from hyper.training.speed import mixed_precision

SILENT_STATES = 8  # states of padding kept behind the speech; the last is repeated where a batch is longer
FRAMES_PER_STATE = 2  # the second convolution of every Whisper has stride 2
INDEX_KEYS = ("tokens", "speakers", "people", "cohorts", "paths", "lengths", "statistics_shape")


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
    people: list[str]  # who is heard: the typical speaker behind a simulated patient, any other speaker
    cohorts: list[str]
    paths: list[str]
    lengths: np.ndarray  # (n,) states of each

    def __len__(self) -> int: ...

    def statistics(self, chosen: Sequence[int] | np.ndarray) -> Tensor:
        """(n, n_layers + 1, 3, d_model) float32."""

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """States, statistics and tokens of the chosen utterances."""


class StateStore:
    """Everything about the utterances that training reads, in one folder of flat files."""

    def __init__(self, folder: Path, rows: Sequence[ManifestRow] = ()) -> None:  # what it was built from
        self.folder = folder
        index = read_index(folder / "index.json", INDEX_KEYS, ("rows",))
        self.tokens: list[list[int]] = index["tokens"]
        self.speakers: list[str] = index["speakers"]
        self.people: list[str] = index["people"]
        self.cohorts: list[str] = index["cohorts"]
        self.paths: list[str] = index["paths"]
        if rows and "rows" in index:  # the recordings may lie elsewhere by now
            self.paths = [str(rows[i].path) for i in index["rows"]]
        self.lengths = np.array(index["lengths"], dtype=np.int64)  # states kept of each utterance
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)])  # states before each utterance, and all
        shape = tuple(index["statistics_shape"])
        check_size(folder / "states.f16", 2 * int(self.lengths.sum()) * shape[-1])
        check_size(folder / "statistics.f16", 2 * len(self.lengths) * math.prod(shape))
        # Copy on write, since torch wants what it could write to; nobody does.
        self._states = np.memmap(folder / "states.f16", np.float16, "c").reshape(-1, shape[-1])
        self._statistics = np.memmap(folder / "statistics.f16", np.float16, "r").reshape(-1, *shape)

    def __len__(self) -> int:
        return len(self.tokens)

    def statistics(self, chosen: Sequence[int] | np.ndarray) -> Tensor:
        """(n, n_layers + 1, 3, d_model) float32."""
        return torch.from_numpy(self._statistics[np.asarray(chosen)].astype(np.float32))

    def states(self, i: int) -> np.ndarray:
        """(n_states, d_model) float16: what covers speech, and `SILENT_STATES` of the silence behind it."""
        return self._states[self.starts[i] : self.starts[i + 1]]

    @property
    def flat_states(self) -> Tensor:
        """(n_all_states, d_model) float16 of all utterances, one after the other, as they lie in the file."""
        return torch.from_numpy(self._states)

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """Utterances padded to the longest among them by repeating their last, silent state."""
        longest = int(self.lengths[np.asarray(chosen)].max())
        longest = min(32 * -(-longest // 32), int(self.lengths.max()))  # few shapes
        places = last_repeated(self.starts, self.lengths, chosen, longest)
        states = torch.from_numpy(self._states[places].astype(np.float32))
        return StateBatch(states, self.statistics(chosen), [self.tokens[i] for i in chosen], np.asarray(chosen))

    @classmethod
    def build(
        cls,
        backbone: Backbone,
        rows: Sequence[ManifestRow],
        folder: Path,
        batch_size: int = 32,
        bfloat16: bool = False,  # compute so where the device is faster with it; kept in float16 either way
    ) -> StateStore:
        """Encode all recordings; a folder that is complete, of this base and these rows, is opened as it is.

        Errors: StoreError where the folder was made with another base or other recordings, RunError where it is
        damaged.
        """
        if (folder / "index.json").exists():
            made_with = read_index(folder / "index.json", ("base_fingerprint", "recordings", "heard_seconds"))
            if made_with["base_fingerprint"] != backbone.fingerprint:
                raise StoreError(
                    f"{folder} holds encoder states of another base ({made_with['base_fingerprint']}, not "
                    f"{backbone.fingerprint}); choose another --run folder or delete this one."
                )
            if (heard := made_with["heard_seconds"]) != HEARD_SECONDS:
                raise StoreError(
                    f"{folder} holds encoder states of short recordings that were heard in {heard} s, not "
                    f"{HEARD_SECONDS} s; choose another --run folder or delete this one."
                )
            if made_with["recordings"] != (now := manifest_mark(rows)):
                raise StoreError(
                    f"{folder} holds encoder states of other recordings ({made_with['recordings']}, not {now}); "
                    "choose another --run folder or delete this one."
                )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            _write(backbone, rows, folder, batch_size, bfloat16)
        return cls(folder, rows)


def last_repeated(
    starts: np.ndarray,  # (n + 1,) where each utterance begins among all frames
    lengths: np.ndarray,  # (n,) frames of each
    chosen: Sequence[int] | np.ndarray,
    longest: int,
) -> np.ndarray:  # (n_chosen, longest)
    """Where the frames of the chosen utterances lie, the last of each repeated."""
    own = np.asarray(chosen)
    return starts[own][:, None] + np.minimum(np.arange(longest), lengths[own][:, None] - 1)


class StoreError(ValueError):
    """Cached encoder states do not belong to this run; the message says what to do."""


def usable_seconds(path: Path, longest: float = math.inf) -> float | None:
    """Length of a recording; None where it is too long or cannot be used."""
    try:
        seconds = audio_seconds(path)
    except AudioError:
        return None
    return seconds if seconds <= longest else None


def check_any(used: Sequence[object], rows: Sequence[ManifestRow], backbone: Backbone) -> None:
    """Raise `StoreError` where nothing could be used."""
    if not used:
        raise StoreError(
            f"None of {len(rows)} recordings can be trained on: each is {_not_used(backbone)}. Check the paths in the "
            f"manifest. Of the first, {rows[0].file}: {why_unusable(rows[0].path, backbone.window_seconds)}"
        )


def tell_left_out(left_out: Sequence[ManifestRow], n_rows: int, backbone: Backbone) -> None:
    """Say how many could not be used, if any, how many of them are missing, and one to look at."""
    if left_out:
        n_missing = sum(not row.path.is_file() for row in left_out)
        told = f"left out {len(left_out):,} of {n_rows:,} recordings: {_not_used(backbone)}"
        why = why_unusable(left_out[0].path, backbone.window_seconds)
        print(f"{told} ({n_missing:,} of them missing); the first is {left_out[0].file}: {why}", flush=True)


def _not_used(backbone: Backbone) -> str:
    return f"over {backbone.window_seconds:g} s or not usable"


def _write(backbone: Backbone, rows: Sequence[ManifestRow], folder: Path, batch_size: int, bfloat16: bool) -> None:
    index: dict[str, Any] = {"base_fingerprint": backbone.fingerprint, "recordings": manifest_mark(rows)}
    index["heard_seconds"] = HEARD_SECONDS
    index |= {"tokens": [], "speakers": [], "people": [], "cohorts": [], "paths": [], "rows": [], "lengths": []}
    with open(folder / "states.f16", "wb") as states_file, open(folder / "statistics.f16", "wb") as statistics_file:
        for used, waveforms in _loaded(backbone, rows, batch_size):
            for place, (kept, statistics) in zip(used, _encoded(backbone, waveforms, bfloat16), strict=True):
                row = rows[place]
                states_file.write(kept.tobytes())
                statistics_file.write(statistics.tobytes())
                index["lengths"].append(len(kept))
                index["tokens"].append(backbone.to_tokens(row.reference))
                index["speakers"].append(row.speaker)
                index["people"].append(source_speaker(row))
                index["cohorts"].append(row.cohort or "typical")
                index["paths"].append(str(row.path))
                index["rows"].append(place)
            index["statistics_shape"] = statistics.shape
    check_any(index["tokens"], rows, backbone)
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
        longest = int(n_speech.max()) + SILENT_STATES
        read = states[-1, :, :longest].to(torch.float16).cpu().numpy()
        for place, i in enumerate(chosen):
            encoded[int(i)] = read[place, : int(n_speech[place]) + SILENT_STATES], statistics[place]
    return [encoded[i] for i in range(len(waveforms))]


def _loaded(
    backbone: Backbone, rows: Sequence[ManifestRow], batch_size: int
) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """Batches of recordings that can be used, by position: readable, within the model's window."""
    used, waveforms, left_out = [], [], []
    read = ahead(lambda row: _waveform(row, backbone.window_seconds), rows)
    for place, waveform in enumerate(tqdm(read, desc="encoding", unit="recording", total=len(rows))):
        if waveform is None:
            left_out.append(rows[place])
            continue
        used.append(place)
        waveforms.append(waveform)
        if len(used) == batch_size:
            yield used, waveforms
            used, waveforms = [], []
    if used:
        yield used, waveforms
    tell_left_out(left_out, len(rows), backbone)


def _waveform(row: ManifestRow, max_seconds: float) -> np.ndarray | None:
    """None where the recording is too long or broken: counted, and said at the end."""
    try:
        waveform = load_audio(row.path, max_seconds=max_seconds)
    except AudioError:
        return None
    return waveform if len(waveform) <= max_seconds * SAMPLE_RATE else None  # its last words would not be heard


def store_mark(store: Store) -> str:
    """The store's recordings in few words that no others have."""
    return in_few_words(list(zip(store.tokens, store.speakers, store.cohorts, store.lengths.tolist(), strict=True)))
