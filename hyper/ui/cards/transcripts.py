"""The card of the two transcripts: a player, the verdict in a sentence, and both texts word under word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from hyper.ui import panels, scripts
from hyper.ui.cards.card import Card
from hyper.ui.examples import example_of
from hyper.ui.layout import card
from hyper.ui.offer import offer_text
from hyper.ui.player import player
from hyper.ui.queues import ON_MODEL

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service

OF_MICROPHONE = "audio.wav"  # what gradio's recorder calls all that it records


class TranscriptsCard(Card):
    """Two rows, which say before there is anything what will stand in them; below, what was meant."""

    follows_strength = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.models, self.inputs = service.models, inputs
        with card(elem_id="hw-result"):
            player()
            self.panels = gr.HTML(panels.EMPTY, elem_id="hw-transcripts", js_on_load=scripts.PRESS_OFFER)
            inputs.reference.render()
        if self.models.offer:
            taken = self.panels.click(inputs.take_offer, None, inputs.model, show_progress_on=self.panels, **ON_MODEL)
            taken.success(None, js=scripts.COMPARE)

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The verdict and both rows; where another model may do better, the one that is offered."""
        offer = offer_text(self.models) if self.models.offers(asked.model) else ""
        file = Path(asked.recording or OF_MICROPHONE)
        example = example_of(self.inputs.examples, file)
        name = example.said_label if example else _name(file)
        html = panels.results_html(
            comparison, asked.model, asked.recording, offer, name, is_example=example is not None
        )
        return {self.panels: html}

    def clear(self) -> Values:
        """Empty rows."""
        return {self.panels: panels.EMPTY}


def _name(file: Path) -> str:
    """What the visitor calls a recording of their own: the file; "" where it was just spoken."""
    return "" if file.name == OF_MICROPHONE else file.name
