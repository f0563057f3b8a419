"""Encoder states and statistics of many recordings, computed once: the base is frozen while its hypernetwork learns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hyper.audio import AudioError, load_audio
from hyper.backbone import Backbone
from hyper.embedding import pool_statistics
from hyper.manifest import ManifestRow
from hyper.training.progress import write_whole

SILENT_STATES = 8  # states of padding kept behind the speech; the last is repeated where a batch is longer


@dataclass(frozen=True)
class StateBatch:
    """What one update of a hypernetwork needs."""

    states: Tensor  # (batch, n_states, d_model) what the decoder reads
    statistics: Tensor  # (batch, n_layers + 1, 3, d_model) what the hypernetwork reads
    tokens: list[list[int]]  # the reference of each, without prompt and end


class StateStore:
    """Everything about the utterances that training reads, in one folder of flat files."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text())
        self.tokens: list[list[int]] = index["tokens"]
        self.speakers: list[str] = index["speakers"]
        self.cohorts: list[str] = index["cohorts"]
        self.lengths = np.array(index["lengths"], dtype=np.int64)  # states kept of each utterance
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])
        shape = tuple(index["statistics_shape"])
        self._states = np.memmap(folder / "states.f16", np.float16, "r").reshape(-1, shape[-1])
        self._statistics = np.memmap(folder / "statistics.f16", np.float16, "r").reshape(-1, *shape)

    def __len__(self) -> int:
        return len(self.tokens)

    def statistics(self, chosen: Sequence[int] | np.ndarray) -> Tensor:
        """(n, n_layers + 1, 3, d_model) float32."""
        return torch.from_numpy(self._statistics[np.asarray(chosen)].astype(np.float32))

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """Utterances padded to the longest among them by repeating their last, silent state."""
        longest = int(self.lengths[np.asarray(chosen)].max())
        longest = min(32 * -(-longest // 32), int(self.lengths.max()))  # few shapes
        states = np.empty((len(chosen), longest, self._states.shape[1]), np.float32)
        for row, i in enumerate(chosen):
            own = self._states[self._starts[i] : self._starts[i + 1]]
            states[row, : len(own)] = own
            states[row, len(own) :] = own[-1]
        return StateBatch(torch.from_numpy(states), self.statistics(chosen), [self.tokens[i] for i in chosen])

    @classmethod
    def build(cls, backbone: Backbone, rows: Sequence[ManifestRow], folder: Path, batch_size: int = 32) -> StateStore:
        """Encode what is not there yet; a folder that is complete and of this base is opened as it is.

        Errors: ValueError where the folder was made with another base.
        """
        if (folder / "index.json").exists():
            made_with = json.loads((folder / "index.json").read_text())["base_fingerprint"]
            if made_with != backbone.fingerprint:
                raise StoreError(
                    f"{folder} holds encoder states of another base ({made_with}, not {backbone.fingerprint}); "
                    "choose another --run folder or delete this one."
                )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            _write(backbone, rows, folder, batch_size)
        return cls(folder)


class StoreError(ValueError):
    """Cached encoder states do not belong to this run; the message says what to do."""


def _write(backbone: Backbone, rows: Sequence[ManifestRow], folder: Path, batch_size: int) -> None:
    index: dict = {"base_fingerprint": backbone.fingerprint, "tokens": [], "speakers": [], "cohorts": [], "lengths": []}
    with open(folder / "states.f16", "wb") as states_file, open(folder / "statistics.f16", "wb") as statistics_file:
        for used, waveforms in _loaded(rows, backbone.window_seconds, batch_size):
            with backbone.lock:
                states = backbone.encode(backbone.log_mel(waveforms))
            n_speech = torch.tensor([backbone.n_speech_states(len(waveform)) for waveform in waveforms])
            statistics = pool_statistics(states, n_speech).cpu().numpy().astype(np.float16)
            read = states[-1].float().cpu().numpy().astype(np.float16)
            for i, row in enumerate(used):
                kept = read[i, : int(n_speech[i]) + SILENT_STATES]
                states_file.write(kept.tobytes())
                statistics_file.write(statistics[i].tobytes())
                index["lengths"].append(len(kept))
                index["tokens"].append(backbone.to_tokens(row.reference))
                index["speakers"].append(row.speaker)
                index["cohorts"].append(row.cohort or "typical")
            index["statistics_shape"] = statistics.shape[1:]
    write_whole(folder / "index.json", json.dumps(index))  # last: a killed run leaves no half store that looks whole


def _loaded(
    rows: Sequence[ManifestRow], window_seconds: float, batch_size: int
) -> Iterator[tuple[list[ManifestRow], list[np.ndarray]]]:
    """Batches of recordings that can be used: readable, with words, within the model's window."""
    used, waveforms, n_left_out = [], [], 0
    for row in tqdm(rows, desc="encoding", unit="recording"):
        try:
            waveform = load_audio(row.path, max_seconds=window_seconds)
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
    print(f"left out {n_left_out} of {len(rows)} recordings: over {window_seconds:g} s or not usable", flush=True)
