"""What all figures share: their look in the palette's colours, and their files; no state of pyplot."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import plotly.graph_objects as go

from hyper.plots import palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

PRINT_DPI = 200
SLIDE_INCHES = (13.33, 7.5)  # a slide of 16:9
SLIDE_POINTS = 16.0  # the smallest text that the last row reads
SLIDE_PAD = 0.12  # inches around each part
NARROW_INCHES = 2.5  # axes that have no room for three words of that size
SLIDE_DPI = 144  # 1920 pixels wide
BREAK = "<br>"  # between the lines of what plotly shows
WER_LABEL = "word error rate, %"
LABEL: dict[str, Any] = {"fontsize": 10, "color": palette.INK}
PLOT_HEIGHT = 320  # pixels; fixed, because an automatic height starts at zero in a hidden container
COLORSCALE = [[i / (len(palette.SCALE) - 1), colour] for i, colour in enumerate(palette.SCALE)]  # as plotly takes it


@dataclass(frozen=True)
class Caption:
    """What stands above a plot: a title, and one sentence on how to read it."""

    title: str
    reading: str


@dataclass(frozen=True)
class Look:
    """How one row is drawn: marker, filling and line tell the rows apart where there is no colour."""

    label: str
    colour: str
    marker: str
    filling: str
    line: str

    def drawn(self) -> dict[str, Any]:
        """As matplotlib's `errorbar` takes it."""
        return {
            "label": self.label,
            "color": self.colour,
            "marker": self.marker,
            "markerfacecolor": self.filling,
            "linestyle": self.line,
            "linewidth": 1.4,
            "markersize": 7,
            "capsize": 3,
            "clip_on": False,  # a rate of 0 lies on the edge: its marker is drawn whole
        }


BASE = Look("base", palette.BASE, "o", palette.CARD, "--")
ADAPTED = Look("adapted to the recording", palette.ADAPTED, "s", palette.ADAPTED, "-")


def paper(width: float, height: float) -> Figure:  # inches
    """An empty figure for print, whose parts make room for each other."""
    from matplotlib.figure import Figure  # slow to import: not for the start

    return Figure(figsize=(width, height), layout="constrained")


@cache
def shades() -> Colormap:
    """COLORSCALE as matplotlib takes it."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shades", palette.SCALE)


def png(figure: Figure, dpi: int = PRINT_DPI) -> bytes:
    """The figure as a PNG file."""
    return _file(figure, "png", dpi)


def pdf(figure: Figure) -> bytes:
    """The figure as a PDF file with vector graphics."""
    return _file(figure, "pdf", PRINT_DPI)


def svg(figure: Figure) -> bytes:
    """The figure as an SVG file, its letters as outlines: it looks the same where the font is missing."""
    return _file(figure, "svg", PRINT_DPI)


def _file(figure: Figure, kind: str, dpi: int, is_transparent: bool = False) -> bytes:
    """The figure as a file of that kind, on white or on nothing."""
    target = io.BytesIO()
    paper = "none" if is_transparent else palette.CARD
    figure.savefig(target, format=kind, dpi=dpi, facecolor=paper, transparent=is_transparent)
    return target.getvalue()


def save_slide(figure: Figure, path: Path, is_transparent: bool = False) -> list[Path]:
    """The figure made a slide, as picture and as vector graphics; `path` has no ending. Returns the files."""
    _enlarge(figure)
    files = [path.with_suffix(f".{kind}") for kind in ("png", "svg", "pdf")]
    for file in files:
        file.write_bytes(_file(figure, file.suffix[1:], SLIDE_DPI, is_transparent))
    return files


def _enlarge(figure: Figure) -> None:
    """To the size of a slide; letters, lines and markers grow as the figure does, and no text is small."""
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    growth = min(SLIDE_INCHES[0] / figure.get_figwidth(), SLIDE_INCHES[1] / figure.get_figheight())
    figure.set_size_inches(*SLIDE_INCHES)
    for text in figure.findobj(Text):
        text.set_fontsize(max(float(text.get_fontsize()) * growth, SLIDE_POINTS))
    for line in figure.findobj(Line2D):
        line.set_linewidth(line.get_linewidth() * growth)
        line.set_markersize(line.get_markersize() * growth)
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=SLIDE_PAD, h_pad=SLIDE_PAD)
    figure.draw_without_rendering()  # the room that longer labels take is found by the second draw
    for axes in figure.axes:
        if axes.get_position().width * SLIDE_INCHES[0] < NARROW_INCHES:
            axes.tick_params("x", labelrotation=90)  # side by side they would run into each other


def save_figure(figure: Figure, path: Path) -> None:
    """Vector graphics for print and a picture for the page; `path` has no ending."""
    path.with_suffix(".pdf").write_bytes(pdf(figure))
    path.with_suffix(".png").write_bytes(png(figure))


def styled(figure: go.Figure, x_title: str, y_title: str) -> go.Figure:
    """The figure in the project's look, over categories and values from 0 up."""
    dressed(figure)
    figure.update_xaxes(title=x_title, type="category")
    return figure.update_yaxes(title=y_title, rangemode="tozero")


