"""How much of a recording has the pitch of a voice."""

from __future__ import annotations

import numpy as np

from hyper.recordings.audio import SAMPLE_RATE

FRAME = SAMPLE_RATE // 20  # samples: 50 ms hold three periods of the lowest voice
HOP = SAMPLE_RATE // 50  # 20 ms
PITCH_HZ = (70, 400)  # from low men's to high children's voices
SHORTEST_PERIOD, LONGEST_PERIOD = SAMPLE_RATE // PITCH_HZ[1], SAMPLE_RATE // PITCH_HZ[0]  # samples
# Of a frame's power, how much comes again one period later. In 200 recordings each of a room, white and pink noise and
# breath no frame reached it; every one of 280 spoken sentences had 0.14 s above it or more.
PERIODIC = 0.35
FRAMES_AT_ONCE = 1000  # 20 s: a long recording needs no more memory than a short one


def voiced_seconds(waveform: np.ndarray) -> float:  # (n_samples,) 16 kHz
    """How long the recording is periodic as voices are. Hum and music are periodic as well; whispering is not."""
    # The difference of neighbours lets low rumble, which is like itself at every lag, weigh no more than the rest.
    flat = np.diff(waveform.astype(np.float64), prepend=waveform[:1])
    flat = np.pad(flat, (0, max(FRAME - len(flat), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(flat, FRAME)[::HOP]  # (n_frames, FRAME)
    parts = (frames[start : start + FRAMES_AT_ONCE] for start in range(0, len(frames), FRAMES_AT_ONCE))
    return sum(int((periodicity(part) > PERIODIC).sum()) for part in parts) * HOP / SAMPLE_RATE


def periodicity(frames: np.ndarray) -> np.ndarray:  # (n_frames, FRAME) -> (n_frames,)
    """Highest autocorrelation in the range of pitch, near 1 for a steady tone: Boersma's, with the window's own taken
    out (Proceedings of the Institute of Phonetic Sciences 17, 1993)."""
    window = np.hanning(FRAME)
    own = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window)
    of_window = _autocorrelation(window[None])
    pitch = slice(SHORTEST_PERIOD, LONGEST_PERIOD + 1)
    return (own[:, pitch] / np.maximum(own[:, :1], 1e-20) / (of_window[:, pitch] / of_window[:, :1])).max(axis=1)


def _autocorrelation(frames: np.ndarray) -> np.ndarray:  # (n_frames, FRAME) -> (n_frames, FRAME) at lags from 0 up
    spectrum = np.fft.rfft(frames, 2 * FRAME)  # twice as long: no end meets its beginning
    return np.fft.irfft(np.abs(spectrum) ** 2)[:, :FRAME]
