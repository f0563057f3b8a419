"""Figures of what an adaptation changes: each layer, the directions of its change, and the matrices in it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import plotly.graph_objects as go

from hyper.model.subspace import LayerSize, LayerUpdate
from hyper.plots import palette
from hyper.plots.style import COLORSCALE, Caption, paper, shades, style_axes, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OF_WEIGHTS = "% of the weights' size"  # not a share of their number: a small change of all of them
N_SYMBOLS = 53  # plain ones that plotly has
MOST_SERIES = 3  # kinds of matrix that are drawn side by side; more are drawn as whole layers
MATRIX_NAMES = {
    "fc1": "W1",
    "fc2": "W2",
    **{
        f"{module}.{p}_proj": f"{name} {p}"
        for module, name in (("self_attn", "self-att."), ("encoder_attn", "cross-att."))
        for p in ("q", "k", "v", "out")
    },
}
MAGNITUDE = Caption(
    "How much each layer was changed for this recording",
    "The taller a bar, the more that part of Whisper was changed for this recording; its height says nothing about a "
    "person's health. A bar is the size of the change next to the size of the weights it is added to; part of it was "
    "learned and is the same for every recording.",
)
SINGULAR_VALUES = Caption(
    "In how many directions each layer was changed",
    "One dot in a layer is one focused correction, several are a mixture; more or fewer is neither better nor worse. "
    "Each dot is the strength of one independent direction of the change (a singular value).",
)
MATRICES = Caption(
    "Where inside each layer it was changed",
    "The more a square stands out, the more that part of Whisper was changed for this recording; it says nothing "
    "about a person's health. Each square is one matrix of a layer, next to its own weights. W1 and W2 are the layer's "
    "MLP; self-attention reads the words so far, cross-attention the sound.",
)


Layer = TypeVar("Layer", LayerUpdate, LayerSize, LayerUpdate | LayerSize)


@dataclass(frozen=True)
class MatrixPlace:
    """Where an adapted matrix sits, read from its name in the model."""

    side: str  # encoder or decoder
    layer: int  # counted from 1, as people do
    matrix: str  # fc1, self_attn.q_proj, ...


def place_of(name: str) -> MatrixPlace:
    """Place of "model.decoder.layers.0.fc1"."""
    found = re.search(r"(encoder|decoder)\.layers\.(\d+)\.([\w.]+)$", name)
    if found is None:
        raise ValueError(f"{name!r} is not the name of a matrix in an encoder or decoder layer")
    return MatrixPlace(found[1], int(found[2]) + 1, found[3])


def has_many_matrices(layers: Sequence[LayerUpdate | LayerSize]) -> bool:
    """Whether too many kinds of matrix are adapted to draw each of them beside the others."""
    return len({place_of(each.name).matrix for each in layers}) > MOST_SERIES


def whole_layers(layers: Sequence[LayerUpdate | LayerSize]) -> dict[str, float]:
    """Relative size of the change of each layer, by its label: the root mean square over its matrices."""
    squares: dict[str, list[float]] = {}
    for each in layers:
        squares.setdefault(_layer_label(each, layers), []).append(each.relative_frobenius**2)
    return {label: math.sqrt(fmean(own)) for label, own in squares.items()}


def magnitude_figure(layers: Sequence[LayerUpdate]) -> go.Figure:
    """Size of the change of each layer in percent of that of its weights, interactive."""
    figure = go.Figure()
    if has_many_matrices(layers):
        sizes = whole_layers(layers)
        figure.add_bar(
            x=list(sizes),
            y=[100 * size for size in sizes.values()],
            marker_color=palette.ADAPTED,
            hovertemplate=f"layer %{{x}}: %{{y:.2f}} {OF_WEIGHTS}, root mean square over its matrices<extra></extra>",
        )
        return _over_layers(figure, layers, f"change, {OF_WEIGHTS}")
    for colour, (matrix, updates) in zip(_colours(layers), _by_matrix(layers).items(), strict=True):
        figure.add_bar(
            name=matrix,
            x=[_layer_label(update, layers) for update in updates],
            y=[100 * update.relative_frobenius for update in updates],
            customdata=[(update.frobenius, _angle_text(update)) for update in updates],
            marker_color=colour,
            hovertemplate=f"layer %{{x}}: %{{y:.2f}} {OF_WEIGHTS}<br>size of the change %{{customdata[0]:.3g}}"
            "%{customdata[1]}<extra></extra>",
        )
    return _over_layers(figure, layers, f"change, {OF_WEIGHTS}")


def _angle_text(update: LayerUpdate) -> str:
    angle = update.mean_angle_deg
    return "" if math.isnan(angle) else f"<br>mean angle between old and new {angle:.1f}°"


def singular_value_figure(layers: Sequence[LayerUpdate]) -> go.Figure:
    """Singular values of the change of each layer, one series a rank, interactive."""
    figure, colours = go.Figure(), palette.ADAPTED_SCALE
    for k in range(max(len(update.singular_values) for update in layers)):
        present = [update for update in layers if k < len(update.singular_values)]
        figure.add_scatter(
            name=f"direction {k + 1}",
            x=[_layer_label(update, layers, with_matrix=True) for update in present],
            y=[float(update.singular_values[k]) for update in present],
            mode="markers",
            marker={"color": colours[k % len(colours)], "size": 13, "symbol": k % N_SYMBOLS},
            hovertemplate=f"layer %{{x}}, direction {k + 1}: %{{y:.3g}}<extra></extra>",
        )
    return _over_layers(figure, layers, "strength (singular value)")


def inside_caption(layers: Sequence[LayerUpdate]) -> Caption:
    """Of `inside_figure`."""
    return MATRICES if has_many_matrices(layers) else SINGULAR_VALUES


def inside_figure(layers: Sequence[LayerUpdate]) -> go.Figure:
    """What the bars do not show: the directions of each layer's change, or which of its many matrices changed."""
    return matrix_sizes_figure(layers) if has_many_matrices(layers) else singular_value_figure(layers)


