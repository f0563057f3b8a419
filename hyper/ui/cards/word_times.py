"""When each word was said, for the player: unseen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import gradio as gr

from hyper.ui.cards.card import Card
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service


class WordTimesCard(Card):
    """Numbers that the player's script reads."""

    follows_strength = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.times = gr.HTML("", visible="hidden", elem_id="hw-times")

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """Start and end of each word of each row, in seconds."""
        times = {
            name: [(round(word.start, 2), round(word.end, 2)) for word in words or ()]
            for name, words in comparison.word_times._asdict().items()
        }
        return {self.times: render("word_times", times=json.dumps(times))}

    def clear(self) -> Values:
        """No words."""
        return {self.times: ""}
