"""Where the voice pulses: fundamental frequency and pitch marks of a waveform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

SAMPLE_RATE = (
    16_000  # Hz; as in hyper.recordings.audio, whose file decoders a simulator does not need (a test keeps them equal)
)
F0_MIN, F0_MAX = 65.0, 420.0  # Hz; from a low man's voice to a child's
FRAME_HOP = SAMPLE_RATE // 100  # samples between F0 values: 10 ms
UNVOICED_PERIOD = SAMPLE_RATE // 200  # samples between marks where there is no voice: 5 ms

_RATE = SAMPLE_RATE // 2  # F0 is searched at half the rate
_WINDOW = int(0.04 * _RATE)  # 40 ms: two and a half periods of the lowest voice
_VOICED = 0.5  # normalised autocorrelation above which a frame is voiced (Boersma 1993 uses 0.45)
_QUIET_DB = -40.0  # frames this far below the loud ones are not voice


@dataclass(frozen=True)
class PitchMarks:
    """Centres of the grains of a waveform: one per glottal period in voice, every 5 ms elsewhere."""

    position: np.ndarray  # (n_marks,) samples, fractional
    period: np.ndarray  # (n_marks,) samples
    voiced: np.ndarray  # (n_marks,) bool

    @property
    def mean_f0(self) -> float:
        """Geometric mean over the voiced marks, Hz; 120 Hz where nothing is voiced."""
        periods = self.period[self.voiced]
        return float(SAMPLE_RATE / np.exp(np.log(periods).mean())) if len(periods) else 120.0


def track_f0(waveform: np.ndarray) -> np.ndarray:  # (n_frames,) Hz, 0 where unvoiced, around samples i * FRAME_HOP
    """Fundamental frequency by normalised autocorrelation (Boersma 1993), searched twice.

    The first search finds the speaker's range; the second keeps to 0.55-1.8 times its median, against octave errors.
    """
    strength, lags = _autocorrelation(waveform)
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


def _autocorrelation(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Window-corrected autocorrelation (n_frames, n_lags) of 40 ms frames at half rate; the lags of the F0 range."""
    padded = np.pad(waveform, (_WINDOW, _WINDOW + 2))  # half a window each side, in full-rate samples
    half = (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:])[::2].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(half, _WINDOW)[:: FRAME_HOP // 2]
    window = np.hanning(_WINDOW).astype(np.float32)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    n_fft = fft.next_fast_len(2 * _WINDOW, real=True)
    n_lags = int(_RATE / F0_MIN) + 2
    power = np.abs(fft.rfft(frames, n_fft)) ** 2
    raw = fft.irfft(power, n_fft)[:, :n_lags]
    of_window = fft.irfft(np.abs(fft.rfft(window, n_fft)) ** 2, n_fft)[:n_lags]
    return raw / (of_window / of_window[0]), np.arange(int(_RATE / F0_MAX), n_lags)


def find_marks(waveform: np.ndarray) -> PitchMarks:
    """One mark per glottal period, each aligned with the one before by cross-correlation; 5 ms steps elsewhere."""
    f0 = track_f0(waveform)
    positions: list[float] = []
    periods: list[float] = []
    voiced: list[bool] = []
    for start, end in _voiced_stretches(f0, len(waveform)):
        _fill_unvoiced(positions, periods, voiced, start)
        for position, period in _marks_of_stretch(waveform, f0, start, end):
            positions.append(position)
            periods.append(period)
            voiced.append(True)
    _fill_unvoiced(positions, periods, voiced, len(waveform) + UNVOICED_PERIOD)
    return PitchMarks(np.array(positions), np.array(periods), np.array(voiced))


def _fill_unvoiced(positions: list[float], periods: list[float], voiced: list[bool], until: int) -> None:
    position = positions[-1] + UNVOICED_PERIOD if positions else 0.0
    while position < until:
        positions.append(position)
        periods.append(float(UNVOICED_PERIOD))
        voiced.append(False)
        position += UNVOICED_PERIOD


def _voiced_stretches(f0: np.ndarray, n_samples: int) -> list[tuple[int, int]]:
    """Voiced spans of at least three frames (30 ms), in samples."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], f0 > 0, [0]]).astype(int)))
    spans = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 3]
    half = FRAME_HOP // 2
    return [(max(a * FRAME_HOP - half, 0), min(b * FRAME_HOP - half, n_samples)) for a, b in spans]


def _marks_of_stretch(waveform: np.ndarray, f0: np.ndarray, start: int, end: int) -> list[tuple[float, float]]:
    """(position, period) of each glottal period between two samples."""
    frames = np.flatnonzero(f0)
    periods = SAMPLE_RATE / np.interp(np.arange(len(f0)), frames, f0[frames])
    first = float(periods[min(start // FRAME_HOP, len(periods) - 1)])
    position = start + float(np.argmax(np.abs(waveform[start : start + int(first) + 1])))
    marks = []
    while position < end:
        expected = float(periods[min(round(position / FRAME_HOP), len(periods) - 1)])
        step = _next_period(waveform, position, expected)
        marks.append((position, step))
        position += step
    return marks


def _next_period(waveform: np.ndarray, position: float, expected: float) -> float:
    """Lag near `expected` at which the period around `position` is found again, samples."""
    centre, half = round(position), int(expected / 2)
    low, high = int(0.85 * expected), int(1.18 * expected) + 1
    if centre < half or centre + high + half + 1 > len(waveform):
        return expected
    template = waveform[centre - half : centre + half + 1]
    match = np.correlate(waveform[centre + low - half : centre + high + half + 1], template, "valid")
    best = int(match.argmax())
    if match[best] <= 0 or best == 0 or best == len(match) - 1:
        return expected
    left, peak, right = match[best - 1 : best + 2]
    return low + best + float(0.5 * (left - right) / (left - 2 * peak + right))
