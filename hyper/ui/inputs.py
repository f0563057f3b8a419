"""What a visitor gives for a comparison: a recording, what was meant, a model; and the clicks that fill these in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import Dependency

from hyper.model.files import BUNDLED
from hyper.model.languages import language_names
from hyper.model.lora import MAX_STRENGTH
from hyper.ui import panels, scripts
from hyper.ui.about import BUNDLED_NOTE, FORM_NOTE, OFFER_NOTE, OTHER_MODEL_NOTE, VERBATIM_NOTE
from hyper.ui.example_cards import ExampleCards, cards_box
from hyper.ui.examples import Example
from hyper.ui.languages import say
from hyper.ui.layout import (
    SHOWN,
    Values,
    card,
    chips,
    fold,
    note,
    note_html,
    recorder,
    text_box,
)
from hyper.ui.model_store import ModelStore
from hyper.ui.offer import offer_button, taken
from hyper.ui.phrases import PHRASES
from hyper.ui.queues import ON_MODEL, QUIET
from hyper.ui.service import AS_TRAINED, PER_PIECE, PER_RECORDING
from hyper.ui.templates import render
from hyper.ui.tried_examples import TriedExamples

STRENGTH_MEANING = (
    "0 is Whisper as it is, 1 the adaptation as it was trained, 2 twice as much. Only the adapted transcript changes."
)
LOOK_AGAIN_SECONDS = 2.0  # while examples are tried


Filling = tuple[str, str, str, str, str]  # recording, reference, verbatim text, the reference it brought, its note


class Inputs:
    """Three ways to begin, the recording and examples; settings in a fold. What was meant is placed by its card."""

    def __init__(self, models: ModelStore, tried: TriedExamples) -> None:
        self.models, self.tried, self.examples = models, tried, tried.all
        self.drawn = ExampleCards(self.examples)
        self.reference = text_box(  # placed under the transcripts, where it recounts
            "What was meant?", "Type it to count the errors.", "hw-reference", lines=1, render=False
        )
        with card(elem_id="hw-input"):
            self._ways_to_begin()
            self.recording = recorder("Recording", "hw-recording")
            gr.HTML(render("no_microphone"), elem_id="hw-no-microphone", js_on_load=scripts.FIND_MICROPHONE)
            self.note = gr.HTML("", elem_id="hw-example-note")  # where the recording comes from
            examples = tried.of(models.first_name)
            self.first_examples = cards_box(self.drawn.first(examples), "hw-examples")
            with gr.Row(elem_id="hw-folds"):
                with fold("More to try", "hw-more"):
                    self.more_examples = cards_box(self.drawn.rest(examples), "hw-more-examples")
                    with gr.Column(visible=models.first_name == BUNDLED) as self.phrases:
                        title = "Things to say: click one, then read it aloud"
                        self.phrase_buttons = chips(title, PHRASES, "hw-phrases")
                with fold("Settings", "hw-advanced", has_boxes=True):
                    self._settings()
        self.look_again = gr.Timer(LOOK_AGAIN_SECONDS, active=tried.is_missing(models.first_name))
        self.example_reference = gr.State("")  # what a recording brought into the text, to go with it
        self.strength = gr.Slider(  # placed by its card, beside what it changes
            0, MAX_STRENGTH, AS_TRAINED, step=0.1, label="Adaptation strength", info=STRENGTH_MEANING, buttons=[],
            elem_id="hw-strength", render=False,
        )  # fmt: skip

    def _ways_to_begin(self) -> None:
        """Record, try an example, upload: equal buttons side by side."""
        with gr.Row(elem_id="hw-begin"):
            self.begin_recording = gr.Button("Record your voice", elem_id="hw-begin-recording")
            self.begin_example = gr.Button("Try an example", elem_id="hw-begin-example", visible=bool(self.examples))
            self.begin_upload = gr.Button("Upload a file", elem_id="hw-begin-upload")

    def _settings(self) -> None:
        """Model, language, how to adapt, and the verbatim text."""
        models = self.models
        self.model = gr.Dropdown(
            models.choices(), value=models.first_name, label="Model", filterable=False, elem_id="hw-model"
        )
        self.model_note = gr.HTML(self._model_note_html(models.first_name))
        self.offer = offer_button(models, "hw-offer-in-settings")
        self.language = gr.Dropdown(
            [(name, code) for code, name in language_names().items()],
            value="en",
            label="Spoken language",
            visible=models.is_multilingual(models.first_name),
            elem_id="hw-language",
        )
        self.adaptation = gr.Radio(
            [
                ("One adaptation for the whole recording", PER_RECORDING),
                ("One adaptation for each piece", PER_PIECE),
            ],
            value=PER_RECORDING,
            label="Long recordings",
            info="Recordings longer than the model's window are cut at quiet places.",
            elem_id="hw-long-recordings",
        )
        note(VERBATIM_NOTE)
        self.verbatim = text_box("What was said (verbatim, optional)", "c c call my my sister", "hw-verbatim")

    @property
    def asked(self) -> list[gr.components.Component]:
        """Inputs of a comparison, in the order of `Asked`."""
        return [
            self.recording, self.reference, self.model, self.language, self.adaptation, self.verbatim, self.strength,
        ]  # fmt: skip

    @property
    def filled(self) -> list[gr.components.Component]:
        """What a recording brings with it, in the order of `Filling`."""
        return [self.recording, self.reference, self.verbatim, self.example_reference, self.note]

    @property
    def begins(self) -> list[Callable[..., Dependency]]:
        """What a visitor does that ends what was asked for before: its answers belong to something else."""
        boxes = (self.first_examples, self.more_examples, self.begin_example, self.begin_recording, self.begin_upload)
        offer = [self.offer] if self.models.offer else []
        buttons = (*self.phrase_buttons, *offer)
        pressed = [*(box.click for box in boxes), *(button.click for button in buttons)]
        return [*pressed, self.recording.clear, self.model.input, *self.settings]

    @property
    def settings(self) -> list[Callable[..., Dependency]]:
        """Changes after which the transcripts on the page are no longer those of what is chosen."""
        return [self.language.input, self.adaptation.input]

    def connect(self) -> None:
        """Clicks that fill the inputs."""
        begun = [self.recording, self.reference, self.verbatim, self.note]
        for button, phrase in zip(self.phrase_buttons, PHRASES, strict=True):
            # It is to be read: a recording that is there already said something else.
            button.click(None, None, begun, js=scripts.sets(None, phrase, "", ""))
        self.begin_recording.click(None, self.reference, begun, js=scripts.begin_recording(PHRASES))
        self.begin_upload.click(None, None, begun, js=scripts.BEGIN_UPLOAD)
        self.recording.clear(None, None, self.note, js=scripts.sets(""))  # its box opens at once
        self.recording.clear(None, js=scripts.REMEMBER_WHOSE)
        of_example = [self.reference, self.example_reference]
        self.recording.clear(take_out_example, of_example, of_example, **QUIET)
        if self.models.offer:
            self.offer.click(self.take_offer, None, self.model, show_progress_on=self.model_note, **ON_MODEL)
        examples = [self.first_examples, self.more_examples, self.look_again]
        followers = [self.phrases, self.model_note, self.offer, self.language, *examples]
        self.model.change(self.offer_for, self.model, followers, **QUIET)
        self.look_again.tick(self.show_examples, self.model, examples, **QUIET)

    def examples_filled(self) -> list[Dependency]:
        """Clicks on examples, each of which fills the inputs and plays; the comparison is to follow."""
        boxes = [self.first_examples, self.more_examples]
        events = [cards.click(self.fill, self.model, self.filled, **QUIET) for cards in boxes]
        if self.examples:
            events.append(self.begin_example.click(self.fill_first, self.model, self.filled, **QUIET))
        for event in events:
            event.then(None, js=scripts.PLAY)
        return events

    def fill(self, event: gr.EventData, name: str) -> Filling:
        """With the example whose card was pressed."""
        pressed = self.examples[int(event.example)]
        of_other_model = replace(pressed, outcome="", doubt="")  # its card is still there for a moment
        return _filling(next((each for each in self.tried.of(name) if each.path == pressed.path), of_other_model))

    def fill_first(self, name: str) -> Filling:
        """With the example whose card comes first."""
        return _filling(self.tried.of(name)[0])

    def take_offer(
        self,
        progress: gr.Progress = gr.Progress(track_tqdm=True),  # noqa: B008  gradio finds it by this default
    ) -> Any:
        """Choose the real Whisper that is offered."""
        return taken(self.models, progress)

    def offer_for(self, name: str) -> Values:
        """What the page offers for a model."""
        self.tried.start(name)
        return {
            **self.show_examples(name),
            self.phrases: gr.update(visible=self.models.base_of(name) == BUNDLED),
            self.model_note: self._model_note_html(name),
            self.offer: gr.update(visible=self.models.offers(name)),
            self.language: SHOWN if self.models.is_multilingual(name) else gr.update(value="en", visible=False),
        }

    def show_examples(self, name: str) -> Values:
        """The cards for a model, and whether to look again."""
        is_waiting = self.tried.is_missing(name)  # asked first: what comes in between is looked for again
        examples = self.tried.of(name)
        return {
            self.first_examples: self.drawn.first(examples),
            self.more_examples: self.drawn.rest(examples),
            self.look_again: gr.Timer(active=is_waiting),
        }

    def _model_note_html(self, name: str) -> str:
        """What to expect of a model."""
        if name == BUNDLED:
            return note_html(OFFER_NOTE if self.models.offer else BUNDLED_NOTE, is_built=True)
        if self.models.is_paper_form(name):
            return note_html(FORM_NOTE)
        if self.models.is_loaded(name):
            return ""
        return note_html(say(OTHER_MODEL_NOTE, command=panels.train_command(name)))


def _filling(example: Example) -> Filling:
    return str(example.path), example.reference, "", example.reference, note_html(example.note)


def take_out_example(reference: str, of_example: str | None) -> tuple[str, str]:
    """Reference and the example's own once the recording is gone; what the visitor typed stays.

    A phrase to read is of one recording alone, as an example's text is.
    """
    return ("" if reference in (of_example, *PHRASES) else reference, "")
