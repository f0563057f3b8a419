"""The card of the two transcripts: a player, the verdict in a sentence, and both texts word under word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from hyper.compare.voice_map import whereabouts_of
from hyper.ui import panels
from hyper.ui.cards.card import Card
from hyper.ui.layout import card
from hyper.ui.player import player

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service


class TranscriptsCard(Card):
    """Two rows, which say before there is anything what will stand in them; below, what was meant."""

    follows_strength = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.models = service.models
        with card(elem_id="hw-result"):
            player()
            self.panels = gr.HTML(panels.EMPTY)
            inputs.reference.render()

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The verdict and both rows."""
        where = whereabouts_of(self.models.get(asked.model), comparison)
        return {self.panels: panels.results_html(comparison, asked.model, where, asked.recording)}

    def clear(self) -> Values:
        """Empty rows."""
        return {self.panels: panels.EMPTY}
