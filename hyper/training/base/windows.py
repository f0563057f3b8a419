"""Batches for the base: utterances of like length in one of a few fixed windows, augmented on the way.

All of it happens on the device that trains: a batch is a few gathers, so that no GPU waits for its recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hyper.model.backbone import HEARD_SECONDS
from hyper.speech.phone_set import PHONES, SILENCE
from hyper.training.base.augment import distort, mask
from hyper.training.base.features import FLOOR, FeatureStore, whisper_scale
from hyper.training.base.teacher_states import TeacherStates

# Frames of 20 ms. Few shapes, since each new one compiles new bfloat16 kernels; the last is the model's window.
WINDOWS = (128, 192, 288, 384, 500)
_WHOLE_WINDOW_SHARE = 0.08  # batches padded to the model's window, as every recording is when the model is used
_NEXT_WINDOW_SHARE = 0.15
_AMBIENCE = 50  # frames: people do not press the button on time, and what is heard then is the recording's own room
_QUIETEST = 4  # frames of a recording that its ambience is made of
_TEMPO = 0.15  # faster or slower by so much at most
_HEARD_FRAMES = round(50 * HEARD_SECONDS)  # the teacher hears a shorter recording in the middle of so much silence


@dataclass(frozen=True)
class Batch:
    """What one update of the base needs."""

    features: Tensor  # (batch, n_mels, n_frames) scaled log-mel
    labels: Tensor  # (batch, n_frames) phone indices, -1 unknown
    utterances: list[int]  # positions in the pool, for texts and tokens
    teacher: Tensor | None = None  # (batch, n_frames, d_teacher) what the teacher heard in the clean recording
    taught: Tensor | None = None  # (batch, n_frames) bool: where it heard something


@dataclass(frozen=True)
class Places:
    """Which frame of its utterance each frame of a batch shows: between `left` and the next, `weight` of the way."""

    left: Tensor  # (batch, n_frames) frames of the utterance
    right: Tensor  # (batch, n_frames)
    weight: Tensor  # (batch, n_frames) 0 to 1
    inside: Tensor  # (batch, n_frames) bool: where the utterance is

    @classmethod
    def of(cls, lengths: Tensor, tempo: Tensor, start: Tensor, n_frames: int) -> Places:
        """Utterances of `lengths` (batch,) frames that begin at `start` (batch,), `tempo` (batch,) times as fast."""
        shown = torch.arange(n_frames, device=lengths.device) - start[:, None]
        inside = (shown >= 0) & (shown < (lengths / tempo).long()[:, None])
        position = shown.clamp(min=0) * tempo[:, None]
        last = (lengths - 1)[:, None]
        left = torch.minimum(position.long(), last)
        return cls(left, torch.minimum(left + 1, last), (position - left).clamp(max=1), inside)

    def between(self, frames: Tensor, first: Tensor) -> Tensor:
        """Values (batch, n_frames, n_values) of flat `frames` (n, n_values), where utterances begin at `first`."""
        weight, first = self.weight[:, :, None], first[:, None]
        return (1 - weight) * frames[first + self.left].float() + weight * frames[first + self.right].float()


class _Shelf:
    """A store's frames as tensors on one device: on a CPU the files themselves, read where they are needed."""

    def __init__(self, store: FeatureStore, teacher: TeacherStates | None, device: torch.device) -> None:
        self.lengths = torch.from_numpy(store.lengths).to(device)
        self.first = torch.from_numpy(store.starts[:-1]).to(device)  # the first frame of each utterance
        self.mel, self.labels = store.flat_mel.to(device), store.flat_labels.to(device)
        self.teacher = teacher.on(device) if teacher else None


