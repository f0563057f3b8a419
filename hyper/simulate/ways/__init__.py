"""Ways to make a disorder that need no phones, so that a model cannot learn one simulator by its fingerprints.

The way in `hyper/simulate/disorders/` is called `phones`. Those here are other signal processing with ranges wider than
the clinical ones; the strengths are our own choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hyper.simulate.disorder import SEVERITIES
from hyper.simulate.ways.chain import say_chain
from hyper.simulate.ways.channels import say_channels
from hyper.simulate.ways.pieces import say_pieces
from hyper.simulate.ways.predictor import say_predictor
from hyper.simulate.ways.smear import say_smeared
from hyper.simulate.ways.vocoder import say_vocoded

PHONES = "phones"
CHOICES = ("train", "held-out", "all")
_STRENGTHS = ((0.1, 0.4), (0.35, 0.7), (0.6, 1.0))  # mild, moderate, severe: they overlap, as patients do
# waveform (n_samples,), cohort, strength in [0, 1], draws for the speaker, for the recording -> (n_samples_out,)
Say = Callable[[np.ndarray, str, float, np.random.Generator, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Way:
    """One way to make some disorders."""

    say: Say
    cohorts: tuple[str, ...]
    held_out: bool  # for testing only: no training may hear it


_THREE = ("stuttering", "dysarthria", "parkinsons")
WAYS = {
    "pieces": Way(say_pieces, _THREE, held_out=False),
    "smear": Way(say_smeared, ("dysarthria", "parkinsons"), held_out=False),
    "chain": Way(say_chain, _THREE, held_out=False),
    "vocoder": Way(say_vocoded, _THREE, held_out=False),
    "predictor": Way(say_predictor, _THREE, held_out=True),
    "channels": Way(say_channels, _THREE, held_out=True),
}


def ways_of(cohort: str, choice: str) -> tuple[str, ...]:
    """Names of the ways to make a disorder: train, held-out, all, or one by its name; () where there is none."""
    wanted = {"train": (False,), "held-out": (True,)}.get(choice, (False, True))
    names = [PHONES] if choice in (PHONES, "train", "all") else []
    for name, way in WAYS.items():
        if cohort in way.cohorts and way.held_out in wanted and choice in (name, *CHOICES):
            names.append(name)
    return tuple(names)


def draw_way(names: Sequence[str], profile_seed: int) -> str:
    """The way of a patient; the same seed gives the same way."""
    return names[int(np.random.default_rng([profile_seed, 7]).integers(len(names)))]


def simulate_way(
    name: str, waveform: np.ndarray, cohort: str, severity: str, profile_seed: int, seed: int
) -> np.ndarray:
    """Say a typical utterance as a patient would, in one of `WAYS`; the same seeds give the same samples.

    waveform: (n_samples,) float in [-1, 1], 16 kHz; the result is (n_samples_out,) float32 within [-1, 1].
    """
    speaker = np.random.default_rng([profile_seed, 8])
    strength = float(speaker.uniform(*_STRENGTHS[SEVERITIES.index(severity)]))
    said = WAYS[name].say(waveform.astype(np.float32), cohort, strength, speaker, np.random.default_rng(seed))
    return (said * min(1.0, 0.99 / max(float(np.abs(said).max()), 1e-9))).astype(np.float32)
