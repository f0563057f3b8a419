"""Figures of the experiments: every one says what is simulated, has its units, and needs no colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hyper.plots import palette
from hyper.plots.style import LABEL, WER_LABEL, error_arms, on_shade, plain_log_ticks, shades, style_axes, title_of

Rates = Mapping[str, Any]  # of one arm on one set

NOTE = "Simulated disorders, held-out synthetic speakers. Bars and bands: 95 % intervals over speakers."
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", ":", "-.")
COLOURS = (  # without the base's own, whose line stands beside the series
    palette.ADAPTED,
    palette.INK,
    palette.ADAPTED_SCALE[1],
    palette.ADAPTED_SCALE[3],
    palette.MUTED,
)
MOST_REDUCTION = 1.0  # all errors gone
FILLINGS = {"mild": "none", "moderate": "left", "severe": "full", "": "none"}


def _points(axes: Axes, x: Sequence[float], rates: Sequence[Rates], place: int, label: str, line: bool = True) -> None:
    """WER with intervals over x; marker, filling and line tell the series apart without colour."""
    values = [each["wer"] for each in rates]
    axes.errorbar(
        x,
        [100 * value for value in values],
        yerr=error_arms(values, [each["wer_interval"] for each in rates]),
        **_style(place, label, line),
    )


def _style(place: int, label: str, line: bool = True) -> dict[str, Any]:
    colour = COLOURS[place % len(COLOURS)]
    return {
        "label": label,
        "color": colour,
        "marker": MARKERS[place % len(MARKERS)],
        "markerfacecolor": colour if place % 2 == 0 else palette.CARD,
        "linestyle": LINES[place % len(LINES)] if line else "none",
        "linewidth": 1.3,
        "markersize": 6,
        "capsize": 3,
    }


def _base_line(axes: Axes, base: Rates, horizontal: bool) -> None:
    """The base's WER as a dotted line, its interval as a band."""
    draw, span = (axes.axhline, axes.axhspan) if horizontal else (axes.axvline, axes.axvspan)
    draw(100 * base["wer"], color=palette.BASE, linestyle=":", linewidth=1.5, label="base")
    if base["wer_interval"]:
        low, high = base["wer_interval"]
        span(100 * low, 100 * high, color=palette.LINE, alpha=0.45, linewidth=0)


def _finish(figure: Figure, axes: Axes, title: str, note: str = NOTE, n_columns: int = 3) -> Figure:
    """Title, legend and the note on what is shown."""
    title_of(figure, title)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower left", ncols=n_columns, frameon=False, fontsize=9, title=note,
        title_fontsize=8.5, alignment="left", labelcolor=palette.INK,
    )  # fmt: skip
    return figure


def budget_figure(
    lines: Mapping[str, Sequence[tuple[float, Rates]]],  # by kind: (generated parameters, % of the base; rates)
    base: Rates,
) -> Figure:
    """WER over the share of the base's parameters that is generated for an utterance."""
    shares = [share for points in lines.values() for share, _ in points]
    decades = range(math.floor(math.log10(min(shares))), math.ceil(math.log10(max(shares))) + 1)
    ticks = [first * 10.0**decade for decade in decades for first in (1, 3)]
    ticks = [tick for tick in ticks if 0.9 * min(shares) <= tick <= 1.2 * max(shares)]
    x_label = "generated parameters an utterance, % of the base"
    figure, axes = _wer_over(lines, base, ticks, "{:g}", x_label)
    axes.axhline(50 * base["wer"], color=palette.MUTED, linestyle="-.", linewidth=1, label="half of the base")
    return _finish(figure, axes, "Budget, simulated atypical commands")


def _wer_over(
    lines: Mapping[str, Sequence[tuple[float, Rates]]], base: Rates, ticks: Sequence[float], form: str, x_label: str
) -> tuple[Figure, Axes]:
    """WER of several kinds over a number on a logarithmic axis, beside the base."""
    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axes = figure.subplots()
    _base_line(axes, base, horizontal=True)
    for place, (kind, points) in enumerate(lines.items()):
        _points(axes, [x for x, _ in points], [rates for _, rates in points], place, kind)
    plain_log_ticks(axes, ticks, form)
    style_axes(axes, x_label, WER_LABEL, grid="y")
    axes.set_ylim(bottom=0)
    return figure, axes


def forest_figure(
    title: str, lines: Mapping[str, Rates], base: Rates, groups: Mapping[str, int] | None = None
) -> Figure:
    """WER of each arm on a line of its own, beside the base; `groups` gives lines of one kind the same marker."""
    figure = Figure(figsize=(7.5, 1.8 + 0.32 * len(lines)), layout="constrained")
    axes = figure.subplots()
    _base_line(axes, base, horizontal=False)
    for place, (label, rates) in enumerate(lines.items()):
        kind = (groups or {}).get(label, 0)
        value, arms = rates["wer"], error_arms([rates["wer"]], [rates["wer_interval"]])
        axes.errorbar([100 * value], [place], xerr=arms, **_style(kind, "_" + label, line=False))
    axes.set_yticks(range(len(lines)), list(lines))
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xlim(left=0)
    style_axes(axes, WER_LABEL, grid="x")
    return _finish(figure, axes, title)


