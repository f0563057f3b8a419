"""The tab "One speaker": several recordings of one person, adapted each by itself and once for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import gradio as gr

from hyper.compare.speaker import MAX_RECORDINGS, MIN_RECORDINGS, compare_speaker, split_references
from hyper.plots import voice as voice_plots
from hyper.ui import figures, notices, scripts
from hyper.ui.examples import Example
from hyper.ui.handlers import Handlers, on_gpu
from hyper.ui.layout import Inputs, chips, text_box
from hyper.ui.queues import MODEL_QUEUE, QUIET
from hyper.ui.tabs import speaker_html
from hyper.ui.voice_place import Place, place_part, place_values

TAB = "speaker"
PLACE = "one speaker"  # of the recordings that the visitor holds here
INTRODUCTION = (
    "One recording tells little of a voice. Here the model is tuned once to the mean of several recordings of the same "
    "person, and compared with Whisper as it is and with tuning to each recording by itself. The model is the one that "
    "is chosen on the first tab."
)


@dataclass(frozen=True)
class SpeakerParts:
    """What the tab gives back."""

    results: gr.HTML
    agreement_note: gr.HTML
    written: gr.Plot
    read: gr.Plot
    links: gr.HTML
    place: Place
    more: gr.Column  # all below the table

    def all(self) -> list[gr.blocks.Block]:
        """In the order in which the handler gives the values."""
        return [self.results, self.agreement_note, self.written, self.read, self.links, *self.place.all(), self.more]


@dataclass(frozen=True)
class SpeakerHandlers:
    """What happens on the tab; nothing of what a visitor sends is kept."""

    page: Handlers

    def adapt_to_speaker(
        self,
        files: list[str] | None,
        meant: str,
        model: str,
        language: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by this default
    ) -> tuple[Any, ...]:
        """Values for `SpeakerParts.all`."""
        notices.check_recordings(files or [])
        with notices.errors_as_notices():
            references = split_references(meant, len(files))
            progress(0.1, desc=f"Fetching {model}")
            asr = self.page.shelf.get(model)
            progress(0.3, desc=f"Transcribing {len(files)} recordings, three times each")
            comparison = compare_speaker(asr, files, references, language=language)
        progress(0.8, desc="Drawing")
        names = speaker_html.recording_names(comparison)
        voices = [("this speaker", comparison.embedding), *zip(names, comparison.embeddings, strict=True)]
        return (
            speaker_html.results_html(comparison),
            speaker_html.agreement_html(comparison),
            voice_plots.agreement_figure(comparison.agreement.written_deg, names),
            voice_plots.agreement_figure(comparison.agreement.read_deg, names),
            speaker_html.agreement_links_html(comparison),
            *place_values(asr, voices),
            gr.Column(visible=True),
        )

    def keep_track(self, files: list[str] | None, request: gr.Request) -> str:
        """Delete the recordings that the visitor took out, remember the present ones; their order as HTML."""
        if request.session_hash:
            self.page.uploads.hold_all(request.session_hash, PLACE, files or [])
        return speaker_html.files_html(files)


@dataclass(frozen=True)
class SpeakerInputs:
    """What a visitor gives, or another tab hands over."""

    files: gr.File
    meant: gr.Textbox


def speaker_tab(page: Handlers, inputs: Inputs, examples: Sequence[Example]) -> SpeakerInputs:
    """Build the tab and connect it; model and language are those of the first tab."""
    handlers = SpeakerHandlers(page)
    with gr.Tab("One speaker", id=TAB, elem_id="hw-tab-speaker"):
        gr.HTML(f'<p class="hw-lead">{INTRODUCTION}</p>')
        with gr.Row(equal_height=True, elem_classes="hw-pair"):
            with gr.Column(elem_classes="hw-card", min_width=320):
                gr.HTML(f"<h2>1 <span>{MIN_RECORDINGS} to {MAX_RECORDINGS} recordings of one person</span></h2>")
                files = gr.File(
                    file_count="multiple",
                    file_types=["audio", ".webm", ".mp4"],
                    type="filepath",
                    show_label=False,
                    label="Recordings of one person",
                    height=170,
                    elem_id="hw-speaker-files",
                )
                example_sets = sets_of_examples(examples)
                buttons = chips(
                    "Examples: one kind, but different voices",
                    [name for name, _ in example_sets],
                    "hw-speaker-examples",
                )
            with gr.Column(elem_classes="hw-card", min_width=320):
                gr.HTML("<h2>2 <span>What was meant</span> <small>optional, one line for each recording</small></h2>")
                meant = text_box(
                    "What was meant, one line for each recording",
                    "what the first recording was meant to say\nwhat the second was meant to say\n…",
                    "hw-speaker-meant",
                    lines=5,
                    max_length=50_000,
                )
                order = gr.HTML("", elem_id="hw-speaker-order")
        adapt = gr.Button("Adapt to this speaker", variant="primary", elem_id="hw-speaker-adapt", elem_classes="hw-go")
        parts = _result_parts()
    for button, (_, own) in zip(buttons, example_sets, strict=True):
        button.click(
            lambda own=own: ([str(e.path) for e in own], "\n".join(e.reference for e in own)),
            None,
            [files, meant],
            **QUIET,
        )
    files.change(handlers.keep_track, files, order, **QUIET)
    gr.on(  # results of other recordings or another model must not stand beside these
        [files.change, inputs.model.change],
        None,
        None,
        [parts.results, parts.more],
        js=scripts.sets(speaker_html.EMPTY, gr.update(visible=False)),
    )
    adapt.click(
        on_gpu(handlers.adapt_to_speaker),
        [files, meant, inputs.model, inputs.language],
        parts.all(),
        show_progress_on=parts.results,
        api_visibility="private",
        **MODEL_QUEUE,
    )
    return SpeakerInputs(files, meant)


def sets_of_examples(examples: Sequence[Example]) -> list[tuple[str, list[Example]]]:
    """Examples of one cohort together, named as they are labelled; a cohort with one example makes no set."""
    groups = [(name, list(own)) for name, own in groupby(examples, key=lambda example: example.label.split(",")[0])]
    return [(name[:1].upper() + name[1:], own) for name, own in groups if len(own) >= MIN_RECORDINGS]


def _result_parts() -> SpeakerParts:
    """Table first, then agreement, then the map."""
    with gr.Column(elem_id="hw-speaker-results", elem_classes="hw-results"):
        results = gr.HTML(speaker_html.EMPTY)
        with gr.Column(visible=False, elem_classes="hw-results") as more:
            with gr.Row(equal_height=True, elem_classes="hw-pair"):
                with gr.Column(elem_classes="hw-card", min_width=320):
                    gr.HTML(figures.caption_html(voice_plots.WRITTEN))
                    written = gr.Plot(show_label=False, label=voice_plots.WRITTEN.title, elem_id="hw-speaker-written")
                    agreement_note = gr.HTML()
                with gr.Column(elem_classes="hw-card", min_width=320):
                    gr.HTML(figures.caption_html(voice_plots.READ))
                    read = gr.Plot(show_label=False, label=voice_plots.READ.title, elem_id="hw-speaker-read")
                    links = gr.HTML()
            with gr.Column(elem_classes="hw-card"):
                place = place_part("hw-speaker-map")
    return SpeakerParts(results, agreement_note, written, read, links, place, more)
