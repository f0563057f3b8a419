"""What a Whisper that hears makes of recordings: its encoder's states, computed once, for a smaller base to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hyper.model.backbone import Backbone
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.manifest import ManifestRow
from hyper.training.adaptation.states import SILENT_STATES, StateStore, StoreError

_SAMPLES_PER_STATE = SAMPLE_RATE // 50
_SMALLEST_SPREAD = 1e-3  # dimensions that hardly move are not blown up


@dataclass(frozen=True)
class FlatStates:
    """The states of all utterances one after the other, as the teacher gave them."""

    frames: Tensor  # (n_all_frames, d_model) float16
    first: Tensor  # (n_utterances,) where each begins
    mean: Tensor  # (d_model,) over all of them
    spread: Tensor  # (d_model,)

    def standardised(self, states: Tensor) -> Tensor:  # (..., d_model)
        """Each dimension of mean 0 and variance 1 over all utterances."""
        return (states - self.mean) / self.spread


class TeacherStates:
    """The teacher's last encoder states of a list of utterances, standardised by dimension, 50 a second."""

    def __init__(self, store: StateStore, like: TeacherStates | None = None) -> None:  # standardised as others are
        self._store = store
        self.scale: tuple[np.ndarray, np.ndarray] = like.scale if like else self._measured()  # mean and deviation

    def _measured(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of each dimension over all states."""
        last = self._store.statistics(np.arange(len(self._store)))[:, -1].double().numpy()  # (n, 3, d_model)
        lengths = self._store.lengths - SILENT_STATES
        share = (lengths / lengths.sum())[:, None]
        mean = (share * last[:, 0]).sum(axis=0)
        variance = (share * (np.square(last[:, 1]) + np.square(last[:, 0] - mean))).sum(axis=0)
        return mean.astype(np.float32), np.sqrt(variance).clip(_SMALLEST_SPREAD).astype(np.float32)

    @property
    def d_model(self) -> int:
        """Width of the teacher."""
        return len(self.scale[0])

    def on(self, device: torch.device) -> FlatStates:
        """All of them on a device, for batches to be gathered from."""
        first = torch.from_numpy(self._store.starts[:-1])
        mean, spread = map(torch.from_numpy, self.scale)
        return FlatStates(*(tensor.to(device) for tensor in (self._store.flat_states, first, mean, spread)))

    @classmethod
    def build(
        cls, teacher: str, rows: Sequence[ManifestRow], folder: Path, like: TeacherStates | None = None
    ) -> TeacherStates:
        """Compute all states; a folder that is complete, of this teacher and these recordings, is opened as it is.

        Errors: StoreError where the folder holds another teacher's states, or those of other recordings, or where the
        teacher cannot hear one of the recordings or has another number of states a second; RunError where it is
        damaged.
        """
        hears = Backbone.load(teacher)
        if hears.samples_per_state != _SAMPLES_PER_STATE:
            raise StoreError(
                f"The teacher {teacher} has {SAMPLE_RATE / hears.samples_per_state:g} states a second; what teaches "
                f"has {SAMPLE_RATE // _SAMPLES_PER_STATE}, as every Whisper of OpenAI's."
            )
        hears.cuts_window = True  # on a GPU too: a whole window of 30 s costs ten times what a recording needs
        store = StateStore.build(hears, rows, folder, bfloat16=True)
        if len(store) != len(rows):
            raise StoreError(
                f"The teacher hears {len(store)} of {len(rows)} recordings; the others are too long for it or cannot "
                "be read. Please leave them out of --data."
            )
        return cls(store, like)


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
