"""The card of how much each layer was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from hyper.plots.layers import MAGNITUDE, magnitude_figure, magnitude_print
from hyper.ui import figures
from hyper.ui.cards.card import Card
from hyper.ui.languages import say
from hyper.ui.layout import HIDDEN, SHOWN, captioned_plot, card, note_html
from hyper.ui.service import PER_PIECE

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service

FIRST_PIECE = "The figure shows the adaptation for the first piece."


class MagnitudeCard(Card):
    """A plot of bars, and the same figure for print."""

    needs_adaptation = needs_speech = follows_strength = takes_time = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        with card(is_half=True, visible=False) as self.box:
            self.plot = captioned_plot(MAGNITUDE, "hw-magnitude")
            self.links = gr.HTML("")

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """Bars, links, and which piece they are of."""
        figure = magnitude_figure(comparison.layers)
        links = figures.table_html(figure, MAGNITUDE.title, "% of the layer's weights")
        links += figures.print_links_html(magnitude_print(comparison.layers), "adaptation")
        is_of_first_piece = asked.adaptation == PER_PIECE and comparison.n_pieces > 1
        return {
            self.box: SHOWN,
            self.plot: figures.interactive(figure, MAGNITUDE.title),
            self.links: note_html(say(FIRST_PIECE)) + links if is_of_first_piece else links,
        }

    def clear(self) -> Values:
        """No plot."""
        return {self.box: HIDDEN, self.plot: None, self.links: ""}
