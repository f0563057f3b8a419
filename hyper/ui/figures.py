"""Figures as parts of the page: images with a description, plots, files to keep. Nothing is written to disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gradio.components.plot import PlotData

from hyper.plots import style as plot_style
from hyper.ui.languages import say, word
from hyper.ui.templates import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from plotly.graph_objects import Figure as PlotlyFigure

PRINT = {"png": plot_style.png, "pdf": plot_style.pdf}
DECIMAL_SIGNS = ".,"  # that of decimals, then that of thousands, as plotly takes them
SCREEN_DPI = 144  # twice the 72 points of an inch: sharp on dense screens


def caption_html(caption: plot_style.Caption) -> str:
    """Title and reading help of a plot."""
    return render("caption", caption=caption)


def interactive(figure: PlotlyFigure, name: str, zooms: bool = False) -> PlotData:
    """A value for a plot with its name, without Plotly's logo, and with its tool bar only where it zooms.

    The page reads such settings only from the JSON.
    """
    buttons = [["zoomIn2d", "zoomOut2d", "resetScale2d"]]
    settings = {"config": {"displayModeBar": zooms, "displaylogo": False, "modeBarButtons": buttons}}
    drawn = json.loads(figure.to_json())
    _translate(drawn)
    drawn["layout"]["separators"] = say(DECIMAL_SIGNS)
    drawn["layout"].setdefault("meta", {})["name"] = say(name)  # assets/access.js says it to screen readers
    return PlotData(type="plotly", plot=json.dumps(drawn | settings))


def _translate(drawn: Any) -> None:
    """The words of a figure: titles of its axes, names of its series and of their places, what is said of each."""
    for key, value in drawn.items() if isinstance(drawn, dict) else enumerate(drawn):
        if isinstance(value, dict | list):
            _translate(value)
        elif isinstance(value, str) and (key == "hovertemplate" or plot_style.BREAK in value):
            drawn[key] = plot_style.worded_hover(value, say)
        elif isinstance(value, str) and (key in ("text", "name") or isinstance(drawn, list)):
            drawn[key] = word(value) if isinstance(drawn, list) else say(value)


def table_html(figure: PlotlyFigure, name: str, unit: str) -> str:
    """What a plot shows as a table, folded."""
    header, *rows = plot_style.as_table(figure)
    return render("figure_table", name=name, unit=unit, header=header, rows=rows)


def print_links_html(figure: Figure, name: str, what: str = "this figure") -> str:
    """Links that save a figure for paper in both formats."""
    figure = plot_style.worded(figure, say)
    return render("print_links", what=what, files={f"{name}.{kind}": draw(figure) for kind, draw in PRINT.items()})


def print_buttons_html() -> str:
    """Buttons in place of those links, for a figure that is drawn for print when somebody presses one."""
    return render("print_buttons", kinds=list(PRINT))


def print_file_html(figure: Figure, name: str, kind: str) -> str:
    """The link that saves the figure in one format; scripts.SAVE_LINK follows it."""
    drawn = PRINT[kind](plot_style.worded(figure, say))
    return render("save_links", title="", files={f"{name}.{kind}": drawn})


def picture_html(elem_id: str, text: str, wide: Figure, narrow: Figure) -> str:
    """An image with its description, drawn once for each width of screen."""
    figures = {"wide": wide, "narrow": narrow}
    drawn = {name: plot_style.png(plot_style.worded(figure, say), SCREEN_DPI) for name, figure in figures.items()}
    return render("picture", elem_id=elem_id, text=say(text), **drawn)
