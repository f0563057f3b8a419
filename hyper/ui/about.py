"""What the page says about itself."""

from __future__ import annotations

from hyper.ui.templates import render

HEADER = render("header")
CAUTION = render("caution")
BUNDLED_NOTE = (
    "A small Whisper of this project's own, made for everyday commands and short phrases in English; expect many "
    "errors in open speech. For open speech, choose a Whisper from the hub and train a hypernetwork for it."
)
OTHER_MODEL_NOTE = (
    "Loaded when it is first used. If no hypernetwork was trained for it, you get the base transcript; to train one: "
    "`{command}`"
)
VERBATIM_NOTE = (
    "What was meant is one reference. What was actually said, repetitions and broken-off sounds included, can be a "
    "second; errors are then counted against both."
)
