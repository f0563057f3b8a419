"""The card of how each layer was changed: the directions of the change, or its matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from hyper.plots.layers import inside_caption, inside_figure
from hyper.ui import figures
from hyper.ui.cards.card import Card
from hyper.ui.layout import HIDDEN, SHOWN, card, plot

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service


class InsideCard(Card):
    """A plot whose kind, and so its caption, depends on how much is adapted."""

    needs_adaptation = follows_strength = takes_time = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        with card(is_half=True, visible=False) as self.box:
            self.caption = gr.HTML("")
            self.plot = plot("How each layer was changed", "hw-inside")

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The plot under its caption."""
        return {
            self.box: SHOWN,
            self.caption: figures.caption_html(inside_caption(comparison.layers)),
            self.plot: figures.interactive(inside_figure(comparison.layers)),
        }

    def clear(self) -> Values:
        """No plot."""
        return {self.box: HIDDEN, self.caption: "", self.plot: None}
