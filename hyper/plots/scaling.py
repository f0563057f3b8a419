"""The figure of how the cost of a comparison grows, with a slope for each line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from hyper.compare.scaling import ALONE, BOTH, Growth, Point
from hyper.plots import palette
from hyper.plots.style import ADAPTED, BASE, Look, plain_log_ticks, style_axes, title_of

TITLE = "What both transcripts cost, beside the base alone"
STEPS = (1.0, 2.0, 5.0)  # ticks of a decade
LOOKS = {ALONE: BASE, BOTH: ADAPTED}
TITLES = {"length": "Length", "size": "Model size", "rank": "Rank", "targets": "Adapted layers"}


def scaling_figure(growths: Sequence[Growth], note: str) -> Figure:
    """A panel for each; `note` says what it was measured on."""
    figure = Figure(figsize=(9.5, 7.2), layout="constrained")
    panels = figure.subplots(2, 2).flat
    for axes, growth in zip(panels, growths, strict=True):
        (_over_time if growth.is_log else _over_ratio)(axes, growth)
        axes.set_title(TITLES[growth.name], fontsize=11, color=palette.INK, loc="left")
        axes.legend(frameon=False, fontsize=9, labelcolor=palette.INK, loc="best")
    title_of(figure, TITLE)
    figure.supxlabel(note, x=0.01, ha="left", fontsize=9, color=palette.INK)
    return figure


def _over_time(axes: Axes, growth: Growth) -> None:
    """Times of both, as multiples of the base alone at the reference, both axes logarithmic."""
    (one,) = (point.alone_ms for point in growth.points if point.label == growth.reference)
    x = [point.x for point in growth.points]
    since = f" from {growth.fitted_from:g} on" if growth.fitted_from > min(x) else ""
    for line, times in (
        (ALONE, [point.alone_ms / one for point in growth.points]),
        (BOTH, [point.both_ms / one for point in growth.points]),
    ):
        power = f"{line}, ∝ {growth.x_name.split(' ')[0]}$^{{{growth.slopes[line]:.2f}}}${since}"
        axes.plot(x, times, **_drawn(LOOKS[line], power))
    plain_log_ticks(axes, x)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=STEPS))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    style_axes(axes, growth.x_name, f"time, × base alone at {growth.reference}", grid="y")


def _over_ratio(axes: Axes, growth: Growth) -> None:
    """Both over the base alone, over a logarithmic axis only so that small ranks have room."""
    axes.axhline(1.0, label=ALONE, color=BASE.colour, linestyle=BASE.line, linewidth=1.4)
    x = [point.x for point in growth.points]
    look = ADAPTED.drawn() | {"label": f"{BOTH}: {growth.slopes[BOTH]:+.4f} for each further {_one_of(growth)}"}
    if growth.name == "targets":  # no scale: nothing lies between them
        look |= {"linestyle": "none"}
        axes.set_xlim(0, 1.35 * max(x))
        for point in growth.points:
            place = (point.x, point.ratio)
            axes.annotate(
                point.label.replace(" and ", "\nand "),
                place,
                (7, -14),
                textcoords="offset points",
                fontsize=9,
                color=palette.INK,
            )
    else:
        plain_log_ticks(axes, x)
    axes.errorbar(x, [point.ratio for point in growth.points], yerr=_arms(growth.points), **look)
    axes.set_ylim(bottom=0)
    style_axes(axes, growth.x_name, "time, × base alone", grid="y")


def _one_of(growth: Growth) -> str:
    return "matrix" if growth.name == "targets" else growth.x_name


def _arms(points: Sequence[Point]) -> np.ndarray:  # (2, n_points)
    """From each ratio down and up to its quartiles."""
    return np.array([[max(0.0, p.ratio - p.quartiles[0]), max(0.0, p.quartiles[1] - p.ratio)] for p in points]).T


def _drawn(look: Look, label: str) -> dict[str, Any]:
    """As matplotlib's `plot` takes it."""
    return {name: value for name, value in look.drawn().items() if name != "capsize"} | {"label": label}
