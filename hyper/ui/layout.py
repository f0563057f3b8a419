"""What stands where on the page: the input card, the results, the plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from hyper.model.files import BUNDLED
from hyper.model.languages import language_names
from hyper.plots import layers as layer_plots
from hyper.plots import palette
from hyper.plots import style as plot_style
from hyper.ui import figures, panels
from hyper.ui.about import LIMITS, OTHER_MODEL, VERBATIM
from hyper.ui.examples import Example
from hyper.ui.handlers import PER_PIECE, PER_RECORDING
from hyper.ui.model_store import ModelShelf
from hyper.ui.phrases import PHRASES
from hyper.ui.strength_card import StrengthCard, strength_card
from hyper.ui.takeaway import TakeAway, take_away


@dataclass(frozen=True)
class Inputs:
    """What a visitor gives."""

    recording: gr.Audio
    example_note: gr.HTML
    reference: gr.Textbox
    verbatim: gr.Textbox
    phrases: gr.Column
    phrase_buttons: list[gr.Button]
    example_buttons: list[gr.Button]
    model: gr.Dropdown
    model_note: gr.HTML
    language: gr.Dropdown
    adaptation: gr.Radio
    compare: gr.Button

    def of_compare(self) -> list[gr.components.Component]:
        """Inputs of a comparison, in the order of the handlers' arguments."""
        return [self.recording, self.reference, self.model, self.language, self.adaptation, self.verbatim]


@dataclass(frozen=True)
class Outputs:
    """What a visitor gets."""

    results: gr.HTML
    magnitude: gr.Plot
    print_links: gr.HTML
    inside_caption: gr.HTML
    inside: gr.Plot
    details: gr.HTML
    recording: gr.HTML
    reliability: gr.HTML
    strength: StrengthCard
    take_away: TakeAway
    more: gr.Column  # all below the transcripts
    adapted_only: gr.Column  # the strength
    changes: gr.Row  # the plots that only an adaptation has
    files: gr.Accordion  # to take away

    def of_strength(self) -> list[gr.blocks.Block]:
        """What another strength changes, in the order in which the handler gives the values."""
        return [
            self.results, self.magnitude, self.print_links, self.inside, self.inside_caption, self.details,
        ]  # fmt: skip

    def all(self) -> list[gr.blocks.Block]:
        """What a comparison fills or clears, in the order in which the handler gives the values."""
        card = self.strength
        cleared = [card.strength, card.plot, card.table]
        shown = [self.more, self.adapted_only, self.changes, self.files]
        return [*self.of_strength(), self.recording, self.reliability, *cleared, *shown]


def input_card(shelf: ModelShelf, examples: Sequence[Example]) -> Inputs:
    """Recording on the left, what was meant on the right."""
    with gr.Row(elem_id="hw-input", equal_height=True):
        with gr.Column(elem_classes="hw-card", min_width=320):
            gr.HTML("<h2>1 <span>Say something, or pick an example</span></h2>")
            recording = recorder("Recording", "hw-recording")
            example_note = gr.HTML("", elem_id="hw-example-note")
            example_buttons = chips("Examples", [_capitalised(e.label) for e in examples], "hw-examples")
        with gr.Column(elem_classes="hw-card", min_width=320):
            gr.HTML("<h2>2 <span>What was meant</span> <small>optional, needed to count errors</small></h2>")
            reference = text_box("What was meant (optional)", "The words you meant to say", "hw-reference")
            verbatim = _verbatim()
            with gr.Column(visible=shelf.first_name == BUNDLED, elem_id="hw-phrases-column") as phrases:
                phrase_buttons = chips("Things to say: click one, then read it aloud", PHRASES, "hw-phrases")
            model, model_note, language, adaptation = _model_choice(shelf)
    compare = gr.Button("Compare", variant="primary", elem_id="hw-compare")
    return Inputs(
        recording, example_note, reference, verbatim, phrases, phrase_buttons, example_buttons,
        model, model_note, language, adaptation, compare,
    )  # fmt: skip


def recorder(label: str, elem_id: str) -> gr.Audio:
    """A place for one recording, from the microphone or a file."""
    return gr.Audio(
        sources=["microphone", "upload"],
        type="filepath",  # the file as it came; hyper.recordings.audio reads and checks it
        format=None,
        editable=False,  # trimming re-encodes
        buttons=[],
        show_label=False,
        label=label,
        elem_id=elem_id,
        elem_classes="hw-recorder",
        waveform_options=gr.WaveformOptions(
            waveform_color=palette.CONTROL_LINE, waveform_progress_color=palette.ADAPTED
        ),
    )


