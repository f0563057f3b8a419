"""Settings of a training of the base."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class BaseTraining:
    """Settings of a run; the defaults are what made the bundled base."""

    hours: float = 1.2  # of training proper
    batch_size: int = 32
    learning_rate: float = 2e-3
    warm_up: int = 150  # updates
    start: str = ""  # folder of a base to go on from; empty trains from nothing
    teacher: str = ""  # a Whisper whose encoder states of real speech are learned too; empty trains without
    teacher_width: int = 0  # its d_model
    teaches_all: bool = False  # the teacher hears synthetic speech too
    clean_until: float = 0.3  # share of the run without any distortion, and without recordings to align
    rise: float = 0.15  # share of the run in which distortion then grows to its whole range
    real_share: float = 0.4  # of the batches, once real speech is aligned
    phone_weight: float = 0.5
    character_weight: float = 0.3
    teacher_weight: float = 1.0
    masks: float = 1.0  # times the widest masks of SpecAugment
    label_smoothing: float = 0.0
    token_noise: float = 0.0  # share of the tokens that the decoder reads that are others: it is to hear, not to guess
    save_every_seconds: float = 240.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.hours < math.inf:  # NaN as well
            raise TrainingError(f"`hours` is {self.hours:g}, but training takes more than 0 and has an end.")
        if not 0 <= self.real_share <= 1:
            raise TrainingError(f"`real_share` is {self.real_share:g}, but a share lies between 0 and 1.")
        for name in ("clean_until", "label_smoothing", "token_noise"):
            if not 0 <= getattr(self, name) < 1:
                raise TrainingError(f"`{name}` is {getattr(self, name):g}, but such a share lies between 0 and 1.")
        if not 0 < self.learning_rate < math.inf:
            raise TrainingError(f"`learning_rate` is {self.learning_rate:g}, but it must be a number above 0.")
        if not 0 <= self.masks < math.inf:
            raise TrainingError(f"`masks` is {self.masks:g}, but it must be a number of 0 or above.")
        for name, least in (("batch_size", 1), ("warm_up", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise TrainingError(f"`{name}` is {getattr(self, name)}, but it must be at least {least}.")

    @property
    def begun_with(self) -> dict[str, Any]:
        """What may not change on the way; the budget may, and how often is saved."""
        return {name: value for name, value in asdict(self).items() if name not in ("hours", "save_every_seconds")}


def going_on(settings: BaseTraining, start: Path) -> BaseTraining:
    """Settings of a run that goes on from a trained base: it hears already, only its new heads need a clean start."""
    return replace(settings, start=str(start), learning_rate=1.5e-3, clean_until=0.05, rise=0.05)


class TrainingError(ValueError):
    """Training cannot start, or cannot go on; the message says why."""
