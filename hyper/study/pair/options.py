"""What a pair is made from and where it lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path


class PairError(ValueError):
    """No pair can be made of this; the message says what is wanted."""


@dataclass(frozen=True)
class PairOptions:
    """Base, recordings, budget, folder."""

    base: str
    data: Path  # a manifest, or a folder
    out: Path
    typical: Path | None  # further recordings, of typical speech
    cohort: str  # of the recordings whose list names none; "" is typical
    simulate: bool  # whether patients are made of typical speech
    dry_run: bool
    updates: int  # of the training; each trial gets a share of it more
    hours: float | None  # of all training, in place of updates
    batch_size: int
    accumulate: int
    language: str
    seed: int
    workers: int
    device: str | None

    def __post_init__(self) -> None:
        for name, least in (("updates", 1), ("batch_size", 1), ("accumulate", 1), ("seed", 0), ("workers", 1)):
            if getattr(self, name) < least:
                raise PairError(f"`{name}` is {getattr(self, name)}, but it must be at least {least}.")
        if self.hours is not None and not 0 < self.hours < math.inf:  # NaN as well
            raise PairError(f"`hours` is {self.hours:g}, but training takes more than 0 and has an end.")
        if self.batch_size % self.accumulate:
            raise PairError(
                f"A batch of {self.batch_size} cannot be computed in {self.accumulate} equal parts; "
                "choose a multiple for --batch-size."
            )
        if self.simulate and self.typical:
            raise PairError(
                "With --simulate the recordings of --data are the typical speech; please leave --typical out."
            )

    @property
    def made_with(self) -> dict[str, object]:
        """What may not change where a run goes on."""
        free = ("out", "dry_run", "workers", "device", "accumulate")
        return {name: _plain(value) for name, value in vars(self).items() if name not in free}

    @property
    def work(self) -> Path:
        """States and runs, needed only while the pair is made."""
        return self.out / "work"

    @property
    def done(self) -> Path:
        """What is done is noted here."""
        return self.out / "steps"

    @property
    def results(self) -> Path:
        """Scores and figures."""
        return self.out / "results"

    @property
    def hypernet(self) -> Path:
        """The hypernetwork with all that stands beside it."""
        return self.out / "hypernet"


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
