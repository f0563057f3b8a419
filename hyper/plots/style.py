"""What all figures share, and the recording: no state of pyplot, colours and sizes from the palette."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import librosa
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from hyper.plots import palette

PRINT_DPI = 200
PLOT_HEIGHT = 320  # pixels; fixed, because an automatic height starts at zero in a hidden container
ENVELOPE_COLUMNS = 1200  # more than the pixels that a figure gives the waveform
MODE_BUTTONS = ["toimage", "zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale", "resetscale"]
MEL_TICKS_HZ = (250, 500, 1000, 2000, 4000)
MAX_HZ = 8000  # upper edge of Whisper's mel filters
GREY = LinearSegmentedColormap.from_list("print", [palette.CARD, "#9fb0b7", palette.INK])  # as spectrograms are printed


@dataclass(frozen=True)
class Caption:
    """What stands above a plot: a title, and one sentence on how to read it."""

    title: str
    reading: str


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


def png(figure: Figure, dpi: int = PRINT_DPI) -> bytes:
    """The figure as a PNG file."""
    return _file(figure, "png", dpi)


def pdf(figure: Figure) -> bytes:
    """The figure as a PDF file with vector graphics."""
    return _file(figure, "pdf", PRINT_DPI)


def _file(figure: Figure, kind: str, dpi: int) -> bytes:
    """The figure as a file of that kind."""
    target = io.BytesIO()
    figure.savefig(target, format=kind, dpi=dpi, facecolor=palette.CARD)
    return target.getvalue()


def styled(figure: go.Figure, x_title: str, y_title: str) -> go.Figure:
    """The figure in the project's look: no tool bar, nothing that catches a finger that scrolls."""
    axis = {"fixedrange": True, "linecolor": palette.CONTROL_LINE, "gridcolor": palette.LINE, "zeroline": False}
    figure.update_layout(
        template="none",
        height=PLOT_HEIGHT,
        margin={"l": 64, "r": 12, "t": 12, "b": 52},
        paper_bgcolor=palette.CARD,
        plot_bgcolor=palette.CARD,
        font={"family": palette.FONT, "size": palette.TYPE["small"], "color": palette.INK},
        dragmode=False,
        bargap=0.35,
        showlegend=len(figure.data) > 1,
        legend={"orientation": "h", "y": 1.12},
        hoverlabel={"bgcolor": palette.INK, "font": {"color": palette.CARD}},
        modebar={"remove": MODE_BUTTONS},
    )
    figure.update_xaxes(title=x_title, type="category", **axis)
    figure.update_yaxes(title=y_title, rangemode="tozero", **axis)
    return figure


def style_axes(axes: Axes, x_title: str, y_title: str) -> None:
    """Axes in the project's look."""
    axes.set_xlabel(x_title, fontsize=10, color=palette.INK)
    axes.set_ylabel(y_title, fontsize=10, color=palette.INK)
    axes.tick_params(labelsize=9, colors=palette.INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(palette.CONTROL_LINE)


def error_arms(values: Sequence[float], intervals: Sequence[Sequence[float] | None]) -> np.ndarray:  # (2, n)
    """From each value down and up to the ends of its interval, times 100; 0 where there is none."""
    ends = [interval or (value, value) for value, interval in zip(values, intervals, strict=True)]
    return np.array(
        [[max(0, 100 * (v - low)), max(0, 100 * (high - v))] for v, (low, high) in zip(values, ends, strict=True)]
    ).T
