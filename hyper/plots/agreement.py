"""The figures of how far the adaptations to several recordings agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from hyper.plots import palette
from hyper.plots.style import COLORSCALE, Caption, on_shade, paper, shades, style_axes, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 380  # pixels
MOST_VALUES_WRITTEN = 12  # recordings; in a larger matrix the numbers run into each other
RIGHT_ANGLE = 90.0  # degrees: nothing in common

WRITTEN = Caption(
    "Do the recordings ask for the same change?",
    "Fields that stand out: Whisper is changed in the same way for both recordings, so one adaptation may serve both. "
    "Each field is the mean angle, over the model's layers, between what two recordings' adaptations write into a "
    "layer (each direction counts as much as it is changed). 0° is the same direction, 90° nothing in common.",
)
READ = Caption(
    "Does the change listen to the same thing?",
    "The same angles on the layer's other side: which part of its input each adaptation reacts to.",
)


def agreement_figure(degrees: np.ndarray, names: Sequence[str]) -> go.Figure:  # (n, n)
    """Angles between any two recordings as a heat map, interactive; NaN fields stay empty."""
    figure = go.Figure(
        go.Heatmap(
            z=degrees,
            x=list(names),
            y=list(names),
            zmin=0,
            zmax=RIGHT_ANGLE,
            colorscale=COLORSCALE,
            reversescale=True,  # strong where adaptations agree
            texttemplate="%{z:.0f}°" if len(degrees) <= MOST_VALUES_WRITTEN else None,
            hovertemplate="%{y} and %{x}: %{z:.1f}°<extra></extra>",
            colorbar={"ticksuffix": "°", "thickness": 12, "tickvals": [0, 30, 60, 90]},
        )
    )
    styled(figure, "recording", "recording")
    figure.update_layout(height=HEIGHT)
    figure.update_yaxes(type="category", autorange="reversed")  # the first recording on top, as in a table
    return figure


def agreement_print(written: np.ndarray, read: np.ndarray, names: Sequence[str]) -> Figure:  # both (n, n)
    """Both matrices for paper: titles inside, values written in the fields."""
    figure = paper(11, 5)
    for axes, degrees, caption in zip(figure.subplots(1, 2), (written, read), (WRITTEN, READ), strict=True):
        image = axes.imshow(degrees, vmin=0, vmax=RIGHT_ANGLE, cmap=shades().reversed())
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names)
        if len(names) <= MOST_VALUES_WRITTEN:
            for (i, j), angle in np.ndenumerate(degrees):
                text = "–" if np.isnan(angle) else f"{angle:.0f}°"
                axes.text(j, i, text, ha="center", va="center", fontsize=9, color=on_shade(1 - angle / RIGHT_ANGLE))
        axes.set_title(caption.title, loc="left", fontsize=12, color=palette.INK)
        style_axes(axes, "recording", "recording")
    figure.colorbar(image, ax=figure.axes, label="mean angle (°)", shrink=0.8)
    return figure
