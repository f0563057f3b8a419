"""Figures as parts of the page: images with a description, plots, files to keep. Nothing is written to disk."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from gradio.components.plot import PlotData

from hyper.plots import style as plot_style
from hyper.ui.templates import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from plotly.graph_objects import Figure as PlotlyFigure

SCREEN_DPI = 144  # twice the 72 points of an inch: sharp on dense screens


def caption_html(caption: plot_style.Caption) -> str:
    """Title and reading help of a plot."""
    return render("caption", caption=caption)


def interactive(figure: PlotlyFigure) -> PlotData:
    """A value for a plot without Plotly's tool bar and logo: the page reads such settings only from the JSON."""
    settings = {"config": {"displayModeBar": False, "displaylogo": False}}
    return PlotData(type="plotly", plot=json.dumps(json.loads(figure.to_json()) | settings))


def print_links_html(figure: Figure, name: str, what: str = "this figure") -> str:
    """Links that save a figure for paper in both formats."""
    png, pdf = plot_style.png(figure), plot_style.pdf(figure)
    files = {"png": data_url(png, "image/png"), "pdf": data_url(pdf, "application/pdf")}
    return render("print_links", what=what, name=name, files=files)


def picture_html(elem_id: str, text: str, wide: Figure, narrow: Figure) -> str:
    """An image with its description, drawn once for each width of screen."""
    of_wide, of_narrow = (data_url(plot_style.png(figure, SCREEN_DPI), "image/png") for figure in (wide, narrow))
    return render("picture", elem_id=elem_id, text=text, wide=of_wide, narrow=of_narrow)


def data_url(content: bytes, mime: str) -> str:
    """A file inside the page itself."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
