"""The card of the recording: waveform and spectrogram, as the model receives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from hyper.plots.recording import RECORDING, recording_figure
from hyper.ui import figures
from hyper.ui.cards.card import Card
from hyper.ui.layout import HIDDEN, SHOWN, card

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service


class RecordingCard(Card):
    """One image of the recording."""

    takes_time = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        with card(visible=False) as self.box:
            gr.HTML(figures.caption_html(RECORDING))
            self.image = gr.HTML("")

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The image, drawn once for wide and once for narrow screens."""
        text = f"Waveform and spectrogram of {comparison.seconds:.1f} seconds of speech"
        drawn = (
            recording_figure(comparison.waveform, comparison.log_mel, comparison.seconds, wide=wide)
            for wide in (True, False)
        )
        return {self.box: SHOWN, self.image: figures.picture_html("hw-recording-image", text, *drawn)}

    def clear(self) -> Values:
        """No image."""
        return {self.box: HIDDEN, self.image: ""}
