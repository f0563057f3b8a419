"""A channel vocoder (Dudley 1939): levels of a few bands, slowed, put on a carrier that is not the speaker's voice."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.signal import butter, sosfilt, sosfiltfilt

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.ways.held_out_plan import make_held_out_plan
from hyper.simulate.ways.plan import FRAME, FRAMES_PER_SECOND
from hyper.simulate.ways.predictor import excitation, f0_of_frames

_LOWEST_HZ, _HIGHEST_HZ = 80.0, 7600.0


def say_channels(
    waveform: np.ndarray, cohort: str, strength: float, speaker: np.random.Generator, rng: np.random.Generator
) -> np.ndarray:  # (n_samples,) -> (n_samples_out,)
    """Say it through fewer bands the stronger the disorder, their levels following slowly."""
    plan = make_held_out_plan(waveform, cohort, strength, speaker, rng)
    weak = 0.0 if cohort == "stuttering" else strength
    n_bands = round(24 - weak * speaker.uniform(4, 10))
    slow_hz = 40 * (1 - weak) + weak * speaker.uniform(8, 25)
    place = np.clip(plan.source, 0, len(waveform) // FRAME - 1)
    f0 = f0_of_frames(waveform, len(waveform) // FRAME)[place.round().astype(int)]
    carrier = excitation(f0, weak, weak * speaker.uniform(0.1, 0.9), speaker, rng)
    smooth = butter(1, slow_hz, fs=4 * FRAMES_PER_SECOND, output="sos")  # four levels a frame
    times = np.arange(len(carrier)) / FRAME
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, n_bands + 1)
    out = np.zeros(len(carrier))
    for low, high in pairwise(edges):
        band = butter(2, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
        level = _level(sosfilt(band, waveform), smooth)  # (4 * n_frames,)
        played = np.interp(place * 4, np.arange(len(level)), level) * plan.gain
        tone = sosfilt(band, carrier)
        out += tone * np.interp(times, np.arange(len(played)), played) / np.sqrt(np.mean(tone**2) + 1e-12)
    return out


def _level(band: np.ndarray, smooth: np.ndarray) -> np.ndarray:  # (n_samples,) -> (4 * n_frames,)
    quarter = FRAME // 4
    power = (band[: len(band) // quarter * quarter].reshape(-1, quarter) ** 2).mean(axis=1)
    return np.maximum(sosfiltfilt(smooth, np.sqrt(power)), 0.0)
