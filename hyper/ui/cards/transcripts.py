"""The card of the two transcripts: a player, the verdict in a sentence, and both texts word under word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from hyper.compare.verdict import judge
from hyper.compare.voice_map import whereabouts_of
from hyper.ui import panels, scripts
from hyper.ui.cards.card import Card
from hyper.ui.layout import HIDDEN, card
from hyper.ui.offer import offer_button
from hyper.ui.player import player
from hyper.ui.queues import ON_MODEL

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
            self.offer = offer_button(self.models, "hw-offer-in-result", visible=False)
            inputs.reference.render()
        if self.models.offer:
            taken = self.offer.click(inputs.take_offer, None, inputs.model, show_progress_on=self.panels, **ON_MODEL)
            taken.success(None, js=scripts.COMPARE)

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The verdict and both rows; where another model may do better, the one that is offered."""
        where = whereabouts_of(self.models.get(asked.model), comparison)
        verdict = judge(comparison.base, comparison.adapted, where, comparison.language)
        wants_other = self.models.offers(asked.model) and panels.asks_for_another_model(verdict)
        return {
            self.panels: panels.results_html(comparison, asked.model, where, asked.recording),
            self.offer: gr.update(visible=wants_other),
        }

    def clear(self) -> Values:
        """Empty rows."""
        return {self.panels: panels.EMPTY, self.offer: HIDDEN}
