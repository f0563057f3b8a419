"""Source and filter: linear prediction of every frame, driven by pulses and breath that never were in the recording."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.pitch import FRAME_HOP, track_f0
from hyper.simulate.ways.held_out_plan import make_held_out_plan
from hyper.simulate.ways.plan import FRAME

_ORDER = 18  # two poles a kHz and two more
_EMPHASIS = 0.97  # of high frequencies, before the prediction; taken back behind it
_WINDOW = np.hanning(4 * FRAME)


def say_predictor(
    waveform: np.ndarray, cohort: str, strength: float, speaker: np.random.Generator, rng: np.random.Generator
) -> np.ndarray:  # (n_samples,) -> (n_samples_out,)
    """Resynthesise with a flat, trembling, breathy voice and filters that move too little."""
    plan = make_held_out_plan(waveform, cohort, strength, speaker, rng)
    correlation = _autocorrelation(waveform)  # (n_frames, _ORDER + 1)
    weak = 0.0 if cohort == "stuttering" else strength
    width = int(1 + 2 * round(weak * speaker.uniform(1, 5)))  # frames the filters are averaged over
    kernel = np.ones(width) / width
    slow = np.apply_along_axis(np.convolve, 0, correlation / (correlation[:, :1] + 1e-9), kernel, "same")
    place = np.clip(plan.source.round().astype(int), 0, len(correlation) - 1)  # (n_out,)
    energy = np.sqrt(correlation[place, 0]) * plan.gain
    f0 = f0_of_frames(waveform, len(correlation))[place]
    voice = excitation(f0, weak, weak * speaker.uniform(0.1, 0.9), speaker, rng)
    return _filtered(voice, slow[place], energy)


def f0_of_frames(waveform: np.ndarray, n_frames: int) -> np.ndarray:  # (n_frames,) Hz, 0 where there is no voice
    f0 = track_f0(waveform)
    return f0[np.minimum(np.arange(n_frames) * FRAME // FRAME_HOP, len(f0) - 1)]


def excitation(
    f0: np.ndarray,  # (n_out,) Hz, 0 where there is no voice
    flatness: float,  # share of the melody that is lost
    breath: float,  # level of noise in the voice against the pulses
    speaker: np.random.Generator,
    rng: np.random.Generator,
) -> np.ndarray:  # (n_out * FRAME,) of unit power
    """Pulses at a flattened, trembling F0 with breath; noise where nothing is voiced."""
    voiced = f0 > 0
    mean = np.exp(np.log(f0[voiced]).mean()) if voiced.any() else 120.0
    time = np.arange(len(f0)) * FRAME / SAMPLE_RATE
    tremor = 1 + 0.06 * flatness * np.sin(2 * np.pi * speaker.uniform(3.5, 9) * time)
    melody = np.where(voiced, mean * (np.where(voiced, f0, mean) / mean) ** (1 - flatness) * tremor, mean)
    phase = np.cumsum(np.repeat(melody, FRAME) / SAMPLE_RATE)
    rate = np.repeat(melody, FRAME) / SAMPLE_RATE  # pulses a sample
    pulses = np.diff(np.floor(phase), prepend=0.0) / np.sqrt(rate) - np.sqrt(rate)  # less their mean: an offset
    noise = rng.standard_normal(len(pulses))
    is_voiced = np.repeat(voiced, FRAME)
    return np.where(is_voiced, (pulses + breath * noise) / np.sqrt(1 + breath**2), noise)


def _autocorrelation(waveform: np.ndarray) -> np.ndarray:  # (n_frames, _ORDER + 1), power of one sample
    n_frames = max(len(waveform) // FRAME, 1)
    brighter = np.append(waveform[:1], waveform[1:] - _EMPHASIS * waveform[:-1])
    padded = np.pad(brighter, (FRAME, 4 * FRAME))
    frames = padded[np.arange(n_frames)[:, None] * FRAME + np.arange(4 * FRAME)] * _WINDOW
    power = np.abs(np.fft.rfft(frames, 8 * FRAME)) ** 2
    return np.fft.irfft(power)[:, : _ORDER + 1] / (_WINDOW**2).sum()


def _filtered(voice: np.ndarray, correlation: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Drive each frame's all-pole filter, its gain from the energy it must have; de-emphasise."""
    out, state = np.zeros(len(voice)), np.zeros(_ORDER)
    for i, row in enumerate(correlation):
        row = row * np.append(1 + 1e-4, np.ones(_ORDER)) + np.append(1e-6, np.zeros(_ORDER))
        predictor = solve_toeplitz(row[:-1], row[1:])
        gain = energy[i] * np.sqrt(max((row[0] - predictor @ row[1:]) / row[0], 1e-6))
        span = slice(i * FRAME, (i + 1) * FRAME)
        out[span], state = lfilter([gain], np.append(1.0, -predictor), voice[span], zi=state)
    return lfilter([1.0], [1.0, -_EMPHASIS], out)
