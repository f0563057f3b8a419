"""Figures of one speaker: how far the recordings' adaptations agree, and where the voice lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from hyper.compare.voice_map import Kind, VoiceMap, Whereabouts
from hyper.plots import palette
from hyper.plots.style import Caption, style_axes, styled

MATRIX_HEIGHT = 380  # pixels
MAP_HEIGHT = 460
MOST_VALUES_WRITTEN = 12  # recordings; in a larger matrix the numbers run into each other
RIGHT_ANGLE = 90.0  # degrees: nothing in common
NEAR, FAR = palette.ADAPTED_ON_INK, palette.CARD  # strong where adaptations agree, and light enough for ink on it
MARKER_SIZES = {"": 8, "mild": 8, "moderate": 12, "severe": 16}  # pixels
COHORT_MARKERS = {  # shape and colour: either alone tells cohorts apart
    "typical": ("circle", palette.MUTED),
    "stuttering": ("triangle-up", palette.ADAPTED_SCALE[0]),
    "dysarthria": ("square", palette.ADAPTED_SCALE[2]),
    "parkinsons": ("diamond", palette.ADAPTED_SCALE[1]),
}
OTHER_MARKER = ("cross", palette.ADAPTED_SCALE[3])

WRITTEN = Caption(
    "Do the recordings ask for the same change?",
    "Each field is the mean angle, over the model's layers, between what two recordings' adaptations write into a "
    "layer (an angle between the directions in which two changes point, each as much as it is changed). 0° is the same "
    "direction, 90° nothing in common: strongly coloured fields agree.",
)
READ = Caption(
    "Does the change listen to the same thing?",
    "The same angles on the layer's other side: which part of its input each adaptation reacts to.",
)
PLACE = Caption(
    "Where this voice lies among the training speakers (atypical ones are simulated)",
    "Each mark is a speaker that the hypernetwork learned from; near each other means that Whisper's encoder hears "
    "them alike. Larger marks are more severe. The axes are the two directions in which these speakers differ most, "
    "with their share of all differences.",
)


@dataclass(frozen=True)
class Visitor:
    """A point that is drawn over the training speakers."""

    label: str
    where: Whereabouts
    is_main: bool = False  # the others are drawn smaller


def agreement_figure(degrees: np.ndarray, names: Sequence[str]) -> go.Figure:  # (n, n)
    """Angles between any two recordings as a heat map, interactive; NaN fields stay empty."""
    figure = go.Figure(
        go.Heatmap(
            z=degrees,
            x=list(names),
            y=list(names),
            zmin=0,
            zmax=RIGHT_ANGLE,
            colorscale=[[0, NEAR], [1, FAR]],
            texttemplate="%{z:.0f}°" if len(degrees) <= MOST_VALUES_WRITTEN else None,
            hovertemplate="%{y} and %{x}: %{z:.1f}°<extra></extra>",
            textfont={"color": palette.INK},
            colorbar={"ticksuffix": "°", "thickness": 12, "tickvals": [0, 30, 60, 90]},
        )
    )
    styled(figure, "recording", "recording")
    figure.update_layout(height=MATRIX_HEIGHT)
    figure.update_yaxes(type="category", autorange="reversed")  # the first recording on top, as in a table
    return figure


def agreement_print(written: np.ndarray, read: np.ndarray, names: Sequence[str]) -> Figure:  # both (n, n)
    """Both matrices for paper: titles inside, values written in the fields."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    shades = LinearSegmentedColormap.from_list("agreement", [NEAR, FAR])
    for axes, degrees, caption in zip(figure.subplots(1, 2), (written, read), (WRITTEN, READ), strict=True):
        image = axes.imshow(degrees, vmin=0, vmax=RIGHT_ANGLE, cmap=shades)
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names)
        if len(names) <= MOST_VALUES_WRITTEN:
            for (i, j), angle in np.ndenumerate(degrees):
                text = "–" if np.isnan(angle) else f"{angle:.0f}°"
                axes.text(j, i, text, ha="center", va="center", fontsize=9, color=palette.INK)
        axes.set_title(caption.title, loc="left", fontsize=12, color=palette.INK)
        style_axes(axes, "recording", "recording")
    figure.colorbar(image, ax=figure.axes, label="mean angle (°)", shrink=0.8)
    return figure


def map_figure(voice_map: VoiceMap, visitors: Sequence[Visitor], names: Mapping[str, str]) -> go.Figure:
    """Training speakers by cohort and severity, the visitors above them; `names` are cohorts' names for people."""
    figure = go.Figure()
    for cohort, simulated in sorted({(kind.cohort, kind.simulated) for kind in voice_map.kinds}, key=str):
        members = [i for i, kind in enumerate(voice_map.kinds) if (kind.cohort, kind.simulated) == (cohort, simulated)]
        figure.add_scatter(**_speakers(voice_map, members, _kind_label(cohort, simulated, names)))
    for visitor in visitors:
        figure.add_scatter(**_visitor(visitor))
    styled(figure, *(f"direction {i} ({100 * share:.0f} %)" for i, share in enumerate(voice_map.explained, start=1)))
    figure.update_layout(height=MAP_HEIGHT, legend={"orientation": "h", "y": -0.28, "yanchor": "top"})
    figure.update_layout(margin={"l": 64, "r": 12, "t": 24, "b": 120})
    figure.update_xaxes(type="linear")
    figure.update_yaxes(rangemode="normal")
    return figure


def _kind_label(cohort: str, simulated: bool, names: Mapping[str, str]) -> str:
    """Legend entry; "simulated" is never left out."""
    return ("simulated " if simulated else "") + names.get(cohort, cohort)


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
        "hovertemplate": f"{label}, %{{customdata}}<extra></extra>",
    }


def _visitor(visitor: Visitor) -> dict[str, Any]:
    """One visitor's mark with its label."""
    return {
        "name": visitor.label,
        "x": [visitor.where.x],
        "y": [visitor.where.y],
        "mode": "markers+text",
        "text": [f"<b>{visitor.label}</b>" if visitor.is_main else visitor.label],
        "textposition": "top center",
        "textfont": {"color": palette.INK, "size": palette.TYPE["small"]},
        "marker": {
            "symbol": "star" if visitor.is_main else "circle-open",
            "color": palette.INK,
            "size": 18 if visitor.is_main else 9,
            "line": {"width": 2, "color": palette.CARD if visitor.is_main else palette.INK},
        },
        "showlegend": visitor.is_main,
        "hovertemplate": f"{visitor.label}: %{{x:.1f}}, %{{y:.1f}}<extra></extra>",
    }
