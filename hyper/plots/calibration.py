"""The reliability figure: how often words were right, beside how sure the model said it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hyper.compare.calibration import N_BINS, Calibration, Reliability, RowReliability
from hyper.metrics.percent import percent
from hyper.plots import palette
from hyper.plots.style import style_axes

# Marker, filling and line tell the two apart where there is no colour.
LOOKS: dict[str, dict[str, Any]] = {
    "before calibrating": {"color": palette.MUTED, "marker": "o", "markerfacecolor": palette.CARD, "linestyle": ":"},
    "calibrated": {"color": palette.INK, "marker": "s", "markerfacecolor": palette.INK, "linestyle": "-"},
}


def reliability_figure(calibration: Calibration, wide: bool = True) -> Figure:
    """For each row the share of right words over the stated one, and below how many words there were.

    The narrow one, for a telephone, has the rows one below the other.
    """
    figure = Figure(figsize=(8.4, 5.2) if wide else (4.6, 8.6), layout="constrained")
    panels = figure.subplots(2, 2, height_ratios=(3, 1)).T if wide else figure.subplots(4, height_ratios=(3, 1, 3, 1))
    rows = {"base": calibration.base, "adapted to the recording": calibration.adapted}
    for (upper, lower), (title, row) in zip(panels.reshape(2, 2), rows.items(), strict=True):
        _draw_curves(upper, title, row)
        _draw_counts(lower, row.calibrated)
    note = f"{calibration.n_simulated:,} of {calibration.n_recordings:,} recordings simulated"
    title = f"Are words right as often as stated?\nHeld-out speakers; {note}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=palette.INK)
    return figure


def _draw_curves(axes: Axes, title: str, row: RowReliability) -> None:
    """Both curves over the diagonal on which stated and true shares are the same."""
    axes.plot((0, 1), (0, 1), color=palette.CONTROL_LINE, linewidth=0.8)
    for (label, look), measured in zip(LOOKS.items(), (row.raw, row.calibrated), strict=True):
        confidence, right = _curve(measured)
        axes.plot(
            confidence, right, label=f"{label}: off by {percent(measured.error)}", linewidth=1.4, markersize=6, **look
        )
    axes.set_ylim(-0.03, 1.03)
    axes.set_title(title, fontsize=10, color=palette.INK)
    axes.legend(frameon=False, fontsize=9, loc="upper left", labelcolor=palette.INK)
    axes.set_xlim(-0.03, 1.03)
    style_axes(axes, y_title="share that was right")


def _draw_counts(axes: Axes, measured: Reliability) -> None:
    """How many words stand behind each point of the calibrated curve, written on the bars."""
    places = [(min(int(N_BINS * each.confidence), N_BINS - 1) + 0.5) / N_BINS for each in measured.bins]
    counts = [each.n_words for each in measured.bins]
    bars = axes.bar(places, counts, 0.8 / N_BINS, color=palette.CONTROL_LINE)
    axes.bar_label(bars, [f"{count:,}" for count in counts], fontsize=8, padding=1, color=palette.INK)
    axes.set_yscale("log")
    axes.set_ylim(1, 10 * max(counts))  # room for the number on the highest
    axes.set_xlim(-0.03, 1.03)
    style_axes(axes, "how sure the model was of a word", "words")


def _curve(measured: Reliability) -> tuple[Sequence[float], Sequence[float]]:
    return [each.confidence for each in measured.bins], [each.right for each in measured.bins]
