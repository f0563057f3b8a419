"""The card of the adaptation's strength: a slider, and on demand what every strength writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from hyper.compare.sweep import StrengthPoint, has_rates, sweep
from hyper.model.lora import MAX_STRENGTH
from hyper.ui import figures, notices
from hyper.ui.handlers import AS_TRAINED, Asked, Handlers
from hyper.ui.marks import NO_SPEECH, NO_WORDS
from hyper.ui.numbers import short_percent

TITLE = "Adaptation strength"
MEANING = (
    "0 is Whisper as it is, 1 the adaptation as it was trained, 2 twice as much. Only the adapted transcript changes."
)


@dataclass(frozen=True)
class StrengthCard:
    """What a visitor moves and sees."""

    strength: gr.Slider
    try_all: gr.Button
    plot: gr.Plot
    table: gr.HTML  # the transcripts, and the figure for print


def strength_card() -> StrengthCard:
    """The slider, and the sweep folded below it."""
    from hyper.plots.strength import SWEEP

    strength = gr.Slider(
        0, MAX_STRENGTH, AS_TRAINED, step=0.1, label=TITLE, info=MEANING, buttons=[], elem_id="hw-strength"
    )
    with gr.Accordion("What each strength writes", open=False, elem_id="hw-sweep"):
        gr.HTML(figures.caption_html(SWEEP))
        try_all = gr.Button("Try nine strengths", size="sm", elem_classes="hw-chip", elem_id="hw-sweep-button")
        plot = gr.Plot(show_label=False, label=SWEEP.title, elem_id="hw-sweep-plot")
        table = gr.HTML()
    return StrengthCard(strength, try_all, plot, table)


@dataclass(frozen=True)
class StrengthHandlers:
    """What the card asks of the model."""

    handlers: Handlers

    def sweep_on_page(self, request: gr.Request, *asked: Any) -> tuple[Any, str]:
        """The plot of all strengths, and their transcripts as a table."""
        from hyper.plots.strength import sweep_figure

        given = Asked(*asked)
        asr, prepared = self.handlers.prepare(given, request.session_hash)
        with notices.errors_as_notices():
            points = sweep(asr, prepared, given.reference.strip() or None)
        return sweep_figure(points), sweep_html(points)


def sweep_html(points: Sequence[StrengthPoint]) -> str:
    """A row for each strength with its transcript and errors, or changed words; then the figure for print."""
    from hyper.plots.strength import sweep_print

    counted = "WER" if has_rates(points) else "words unlike base"
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("strength", counted, "transcript"))
    rows = "".join(
        f"<tr><th scope='row'>{point.strength:g}</th><td>{_count(point)}</td><td>{_text(point)}</td></tr>"
        for point in points
    )
    links = figures.file_links(sweep_print(points), "strength")
    return (
        f'<table class="hw-table hw-wrapped"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="hw-help">Save this figure for print: {links}</p>'
    )


def _count(point: StrengthPoint) -> Any:
    return point.n_changed if point.wer is None else short_percent(point.wer)


def _text(point: StrengthPoint) -> str:
    """As the panels show it: no words where nobody speaks."""
    if point.row.heard_nobody:
        return NO_SPEECH
    return escape(point.row.text) or NO_WORDS
