"""What a Whisper that hears makes of recordings: its encoder's states, computed once, for a smaller base to learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from hyper.model.backbone import Backbone
from hyper.recordings.manifest import ManifestRow
from hyper.training.adaptation.states import SILENT_STATES, StateStore, StoreError

_SMALLEST_SPREAD = 1e-3  # dimensions that hardly move are not blown up


class TeacherStates:
    """The teacher's last encoder states of a list of utterances, standardised by dimension, 50 a second."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self.lengths = store.lengths - SILENT_STATES
        last = store.statistics(np.arange(len(store)))[:, -1].double().numpy()  # (n, 3, d_model)
        share = (self.lengths / self.lengths.sum())[:, None]
        mean = (share * last[:, 0]).sum(axis=0)
        variance = (share * (np.square(last[:, 1]) + np.square(last[:, 0] - mean))).sum(axis=0)  # of all states
        self._mean, self._spread = mean.astype(np.float32), np.sqrt(variance).clip(_SMALLEST_SPREAD).astype(np.float32)

    @property
    def d_model(self) -> int:
        """Width of the teacher."""
        return len(self._mean)

    def states(self, i: int) -> np.ndarray:
        """(n_frames, d_model) float32, each dimension of mean 0 and variance 1 over all utterances."""
        return (self._store.states(i)[: self.lengths[i]].astype(np.float32) - self._mean) / self._spread

    @classmethod
    def build(cls, teacher: str, rows: Sequence[ManifestRow], folder: Path) -> TeacherStates:
        """Compute what is not there yet; a folder that is complete, of this teacher and these recordings, is opened.

        Errors: StoreError where the folder holds another teacher's states, or those of other recordings, or where the
        teacher cannot hear one of the recordings; RunError where it is damaged.
        """
        store = StateStore.build(Backbone.load(teacher), rows, folder, bfloat16=True)
        if len(store) != len(rows):
            raise StoreError(
                f"The teacher hears {len(store)} of {len(rows)} recordings; the others are too long for it or cannot "
                "be read. Please leave them out of --data."
            )
        return cls(store)


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
