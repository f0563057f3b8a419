"""Mixed: dysarthria or Parkinson's speech that is also stuttered, both of the asked severity.

Held out, so that tests on it tell of a combination that was never heard, of disorders that were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hyper.simulate.disorder import Disorder, Profile, Simulated
from hyper.simulate.disorders import dysarthria, parkinsons, stuttering
from hyper.simulate.disorders.dysarthria import DysarthriaProfile
from hyper.simulate.disorders.parkinsons import ParkinsonsProfile
from hyper.simulate.disorders.stuttering import StutteringProfile
from hyper.simulate.phones import Phone

_MOTORS = (dysarthria.DISORDER, parkinsons.DISORDER)
# Seeds of the two speakers in a mixed one: far above any that a manifest gives its patients, so that neither speaker
# can have been in training.
_SEEDS = (2**62, 2**63 - 1)


@dataclass(frozen=True)
class MixedProfile(Profile):
    motor: DysarthriaProfile | ParkinsonsProfile
    stuttering: StutteringProfile


def draw(severity: str, _values: dict[str, float], rng: np.random.Generator) -> MixedProfile:
    """A speaker of either motor disorder and one who stutters, in one."""
    motor = _MOTORS[int(rng.integers(len(_MOTORS)))]
    seeds = [int(seed) for seed in rng.integers(*_SEEDS, size=2)]
    return MixedProfile(
        severity, motor.draw_profile(severity, seeds[0]), stuttering.DISORDER.draw_profile(severity, seeds[1])
    )


def say(waveform: np.ndarray, phones: Sequence[Phone], profile: MixedProfile, rng: np.random.Generator) -> Simulated:
    """The motor speaker's utterance, stuttered; a room is heard through the blocks, for it is not the speaker's."""
    motor = profile.motor
    if isinstance(motor, DysarthriaProfile):
        return stuttering.say(*dysarthria.articulate(waveform, phones, motor, rng), profile.stuttering, rng)
    said = stuttering.say(*parkinsons.articulate(waveform, phones, motor, rng), profile.stuttering, rng)
    return replace(said, waveform=parkinsons.in_its_room(said.waveform, waveform, motor, rng))


DISORDER = Disorder(name="mixed", profile=MixedProfile, ranges={}, draw=draw, say=say, held_out=True, seed=3)
