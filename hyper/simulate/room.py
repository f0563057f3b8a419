"""What is heard when nobody speaks: the recording's own background, and the noise of a room."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from hyper.recordings.limits import SAMPLE_RATE

_FRAME = 256  # samples: 16 ms, shorter than the closure of a stop
_SMOOTH_BINS = 6  # standard deviation, 375 Hz: the last ringing of a vowel must not sing through a pause
_QUIET_SHARE = 0.05  # of the frames: the quietest ones show the background
_BACKGROUND_DB = -45.0  # against the speech; no background louder than this, even where no frame is quiet


def _frames(waveform: np.ndarray) -> np.ndarray:  # (n_frames, _FRAME) half overlapping
    padded = np.pad(waveform, (0, max(_FRAME - len(waveform), 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[:: _FRAME // 2]


def _levels(frames: np.ndarray) -> np.ndarray:  # (n_frames,) root mean square
    return np.sqrt(np.einsum("ij,ij->i", frames, frames) / frames.shape[1])


def speech_level(waveform: np.ndarray) -> float:
    """Root mean square of the frames within 20 dB of the loudest: the level of the speech, pauses left out."""
    levels = _levels(_frames(waveform))
    return float(np.sqrt((levels[levels >= 0.1 * levels.max()] ** 2).mean()))


def ratio(decibels: float) -> float:
    """Of amplitudes."""
    return 10 ** (decibels / 20)


def at_peak(waveform: np.ndarray, dbfs: float) -> np.ndarray:  # (n_samples,) float32
    """The same sound, as loud as its loudest sample shall be; not of silence."""
    return (waveform * (ratio(dbfs) / np.abs(waveform).max())).astype(np.float32)


def background(waveform: np.ndarray, n_samples: int, rng: np.random.Generator) -> np.ndarray:  # (n_samples,)
    """Noise with the spectrum and level of the waveform's quietest frames: what fills a pause that was not recorded."""
    frames = _frames(waveform)
    levels = _levels(frames)
    quiet = np.argsort(levels)[: max(round(_QUIET_SHARE * len(levels)), 1)]
    power = (np.abs(fft.rfft(frames[quiet] * np.hanning(_FRAME))) ** 2).mean(axis=0)
    shape = np.exp(0.5 * gaussian_filter1d(np.log(power + 1e-12), _SMOOTH_BINS, mode="nearest"))
    level = float(np.sqrt((levels[quiet] ** 2).mean()))
    return _shaped_noise(shape, n_samples, min(level, speech_level(waveform) * ratio(_BACKGROUND_DB)), rng)


def room_noise(n_samples: int, level: float, rng: np.random.Generator) -> np.ndarray:  # (n_samples,)
    """Noise of a quiet room: falling 5 dB an octave from 60 Hz up, as noise criterion curves do; `level` is its RMS."""
    frequencies = np.linspace(0, SAMPLE_RATE / 2, _FRAME // 2 + 1)
    return _shaped_noise(np.maximum(frequencies, 60) ** -0.83, n_samples, level, rng)


def _shaped_noise(shape: np.ndarray, n_samples: int, level: float, rng: np.random.Generator) -> np.ndarray:
    n = fft.next_fast_len(n_samples, real=True)
    spectrum = fft.rfft(rng.standard_normal(n).astype(np.float32))
    spectrum *= np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, len(shape)), shape)
    noise = fft.irfft(spectrum, n)[:n_samples]
    return noise * np.float32(level / max(np.sqrt((noise**2).mean()), 1e-12))
