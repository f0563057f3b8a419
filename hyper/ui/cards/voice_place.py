"""The card, folded, of where the voice lies among the training speakers; drawn when it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from hyper.ui import notices
from hyper.ui.cards.card import Card
from hyper.ui.languages import say
from hyper.ui.layout import Values, fold  # gradio reads the types of handlers
from hyper.ui.queues import ON_MODEL
from hyper.ui.service import PER_RECORDING, Asked
from hyper.ui.voice_map import VoiceMapBox

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.service import Service


class VoicePlaceCard(Card):
    """A map that needs only the recording, so that it can be opened before anything is transcribed."""

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.service = service
        with fold("Where this voice lies among the training speakers", "hw-place", is_card=True) as self.box:
            self.map = VoiceMapBox("hw-place-map")
        self.late = self.box.expand(self.show_place, inputs.asked, list(self.map.clear()), **ON_MODEL)

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """Nothing: the map belongs to the recording, however it is transcribed."""
        return {}

    def clear(self) -> Values:
        """Folded, to be drawn when it is opened again."""
        return {self.box: gr.update(open=False), **self.map.clear()}

    def show_place(self, request: gr.Request, *given: Any) -> Values:
        """The map with this recording on it."""
        asked = Asked(*given)
        is_kept = asked.adaptation == PER_RECORDING  # else each piece has an embedding, and the whole is encoded anew
        whole = asked._replace(adaptation=PER_RECORDING)
        asr, prepared = self.service.prepare(whole, request.session_hash, is_kept)
        voices = []
        if prepared.embedding is not None:  # a model without a hypernetwork has neither embedding nor map
            voices = [(say("this recording"), prepared.embedding[0].float().cpu().numpy())]
        with notices.errors_as_notices():
            return self.map.show(asr, voices)
