"""The sweep of one recording: errors, or changed words, over the strength of the adaptation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from hyper.compare.sweep import StrengthPoint, has_rates
from hyper.plots import palette
from hyper.plots.style import WER_LABEL, Caption, paper, style_axes, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SWEEP = Caption(
    "What each strength does to this recording",
    "0 is Whisper as it is, 1 the adaptation as it was trained. A dip shows what suits this recording best.",
)
UNCOUNTED_SWEEP = Caption(
    SWEEP.title,
    "0 is Whisper as it is, 1 the adaptation as it was trained. A dip shows where the words are like the base's; type "
    "what was meant to see what suits this recording best.",
)
X_TITLE = "adaptation strength"


def sweep_caption(is_counted: bool) -> Caption:
    """Of `sweep_figure`, by whether what was meant is known."""
    return SWEEP if is_counted else UNCOUNTED_SWEEP


def sweep_figure(points: Sequence[StrengthPoint]) -> go.Figure:
    """WER in percent, or without reference the number of words that differ from the base, interactive."""
    figure = go.Figure()
    unit = " % of the words wrong" if has_rates(points) else " words differ from base"
    figure.add_scatter(
        x=[point.strength for point in points],
        y=_heights(points),
        mode="lines+markers",
        line={"color": palette.ADAPTED, "width": 2},
        marker={"size": 10},
        cliponaxis=False,  # no errors at all lie on the edge: the marker is drawn whole
        hovertemplate="strength %{x:g}: %{y:.3g}" + unit + "<extra></extra>",
    )
    figure = styled(figure, X_TITLE, _y_title(points))
    return figure.update_xaxes(type="linear", dtick=0.5)  # a number at each point would run into the next on a phone


def sweep_print(points: Sequence[StrengthPoint]) -> Figure:
    """The same line as `sweep_figure`, for paper: title inside, the three named strengths written below the axis."""
    figure = paper(7, 3.6)
    axes = figure.subplots()
    strengths = [point.strength for point in points]
    axes.plot(strengths, _heights(points), color=palette.ADAPTED, marker="o", linewidth=1.6, clip_on=False)
    names: dict[float, str] = {0: "\nbase", 1: "\nas trained", 2: "\ntwice"}
    axes.set_xticks(strengths, [f"{strength:g}{names.get(strength, '')}" for strength in strengths])
    axes.set_ylim(0, max(*_heights(points), 1) * 1.05)
    axes.set_title(SWEEP.title, loc="left", fontsize=12, color=palette.INK)
    style_axes(axes, X_TITLE, _y_title(points))
    return figure


def _heights(points: Sequence[StrengthPoint]) -> list[float]:
    if has_rates(points):
        return [100 * (point.wer or 0.0) for point in points]
    return [point.n_changed for point in points]


def _y_title(points: Sequence[StrengthPoint]) -> str:
    return WER_LABEL if has_rates(points) else "words unlike base"
