"""What the page says about itself: its head, how it works, what to mind."""

from __future__ import annotations

import gradio as gr

from hyper.ui import scripts
from hyper.ui.layout import HOW, MODELS, heading, line
from hyper.ui.templates import render

HEADLINE = "Speech recognition that adapts to each recording"
SENTENCE = "For atypical speech: Whisper as it is, and Whisper adapted to the recording it just heard, side by side."
STEPS = (
    "Whisper, a speech recogniser, listens to the recording.",
    "A second, much smaller network, the hypernetwork, listens with it and writes a correction for this one "
    "recording: a small change to some of Whisper's weights.",
    "Whisper transcribes the recording twice, as it is (base) and with the correction (adapted), so that you can "
    "compare.",
    "The correction is then dropped. Nothing is learned from your recording, and the next one starts from the same "
    "Whisper.",
)
NO_DEVICE = (
    "Not a medical device.",
    "Not intended for the diagnosis, treatment, mitigation or prevention of any disease. Transcripts can contain words "
    "that nobody said; never act on one without checking it.",
)
CAUTIONS = {
    NO_DEVICE[0]: NO_DEVICE[1],
    "Simulated speech.": "The bundled hypernetwork learned from typical speech that was made atypical by simulators, "
    'and the examples marked "simulated" were made the same way. How well it serves real patients has not been '
    "measured.",
    "What you record or upload": "stays on the computer that runs this page. It is deleted when you replace it, when "
    "its list is done or when you leave, and after half an hour at the latest. Names and texts of a list stay in "
    "memory until you leave. On a public server, do not use recordings of patients.",
}
BUNDLED_NOTE = (
    "A small Whisper of this project's own, made for everyday commands and short phrases in English; expect many "
    "errors in open speech. For open speech, choose a Whisper from the hub and train a hypernetwork for it."
)
OFFER_NOTE = (
    "A small Whisper of this project's own, made for everyday commands and short phrases in English; expect many "
    "errors in open speech. For open speech there is a real Whisper that adapts, too:"
)
FORM_NOTE = (
    "The same small Whisper, adapted as in the paper: a rank-1 update of one matrix (W1) in each layer of its decoder. "
    "The bundled pair's own form changes every matrix, and corrects more errors in simulated speech."
)
OTHER_MODEL_NOTE = (
    "Loaded when it is first used. If no hypernetwork was trained for it, you get the base transcript; to train one: "
    "`{command}`"
)
VERBATIM_NOTE = (
    "What was meant is one reference. What was actually said, repetitions and broken-off sounds included, can be a "
    "second; errors are then counted against both."
)


def head() -> None:
    """Why, in a headline and a sentence, and the links to what is shown on demand."""
    with gr.Row(elem_classes="hw-header"):
        gr.HTML(HEADLINE, label=SENTENCE, html_template=render("header"))
        with gr.Column(elem_classes="hw-aside"):
            links = render("on_demand", HOW=HOW, MODELS=MODELS)
            gr.HTML("How it works", label="Models", html_template=links, js_on_load=scripts.OPEN_VIEWS)
            gr.HTML(
                "Switch between light and dark", html_template=render("theme_switch"), js_on_load=scripts.SWITCH_THEME
            )
            line("Recordings are deleted when you leave", "hw-pill")


def how_it_works() -> None:
    """The method in four sentences."""
    with gr.Column(elem_classes=["hw-card", "hw-steps"]):
        heading(None, "How it works")
        for step in STEPS:
            line(step, "hw-step")


def caution() -> None:
    """What to mind."""
    with gr.Column(elem_classes="hw-caution"):
        heading(None, "Please note")
        for title, text in CAUTIONS.items():
            gr.HTML(title, label=text, html_template=render("warning"))