def matrix_sizes_figure(layers: Sequence[LayerUpdate]) -> go.Figure:
    """Size of the change of each matrix in percent of that of its weights, kinds of matrix by layers, interactive."""
    kinds = list(_by_matrix(layers))
    labels = list(dict.fromkeys(_layer_label(each, layers) for each in layers))
    sizes = np.full((len(kinds), len(labels)), np.nan)  # an encoder layer has no cross-attention
    for each in layers:
        place = kinds.index(place_of(each.name).matrix), labels.index(_layer_label(each, layers))
        sizes[place] = 100 * each.relative_frobenius
    figure = go.Figure()
    figure.add_heatmap(
        x=labels,
        y=[MATRIX_NAMES.get(kind, kind) for kind in kinds],
        z=sizes,
        zmin=0,
        zmax=float(np.nanmax(sizes)) or 1.0,  # without both ends plotly takes those of the data
        colorscale=COLORSCALE,
        colorbar={"title": {"text": "%"}, "thickness": 10, "outlinewidth": 0},
        xgap=2,
        ygap=2,
        hovertemplate=f"layer %{{x}}, %{{y}}: %{{z:.2f}} {OF_WEIGHTS}<extra></extra>",
    )
    _over_layers(figure, layers, "")
    figure.update_yaxes(type="category", autorange="reversed", rangemode=None)
    return figure.update_layout(margin_l=112)


