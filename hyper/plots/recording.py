"""The figure of a recording: waveform and spectrogram, as the model receives them."""

from __future__ import annotations

import librosa
import numpy as np
from matplotlib.figure import Figure

from hyper.plots import palette
from hyper.plots.style import GREY, Caption, style_axes

ENVELOPE_COLUMNS = 1200  # more than the pixels that a figure gives the waveform
MEL_TICKS_HZ = (250, 500, 1000, 2000, 4000)
MAX_HZ = 8000  # upper edge of Whisper's mel filters
RECORDING = Caption(
    "The recording as the model receives it",
    "Above the loudness over time; below the pitch content, dark where there is sound: repeated stripes, long even "
    "stretches and gaps show repetitions, prolongations and blocks.",
)


def recording_figure(
    waveform: np.ndarray,  # (n_samples,) in [-1, 1]
    log_mel: np.ndarray,  # (n_mels, n_frames), the speech part
    seconds: float,
    wide: bool = True,  # for a desk; the narrow one has the same type size on a telephone
) -> Figure:
    """Waveform above, log-mel below, one time axis."""
    figure = Figure(figsize=(11, 4.2) if wide else (5, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.5))
    low, high = envelope(waveform, ENVELOPE_COLUMNS)
    times = (np.arange(len(low)) + 0.5) * seconds / len(low)
    upper.fill_between(times, low, high, color=palette.INK, linewidth=0.6)
    peak = max(float(np.abs(waveform).max()), 1e-3)
    upper.set(xlim=(0, seconds), ylim=(-peak, peak), yticks=[])
    style_axes(upper, "", "loudness")
    upper.spines["left"].set_visible(False)
    n_mels = len(log_mel)
    lower.imshow(log_mel, origin="lower", aspect="auto", cmap=GREY, extent=(0, seconds, 0, n_mels))
    lower.set_yticks([mel_band(hertz, n_mels) for hertz in MEL_TICKS_HZ], [str(hertz) for hertz in MEL_TICKS_HZ])
    style_axes(lower, "seconds", "pitch (Hz)")
    return figure


def envelope(waveform: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest sample of each of at most `columns` equal stretches, each (n_columns,)."""
    starts = np.unique(np.linspace(0, len(waveform), min(columns, len(waveform)), endpoint=False).astype(int))
    return np.minimum.reduceat(waveform, starts), np.maximum.reduceat(waveform, starts)


def mel_band(hertz: float, n_mels: int) -> float:
    """Position of a frequency on the axis 0 to `n_mels` on which band i is drawn from i to i + 1."""
    mel, top = librosa.hz_to_mel([hertz, MAX_HZ])  # Slaney's scale, which Whisper's filters use
    return float((n_mels + 1) * mel / top) - 0.5  # centre of band i is the i + 1st of n_mels + 2 edges