class Pool:
    """Utterances of several stores, each with its share of the batches."""

    def __init__(
        self,
        stores: Sequence[FeatureStore],
        shares: Sequence[float],
        teachers: Sequence[TeacherStates | None] = (),  # one a store where there is a teacher, None: not taught
        device: torch.device | None = None,
        masks: float = 1.0,  # times the widest masks of SpecAugment
    ) -> None:
        self._masks = masks
        taught = teachers or [None] * len(stores)
        self._device = device or torch.device("cpu")
        self._shelves = [_Shelf(store, own, self._device) for store, own in zip(stores, taught, strict=True)]
        self._d_teacher = next((teacher.d_model for teacher in taught if teacher), 0)
        self.texts = [text for store in stores for text in store.texts]
        self._begins = np.cumsum([0, *map(len, stores)])  # of each store among the members
        lengths = np.concatenate([store.lengths for store in stores])
        weights = np.concatenate(
            [np.full(len(store), share / len(store)) for store, share in zip(stores, shares, strict=True)]
        )
        self._window_of = np.searchsorted(WINDOWS, lengths.clip(max=WINDOWS[-1]))
        self._weights = weights
        self._share_of_window = np.bincount(self._window_of, weights, minlength=len(WINDOWS))

    def draw(self, size: int, strength: float, rng: np.random.Generator) -> Batch:
        """One batch, the rest drawn by torch; `strength` 0 to 1 is how much distortion it gets."""
        window = rng.choice(len(WINDOWS), p=self._share_of_window / self._share_of_window.sum())
        inside = np.flatnonzero(self._window_of == window)
        weights = self._weights[inside]
        chosen = np.sort(rng.choice(inside, size=size, p=weights / weights.sum()))  # store by store
        return self._assemble(chosen, self._padded(int(window), rng), strength)

    def _padded(self, window: int, rng: np.random.Generator) -> int:
        drawn = rng.random()
        if drawn < _WHOLE_WINDOW_SHARE:
            return WINDOWS[-1]
        return WINDOWS[min(window + (drawn < _WHOLE_WINDOW_SHARE + _NEXT_WINDOW_SHARE), len(WINDOWS) - 1)]

    def _assemble(self, chosen: np.ndarray, n_frames: int, strength: float) -> Batch:
        parts = []
        for begin, end, shelf in zip(self._begins[:-1], self._begins[1:], self._shelves, strict=True):
            own = chosen[(chosen >= begin) & (chosen < end)] - begin
            if len(own):
                parts.append(self._read(shelf, torch.from_numpy(own).to(self._device), n_frames, strength))
        mels, labels, teachers, taught = zip(*parts, strict=True)
        features = mask(whisper_scale(distort(torch.cat(mels), strength)), self._masks * strength)
        lesson = (torch.cat(teachers), torch.cat(taught)) if self._d_teacher else (None, None)
        return Batch(features, torch.cat(labels), chosen.tolist(), *lesson)

    def _read(
        self, shelf: _Shelf, own: Tensor, n_frames: int, strength: float
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Log-mel, labels, the teacher's states and where there are any, of utterances (n,) of one shelf."""
        uniform = torch.rand(4, len(own), device=self._device)
        lengths, first = shelf.lengths[own], shelf.first[own]
        tempo = 1 + strength * _TEMPO * (2 * uniform[0] - 1)
        tempo = torch.maximum(tempo, lengths / n_frames)  # as slow as the window allows: its text is taught in whole
        room = (n_frames - (lengths / tempo).long()).clamp(min=0, max=40)
        start = ((room + 1) * uniform[1]).long() * (uniform[2] < 0.5)
        places = Places.of(lengths, tempo, start, n_frames)
        mel = places.between(shelf.mel, first).masked_fill(~places.inside[:, :, None], FLOOR)
        mel = extend_ambience(mel, places.inside, (uniform[3] * _AMBIENCE).long())
        labels = shelf.labels[first[:, None] + places.left].long().masked_fill(~places.inside, PHONES.index(SILENCE))
        return mel, labels, *self._taught(shelf, places, own)

    def _taught(self, shelf: _Shelf, places: Places, own: Tensor) -> tuple[Tensor | None, Tensor | None]:
        if not self._d_teacher:
            return None, None
        if shelf.teacher is None:
            return places.inside.new_zeros(*places.inside.shape, self._d_teacher, dtype=torch.float32), (
                torch.zeros_like(places.inside)
            )
        silence = (_HEARD_FRAMES - shelf.lengths[own]).clamp(min=0) // 2
        states = places.between(shelf.teacher.frames, shelf.teacher.first[own] + silence)
        return shelf.teacher.standardised(states), places.inside


def extend_ambience(
    mel: Tensor,  # (batch, n_frames, n_mels)
    inside: Tensor,  # (batch, n_frames) bool: where the recording is
    after: Tensor,  # (batch,) frames of ambience behind it
) -> Tensor:  # (batch, n_frames, n_mels)
    """Continue each recording's own background for up to 1 s before it, and for so many frames behind it."""
    batch, n_frames, n_mels = mel.shape
    place = torch.arange(n_frames, device=mel.device)
    first = torch.where(inside, place, n_frames).amin(dim=1, keepdim=True)
    last = torch.where(inside, place, -1).amax(dim=1, keepdim=True)
    around = (place >= first - _AMBIENCE) & (place <= last + after[:, None]) & ~inside
    loudness = mel.mean(dim=2).masked_fill(~inside, torch.inf)
    quiet = loudness.topk(_QUIETEST, dim=1, largest=False).indices  # (batch, 4)
    picked = quiet.gather(1, torch.randint(_QUIETEST, (batch, n_frames), device=mel.device))
    ambience = mel.gather(1, picked[:, :, None].expand(-1, -1, n_mels))
    is_long = inside.sum(dim=1) >= 10
    return torch.where((around & is_long[:, None])[:, :, None], ambience, mel)
