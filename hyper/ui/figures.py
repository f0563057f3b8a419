"""Figures as parts of the page: images with a description, files to keep. Nothing is written to disk."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from hyper import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hyper.comparison import Comparison

SCREEN_DPI = 144  # twice the 72 points of an inch: sharp on dense screens


def caption_html(caption: plots.Caption) -> str:
    """Title and reading help of a plot."""
    return f'<h3 class="hw-plot-title">{escape(caption.title)}</h3><p class="hw-help">{escape(caption.reading)}</p>'


def recording_html(comparison: Comparison) -> str:
    """Waveform and log-mel, drawn once for wide and once for narrow screens."""
    wide, narrow = (
        data_url(plots.png(_recording(comparison, wide=wide), SCREEN_DPI), "image/png") for wide in (True, False)
    )
    text = f"Waveform and spectrogram of {comparison.seconds:.1f} seconds of speech"
    return (
        f'<picture><source media="(max-width: 640px)" srcset="{narrow}">'
        f'<img class="hw-image" id="hw-recording-image" alt="{text}" src="{wide}"></picture>'
    )


def print_links_html(comparison: Comparison, of_first_piece: bool = False) -> str:
    """Links that save the figure of the changes for paper, and which piece the figure is of."""
    links = file_links(plots.magnitude_print(comparison.layers), "adaptation")
    note = "The figure shows the first piece. " if of_first_piece and comparison.n_pieces > 1 else ""
    return f'<p class="hw-help">{note}Save this figure for print: {links}</p>'


def file_links(figure: Figure, name: str) -> str:
    """Links that save a figure for paper in both formats."""
    return " ".join(
        f'<a download="{name}.{kind}" href="{data_url(content, mime)}">{kind.upper()}</a>'
        for kind, mime, content in (
            ("png", "image/png", plots.png(figure)),
            ("pdf", "application/pdf", plots.pdf(figure)),
        )
    )


def _recording(comparison: Comparison, wide: bool) -> Figure:
    """The figure of the recording."""
    return plots.recording_figure(comparison.waveform, comparison.log_mel, comparison.seconds, wide=wide)


def data_url(content: bytes, mime: str) -> str:
    """A file inside the page itself."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
