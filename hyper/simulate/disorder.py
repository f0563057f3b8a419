"""What a disorder is: values that worsen with severity, how a speaker is drawn from them, how that speaker talks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from hyper.simulate.phones import Phone

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SEVERITIES = ("mild", "moderate", "severe")

# (low, high) for mild, moderate, severe, by the value's name; a speaker's value is uniform in between.
Ranges = Mapping[str, tuple[tuple[float, float], ...]]
Record = TypeVar("Record", bound="DataclassInstance")


@dataclass(frozen=True)
class Profile:
    """One speaker: what is always true of how they talk, in physical units."""

    severity: str


@dataclass(frozen=True)
class Event:
    """One moment of stuttering."""

    kind: str
    start: float  # seconds of the output
    end: float  # seconds of the output; the sound that was meant starts here, or (prolongation) goes on


@dataclass(frozen=True)
class Simulated:
    """A simulated utterance."""

    waveform: np.ndarray  # (n_samples,) float32 in [-1, 1], 16 kHz
    events: tuple[Event, ...] = ()  # moments of stuttering, in order; empty where the profile does not stutter


@dataclass(frozen=True, kw_only=True)
class Disorder:
    """One disorder, as its file in `hyper/simulate/disorders/` declares it."""

    name: str  # the cohort of its speakers; its first four letters are no other disorder's: patients' names hold them
    profile: type[Profile]  # what a speaker of it is, and of no other disorder
    ranges: Ranges
    draw: Callable[[str, dict[str, float], np.random.Generator], Any]  # severity, a value from each range -> a profile
    # waveform (n_samples,) float32, its phones, a profile -> any level; `simulate` keeps it within [-1, 1]
    say: Callable[[np.ndarray, Sequence[Phone], Any, np.random.Generator], Simulated]
    held_out: bool = False  # for testing only: no training may see it
    seed: int | None = None  # fixed where recordings were made before seeds came from names

    @property
    def own_seed(self) -> int:
        """What seeds its speakers, and no other disorder's; nothing but this disorder's file decides it."""
        if self.seed is not None:
            return self.seed
        return int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:4], "big")

    def draw_profile(self, severity: str, seed: int) -> Any:  # its `profile`
        """One speaker; the same seed gives the same speaker. Errors: ValueError for an unknown severity."""
        if severity not in SEVERITIES:
            raise ValueError(f"Severity {severity!r} is not known; choose one of {', '.join(SEVERITIES)}.")
        place = SEVERITIES.index(severity)
        rng = np.random.default_rng([self.own_seed, place, seed])
        values = {name: float(rng.uniform(*limits[place])) for name, limits in self.ranges.items()}
        return self.draw(severity, values, rng)


def taken(record: type[Record], values: dict[str, float]) -> Record:
    """A record of those values that are its fields; they are taken out, so that the others can be passed on."""
    return record(**{field.name: values.pop(field.name) for field in fields(record)})
