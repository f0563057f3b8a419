"""The player of a result: it stays while the words are in view, and its script lights them."""

from __future__ import annotations

import gradio as gr

from hyper.ui.templates import render
from hyper.ui.theme import STYLE_FILE
from hyper.ui.waveform import HEIGHT

SCRIPT_FILE = STYLE_FILE.with_name("player.js")
N_BARS = 240  # of its waveform


def player() -> gr.HTML:
    """The player, which the server never changes: what it plays stands in the result beside it."""
    html = render("player", n_bars=N_BARS, height=HEIGHT)
    return gr.HTML(html, elem_id="hw-player", js_on_load=SCRIPT_FILE.read_text(encoding="utf-8"))
