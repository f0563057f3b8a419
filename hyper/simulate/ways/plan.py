"""What is played when, from energy alone: source positions and gains for every frame of the output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hyper.recordings.limits import SAMPLE_RATE

FRAME = 128  # samples: 8 ms
FRAMES_PER_SECOND = SAMPLE_RATE / FRAME
_SPEECH_DB = 30.0  # frames that much below the loudest are pauses


@dataclass(frozen=True)
class Plan:
    """The output, frame by frame."""

    source: np.ndarray  # (n_out,) frames of the source, fractional
    gain: np.ndarray  # (n_out,) factor


def levels(waveform: np.ndarray) -> np.ndarray:  # (n_samples,) -> (n_frames,) root mean square
    """How loud each frame is, never quite 0; a recording shorter than a frame is repeated to fill one."""
    n_frames = max(len(waveform) // FRAME, 1)
    padded = np.resize(waveform, n_frames * FRAME) if len(waveform) < FRAME else waveform[: n_frames * FRAME]
    return np.sqrt(np.mean(padded.reshape(n_frames, FRAME).astype(np.float64) ** 2, axis=1) + 1e-12)


def make_plan(
    waveform: np.ndarray,  # (n_samples,)
    cohort: str,
    strength: float,  # in [0, 1]
    speaker: np.random.Generator,
    rng: np.random.Generator,
) -> Plan:
    """Timing and loudness of a disorder: slow with wrong pauses, hurried and fading, or stuttered."""
    level = levels(waveform)
    speech = np.flatnonzero(level > level.max() * 10 ** (-_SPEECH_DB / 20))
    rise = np.diff(np.log(np.convolve(level, np.ones(5) / 5, "same") + 1e-6), prepend=0)
    onsets = np.array([i for i in speech if rise[i] == rise[max(i - 6, 0) : i + 7].max()], dtype=int)
    places = onsets if len(onsets) else speech
    if cohort == "stuttering":
        return _stuttered(len(level), places, strength, speaker, rng)
    if cohort == "dysarthria":
        return _slow(len(level), places, strength, speaker, rng)
    return _hurried(len(level), strength, speaker, rng)


def _slow(n: int, places: np.ndarray, strength: float, speaker: np.random.Generator, rng: np.random.Generator) -> Plan:
    slowness = 1 + strength * speaker.uniform(0.3, 1.3)
    wobble = _drift(n, 4.0, rng)  # syllables of uneven length
    seconds = np.cumsum(slowness * (1 + 0.3 * strength * wobble))
    source = np.interp(np.arange(int(seconds[-1])), seconds, np.arange(n))
    gain = 10 ** (-strength * speaker.uniform(2, 8) * np.abs(_drift(len(source), 2.0, rng)) / 20)
    for place in rng.choice(places, size=rng.binomial(2, 0.5 * strength)):
        at = int(np.searchsorted(source, place))
        pause = int(rng.uniform(0.1, 0.4) * FRAMES_PER_SECOND)
        source = np.insert(source, at, np.full(pause, float(place)))
        gain = np.insert(gain, at, np.zeros(pause))
    return Plan(source, gain)


def _hurried(n: int, strength: float, speaker: np.random.Generator, rng: np.random.Generator) -> Plan:
    speed = 1 + strength * speaker.uniform(0.1, 0.6)
    pace = np.linspace(1.0, speed, n) * (1 + 0.15 * strength * _drift(n, 3.0, rng))  # festination gathers pace
    out = np.cumsum(1 / pace)
    source = np.interp(np.arange(int(out[-1])), out, np.arange(n))
    fade_db = np.linspace(0, strength * speaker.uniform(3, 15), len(source))
    tremor = 1 + 0.4 * strength * np.sin(
        2 * np.pi * speaker.uniform(3.5, 8) * np.arange(len(source)) / FRAMES_PER_SECOND
    )
    return Plan(source, 10 ** (-fade_db / 20) * tremor)


def _stuttered(
    n: int, places: np.ndarray, strength: float, speaker: np.random.Generator, rng: np.random.Generator
) -> Plan:
    """Pieces repeated with gaps, frames held to and fro, silent blocks."""
    count = 1 + rng.binomial(3, 0.7 * strength)
    kinds = speaker.dirichlet([1.5, 1.5, 1.0])  # repeat, hold, block
    sources: list[np.ndarray] = []
    gains: list[np.ndarray] = []
    now = 0
    for place in np.unique(rng.choice(places, size=min(count, len(places)), replace=False)):
        _play(sources, gains, np.arange(now, place), 1.0)
        now = int(place)
        kind = rng.choice(3, p=kinds)
        moment = int(rng.uniform(0.15, 0.35 + 0.9 * strength) * FRAMES_PER_SECOND)
        if kind == 0:
            length = min(int(rng.uniform(0.05, 0.22) * FRAMES_PER_SECOND), n - now)
            for _ in range(1 + rng.poisson(2 * strength)):
                _play(sources, gains, np.arange(now, now + length), 1.0)
                _play(sources, gains, np.full(int(rng.uniform(0.02, 0.15) * FRAMES_PER_SECOND), now), 0.0)
        elif kind == 1:
            _play(sources, gains, np.minimum(now + 4 + 3 * np.sin(np.arange(moment) / 4), n - 1), 1.0)
        else:
            _play(sources, gains, np.full(moment, now), 0.0)
    _play(sources, gains, np.arange(now, n), 1.0)
    return Plan(np.concatenate(sources).astype(float), np.concatenate(gains))


def _play(sources: list[np.ndarray], gains: list[np.ndarray], source: np.ndarray, gain: float) -> None:
    sources.append(source)
    gains.append(np.full(len(source), gain))


def _drift(n: int, rate_hz: float, rng: np.random.Generator) -> np.ndarray:  # (n,) about [-1, 1]
    """A slow random course with a new value `rate_hz` times a second."""
    knots = rng.uniform(-1, 1, max(int(n / FRAMES_PER_SECOND * rate_hz) + 2, 2))
    return np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots)


def gain_of_samples(gain: np.ndarray) -> np.ndarray:  # (n_out,) -> (n_out * FRAME,)
    """From the middle of each frame to the next in a straight line: steps would click."""
    smooth = np.convolve(np.pad(gain, 1, mode="edge"), np.ones(3) / 3, "valid")
    return np.interp((np.arange(len(gain) * FRAME) + 0.5) / FRAME - 0.5, np.arange(len(gain)), smooth)
