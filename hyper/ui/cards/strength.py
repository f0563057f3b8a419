"""The card of the adaptation's strength: a slider, and on demand what every strength writes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from hyper.compare.sweep import StrengthPoint, has_rates, sweep
from hyper.plots.sweep import SWEEP, sweep_caption, sweep_figure, sweep_print
from hyper.ui import figures, notices
from hyper.ui.cards.card import Card
from hyper.ui.layout import HIDDEN, SHOWN, Values, card, chip, fold, plot  # gradio reads the types
from hyper.ui.queues import ON_MODEL
from hyper.ui.service import AS_TRAINED, Asked
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.service import Service


class StrengthCard(Card):
    """The slider, and the sweep folded below it."""

    needs_adaptation = needs_speech = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.service = service
        with card(visible=False) as self.box:
            self.slider = inputs.strength.render()
            with fold("What each strength writes", "hw-sweep"):
                self.caption = gr.HTML("")
                self.try_all = chip("Try nine strengths", elem_id="hw-sweep-button")
                self.plot = plot(SWEEP.title, "hw-sweep-plot")
                self.table = gr.HTML("", elem_id="hw-sweep-table")
        swept = [self.caption, self.plot, self.table]
        self.late = self.try_all.click(self.sweep_on_page, inputs.asked, swept, **ON_MODEL)

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The strength as trained; nothing of what every strength did to the recording before."""
        return {**self.clear(), self.box: SHOWN}

    def clear(self) -> Values:
        """Nothing to move."""
        return {self.box: HIDDEN, self.slider: AS_TRAINED, self.caption: "", self.plot: None, self.table: ""}

    def uncount(self) -> Values:
        """The rates of all strengths were counted against another text."""
        return {self.caption: "", self.plot: None, self.table: ""}

    def sweep_on_page(self, request: gr.Request, *given: Any) -> Values:
        """The plot of all strengths, and their transcripts as a table."""
        asked = Asked(*given)
        asr, prepared = self.service.prepare(asked, request.session_hash)
        with notices.errors_as_notices():
            points = self.service.in_steps(
                request.session_hash, partial(sweep, asr, prepared, asked.reference.strip() or None)
            )
        return {
            self.caption: figures.caption_html(sweep_caption(has_rates(points))),
            self.plot: figures.interactive(sweep_figure(points), SWEEP.title),
            self.table: sweep_html(points, prepared.language),
        }


def sweep_html(points: Sequence[StrengthPoint], language: str) -> str:
    """A row for each strength with its transcript and errors, or changed words; then the figure for print."""
    table = render("sweep", points=points, language=language, has_rates=has_rates(points))
    return table + figures.print_links_html(sweep_print(points), "strength")
