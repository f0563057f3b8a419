"""How high a voice is: fundamental frequency by normalised autocorrelation.

Boersma, Proceedings of the Institute of Phonetic Sciences 17, 1993.
"""

from __future__ import annotations

import numpy as np
import scipy  # its parts come in when they are first used, which is after the start

from hyper.recordings.limits import SAMPLE_RATE

F0_MIN, F0_MAX = 65.0, 420.0  # Hz; from a low man's voice to a child's
FRAME_HOP = SAMPLE_RATE // 100  # samples between F0 values: 10 ms

_RATE = SAMPLE_RATE // 2  # F0 is searched at half the rate
_WINDOW = int(0.04 * _RATE)  # 40 ms: two and a half periods of the lowest voice
_N_LAGS = int(_RATE / F0_MIN) + 2
_VOICED = 0.5  # normalised autocorrelation above which a frame is voiced (Boersma 1993 uses 0.45)
_QUIET_DB = -40.0  # frames this far below the loud ones are not voice


def track_f0(waveform: np.ndarray) -> np.ndarray:  # (n_frames,) Hz, 0 where unvoiced, around samples i * FRAME_HOP
    """Fundamental frequency by normalised autocorrelation, searched twice.

    The first search finds the speaker's range; the second keeps to 0.55-1.8 times its median, against octave errors.
    """
    strength, lags = autocorrelation(_frames(waveform), _N_LAGS), np.arange(int(_RATE / F0_MAX), _N_LAGS)
    energy_db = 10 * np.log10(strength[:, 0] + 1e-12)
    loud = energy_db > np.percentile(energy_db, 95) + _QUIET_DB
    correlation = strength[:, lags] / (strength[:, :1] + 1e-9)  # (n_frames, n_lags)
    correlation *= 1 + 0.1 * np.log2(_RATE / F0_MIN / lags)  # a small cost for the lower octave
    best = correlation.argmax(axis=1)
    sure = loud & (correlation.max(axis=1) > 0.7)
    if not sure.any():
        sure = loud & (correlation.max(axis=1) > _VOICED)
    if not sure.any():
        return np.zeros(len(best))
    median = np.median(lags[best[sure]])
    correlation[:, (lags < median / 1.8) | (lags > median / 0.55)] = 0
    best = np.clip(correlation.argmax(axis=1), 1, len(lags) - 2)
    rows = np.arange(len(best))
    left, centre, right = (correlation[rows, best + step] for step in (-1, 0, 1))
    bend = left - 2 * centre + right
    shift = np.where(bend < -1e-9, 0.5 * (left - right) / np.minimum(bend, -1e-9), 0.0)
    f0 = _RATE / (lags[best] + np.clip(shift, -0.5, 0.5))
    return np.where(loud & (centre > _VOICED), f0, 0.0)


def _frames(waveform: np.ndarray) -> np.ndarray:  # (n_frames, _WINDOW) float32, at half the rate
    padded = np.pad(waveform, (_WINDOW, _WINDOW + 2))  # half a window each side, in full-rate samples
    half = (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:])[::2].astype(np.float32)
    return np.lib.stride_tricks.sliding_window_view(half, _WINDOW)[:: FRAME_HOP // 2]


def autocorrelation(frames: np.ndarray, n_lags: int) -> np.ndarray:  # (n_frames, n_samples) -> (n_frames, n_lags)
    """Autocorrelation of each frame at lags from 0 up, seen through a Hann window whose own is taken out.

    Of a steady tone, the value one period later is that at lag 0.
    """
    n_samples = frames.shape[1]
    window = np.hanning(n_samples).astype(frames.dtype)
    windowed = (frames - frames.mean(axis=1, keepdims=True)) * window
    n_fft = scipy.fft.next_fast_len(2 * n_samples, real=True)  # twice as long: no end meets its beginning
    own, of_window = (
        scipy.fft.irfft(np.abs(scipy.fft.rfft(x, n_fft)) ** 2, n_fft)[..., :n_lags] for x in (windowed, window)
    )
    return own / (of_window / of_window[0])
