"""What can be seen of a sound: its spectrogram, its pitch and its level, on one time axis."""

from __future__ import annotations

from dataclasses import dataclass

import librosa
import numpy as np

from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.pitch import F0_MAX, F0_MIN

HOP = SAMPLE_RATE // 50  # samples between values of pitch and level: 20 ms
LEVEL_WINDOW = 2 * HOP  # samples: 40 ms hold more than two periods of the lowest voice
PITCH_WINDOW = 1024  # samples: 64 ms, four periods of the lowest voice
MINUTE = 60 * SAMPLE_RATE  # pitch is searched minute by minute: a long recording needs no more memory
SILENCE_DB = -90.0  # re full scale; below one step of a 16-bit file

N_FFT = 512  # samples: bins of 31 Hz
FRAME = SAMPLE_RATE // 40  # samples: 25 ms show harmonics and still single bursts
N_BANDS = N_FFT // 4  # two bins each, without the constant
BAND_HZ = SAMPLE_RATE / N_FFT * 2
MOST_COLUMNS = 600  # as wide as a page draws them; half a minute is 50 ms each
SHORTEST_COLUMN = SAMPLE_RATE // 200  # samples: 5 ms
LONGEST_HOP = FRAME // 2  # samples: no moment lies between two frames
RANGE_DB = 70.0  # below the loudest cell: what is fainter is the recorder's own noise


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording as three pictures; frame i of pitch and level lies around sample i * HOP."""

    seconds: float
    spectrogram: np.ndarray  # (N_BANDS, n_columns) whole dB below the loudest cell, int8 from -RANGE_DB to 0
    column_seconds: float
    f0: np.ndarray  # (n_frames,) Hz, NaN where no voice is heard
    level: np.ndarray  # (n_frames,) dB re full scale: a sine that fills the range has -3


def look_at(waveform: np.ndarray) -> Sound:  # (n_samples,) 16 kHz
    """All three of one recording."""
    spectrogram, column = spectrogram_of(waveform)
    return Sound(len(waveform) / SAMPLE_RATE, spectrogram, column, pitch_of(waveform), level_of(waveform))


def spectrogram_of(waveform: np.ndarray) -> tuple[np.ndarray, float]:  # (N_BANDS, n_columns) int8, seconds
    """Power in at most MOST_COLUMNS columns, each the mean of all frames in it; and how long a column is."""
    column = max(-(-len(waveform) // MOST_COLUMNS), SHORTEST_COLUMN)
    n_parts = -(-column // LONGEST_HOP)
    hop = -(-column // n_parts)
    padded = np.pad(waveform, (0, max(N_FFT - len(waveform), 0)))
    power = np.abs(librosa.stft(padded, n_fft=N_FFT, win_length=FRAME, hop_length=hop)) ** 2  # (n_bins, n_frames)
    n_columns = -(-len(padded) // (hop * n_parts))
    power = power[1:, : n_columns * n_parts]
    power = np.pad(power, ((0, 0), (0, n_columns * n_parts - power.shape[1])), mode="edge")
    cells = power.reshape(N_BANDS, 2, n_columns, n_parts).mean(axis=(1, 3))
    decibels = 10 * np.log10(np.maximum(cells, 1e-20) / max(float(cells.max()), 1e-20))
    return np.maximum(decibels, -RANGE_DB).round().astype(np.int8), hop * n_parts / SAMPLE_RATE


def pitch_of(waveform: np.ndarray) -> np.ndarray:  # (n_frames,) Hz, NaN where no voice is heard
    """Fundamental frequency by pYIN (Mauch and Dixon, ICASSP 2014)."""
    starts = range(0, max(len(waveform), 1), MINUTE)  # a minute is a whole number of hops
    return np.concatenate([_pitch(waveform[start : start + MINUTE]) for start in starts])[: _n_frames(waveform)]


def _pitch(waveform: np.ndarray) -> np.ndarray:
    f0, _, _ = librosa.pyin(
        waveform,
        fmin=F0_MIN,
        fmax=F0_MAX,
        sr=SAMPLE_RATE,
        frame_length=PITCH_WINDOW,
        hop_length=HOP,
    )
    return f0[: max(len(waveform) // HOP, 1)]  # the frame at the very end is the next minute's first


def level_of(waveform: np.ndarray) -> np.ndarray:  # (n_frames,) dB re full scale
    """Root mean square of each stretch of LEVEL_WINDOW."""
    rms = librosa.feature.rms(y=waveform, frame_length=LEVEL_WINDOW, hop_length=HOP)[0, : _n_frames(waveform)]
    return 20 * np.log10(np.maximum(rms, 10 ** (SILENCE_DB / 20)))


def _n_frames(waveform: np.ndarray) -> int:
    return max(len(waveform) // HOP, 1)
