"""The card, folded, of the sound to look at: pauses and speech rate in words; level, pitch, spectrogram as a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from hyper.compare.speaking import HOW_MEASURED, speaking_facts
from hyper.plots.sound import SOUND, sound_figure, sound_print
from hyper.recordings.sound import look_at
from hyper.ui import figures
from hyper.ui.cards.card import Card
from hyper.ui.languages import say
from hyper.ui.layout import HIDDEN, Values, fold, note_html, plot  # gradio reads the types of handlers
from hyper.ui.queues import ON_MODEL
from hyper.ui.service import Asked
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.service import Service


class SoundCard(Card):
    """A plot with what it says in words, drawn when it is opened."""

    needs_speech = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.service = service
        title = "Look at the sound: pauses, speech rate, pitch, spectrogram"
        with fold(title, "hw-sound", is_card=True, visible=False) as self.box:
            self.facts = gr.HTML("")
            self.plot = plot(SOUND.title, "hw-sound-plot", visible=False)
            self.below = gr.HTML("")
        self.late = self.box.expand(self.show, inputs.asked, [self.facts, self.plot, self.below], **ON_MODEL)

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """Folded; what was drawn of the recording before is gone."""
        return {**self.clear(), self.box: gr.update(visible=True, open=False)}

    def clear(self) -> Values:
        """Nothing to open."""
        return {self.box: HIDDEN, self.facts: "", self.plot: gr.update(value=None, visible=False), self.below: ""}

    def show(self, request: gr.Request, *given: Any) -> Values:
        """Words and plot; the words are timed in the last transcript, the adapted one where there is one."""
        comparison = self.service.compare(Asked(*given), request.session_hash)
        words = comparison.word_times.adapted or comparison.word_times.base
        sound = look_at(comparison.waveform)
        return {
            self.facts: render("sound", facts=speaking_facts(sound, words, comparison.language), caption=SOUND),
            self.plot: gr.update(value=figures.interactive(sound_figure(sound), SOUND.title, zooms=True), visible=True),
            self.below: figures.print_links_html(sound_print(sound), "sound") + note_html(say(HOW_MEASURED)),
        }
