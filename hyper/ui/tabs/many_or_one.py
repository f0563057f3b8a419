"""The mode "Several": recordings of many speakers, or of one; which of them is one choice."""

from __future__ import annotations

import gradio as gr

from hyper.ui.layout import SEVERAL, view
from hyper.ui.service import Service
from hyper.ui.tabs.sessions import SessionsTab
from hyper.ui.tabs.several import SeveralTab
from hyper.ui.tabs.speaker import ONE_SPEAKER, SpeakerTab
from hyper.ui.tried_examples import TriedExamples

MANY_SPEAKERS = "many"


class ManyOrOne:
    """The choice, and a part for each answer: the style sheet hides the other, so that the choice is all there is."""

    def __init__(self, service: Service, examples: TriedExamples) -> None:
        with view("Several", SEVERAL):
            self.who_speaks = gr.Radio(
                [("Many speakers", MANY_SPEAKERS), ("One speaker", ONE_SPEAKER)],
                value=MANY_SPEAKERS,
                label="Who speaks in your recordings?",
                interactive=True,  # gradio takes it for an output alone: nothing but the style sheet reads it
                elem_id="hw-who-speaks",
            )
            with gr.Column(elem_id="hw-many-speakers"):
                self.many = SeveralTab(service, examples)
                self.sessions = SessionsTab(service)
            with gr.Column(elem_id="hw-one-speaker"):
                self.one = SpeakerTab(service, examples)
