"""Batches for the base: utterances of like length in one of a few fixed windows, augmented on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hyper.speech.phone_set import PHONES, SILENCE
from hyper.training.base.augment import change_label_tempo, change_tempo, distort, mask
from hyper.training.base.features import FLOOR, FeatureStore, whisper_scale
from hyper.training.base.teacher_states import TeacherStates

# Frames of 20 ms. Few shapes, since each new one compiles new bfloat16 kernels; the last is the model's window.
WINDOWS = (128, 192, 288, 384, 500)
_WHOLE_WINDOW_SHARE = 0.08  # batches padded to the model's window, as every recording is when the model is used
_NEXT_WINDOW_SHARE = 0.15


@dataclass(frozen=True)
class Batch:
    """What one update of the base needs."""

    features: Tensor  # (batch, n_mels, n_frames) scaled log-mel
    labels: Tensor  # (batch, n_frames) phone indices, -1 unknown
    utterances: list[int]  # positions in the pool, for texts and tokens
    teacher: Tensor | None = None  # (batch, n_frames, d_teacher) what the teacher heard in the clean recording
    taught: Tensor | None = None  # (batch, n_frames) bool: where it heard something


class Pool:
    """Utterances of several stores, each with its share of the batches."""

    def __init__(
        self,
        stores: Sequence[FeatureStore],
        shares: Sequence[float],
        teachers: Sequence[TeacherStates | None] = (),  # one a store where there is a teacher, None: not taught
    ) -> None:
        self._stores, self._teachers = tuple(stores), tuple(teachers)
        self.members = [(s, i) for s, store in enumerate(stores) for i in range(len(store))]
        lengths = np.concatenate([store.lengths for store in stores])
        weights = np.concatenate(
            [np.full(len(store), share / len(store)) for store, share in zip(stores, shares, strict=True)]
        )
        self._window_of = np.searchsorted(WINDOWS, lengths.clip(max=WINDOWS[-1]))
        self._weights = weights
        self._share_of_window = np.bincount(self._window_of, weights, minlength=len(WINDOWS))

    @property
    def texts(self) -> list[str]:
        return [self._stores[s].texts[i] for s, i in self.members]

    def draw(self, size: int, strength: float, rng: np.random.Generator, generator: torch.Generator) -> Batch:
        """One batch; `strength` 0 to 1 is how much distortion it gets."""
        window = rng.choice(len(WINDOWS), p=self._share_of_window / self._share_of_window.sum())
        inside = np.flatnonzero(self._window_of == window)
        weights = self._weights[inside]
        chosen = rng.choice(inside, size=size, p=weights / weights.sum())
        n_frames = self._padded(int(window), rng)
        return self._assemble(chosen.tolist(), n_frames, strength, rng, generator)

    def _padded(self, window: int, rng: np.random.Generator) -> int:
        drawn = rng.random()
        if drawn < _WHOLE_WINDOW_SHARE:
            return WINDOWS[-1]
        return WINDOWS[min(window + (drawn < _WHOLE_WINDOW_SHARE + _NEXT_WINDOW_SHARE), len(WINDOWS) - 1)]

    def _assemble(
        self, chosen: list[int], n_frames: int, strength: float, rng: np.random.Generator, generator: torch.Generator
    ) -> Batch:
        n_mels = self._stores[0].mel(0).shape[1]
        mels = np.full((len(chosen), n_frames, n_mels), FLOOR, np.float32)
        labels = np.full((len(chosen), n_frames), PHONES.index(SILENCE), np.int64)
        lesson = _Lesson(self._teachers, len(chosen), n_frames)
        for row, position in enumerate(chosen):
            store, i = self.members[position]
            tempo = 1 + strength * rng.uniform(-0.15, 0.15) if strength > 0 else 1.0
            mel = change_tempo(self._stores[store].mel(i), tempo)[:n_frames]
            label = change_label_tempo(self._stores[store].labels(i), tempo)[:n_frames]
            room = n_frames - len(mel)
            start = int(rng.integers(0, min(room, 40) + 1)) if rng.random() < 0.5 else 0
            mels[row, start : start + len(mel)] = mel
            labels[row, start : start + len(mel)] = label
            lesson.add(row, start, store, i, tempo)
            _extend_ambience(mels[row], start, len(mel), rng)
        distorted = distort(torch.from_numpy(mels), strength, generator)
        features = mask(whisper_scale(distorted), strength, generator)
        return Batch(features, torch.from_numpy(labels), chosen, lesson.states, lesson.taught)


class _Lesson:
    """The teacher's states of a batch, at the times that its recordings are given."""

    def __init__(self, teachers: Sequence[TeacherStates | None], size: int, n_frames: int) -> None:
        self._teachers = teachers
        widths = [teacher.d_model for teacher in teachers if teacher]
        self.states = torch.zeros(size, n_frames, widths[0]) if widths else None
        self.taught = torch.zeros(size, n_frames, dtype=torch.bool) if widths else None

    def add(self, row: int, start: int, store: int, i: int, tempo: float) -> None:
        """Utterance `i` of a store, which begins at frame `start` of this row."""
        if self.states is None or self.taught is None or not (teacher := self._teachers[store]):
            return
        room = self.states.shape[1] - start
        states = torch.from_numpy(change_tempo(teacher.states(i), tempo)[:room])
        self.states[row, start : start + len(states)] = states
        self.taught[row, start : start + len(states)] = True


def _extend_ambience(mel: np.ndarray, start: int, length: int, rng: np.random.Generator) -> None:
    """Continue the recording's own background for up to 1 s: people do not press the button on time."""
    if length < 10:
        return
    speech = mel[start : start + length]
    quiet = speech[np.argsort(speech.mean(axis=1))[:4]]
    before, after = min(start, 50), min(len(mel) - start - length, int(rng.integers(0, 50)))
    for first, count in ((start - before, before), (start + length, after)):
        mel[first : first + count] = quiet[rng.integers(len(quiet), size=count)]
