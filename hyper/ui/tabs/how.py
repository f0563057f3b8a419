"""The view "How it works": what an adaptation is, and what it changed in the model for the last recording."""

from __future__ import annotations

import gradio as gr

from hyper.ui import about
from hyper.ui.cards import HOW_CARDS
from hyper.ui.layout import HOW, view
from hyper.ui.tabs.one_recording import OneRecordingTab


class HowTab:
    """Four sentences, then the cards of the model. They are filled where the recording is compared."""

    def __init__(self, one: OneRecordingTab) -> None:
        with view("How it works", HOW):
            about.how_it_works()
            with gr.Column(elem_id="hw-how"):
                one.add_cards(HOW_CARDS)
