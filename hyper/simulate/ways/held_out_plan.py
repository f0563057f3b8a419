"""Timing and loudness for the ways that are kept for tests, by other rules than those that training hears (`plan`).

Syllable by syllable, as the energy dips: scanned, in short rushes, or broken off at moments that come by chance.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hyper.simulate.ways.plan import FRAMES_PER_SECOND, Plan, levels

_SMOOTHING = 4.0  # frames: 32 ms, less than a syllable


def make_held_out_plan(
    waveform: np.ndarray,  # (n_samples,)
    cohort: str,
    strength: float,  # in [0, 1]
    speaker: np.random.Generator,
    rng: np.random.Generator,
) -> Plan:
    """What is played when, and how loud, of a disorder."""
    syllables = _syllables(levels(waveform))
    make = {"stuttering": _broken_off, "dysarthria": _scanned}.get(cohort, _in_rushes)
    return make(syllables, strength, speaker, rng)


def _syllables(level: np.ndarray) -> list[tuple[int, int]]:
    """First frame and the one behind the last of each stretch between two dips of the energy."""
    smooth = gaussian_filter1d(np.log(level + 1e-6), _SMOOTHING, mode="nearest")
    dips = np.flatnonzero((smooth[1:-1] < smooth[:-2]) & (smooth[1:-1] <= smooth[2:])) + 1
    return list(pairwise([0, *dips.tolist(), len(level)]))


class _Played:
    """A plan while it is made."""

    def __init__(self) -> None:
        self._source: list[np.ndarray] = []
        self._gain: list[np.ndarray] = []

    def play(self, first: float, last: float, n: int, gain: float | np.ndarray = 1.0) -> None:
        """Frames `first` to `last` of the source in `n` frames."""
        self._source.append(np.linspace(first, last, n, endpoint=False))
        self._gain.append(np.broadcast_to(gain, n))

    def rest(self, at: float, seconds: float) -> None:
        """Silence before the frame `at`."""
        n = round(seconds * FRAMES_PER_SECOND)
        self._source.append(np.full(n, at))
        self._gain.append(np.zeros(n))

    def plan(self) -> Plan:
        return Plan(np.concatenate(self._source), np.concatenate(self._gain))


def _scanned(
    syllables: list[tuple[int, int]], strength: float, speaker: np.random.Generator, rng: np.random.Generator
) -> Plan:
    """Scanning speech: slow syllables of nearly one length, a few to a breath, each breath dying away."""
    evenness = strength * speaker.uniform(0.2, 0.9)
    slowness = 1 + strength * speaker.uniform(0.2, 1.1)
    fall_db = strength * speaker.uniform(1, 9)
    breath = int(speaker.integers(2, 7))  # syllables
    mean = np.mean([last - first for first, last in syllables])
    played = _Played()
    for i, (first, last) in enumerate(syllables):
        n = slowness * ((1 - evenness) * (last - first) + evenness * mean)
        played.play(first, last, max(round(n), 1), 10 ** (-fall_db * (i % breath) / breath / 20))
        if (i + 1) % breath == 0 and rng.random() < 0.7 * strength:
            played.rest(last, rng.uniform(0.12, 0.55))
    return played.plan()


def _in_rushes(
    syllables: list[tuple[int, int]], strength: float, speaker: np.random.Generator, rng: np.random.Generator
) -> Plan:
    """Short rushes, each as fast from its first sound and softer toward its end, with silences between them."""
    fast = 1 + strength * speaker.uniform(0.15, 0.75)
    rush = int(speaker.integers(3, 9))  # syllables
    fade_db, silence = strength * speaker.uniform(2, 14), 0.35 * strength * speaker.random()
    played = _Played()
    for i, (first, last) in enumerate(syllables):
        within = i % rush / rush
        pace = fast if rng.random() < 0.8 else 1.0  # now and then a syllable keeps its length
        softer_db = fade_db * (1 - np.exp(-2 * within))
        played.play(first, last, max(round((last - first) / pace), 1), 10 ** (-softer_db / 20))
        if (i + 1) % rush == 0 and silence:
            played.rest(last, rng.exponential(silence))
    return played.plan()


def _broken_off(
    syllables: list[tuple[int, int]], strength: float, speaker: np.random.Generator, rng: np.random.Generator
) -> Plan:
    """Moments by chance, at least one: a sound said faster and faster, one drawn out, a silence before a syllable."""
    often = 0.06 + strength * speaker.uniform(0.1, 0.4)  # of the syllables
    kinds = speaker.dirichlet([2.0, 1.0, 1.0])
    moments = rng.random(len(syllables)) < often
    moments[rng.integers(len(syllables))] = True
    played = _Played()
    for (first, last), is_moment in zip(syllables, moments, strict=True):
        if is_moment:
            _stutter(played, first, last, int(rng.choice(3, p=kinds)), strength, rng)
        played.play(first, last, last - first)
    return played.plan()


def _stutter(played: _Played, first: int, last: int, kind: int, strength: float, rng: np.random.Generator) -> None:
    """What comes before the syllable is said."""
    begun = min(last - first, round(rng.uniform(0.06, 0.14) * FRAMES_PER_SECOND))  # frames of it
    if kind == 0:
        for n in range(1 + rng.geometric(1 / (1.5 + 3 * strength))):
            played.play(first, first + begun, begun, 0.9**n)
            played.rest(first, rng.uniform(0.03, 0.2) * 0.8**n)
    elif kind == 1:
        drawn = round(begun * rng.uniform(2, 4 + 6 * strength))
        played.play(first, first + begun, drawn)
    else:
        played.rest(first, 0.1 + rng.exponential(0.15 + 0.4 * strength))