def _verbatim() -> gr.Textbox:
    """The second reference, folded: few have one."""
    with gr.Accordion("Also every sound that was said (verbatim)", open=False, elem_id="hw-verbatim-fold"):
        gr.HTML(note_html(VERBATIM))
        return text_box("What was said (verbatim, optional)", "c c call my my sister", "hw-verbatim")


def text_box(label: str, placeholder: str, elem_id: str, lines: int = 2, max_length: int = 10_000) -> gr.Textbox:
    """A place for text under a heading of the page: its label is for screen readers alone."""
    return gr.Textbox(
        "",
        show_label=False,
        label=label,
        placeholder=placeholder,
        lines=lines,
        max_length=max_length,
        elem_id=elem_id,
    )


def chips(title: str, texts: Sequence[str], elem_id: str) -> list[gr.Button]:
    """Small buttons under a title; nothing at all without texts."""
    if not texts:
        return []
    gr.HTML(f'<p class="hw-chips-title">{title}</p>')
    with gr.Row(elem_id=elem_id, elem_classes="hw-chips"):
        return [gr.Button(text, size="sm", min_width=1, elem_classes="hw-chip") for text in texts]


def _capitalised(text: str) -> str:
    """First letter large, the rest as it is."""
    return text[:1].upper() + text[1:]


def _model_choice(shelf: ModelShelf) -> tuple[gr.Dropdown, gr.HTML, gr.Dropdown, gr.Radio]:
    """Model, language, and the folded choice of how to adapt."""
    model = gr.Dropdown(shelf.choices(), value=shelf.first_name, label="Model", filterable=False, elem_id="hw-model")
    model_note = gr.HTML(model_note_html(shelf, shelf.first_name))
    language = gr.Dropdown(
        [(name, code) for code, name in language_names().items()],
        value="en",
        label="Spoken language",
        visible=shelf.is_multilingual(shelf.first_name),
        elem_id="hw-language",
    )
    with gr.Accordion("Advanced", open=False, elem_id="hw-advanced"):
        adaptation = gr.Radio(
            [
                ("One adaptation for the whole recording", PER_RECORDING),
                ("One adaptation for each piece", PER_PIECE),
            ],
            value=PER_RECORDING,
            label="Long recordings",
            info="Recordings longer than the model's window are cut at quiet places.",
        )
    return model, model_note, language, adaptation


def result_card() -> Outputs:
    """Transcripts first, then the strength, then plots; details folded."""
    with gr.Column(elem_id="hw-results"):
        results = gr.HTML(panels.EMPTY)
        with gr.Column(visible=False, elem_id="hw-more") as more:
            with gr.Column(elem_classes="hw-card", elem_id="hw-strength-card") as adapted_only:
                strength = strength_card()
            with gr.Row(elem_id="hw-changes", equal_height=True) as changes:
                magnitude, print_links, inside_caption, inside = _changes()
            with gr.Column(elem_classes="hw-card"):
                gr.HTML(figures.caption_html(plot_style.RECORDING))
                recording = gr.HTML()
            with gr.Column(elem_id="hw-folds"):
                with gr.Accordion("How far the question marks can be trusted", open=False, elem_id="hw-trust"):
                    reliability = gr.HTML()
                with gr.Accordion("Take the adaptation away: files", open=False, elem_id="hw-take-away") as files:
                    away = take_away()
                with gr.Accordion("Details: model, timings, parameters", open=False, elem_id="hw-details"):
                    details = gr.HTML()
    return Outputs(
        results, magnitude, print_links, inside_caption, inside, details, recording, reliability,
        strength, away, more, adapted_only, changes, files,
    )  # fmt: skip


def _changes() -> tuple[gr.Plot, gr.HTML, gr.HTML, gr.Plot]:
    """Two plots side by side: how much each layer was changed, and how inside."""
    with gr.Column(elem_classes="hw-card", min_width=320):
        gr.HTML(figures.caption_html(layer_plots.MAGNITUDE))
        magnitude = gr.Plot(show_label=False, label=layer_plots.MAGNITUDE.title, elem_id="hw-magnitude")
        print_links = gr.HTML()
    with gr.Column(elem_classes="hw-card", min_width=320):
        inside_caption = gr.HTML()
        inside = gr.Plot(show_label=False, label="How each layer was changed", elem_id="hw-inside")
    return magnitude, print_links, inside_caption, inside


def model_note_html(shelf: ModelShelf, name: str) -> str:
    """What to expect of a model."""
    if name == BUNDLED:
        return note_html(LIMITS)
    return (
        note_html(OTHER_MODEL.format(command=escape(panels.train_command(name)))) if not shelf.is_loaded(name) else ""
    )


def note_html(text: str) -> str:
    """A small line of the project's own text."""
    return f'<p class="hw-help">{text}</p>'
