"""The figures of a report on many recordings: WER of each recording or speaker, and how far each layer was moved."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import bidirectional

import numpy as np

from hyper.metrics.intervals import Interval
from hyper.model.subspace import LayerSize
from hyper.plots import palette
from hyper.plots.layers import OF_WEIGHTS, has_many_matrices, place_of, whole_layers
from hyper.plots.style import ADAPTED, BASE, WER_LABEL, error_arms, paper, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 7.2  # inches: between the margins of an A4 page
LINE_HEIGHT = 0.3  # inches for each recording
LABEL_LENGTH = 34  # characters; longer names would leave no room for the rates
LINES_PER_FIGURE = 26  # that fit on one page


class WerLine(NamedTuple):
    """One recording, or one speaker, of the figure; rates are fractions."""

    label: str
    base: float
    adapted: float | None
    base_interval: Interval | None = None
    adapted_interval: Interval | None = None


def wer_figures(lines: Sequence[WerLine]) -> list[Figure]:
    """Base and adapted WER of each line, as many figures as there are pages of it."""
    parts = [lines[start : start + LINES_PER_FIGURE] for start in range(0, len(lines), LINES_PER_FIGURE)]
    most = max(map(_most, lines), default=0.0)
    return [_wer_figure(part, 100 * most) for part in parts]


def layer_figure(sizes: Sequence[Sequence[LayerSize]]) -> Figure:  # one sequence for each recording, of the same layers
    """Mean size of each layer's change, in per cent of that of its weights, and its range over the recordings."""
    whole = has_many_matrices(sizes[0])
    shares = 100 * np.array(  # (n_recordings, n_bars)
        [list(whole_layers(own).values()) if whole else [layer.relative_frobenius for layer in own] for own in sizes]
    )
    means = shares.mean(axis=0)
    arms = np.abs(np.stack([shares.min(axis=0), shares.max(axis=0)]) - means)
    figure = paper(WIDTH, 3.2)
    axes = figure.subplots()
    axes.bar(range(len(means)), means, 0.6, yerr=arms, color=palette.ADAPTED, ecolor=palette.INK, capsize=3)
    places = [place_of(layer.name) for layer in sizes[0]]
    labels = [f"{place.side[:3]} {place.layer}\n{place.matrix}" for place in places]
    if whole:
        labels = [f"layer {label}" if label.isdigit() else label for label in whole_layers(sizes[0])]
    step = -(-len(labels) // 16)  # more labels than that run into each other
    axes.set_xticks(range(0, len(labels), step), labels[::step])
    style_axes(axes, y_title=f"change, {OF_WEIGHTS}", grid="y")
    many = len(sizes) > 1
    axes.set_title(
        f"Mean over {len(sizes)} recordings; lines reach from the least to the most" if many else "One recording",
        loc="left",
        fontsize=10,
        color=palette.INK,
    )
    return figure


def font_files() -> tuple[Path, Path]:
    """DejaVu Sans, regular and bold, which matplotlib brings with it: a PDF holds its fonts."""
    import matplotlib  # slow to import: not for the start

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"


def has_letters(text: str) -> bool:
    """Whether matplotlib can draw a text: its font has all letters, and none of them runs from right to left."""
    known = _letters()
    shown = filter(str.isprintable, text)  # for the others a space is drawn
    return all(ord(letter) in known and bidirectional(letter) not in ("R", "AL") for letter in shown)


@cache
def _letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font  # slow to import: not for the start

    return frozenset(FT2Font(str(font_files()[0])).get_charmap())


def _wer_figure(lines: Sequence[WerLine], most: float) -> Figure:
    figure = paper(WIDTH, 1.5 + LINE_HEIGHT * len(lines))
    axes = figure.subplots()
    for shift, look, row in ((-0.14, BASE, "base"), (0.14, ADAPTED, "adapted")):
        rates = [(i, getattr(line, row), getattr(line, f"{row}_interval")) for i, line in enumerate(lines)]
        known = [(i, wer, interval) for i, wer, interval in rates if wer is not None]
        if not known:
            continue
        places, wers = [i + shift for i, _, _ in known], [wer for _, wer, _ in known]
        arms = error_arms(wers, [interval and (interval.low, interval.high) for _, _, interval in known])
        axes.errorbar([100 * wer for wer in wers], places, xerr=arms, **look.drawn() | {"linestyle": "none"})
    axes.set_yticks(range(len(lines)), [_label(line.label) for line in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xlim(0, max(most * 1.05, 10))
    style_axes(axes, WER_LABEL, grid="x")
    figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=9, labelcolor=palette.INK)
    return figure


def _most(line: WerLine) -> float:
    """The largest rate that is drawn, ends of intervals included: whatever passes the axis breaks the layout."""
    ends = [interval.high for interval in (line.base_interval, line.adapted_interval) if interval is not None]
    return max(line.base, line.adapted or 0.0, *ends)


def _label(text: str) -> str:
    """A name as matplotlib draws it letter by letter; the end of a long one tells recordings apart."""
    short = text if len(text) <= LABEL_LENGTH else f"{text[:12]}…{text[-(LABEL_LENGTH - 13) :]}"
    return "".join(letter if letter.isprintable() else " " for letter in short).replace("$", r"\$")
