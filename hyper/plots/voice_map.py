"""The map of where a voice lies among the training speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from hyper.compare.voice_map import Kind, VoiceMap, Whereabouts
from hyper.plots import palette
from hyper.plots.style import Caption, paper, style_axes, styled
from hyper.recordings.manifest import COHORT_NAMES, TYPICAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 460  # pixels
MARKER_SIZES = {"": 8, "mild": 8, "moderate": 12, "severe": 16}  # pixels
COHORT_MARKERS = {  # shape and colour: either alone tells cohorts apart
    TYPICAL: ("circle", palette.MUTED),
    "stuttering": ("triangle-up", palette.ADAPTED_SCALE[0]),
    "dysarthria": ("square", palette.ADAPTED_SCALE[2]),
    "parkinsons": ("diamond", palette.ADAPTED_SCALE[1]),
}
PRINTED = {"circle": "o", "triangle-up": "^", "square": "s", "diamond": "D", "cross": "P"}  # as matplotlib has them
OTHER_MARKER = ("cross", palette.ADAPTED_SCALE[3])

VOICE_MAP = Caption(
    "Where this voice lies among the training speakers",
    "A voice among the marks is one of a kind that the hypernetwork learned from; far from all of them, adapting may "
    "help less. Each mark is a training speaker: near each other means that Whisper's encoder hears them alike, and "
    "larger marks are graded more severe. The axes are the two directions in which these speakers differ most, "
    "with their share of all differences.",
)


ALL_SIMULATED = f"{VOICE_MAP.title} (atypical ones are simulated)"
SOME_SIMULATED = f"{VOICE_MAP.title} (some atypical ones are simulated)"


@dataclass(frozen=True)
class Visitor:
    """A point that is drawn over the training speakers."""

    label: str
    where: Whereabouts
    is_main: bool = False  # the others are drawn smaller


def map_caption(voice_map: VoiceMap) -> Caption:
    """What stands above this map: how many of its atypical speakers a simulator made is never left out."""
    simulated = {kind.simulated for kind in voice_map.kinds if kind.cohort != TYPICAL}
    title = {(True,): ALL_SIMULATED, (False, True): SOME_SIMULATED}.get(tuple(sorted(simulated)), VOICE_MAP.title)
    return replace(VOICE_MAP, title=title)


def map_figure(voice_map: VoiceMap, visitors: Sequence[Visitor]) -> go.Figure:
    """Training speakers by cohort and severity, the visitors above them."""
    figure = go.Figure()
    for cohort, simulated in sorted({(kind.cohort, kind.simulated) for kind in voice_map.kinds}, key=str):
        members = [i for i, kind in enumerate(voice_map.kinds) if (kind.cohort, kind.simulated) == (cohort, simulated)]
        figure.add_scatter(**_speakers(voice_map, members, _kind_label(cohort, simulated)))
    for visitor in visitors:
        figure.add_scatter(**_visitor(visitor))
    styled(figure, *(f"direction {i} ({100 * share:.0f} %)" for i, share in enumerate(voice_map.explained, start=1)))
    figure.update_layout(height=HEIGHT, legend={"orientation": "h", "y": -0.28, "yanchor": "top"})
    figure.update_layout(margin={"l": 64, "r": 12, "t": 24, "b": 120})
    figure.update_xaxes(type="linear")
    figure.update_yaxes(rangemode="normal")
    return figure


def map_print(voice_map: VoiceMap, visitors: Sequence[Visitor]) -> Figure:
    """The same as `map_figure`, for paper."""
    figure = paper(8, 5.4)
    axes = figure.subplots()
    drawn = map_figure(voice_map, visitors)
    for series in drawn.data[: len(drawn.data) - len(visitors)]:
        areas = np.square(np.asarray(series.marker.size) * 0.75)  # points, not pixels
        look = {"marker": PRINTED[series.marker.symbol], "color": series.marker.color, "alpha": 0.6}
        axes.scatter(series.x, series.y, areas, label=series.name, edgecolors=palette.CARD, **look)
    for visitor in visitors:
        place = (visitor.where.x, visitor.where.y)
        if visitor.is_main:
            axes.plot(*place, "*", color=palette.INK, markersize=16, markeredgecolor=palette.CARD, label=visitor.label)
        else:
            axes.annotate(visitor.label, place, (6, 4), textcoords="offset points", color=palette.INK, weight="bold")
    axes.set_title(map_caption(voice_map).title, loc="left", fontsize=12, color=palette.INK)
    style_axes(axes, drawn.layout.xaxis.title.text, drawn.layout.yaxis.title.text)
    figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=9, labelcolor=palette.INK)
    return figure


def _kind_label(cohort: str, simulated: bool) -> str:
    """Legend entry; "simulated" is never left out."""
    return ("simulated " if simulated else "") + COHORT_NAMES.get(cohort, cohort)


def _speakers(voice_map: VoiceMap, members: Sequence[int], label: str) -> dict[str, Any]:
    """One cohort's marks."""
    kinds: list[Kind] = [voice_map.kinds[i] for i in members]
    symbol, colour = COHORT_MARKERS.get(kinds[0].cohort, OTHER_MARKER)
    return {
        "name": label,
        "x": [float(voice_map.points[i, 0]) for i in members],
        "y": [float(voice_map.points[i, 1]) for i in members],
        "mode": "markers",
        "marker": {
            "symbol": symbol,
            "color": colour,
            "size": [MARKER_SIZES.get(kind.severity, MARKER_SIZES[""]) for kind in kinds],
            "opacity": 0.6,
            "line": {"width": 1, "color": palette.CARD},
        },
        "customdata": [kind.severity or "no severity" for kind in kinds],
        "hovertemplate": "%{fullData.name}, %{customdata}<extra></extra>",
    }


def _visitor(visitor: Visitor) -> dict[str, Any]:
    """The main one is a star, which the legend names; the others are their names alone, beside their place."""
    return {
        "name": visitor.label,
        "x": [visitor.where.x],
        "y": [visitor.where.y],
        "mode": "markers" if visitor.is_main else "text",
        "text": [f"<b>{visitor.label}</b>"],
        "textposition": "top right",
        "textfont": {"color": palette.INK, "size": palette.TYPE["body"]},
        "marker": {
            "symbol": "star",
            "color": palette.INK,
            "size": 18,
            "line": {"width": 2, "color": palette.CARD},
        },
        "showlegend": visitor.is_main,
        "hovertemplate": f"{visitor.label}: %{{x:.1f}}, %{{y:.1f}}<extra></extra>",
    }
