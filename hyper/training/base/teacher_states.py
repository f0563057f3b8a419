"""What a Whisper that hears makes of recordings: its encoder's states, computed once, for a smaller base to learn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from hyper.model.backbone import Backbone
from hyper.recordings.audio import SAMPLE_RATE, load_audio
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.whole_files import write_whole
from hyper.training.begun_with import RunError, check_size, manifest_mark, read_index
from hyper.training.speed import mixed_precision

TEACHER_FRAMES_PER_SECOND = 50  # every Whisper of OpenAI's: log-mel every 10 ms, halved by the second convolution
_BATCH = 32  # recordings of like length encoded together
_SMALLEST_SPREAD = 1e-3  # dimensions that hardly move are not blown up


class TeacherStates:
    """The teacher's last encoder states of a list of utterances, standardised by dimension, 50 a second."""

    def __init__(self, folder: Path) -> None:
        index = read_index(folder / "index.json", ("lengths", "mean", "spread"))
        self.lengths = np.array(index["lengths"], dtype=np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self._mean, self._spread = (np.array(index[key], np.float32) for key in ("mean", "spread"))
        check_size(folder / "states.f16", 2 * int(self.lengths.sum()) * len(self._mean))
        self._states = np.memmap(folder / "states.f16", np.float16, "r").reshape(-1, len(self._mean))

    @property
    def d_model(self) -> int:
        """Width of the teacher."""
        return len(self._mean)

    def states(self, i: int) -> np.ndarray:
        """(n_frames, d_model) float32, each dimension of mean 0 and variance 1 over all utterances."""
        own = self._states[self._starts[i] : self._starts[i + 1]].astype(np.float32)
        return (own - self._mean) / self._spread

    @classmethod
    def build(cls, teacher: str, rows: Sequence[ManifestRow], folder: Path) -> TeacherStates:
        """Compute what is not there yet; a folder that is complete, of these recordings, is opened as it is.

        Errors: RunError where the folder was made of other recordings, or is damaged.
        """
        index = folder / "index.json"
        if not index.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write_states(Backbone.load(teacher), rows, folder)
        elif (before := read_index(index, ("recordings",))["recordings"]) != (now := manifest_mark(rows)):
            raise RunError(
                f"{folder} holds a teacher's states of {before} recordings, but these are {now}; delete it, and the "
                "next start computes it anew."
            )
        return cls(folder)


def _write_states(teacher: Backbone, rows: Sequence[ManifestRow], folder: Path) -> None:
    """Encode recordings of like length together, then write them in the order of the rows."""
    waveforms = [load_audio(row.path) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: len(waveforms[i]))
    kept: list[np.ndarray] = [np.empty(0)] * len(rows)
    for first in tqdm(range(0, len(order), _BATCH), desc="teacher", unit="batch"):
        chosen = order[first : first + _BATCH]
        for i, states in zip(chosen, _encode(teacher, [waveforms[i] for i in chosen]), strict=True):
            kept[i] = states
    everything = np.concatenate(kept)
    (folder / "states.f16").write_bytes(everything.tobytes())
    mean, spread = everything.mean(axis=0, dtype=np.float64), everything.std(axis=0, dtype=np.float64)
    index = {
        "recordings": manifest_mark(rows),
        "lengths": [len(states) for states in kept],
        "mean": mean.tolist(),
        "spread": spread.clip(min=_SMALLEST_SPREAD).tolist(),
    }
    write_whole(folder / "index.json", json.dumps(index))  # last: a killed run leaves no half store that looks whole


def _encode(teacher: Backbone, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """States that cover each recording, each (n_frames, d_model) float16."""
    longest = max(len(waveform) for waveform in waveforms)
    features = teacher.log_mel(waveforms, teacher.window_samples(longest))
    with torch.inference_mode(), mixed_precision(teacher.device):
        states = teacher.encode_frames(features).to(torch.float16).cpu().numpy()
    counts = [-(-len(waveform) * TEACHER_FRAMES_PER_SECOND // SAMPLE_RATE) for waveform in waveforms]
    return [own[:count] for own, count in zip(states, counts, strict=True)]


class Pupil(nn.Module):
    """A linear map from the base's states to the teacher's, thrown away when the base is written."""

    def __init__(self, d_model: int, d_teacher: int, frames_per_state: int) -> None:
        super().__init__()
        self.map = nn.Linear(d_model, frames_per_state * d_teacher)
        self._shape = (frames_per_state, d_teacher)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, n_states, d_model) → (batch, n_frames, d_teacher), two frames a state."""
        return self.map(states).unflatten(2, self._shape).flatten(1, 2)


def teacher_loss(
    guessed: Tensor,  # (batch, n_frames, d_teacher)
    wanted: Tensor,  # (batch, n_frames, d_teacher) standardised
    known: Tensor,  # (batch, n_frames) bool: where the teacher heard something
) -> Tensor:
    """Mean squared error over the frames that the teacher heard; 1 is what guessing the mean would cost."""
    errors = (guessed.float() - wanted).square().mean(dim=2)
    return (errors * known).sum() / known.sum().clamp(min=1)
