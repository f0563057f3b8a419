"""The examples as cards: what each is, what the bundled pair makes of it, and its outline."""

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
EXPECTED = {
    "gain": "Adapting helps",
    "tie": "Adapting does not help",
    "harm": "Adapting makes it worse",
    "right": "Right without adapting",
}


class ExampleCard(NamedTuple):
    """What stands on one card."""

    place: int  # in the list of examples
    name: str
    expected: str  # "" where nobody tried it
    wave: str


def expected_class(is_theirs: bool) -> list[str]:
    """The style of cards for the pair that they were chosen with; for another they do not say what to expect."""
    return [] if is_theirs else ["hw-nothing-expected"]


def example_cards(title: str, examples: Sequence[Example], first: int, elem_id: str, is_theirs: bool = True) -> gr.HTML:
    """Cards for these examples, the first of which has this place in the list; a click says which was pressed.

    `is_theirs`: whether the page runs the pair that they were chosen with.

    Errors: `AudioError` where an example cannot be read.
    """
    cards = [
        ExampleCard(
            first + i,
            capitalised(each.label),
            EXPECTED.get(each.outcome, ""),
            wave_path(load_audio(each.path), N_BARS),
        )
        for i, each in enumerate(examples)
    ]
    html = render("example_cards", title=title, cards=cards, n_bars=N_BARS, height=HEIGHT)
    return gr.HTML(
        html,
        elem_id=elem_id,
        elem_classes=expected_class(is_theirs),
        visible=bool(cards),
        js_on_load=scripts.PRESS_EXAMPLE,
    )
