"""Pieces of the waveform itself, joined where they fit (WSOLA, Verhelst and Roelands 1993): no phones, no spectrum."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.ways.plan import FRAME, gain_of_samples, levels, make_plan

_HOP = 2 * FRAME  # samples: 16 ms
_SEARCH = 160  # samples: 10 ms either way, a period of a 100 Hz voice
_WINDOW = np.hanning(2 * _HOP + 1)[:-1].astype(np.float32)


def say_pieces(
    waveform: np.ndarray, cohort: str, strength: float, speaker: np.random.Generator, rng: np.random.Generator
) -> np.ndarray:  # (n_samples,) -> (n_samples_out,)
    """Change timing and level; dull what is not stuttered, and let the voice of Parkinson's sink into noise."""
    plan = make_plan(waveform, cohort, strength, speaker, rng)
    said = play(waveform, plan.source * FRAME) * gain_of_samples(plan.gain)
    if cohort == "stuttering":
        return said
    edge_hz = 7000 * (1 - strength) + speaker.uniform(1500, 3500) * strength
    dull = sosfilt(butter(2, edge_hz, fs=SAMPLE_RATE, output="sos"), said)
    if cohort == "parkinsons":
        snr_db = 40 - strength * speaker.uniform(15, 32)
        dull = dull + rng.standard_normal(len(dull)) * levels(waveform).max() * 10 ** (-snr_db / 20)
    return dull


def play(waveform: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The waveform read at `source` (n_out,) samples, one for each FRAME; the result is (n_out * FRAME,)."""
    n_out = len(source) * FRAME
    padded = np.pad(waveform, (_HOP + _SEARCH, 3 * _HOP + 2 * _SEARCH))  # piece at s is padded[s + _SEARCH:], centred
    out = np.zeros(n_out + 3 * _HOP, dtype=np.float32)
    follows: np.ndarray | None = None
    for start in range(0, n_out + _HOP, _HOP):
        at = int(np.clip(source[min(start // FRAME, len(source) - 1)], 0, len(waveform)))
        region = padded[at : at + 2 * _HOP + 2 * _SEARCH]
        shift = _SEARCH
        if follows is not None:
            shift = _best_shift(region, follows)
        out[start : start + 2 * _HOP] += _WINDOW * region[shift : shift + 2 * _HOP]
        follows = padded[at + shift + _HOP : at + shift + 3 * _HOP]
    return out[_HOP : _HOP + n_out]


def _best_shift(region: np.ndarray, follows: np.ndarray) -> int:
    """Where in the region the sound goes on as the last piece would have, by normalised correlation."""
    alike = fftconvolve(region, follows[::-1], mode="valid")  # (2 * _SEARCH + 1,)
    energy = np.concatenate([[0.0], np.cumsum(region.astype(np.float64) ** 2)])
    power = (energy[len(follows) :] - energy[: -len(follows)]) * float(follows @ follows)
    alike = alike / np.sqrt(power + 1e-9)
    return int((alike - 0.02 * np.abs(np.arange(len(alike)) - _SEARCH) / _SEARCH).argmax())  # a tie stays in place
