"""The card of how each layer was changed: the directions of the change, or its matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from hyper.plots.layers import MATRICES, OF_WEIGHTS, SINGULAR_VALUES, inside_caption, inside_figure
from hyper.ui import figures
from hyper.ui.cards.card import Card
from hyper.ui.layout import HIDDEN, SHOWN, card, plot

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service


UNITS = {MATRICES: OF_WEIGHTS, SINGULAR_VALUES: "singular values"}


class InsideCard(Card):
    """A plot whose kind, and so its caption, depends on how much is adapted."""

    needs_adaptation = needs_speech = follows_strength = takes_time = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        with card(is_half=True, visible=False) as self.box:
            self.caption = gr.HTML("")
            self.plot = plot("How each layer was changed", "hw-inside")
            self.table = gr.HTML("")

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The plot under its caption."""
        caption, figure = inside_caption(comparison.layers), inside_figure(comparison.layers)
        return {
            self.box: SHOWN,
            self.caption: figures.caption_html(caption),
            self.plot: figures.interactive(figure, caption.title),
            self.table: figures.table_html(figure, caption.title, UNITS[caption]),
        }

    def clear(self) -> Values:
        """No plot."""
        return {self.box: HIDDEN, self.caption: "", self.plot: None, self.table: ""}
