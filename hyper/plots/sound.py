"""The figure of a recording's sound: level, pitch and spectrogram over one time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from plotly import graph_objects as go

from hyper.plots import palette
from hyper.plots.style import COLORSCALE, Caption, dressed, paper, shades, style_axes
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.pitch import F0_MIN
from hyper.recordings.sound import BAND_HZ, HOP, RANGE_DB, Sound

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 560  # pixels
SHARES = (0.18, 0.24, 0.58)  # of the height: level, pitch, spectrogram
FRAME_SECONDS = HOP / SAMPLE_RATE
BAND_KHZ = BAND_HZ / 1000
FIRST_BAND_KHZ = 0.75 * BAND_KHZ  # middle of the lowest: bins 1 and 2, bin 0 is left out
TOP_KHZ = SAMPLE_RATE / 2000
LEAST_PITCH_SPAN = 150.0  # Hz: a monotone is drawn flat, not as its jitter
LEVEL_SPAN_DB = 60.0
SOUND = Caption(
    "Loudness, pitch and spectrogram",
    "Gaps are pauses or blocks, long even stretches prolongations, repeated stripes repetitions; a flat pitch line is "
    "a monotone. The spectrogram stands out where there is sound at that frequency.",
)


def sound_figure(sound: Sound) -> go.Figure:
    """Three rows over one time axis, along which it zooms."""
    from plotly.subplots import make_subplots  # slow to import: not for the start

    figure = make_subplots(rows=3, shared_xaxes=True, vertical_spacing=0.035, row_heights=SHARES)
    steps = {"x0": 0, "dx": FRAME_SECONDS, "mode": "lines"}
    figure.add_scatter(
        y=sound.level.round(1).astype(np.float32),
        line={"color": palette.INK, "width": 1.5},
        hovertemplate="%{x:.2f} s: %{y:.0f} dB<extra></extra>",
        **steps,
    )
    figure.add_scatter(
        y=sound.f0.round(1).astype(np.float32),
        line={"color": palette.ADAPTED, "width": 2.5},
        hovertemplate="%{x:.2f} s: %{y:.0f} Hz<extra></extra>",
        row=2,
        col=1,
        **steps,
    )
    figure.add_heatmap(
        z=sound.spectrogram,
        x0=sound.column_seconds / 2,
        dx=sound.column_seconds,
        y0=FIRST_BAND_KHZ,
        dy=BAND_KHZ,
        zmin=-RANGE_DB,
        zmax=0,
        colorscale=COLORSCALE,
        showscale=False,
        hovertemplate="%{x:.2f} s, %{y:.2f} kHz: %{z} dB below the loudest<extra></extra>",
        row=3,
        col=1,
    )
    dressed(figure)
    figure.update_layout(height=HEIGHT, showlegend=False, dragmode="zoom", margin_l=72, margin_t=36)
    figure.update_layout(meta={"seconds": sound.seconds})
    figure.update_xaxes(fixedrange=False, range=[0, sound.seconds], minallowed=0, maxallowed=sound.seconds)
    figure.update_xaxes(title="time, s", row=3)
    figure.update_yaxes(title="level, dB", range=_level_range(sound), row=1)
    figure.update_yaxes(title="pitch (F0), Hz", range=_pitch_range(sound), row=2)
    figure.update_yaxes(title="frequency, kHz", range=[0, TOP_KHZ], dtick=2, row=3)
    return figure


def sound_print(sound: Sound) -> Figure:
    """The same for paper: title inside."""
    figure = paper(9, 6)
    level, pitch, spectrogram = figure.subplots(3, sharex=True, height_ratios=SHARES)
    times = np.arange(len(sound.level)) * FRAME_SECONDS
    level.plot(times, sound.level, color=palette.INK, linewidth=1)
    level.set_ylim(_level_range(sound))
    level.set_title(SOUND.title, loc="left", fontsize=12, color=palette.INK)
    pitch.plot(times, sound.f0, color=palette.ADAPTED, linewidth=1.8)
    pitch.set_ylim(_pitch_range(sound))
    end = sound.spectrogram.shape[1] * sound.column_seconds
    bottom = FIRST_BAND_KHZ - BAND_KHZ / 2
    spectrogram.imshow(
        sound.spectrogram,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap=shades(),
        vmin=-RANGE_DB,
        vmax=0,
        extent=(0, end, bottom, bottom + len(sound.spectrogram) * BAND_KHZ),
    )
    spectrogram.set(xlim=(0, sound.seconds), ylim=(0, TOP_KHZ))
    for axes, title in ((level, "level, dB"), (pitch, "pitch (F0), Hz"), (spectrogram, "frequency, kHz")):
        style_axes(axes, y_title=title)
    style_axes(spectrogram, "time, s")
    figure.align_ylabels()
    return figure


def _level_range(sound: Sound) -> tuple[float, float]:
    """From the loudest moment down, as far as speech goes: digital silence would press the rest together."""
    top = float(sound.level.max())
    return max(float(sound.level.min()), top - LEVEL_SPAN_DB) - 2, top + 2


def _pitch_range(sound: Sound) -> tuple[float, float]:
    """What was found with some room, and never less than LEAST_PITCH_SPAN."""
    found = sound.f0[~np.isnan(sound.f0)]
    low, high = (float(found.min()), float(found.max())) if len(found) else (F0_MIN, F0_MIN + LEAST_PITCH_SPAN)
    room = max(LEAST_PITCH_SPAN - (high - low), 0) / 2 + 10
    return max(low - room, 0), high + room
