"""The examples as cards: what each is, what the pair in use makes of it, and its outline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import gradio as gr

from hyper.recordings.audio import load_audio
from hyper.ui import scripts
from hyper.ui.examples import Example
from hyper.ui.layout import capitalised
from hyper.ui.templates import render
from hyper.ui.waveform import HEIGHT, wave_path

N_BARS = 48
N_FIRST = 4  # that stand on the page; the others open on a click
EXPECTED = {
    "gain": "Adapting helps",
    "tie": "Adapting does not help",
    "harm": "Adapting makes it worse",
    "right": "Right without adapting",
    "doubt": "Not reliable",  # as the verdict on its result says
}


class ExampleCard(NamedTuple):
    """What stands on one card."""

    place: int  # in the list of examples, in whatever order the cards are
    name: str
    expected: str  # "" where nobody tried it
    wave: str


class ExampleCards:
    """Cards for the first few examples and for the rest; a click says which was pressed.

    Errors: `AudioError` where an example cannot be read.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        self._places = {each.path: place for place, each in enumerate(examples)}
        self._waves = {each.path: wave_path(load_audio(each.path), N_BARS) for each in examples}

    def first(self, examples: Sequence[Example]) -> str:
        """Of the same examples, in the order of now."""
        return self._html("Examples", examples[:N_FIRST])

    def rest(self, examples: Sequence[Example]) -> str:
        """Those behind them."""
        return self._html("More examples", examples[N_FIRST:], with_choice=True)

    def _html(self, title: str, examples: Sequence[Example], with_choice: bool = False) -> str:
        cards = [
            ExampleCard(
                self._places[each.path],
                capitalised(each.label),
                EXPECTED.get(each.verdict, ""),
                self._waves[each.path],
            )
            for each in examples
        ]
        if not cards:
            return ""
        how = examples[0].chosen_with if with_choice else ""
        return render("example_cards", title=title, chosen_with=how, cards=cards, n_bars=N_BARS, height=HEIGHT)


def cards_box(html: str, elem_id: str) -> gr.HTML:
    """Where cards stand; unseen where there are none."""
    return gr.HTML(html, elem_id=elem_id, visible=bool(html), js_on_load=scripts.PRESS_EXAMPLE)