def magnitude_print(layers: Sequence[LayerUpdate]) -> Figure:
    """The same bars as `magnitude_figure`, for paper: title inside, values written on the bars."""
    figure = paper(7, 3.6)
    axes = figure.subplots()
    axes.set_title(MAGNITUDE.title, loc="left", fontsize=12, color=palette.INK)
    style_axes(axes, layer_axis_title(layers), f"change, {OF_WEIGHTS}")
    if has_many_matrices(layers):
        sizes = whole_layers(layers)
        bars = axes.bar(list(sizes), [100 * size for size in sizes.values()], 0.7, color=palette.ADAPTED)
        axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=9, color=palette.INK)
        return figure
    groups = _by_matrix(layers)
    width = 0.7 / len(groups)
    ticks = list(dict.fromkeys(_layer_label(update, layers) for update in layers))
    for i, (colour, (matrix, updates)) in enumerate(zip(_colours(layers), groups.items(), strict=True)):
        shift = (i - (len(groups) - 1) / 2) * width  # bars of one layer stand side by side around its tick
        centres = [ticks.index(_layer_label(update, layers)) + shift for update in updates]
        bars = axes.bar(centres, [100 * u.relative_frobenius for u in updates], width, color=colour, label=matrix)
        if len(layers) <= 12:  # more numbers than that run into each other
            axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=9, color=palette.INK)
    axes.set_xticks(range(len(ticks)), ticks)
    if len(groups) > 1:
        axes.legend(frameon=False, fontsize=9)
    return figure


def inside_print(layers: Sequence[LayerUpdate]) -> Figure:
    """The same as `inside_figure`, for paper."""
    figure = paper(7, 3.6)
    axes = figure.subplots()
    drawn = inside_figure(layers)
    if has_many_matrices(layers):
        (fields,) = drawn.data
        image = axes.imshow(np.asarray(fields.z, float), cmap=shades(), vmin=0, vmax=fields.zmax, aspect="auto")
        axes.set_xticks(range(len(fields.x)), fields.x)
        axes.set_yticks(range(len(fields.y)), fields.y)
        figure.colorbar(image, label=f"change, {OF_WEIGHTS}")
    else:
        for series, marker in zip(drawn.data, itertools.cycle("osD^")):  # noqa: B905  as many as there are series
            axes.plot(
                series.x, series.y, marker, color=series.marker.color, label=series.name, markersize=8, clip_on=False
            )
        axes.set_ylim(bottom=0)
        if len(drawn.data) > 1:
            axes.legend(frameon=False, fontsize=9)
    axes.set_title(inside_caption(layers).title, loc="left", fontsize=12, color=palette.INK)
    style_axes(axes, drawn.layout.xaxis.title.text, drawn.layout.yaxis.title.text)
    return figure


def _over_layers(figure: go.Figure, layers: Sequence[LayerUpdate], y_title: str) -> go.Figure:
    """The figure in the project's look, with room for names of layers that a telephone turns."""
    return styled(figure, layer_axis_title(layers), y_title).update_layout(margin_b=76, xaxis_title_standoff=24)


def _by_matrix(layers: Sequence[Layer]) -> dict[str, list[Layer]]:
    """The updates grouped by the kind of matrix, in the order in which they come."""
    groups: dict[str, list[Layer]] = {}
    for update in layers:
        groups.setdefault(place_of(update.name).matrix, []).append(update)
    return groups


def _colours(layers: Sequence[LayerUpdate]) -> list[str]:
    """One colour for each kind of matrix."""
    scale = palette.ADAPTED_SCALE
    return [scale[i % len(scale)] for i in range(len(_by_matrix(layers)))]


def _layer_label(
    update: LayerUpdate | LayerSize, layers: Sequence[LayerUpdate | LayerSize], with_matrix: bool = False
) -> str:
    """Shortest label that tells the update from the others."""
    place = place_of(update.name)
    label = str(place.layer)
    if len({place_of(other.name).side for other in layers}) > 1:
        label = f"{place.side[:3]} {label}"
    if with_matrix and len(_by_matrix(layers)) > 1:
        label = f"{label} {place.matrix}"
    return label


def layer_axis_title(layers: Sequence[LayerUpdate]) -> str:
    """Name of the layer axis."""
    sides = sorted({place_of(update.name).side for update in layers}, reverse=True)  # the encoder comes first
    return f"{' and '.join(sides)} layer"
