"""The card of how much each layer was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from hyper.plots.layers import MAGNITUDE, OF_WEIGHTS, magnitude_figure, magnitude_print
from hyper.ui import figures, scripts
from hyper.ui.cards.card import Card
from hyper.ui.languages import say
from hyper.ui.layout import HIDDEN, SHOWN, Values, captioned_plot, card, note_html  # gradio reads the types
from hyper.ui.queues import ON_MODEL
from hyper.ui.service import Asked

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.service import Service

FIRST_PIECE = "The figure shows the adaptation for the first piece."


class MagnitudeCard(Card):
    """A plot of bars, and the same figure for print: few keep it, so it is drawn when somebody asks."""

    needs_adaptation = needs_speech = follows_strength = takes_time = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.service = service
        with card(is_half=True, visible=False) as self.box:
            self.plot = captioned_plot(MAGNITUDE, "hw-magnitude")
            self.links = gr.HTML("", js_on_load=scripts.PRESS_PRINT)
            self.file = gr.HTML("", visible="hidden")
        drawn = self.links.click(self.for_print, inputs.asked, self.file, show_progress_on=self.links, **ON_MODEL)
        drawn.success(None, self.file, None, js=scripts.SAVE_LINK)

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """Bars, buttons, and which piece they are of."""
        figure = magnitude_figure(comparison.layers)
        links = figures.table_html(figure, MAGNITUDE.title, OF_WEIGHTS)
        links += figures.print_buttons_html()
        is_of_first_piece = asked.is_per_piece(comparison.n_pieces)
        return {
            self.box: SHOWN,
            self.plot: figures.interactive(figure, MAGNITUDE.title),
            self.links: note_html(say(FIRST_PIECE)) + links if is_of_first_piece else links,
        }

    def clear(self) -> Values:
        """No plot."""
        return {self.box: HIDDEN, self.plot: None, self.links: "", self.file: ""}

    def for_print(self, event: gr.EventData, request: gr.Request, *given: Any) -> str:
        """The figure in the format that was asked for."""
        comparison = self.service.compare(Asked(*given), request.session_hash)
        return figures.print_file_html(magnitude_print(comparison.layers), "adaptation", str(event.kind))
