"""Figures as parts of the page: images with a description, files to keep. Nothing is written to disk."""

from __future__ import annotations

import base64
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from hyper.plots import style as plot_style
from hyper.plots.layers import magnitude_print

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hyper.compare.calibration import Calibration
    from hyper.compare.comparison import Comparison

SCREEN_DPI = 144  # twice the 72 points of an inch: sharp on dense screens
CHECKED = (
    "How sure a word is means: of the words with this figure, so many were right. It was fitted on validation "
    "recordings and checked on other speakers of them; the nearer to the diagonal, the truer. It says nothing of words "
    "that were left out, and other kinds of speech may differ."
)
NOT_CHECKED = (
    "For this model nobody has checked how often words are right: the figures are its own probabilities. "
    "<code>python -m hyper calibrate</code> checks them."
)


def caption_html(caption: plot_style.Caption) -> str:
    """Title and reading help of a plot."""
    return f'<h3 class="hw-plot-title">{escape(caption.title)}</h3><p class="hw-help">{escape(caption.reading)}</p>'


def recording_html(comparison: Comparison) -> str:
    """Waveform and log-mel, drawn once for wide and once for narrow screens."""
    text = f"Waveform and spectrogram of {comparison.seconds:.1f} seconds of speech"
    return _picture("hw-recording-image", text, *(_recording(comparison, wide=wide) for wide in (True, False)))


@lru_cache(maxsize=4)  # one for each pair of weights that is loaded
def reliability_html(calibration: Calibration | None) -> str:
    """How far the figures of the words hold: the reliability figure, or that nobody has checked."""
    if calibration is None:
        return f'<p class="hw-help">{NOT_CHECKED}</p>'
    # Only where the figure is opened is it worth its import.
    from hyper.plots.calibration import reliability_figure

    errors = (calibration.base.calibrated.error, calibration.adapted.calibrated.error)
    text = f"Stated and true shares of right words are {errors[0]:.1%} apart for base, {errors[1]:.1%} for adapted"
    drawn = (reliability_figure(calibration, wide=wide) for wide in (True, False))
    return f'<p class="hw-help">{CHECKED}</p>{_picture("hw-reliability-image", text, *drawn)}'


def print_links_html(comparison: Comparison, of_first_piece: bool = False) -> str:
    """Links that save the figure of the changes for paper, and which piece the figure is of."""
    links = file_links(magnitude_print(comparison.layers), "adaptation")
    note = "The figure shows the first piece. " if of_first_piece and comparison.n_pieces > 1 else ""
    return f'<p class="hw-help">{note}Save this figure for print: {links}</p>'


def file_links(figure: Figure, name: str) -> str:
    """Links that save a figure for paper in both formats."""
    return " ".join(
        f'<a download="{name}.{kind}" href="{data_url(content, mime)}">{kind.upper()}</a>'
        for kind, mime, content in (
            ("png", "image/png", plot_style.png(figure)),
            ("pdf", "application/pdf", plot_style.pdf(figure)),
        )
    )


def _picture(elem_id: str, text: str, wide: Figure, narrow: Figure) -> str:
    """An image with its description, drawn once for each width of screen."""
    of_wide, of_narrow = (data_url(plot_style.png(figure, SCREEN_DPI), "image/png") for figure in (wide, narrow))
    return (
        f'<picture><source media="(max-width: 640px)" srcset="{of_narrow}">'
        f'<img class="hw-image" id="{elem_id}" alt="{text}" src="{of_wide}"></picture>'
    )


def _recording(comparison: Comparison, wide: bool) -> Figure:
    """The figure of the recording."""
    return plot_style.recording_figure(comparison.waveform, comparison.log_mel, comparison.seconds, wide=wide)


def data_url(content: bytes, mime: str) -> str:
    """A file inside the page itself."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