def dressed(figure: go.Figure) -> go.Figure:
    """Colours, type and axes of the project: nothing that catches a finger that scrolls."""
    axis = {"fixedrange": True, "linecolor": palette.CONTROL_LINE, "gridcolor": palette.LINE, "zeroline": False}
    figure.update_layout(
        template="none",
        height=PLOT_HEIGHT,
        margin={"l": 64, "r": 12, "t": 12, "b": 52},
        paper_bgcolor=palette.CARD,
        plot_bgcolor=palette.CARD,
        font={"family": palette.FONT, "size": palette.TYPE["small"], "color": palette.INK},
        dragmode=False,
        bargap=0.35,
        showlegend=len(figure.data) > 1,
        legend={"orientation": "h", "y": 1.12},
        hoverlabel={"bgcolor": palette.INK, "font": {"color": palette.CARD}},
    )
    figure.update_xaxes(automargin=True, title_standoff=16)  # where names of ticks are turned, the title goes below
    return figure.update_xaxes(**axis).update_yaxes(**axis)


def worded(figure: Figure, say: Callable[[str], str]) -> Figure:
    """The figure with its texts as `say` gives them, line by line; what stands beside a y axis are people's names."""
    from matplotlib.text import Text
    from matplotlib.ticker import ScalarFormatter

    def told(text: str) -> str:
        return "\n".join(map(say, text.split("\n")))

    for axes in figure.axes:
        numeric = [a for a in (axes.xaxis, axes.yaxis) if isinstance(a.get_major_formatter(), ScalarFormatter)]
        for axis in numeric if say("0.5") != "0.5" else ():
            axis.set_major_formatter(lambda value, _place: say(f"{value:g}".replace("-", "−")))
        names = [] if axes.xaxis in numeric else [tick.get_text() for tick in axes.get_xticklabels()]
        if [*map(told, names)] != names:  # the texts of ticks themselves are written anew whenever they are drawn
            axes.set_xticks(axes.get_xticks(), [*map(told, names)])
    for text in figure.findobj(Text):
        text.set_text(told(text.get_text()))
    return figure


def worded_hover(text: str, say: Callable[[str], str]) -> str:
    """What an interactive figure says of a place, line by line; to `say` plotly's own holes, %{x}, are numbers."""
    lines, extra, name = text.partition("<extra>")
    return BREAK.join(map(say, lines.split(BREAK))) + extra + name


def style_axes(axes: Axes, x_title: str = "", y_title: str = "", grid: Literal["", "x", "y", "both"] = "") -> None:
    """Axes in the project's look; `grid` names those ("x", "y", "both") whose values have hairlines across."""
    for write, title in ((axes.set_xlabel, x_title), (axes.set_ylabel, y_title)):
        if title:
            write(title, **LABEL)
    axes.tick_params(labelsize=9, colors=palette.INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(palette.CONTROL_LINE)
    if grid:
        axes.grid(axis=grid, color=palette.LINE, linewidth=0.6)
        axes.set_axisbelow(True)


def title_of(figure: Figure, text: str) -> None:
    """The figure's title, at its left edge."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=12, color=palette.INK)


def on_shade(share: float) -> str:  # from 0 to 1 along `shades`; NaN is a field that stays empty
    """The colour of text on a field of that shade."""
    return palette.CARD if share > 0.5 else palette.INK


def as_table(figure: go.Figure) -> list[list[str]]:
    """What an interactive figure shows, as the rows of a table with its header: x downwards, a column a series."""
    x_title, y_title = figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    if isinstance(figure.data[0], go.Heatmap):
        (fields,) = figure.data
        columns = {str(name): list(values) for name, values in zip(fields.y, np.asarray(fields.z, float), strict=True)}
        places = [str(x) for x in fields.x]
    else:
        places = list(dict.fromkeys(str(x) for series in figure.data for x in series.x))
        columns = {}
        for series in figure.data:
            known = dict(zip(map(str, series.x), series.y, strict=True))
            columns[series.name or y_title] = [known.get(place, np.nan) for place in places]
    rows = [
        [place, *("–" if np.isnan(own[i]) else f"{own[i]:.3g}" for own in columns.values())]
        for i, place in enumerate(places)
    ]
    return [[x_title, *columns], *rows]


def error_arms(
    rates: Sequence[float],  # fractions
    intervals: Sequence[Sequence[float] | None],  # low and high end of each
) -> np.ndarray:  # (2, n_rates)
    """Lengths from each rate down and up to the ends of its interval, in per cent; 0 where there is none."""
    ends = np.array([interval or (rate, rate) for rate, interval in zip(rates, intervals, strict=True)]).reshape(-1, 2)
    middle = np.asarray(rates, float)
    return 100 * np.maximum(0, np.stack([middle - ends[:, 0], ends[:, 1] - middle]))


def plain_log_ticks(axes: Axes, values: Sequence[float], form: str = "{:.3g}") -> None:
    """A logarithmic axis with a tick at each measured value, written as a plain number."""
    axes.set_xscale("log")
    axes.set_xticks(values, [form.format(value) for value in values])
    axes.set_xticks([], minor=True)
