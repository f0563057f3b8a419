"""The card of details, folded: model, device, timings, parameters, and the change of each layer in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from hyper.ui import panels
from hyper.ui.cards.card import Card
from hyper.ui.layout import HIDDEN, SHOWN, fold

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service


class DetailsCard(Card):
    """A list of facts and a table."""

    follows_strength = takes_time = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        title = "Details: model, timings, parameters"
        with fold(title, "hw-details", is_card=True, visible=False) as self.box:
            self.facts = gr.HTML("")

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """All that was measured."""
        return {self.box: SHOWN, self.facts: panels.details_html(comparison, asked.is_per_piece(comparison.n_pieces))}

    def clear(self) -> Values:
        """No facts."""
        return {self.box: HIDDEN, self.facts: ""}