def strength_figure(sweep: Mapping[str, Mapping[str, Rates]], chosen: float) -> Figure:
    """WER, and inserted words, over the strength of the update, a line for each severity."""
    figure = Figure(figsize=(8.5, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    strengths = [float(strength) for strength in sweep]
    for place, group in enumerate(sweep["1"]):
        own = [by_group[group] for by_group in sweep.values()]
        label = "all" if group == "all" else f"simulated {group}"
        _points(left, strengths, own, place, label)
        style = _style(place, label) | {"capsize": 0}
        right.errorbar(strengths, [100 * each["insertion_rate"] for each in own], **style)
    for axes, label in ((left, WER_LABEL), (right, "inserted words, % of the reference words")):
        axes.axvline(
            chosen, color=palette.MUTED, linestyle="-.", linewidth=1, label=f"chosen on validation: {chosen:g}"
        )
        style_axes(axes, "strength: times the update", label, grid="y")
        axes.set_ylim(bottom=0)
    return _finish(figure, left, "Strength, simulated atypical commands")


def transfer_figure(
    title: str,
    panels: Mapping[str, np.ndarray],  # (n_rows, n_columns) relative WER reduction, a fraction; NaN where unknown
    rows: Sequence[str],
    columns: Sequence[str],
) -> Figure:
    """Relative WER reduction by what was trained on and what was tested, as numbers on grey."""
    figure = Figure(figsize=(1.2 + 5.2 * len(panels), 2.2 + 0.42 * len(rows)), layout="constrained")
    for axes, (name, values) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        axes.imshow(np.nan_to_num(values), cmap=shades(), vmin=0, vmax=MOST_REDUCTION, aspect="auto")
        for (i, j), value in np.ndenumerate(values):
            text = "–" if np.isnan(value) else f"{100 * value:.0f}"
            axes.text(j, i, text, ha="center", va="center", fontsize=9, color=on_shade(value / MOST_REDUCTION))
        axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xlabel("tested on (simulated)", **LABEL)
        axes.set_title(name, fontsize=10, color=palette.INK)
        axes.tick_params(labelsize=8.5, colors=palette.INK, length=0)
    figure.axes[0].set_ylabel("trained on", **LABEL)
    title_of(figure, title + "\nless WER than the base, %; below 0 adapting made it worse")
    return figure


def ceiling_figure(lines: Mapping[str, Sequence[tuple[int, Rates]]], base: Rates) -> Figure:
    """WER of several kinds of training over the number of speakers that they are taught by."""
    ticks = sorted({n for points in lines.values() for n, _ in points})
    figure, axes = _wer_over(lines, base, ticks, "{:,}", "simulated patients in the training data")
    return _finish(figure, axes, "Training speakers, simulated atypical commands")


def scatter_figure(panels: Mapping[str, Sequence[tuple[str, float, Rates]]], x_label: str) -> Figure:
    """Relative WER reduction over how far training turned each kind of layer; encoder and decoder differ in marker."""
    figure = Figure(figsize=(1 + 4.6 * len(panels), 4.8), layout="constrained")
    for axes, (title, points) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for place, side in enumerate(("decoder", "encoder")):
            own = [point for point in points if point[0].startswith(side)]
            values = [rates["relative_reduction"] or 0.0 for _, _, rates in own]
            arms = error_arms(values, [rates["relative_reduction_interval"] for _, _, rates in own])
            x, y = [x for _, x, _ in own], [100 * value for value in values]
            axes.errorbar(x, y, yerr=arms.reshape(2, len(own)), **_style(place, side, line=False))
            for i, ((name, *_), at_x, at_y) in enumerate(sorted(zip(own, x, y, strict=True), key=lambda each: each[1])):
                axes.annotate(  # beside its mark, its neighbour's on the other side
                    name.split(".")[1].removesuffix("_proj"),
                    (at_x, at_y),
                    (7, 0) if i % 2 else (-7, 0),
                    textcoords="offset points",
                    ha="left" if i % 2 else "right",
                    va="center",
                    fontsize=7.5,
                )
        axes.set_title(title, fontsize=10, color=palette.INK)
        style_axes(axes, x_label, "less WER than the base, %", grid="y")
    return _finish(figure, figure.axes[0], "How far a matrix turns, and what adapting it alone gains")


def knowledge_figure(
    points: np.ndarray,  # (n, 2) first two principal components
    cohorts: Sequence[str],
    severities: Sequence[str],
    probes: Mapping[str, Mapping[str, Any]],
) -> Figure:
    """A map of the embedding by cohort and severity, and what linear probes read off it beside shuffled labels."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    kinds = sorted(set(zip(cohorts, severities, strict=True)))
    names = sorted(set(cohorts))
    for cohort, severity in kinds:
        chosen = [i for i, both in enumerate(zip(cohorts, severities, strict=True)) if both == (cohort, severity)]
        place = names.index(cohort)
        left.plot(
            *points[chosen].T, linestyle="none", marker=MARKERS[place], markersize=4,
            color=COLOURS[place % len(COLOURS)], fillstyle=FILLINGS.get(severity, "full"), alpha=0.8,
            label=f"{cohort} {severity}".strip(),
        )  # fmt: skip
    style_axes(left, "first principal component", "second principal component", grid="both")
    places = np.arange(len(probes))
    values = [probe["value"] for probe in probes.values()]
    arms = error_arms(values, [probe["interval"] for probe in probes.values()])
    right.errorbar(100 * np.array(values), places, xerr=arms, **_style(0, "read off the embedding", line=False))
    chance = [100 * probe["shuffled"] for probe in probes.values()]
    right.errorbar(chance, places, **_style(1, "shuffled labels", line=False))
    right.set_yticks(places, list(probes))
    right.set_ylim(len(probes) - 0.5, -0.5)
    style_axes(right, "balanced accuracy or R², %", grid="x")
    right.legend(loc="best", fontsize=8, edgecolor=palette.LINE)
    return _finish(figure, left, "What the embedding knows, held-out speakers", n_columns=5)
