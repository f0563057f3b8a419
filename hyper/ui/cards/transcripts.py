"""The card of the two transcripts: the outcome in a sentence, and both texts side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from hyper.ui import panels
from hyper.ui.cards.card import Card

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service


class TranscriptsCard(Card):
    """Two panels, which say before there is anything what will stand in them; below, what was meant."""

    follows_strength = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.panels = gr.HTML(panels.EMPTY)
        inputs.reference.render()

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The verdict and both panels."""
        return {self.panels: panels.results_html(comparison, asked.model)}

    def clear(self) -> Values:
        """Empty panels."""
        return {self.panels: panels.EMPTY}
