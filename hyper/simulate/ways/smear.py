"""The short-time spectrum smeared along time and frequency, its envelope warped, its band cut and its level adrift."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from hyper.simulate.spectrum import FREQUENCIES, HOP, istft, stft, warped

_SMOOTH_BINS = 8.0  # bins, 250 Hz: an envelope of formants, not of harmonics


def say_smeared(
    waveform: np.ndarray, cohort: str, strength: float, speaker: np.random.Generator, rng: np.random.Generator
) -> np.ndarray:  # (n_samples,) -> (n_samples,)
    """Keep the timing; blur what the tongue does, and let the level fade where the voice is that of Parkinson's."""
    spectra = stft(waveform)  # (n_frames, n_bins)
    log_power = np.log(np.abs(spectra) ** 2 + 1e-8)
    envelope = gaussian_filter(log_power, (0.5, _SMOOTH_BINS))
    share = strength if cohort == "dysarthria" else 0.6 * strength
    frames = 1 + share * speaker.uniform(2, 7)  # 8 ms each
    bins = _SMOOTH_BINS + share * speaker.uniform(2, 10)
    wanted = gaussian_filter(log_power, (frames, bins))
    wanted = warped(wanted, 1 + share * speaker.uniform(-0.2, 0.2))
    change = np.clip(0.5 * (wanted - envelope), -3, 3)  # of log magnitude: ±26 dB
    edge_hz = 8000 - share * speaker.uniform(1000, 5000)
    change = change - np.log1p((FREQUENCIES / edge_hz) ** 8) / 2
    if cohort == "parkinsons":
        fade_db = strength * speaker.uniform(4, 16)
        change = change - np.linspace(0, fade_db / 8.686, len(change))[:, None]
        noise = rng.standard_normal(len(waveform)) * np.abs(waveform).max() * 10 ** (-(45 - 25 * strength) / 20)
        return istft(spectra * np.exp(change), len(waveform)) + noise
    drift = np.interp(np.arange(len(change)) * HOP, np.linspace(0, len(waveform), 8), rng.uniform(-1, 0, 8))
    return istft(spectra * np.exp(change + strength * drift[:, None]), len(waveform))
