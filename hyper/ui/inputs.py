"""What a visitor gives for a comparison: a recording, what was meant, a model; and the clicks that fill these in."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from hyper.model.files import BUNDLED
from hyper.model.languages import language_names
from hyper.model.lora import MAX_STRENGTH
from hyper.ui import panels, scripts
from hyper.ui.about import BUNDLED_NOTE, OTHER_MODEL_NOTE, VERBATIM_NOTE
from hyper.ui.examples import Example
from hyper.ui.layout import (
    REFERENCE_HEADING,
    Values,
    capitalised,
    card,
    chips,
    fold,
    heading,
    note_html,
    recorder,
    text_box,
)
from hyper.ui.model_store import ModelStore
from hyper.ui.phrases import PHRASES
from hyper.ui.queues import QUIET
from hyper.ui.service import AS_TRAINED, PER_PIECE, PER_RECORDING

STRENGTH_MEANING = (
    "0 is Whisper as it is, 1 the adaptation as it was trained, 2 twice as much. Only the adapted transcript changes."
)


class Inputs:
    """Recording and examples on the left; what was meant, and the model, on the right."""

    def __init__(self, models: ModelStore, examples: Sequence[Example]) -> None:
        self.models, self.examples = models, examples
        with gr.Row(elem_id="hw-input", equal_height=True):
            with card():
                heading(1, "Say something, or pick an example")
                self.recording = recorder("Recording", "hw-recording")
                self.note = gr.HTML("", elem_id="hw-example-note")  # where the recording comes from
                labels = [capitalised(example.label) for example in examples]
                self.example_buttons = chips("Examples", labels, "hw-examples")
            with card():
                heading(2, *REFERENCE_HEADING)
                self.reference = text_box("What was meant (optional)", "The words you meant to say", "hw-reference")
                with fold("Also every sound that was said (verbatim)", "hw-verbatim-fold"):
                    gr.HTML(note_html(VERBATIM_NOTE))
                    label = "What was said (verbatim, optional)"
                    self.verbatim = text_box(label, "c c call my my sister", "hw-verbatim")
                with gr.Column(visible=models.first_name == BUNDLED) as self.phrases:
                    title = "Things to say: click one, then read it aloud"
                    self.phrase_buttons = chips(title, PHRASES, "hw-phrases")
                self._model_choice()
        self.strength = gr.Slider(  # placed by its card, beside what it changes
            0, MAX_STRENGTH, AS_TRAINED, step=0.1, label="Adaptation strength", info=STRENGTH_MEANING, buttons=[],
            elem_id="hw-strength", render=False,
        )  # fmt: skip

    def _model_choice(self) -> None:
        """Model, language, and the folded choice of how to adapt."""
        models = self.models
        self.model = gr.Dropdown(
            models.choices(), value=models.first_name, label="Model", filterable=False, elem_id="hw-model"
        )
        self.model_note = gr.HTML(self._model_note_html(models.first_name))
        self.language = gr.Dropdown(
            [(name, code) for code, name in language_names().items()],
            value="en",
            label="Spoken language",
            visible=models.is_multilingual(models.first_name),
            elem_id="hw-language",
        )
        with fold("Advanced", "hw-advanced"):
            self.adaptation = gr.Radio(
                [
                    ("One adaptation for the whole recording", PER_RECORDING),
                    ("One adaptation for each piece", PER_PIECE),
                ],
                value=PER_RECORDING,
                label="Long recordings",
                info="Recordings longer than the model's window are cut at quiet places.",
            )

    @property
    def asked(self) -> list[gr.components.Component]:
        """Inputs of a comparison, in the order of `Asked`."""
        return [
            self.recording, self.reference, self.model, self.language, self.adaptation, self.verbatim, self.strength,
        ]  # fmt: skip

    def connect(self) -> None:
        """Clicks that fill the inputs."""
        for button, phrase in zip(self.phrase_buttons, PHRASES, strict=False):
            button.click(None, None, self.reference, js=scripts.sets(phrase))
        example_reference = gr.State("")  # what an example put into the text, to be taken out with its recording
        filled = [self.recording, self.reference, self.verbatim, example_reference, self.note]
        for button, each in zip(self.example_buttons, self.examples, strict=True):
            values = (str(each.path), each.reference, "", each.reference, note_html(each.note))
            button.click(lambda values=values: values, None, filled, **QUIET)
        self.recording.clear(
            take_out_example,
            [self.reference, example_reference],
            [self.reference, example_reference, self.note],
            **QUIET,
        )
        self.model.change(self.offer_for, self.model, [self.phrases, self.model_note, self.language], **QUIET)

    def offer_for(self, name: str) -> Values:
        """What the page offers for a model."""
        return {
            self.phrases: gr.update(visible=name == BUNDLED),
            self.model_note: self._model_note_html(name),
            self.language: gr.update(value="en", visible=self.models.is_multilingual(name)),
        }

    def _model_note_html(self, name: str) -> str:
        """What to expect of a model."""
        if name == BUNDLED:
            return note_html(BUNDLED_NOTE)
        if self.models.is_loaded(name):
            return ""
        return note_html(OTHER_MODEL_NOTE.format(command=panels.train_command(name)))


def take_out_example(reference: str, of_example: str | None) -> tuple[str, str, str]:
    """Reference, the example's own and its note once the recording is gone; what the visitor typed stays."""
    return ("" if reference == of_example else reference, "", "")
