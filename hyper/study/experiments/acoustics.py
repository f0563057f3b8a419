"""What can be measured of a recording without any recogniser: pitch, level, rate, tilt, noise in the voice, MFCCs."""

from __future__ import annotations

from collections.abc import Sequence

import librosa
import numpy as np
import torch
from scipy.signal import find_peaks
from torch import Tensor

from hyper.compare.guards import measure_sound
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.pitch import FRAME_HOP, track_f0
from hyper.study.experiments.workbench import cached_array
from hyper.study.methods.method import Workshop

N_MFCC = 13
REFERENCE_HZ = 100.0  # of pitch in semitones
TILT_BAND_HZ = (200.0, 4000.0)
SYLLABLE_DB = 3.0  # that a peak of the level stands out by, to count as a syllable
_FLOOR = 1e-10  # of a power
MEASURED = (
    "F0 mean", "F0 range", "level mean", "level range", "voiced share", "pause share", "syllable rate", "duration",
    "spectral tilt", "HNR",
)  # fmt: skip
NAMES = (*MEASURED, *(f"MFCC {i} {kind}" for kind in ("mean", "std") for i in range(1, N_MFCC + 1)))


class Acoustics:
    """The listener that hears `acoustic_measures` of each recording."""

    d_embedding = len(NAMES)

    def embed(self, workshop: Workshop, rows: Sequence[ManifestRow]) -> Tensor:
        """(n_rows, d_embedding) float32; computed once."""
        return torch.from_numpy(acoustics_of_rows(workshop, rows)).float()


def acoustics_of_rows(workshop: Workshop, rows: Sequence[ManifestRow]) -> np.ndarray:
    """(n_rows, len(NAMES))."""
    make = lambda rows: np.stack([acoustic_measures(load_audio(row.path)) for row in rows])  # noqa: E731
    return cached_array(workshop.folder / "acoustics", rows, make)


def acoustic_measures(waveform: np.ndarray) -> np.ndarray:  # (n_samples,) 16 kHz -> (len(NAMES),)
    """F0 in semitones above 100 Hz, levels in dB, shares of the time, rates a second, tilt in dB an octave, HNR in dB.

    Syllables are peaks of the level that stand out by 3 dB: a proxy, as is the pause share.
    """
    f0 = track_f0(waveform)
    pitch = 12 * np.log2(f0[f0 > 0] / REFERENCE_HZ) if (f0 > 0).any() else np.zeros(1)
    level = _level(waveform)
    seconds = len(waveform) / SAMPLE_RATE
    measured = [
        pitch.mean(),
        np.ptp(np.percentile(pitch, [5, 95])),
        level.mean(),
        np.ptp(np.percentile(level, [10, 90])),
        (f0 > 0).mean(),
        1 - min(1.0, measure_sound(waveform).speech_seconds / seconds),
        len(find_peaks(level, prominence=SYLLABLE_DB)[0]) / seconds,
        seconds,
        _tilt(waveform),
        harmonics_to_noise(waveform, f0),
    ]
    mfcc = librosa.feature.mfcc(
        y=waveform, sr=SAMPLE_RATE, n_mfcc=N_MFCC, n_fft=512, hop_length=FRAME_HOP, n_mels=40
    )  # (n_mfcc, n_frames)
    return np.concatenate([measured, mfcc.mean(axis=1), mfcc.std(axis=1)])


def _level(waveform: np.ndarray) -> np.ndarray:  # (n_blocks,) dB, every 10 ms over 50 ms
    blocks = waveform[: len(waveform) // FRAME_HOP * FRAME_HOP].astype(np.float64).reshape(-1, FRAME_HOP)
    power = np.convolve((blocks**2).mean(axis=1), np.full(5, 0.2), "same")
    return 10 * np.log10(power + _FLOOR)


def _tilt(waveform: np.ndarray) -> float:
    """Slope of the long-term spectrum between 200 and 4000 Hz, dB an octave."""
    power = (np.abs(librosa.stft(waveform, n_fft=512, hop_length=256)) ** 2).mean(axis=1)
    hertz = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=512)
    inside = (hertz >= TILT_BAND_HZ[0]) & (hertz <= TILT_BAND_HZ[1])
    return float(np.polyfit(np.log2(hertz[inside]), 10 * np.log10(power[inside] + _FLOOR), 1)[0])


def harmonics_to_noise(waveform: np.ndarray, f0: np.ndarray) -> float:
    """A proxy of the HNR in dB: how alike two neighbouring periods are, over the voiced frames (Boersma 1993)."""
    ratios = []
    for frame in np.flatnonzero(f0):
        lag, centre = SAMPLE_RATE / f0[frame], int(frame) * FRAME_HOP
        likeness = max((_likeness(waveform, centre, round(lag) + step) for step in (-1, 0, 1)), default=0.0)
        if likeness > 0:
            likeness = min(likeness, 0.9999)  # 40 dB
            ratios.append(10 * np.log10(max(likeness, 1e-4) / (1 - likeness)))
    return float(np.mean(ratios)) if ratios else 0.0


def _likeness(waveform: np.ndarray, centre: int, lag: int) -> float:
    """Normalised correlation of two stretches of two periods, one period apart; 0 at the recording's edges."""
    start = centre - lag
    if start < 0 or start + 3 * lag > len(waveform):
        return 0.0
    first, second = waveform[start : start + 2 * lag], waveform[start + lag : start + 3 * lag]
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale > 0 else 0.0
