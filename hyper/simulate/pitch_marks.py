"""Where the voice pulses: pitch marks of a waveform, for cutting it into grains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.pitch import FRAME_HOP, track_f0

UNVOICED_PERIOD = SAMPLE_RATE // 200  # samples between marks where there is no voice: 5 ms


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
