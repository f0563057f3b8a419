"""Recordings of one speaker: several of one person, adapted each by itself and once for all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import gradio as gr

from hyper.compare.speaker import MAX_RECORDINGS, MIN_RECORDINGS, split_references
from hyper.plots.agreement import READ, WRITTEN, agreement_figure
from hyper.recordings.matching import AUDIO_ENDINGS
from hyper.reports.speaker import speaker_evaluation, speaker_report, speaker_sheet
from hyper.reports.table import groups_sheet
from hyper.ui import figures, notices
from hyper.ui.examples import Example, example_of
from hyper.ui.inputs import Inputs
from hyper.ui.languages import say
from hyper.ui.layout import (
    HIDDEN,
    SHOWN,
    Values,
    capitalised,
    captioned_plot,
    card,
    chips,
    file_box,
    go_button,
    heading,
    lead,
    pair,
    text_box,
)
from hyper.ui.queues import ON_MODEL, QUIET
from hyper.ui.save_box import SaveBox
from hyper.ui.service import Service
from hyper.ui.tabs import speaker_html
from hyper.ui.tabs.tab import Tab
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.voice_map import VoiceMapBox

ONE_SPEAKER = "one"
PLACE = "one speaker"  # of the recordings that the visitor holds here
INTRODUCTION = (
    "One recording says little about a voice. Here the model is tuned once to the mean of several recordings of the "
    "same person, and compared with Whisper as it is and with tuning to each recording by itself. The model is the one "
    "chosen under Try."
)


class SpeakerTab(Tab):
    """Recordings and what was meant above; table, agreement and map below."""

    def __init__(self, service: Service, examples: TriedExamples) -> None:
        self.service, self.examples = service, examples
        lead(INTRODUCTION)
        with pair():
            self._recordings_card()
            self._meant_card()
        self.adapt = go_button("Adapt to this speaker", "hw-speaker-adapt")
        self._results()

    def _recordings_card(self) -> None:
        """Files of one person, or a set of examples."""
        with card():
            heading(1, f"{MIN_RECORDINGS} to {MAX_RECORDINGS} recordings of one person")
            self.files = file_box(
                "Recordings of one person", "hw-speaker-files", file_count="multiple", type="filepath", height=170,
                file_types=["audio", *sorted(AUDIO_ENDINGS)],
            )  # fmt: skip
            names = list(sets_of_examples(self.examples.listed(self.service.models.first_name)))
            self.example_buttons = chips("Examples: one kind, but different voices", names, "hw-speaker-examples")

    def _meant_card(self) -> None:
        """One line for each recording, beside the order that they are read in."""
        with card():
            heading(2, "What was meant", "optional, one line for each recording")
            hint = "what the first recording was meant to say\nwhat the second was meant to say\n…"
            label = "What was meant, one line for each recording"
            self.meant = text_box(label, hint, "hw-speaker-meant", lines=5)
            self.order = gr.HTML("", elem_id="hw-speaker-order")

    def _results(self) -> None:
        """Table first, then agreement, then the map."""
        with gr.Column(elem_id="hw-speaker-results", elem_classes="hw-results"):
            self.results = gr.HTML(speaker_html.EMPTY)
            with gr.Column(visible=False, elem_classes="hw-results") as self.more:
                with pair():
                    with card():
                        self.written = captioned_plot(WRITTEN, "hw-speaker-written")
                        self.agreement = gr.HTML("")
                    with card():
                        self.read = captioned_plot(READ, "hw-speaker-read")
                        self.links = gr.HTML("")
                with card():
                    self.map = VoiceMapBox("hw-speaker-map")
            self.saving = SaveBox(self.service, PLACE, "speaker")

    def connect(self, inputs: Inputs) -> None:
        """Examples fill the files, the button compares, other files clear the results."""
        for button in self.example_buttons:
            button.click(partial(self.fill, button.value), inputs.model, [self.files, self.meant], **QUIET)
        self.clear_on(self.files.change, inputs.model.change)
        self.files.change(self.track, self.files, self.order, **QUIET)
        adapting = self.adapt.click(
            self.adapt_to_speaker,
            [self.files, self.meant, inputs.model, inputs.language],
            list(self.clear()),
            show_progress_on=self.results,
            **ON_MODEL,
        )
        others = (self.files.clear, self.files.upload, self.files.delete, inputs.model.input)
        for begins in (*others, *(button.click for button in self.example_buttons)):
            begins(None, cancels=adapting, **QUIET)  # its results would stand beside other recordings
        self.saving.connect(self.adapt.click, self.files.change, inputs.model.change)

    def fill(self, kind: str, model: str) -> tuple[list[str], str]:
        """Files and what was meant: the model's examples of one kind."""
        own = sets_of_examples(self.examples.listed(model)).get(kind, [])
        return [str(each.path) for each in own], "\n".join(each.reference for each in own)

    def clear(self) -> Values:
        """No results."""
        plots, notes = (self.written, self.read), (self.agreement, self.links)
        return {
            self.results: speaker_html.EMPTY,
            self.more: HIDDEN,
            **dict.fromkeys(plots),
            **dict.fromkeys(notes, ""),
            **self.map.clear(),
            **self.saving.clear(),
        }

    def adapt_to_speaker(
        self,
        files: list[str] | None,
        meant: str,
        model: str,
        language: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by this default
    ) -> Values:
        """Every result."""
        files = files or []
        notices.check_recordings(files)
        with notices.errors_as_notices():
            references = split_references(meant, len(files))
            progress(0.1, desc=say(f"Loading {model}"))
            asr = self.service.models.get(model)
            progress(0.3, desc=say("Transcribing"))
            comparison = self.service.speaker(asr, language, request.session_hash, files, references)
        progress(0.8, desc=say("Drawing"))
        names = speaker_html.recording_names(comparison)
        voices = [(say("this speaker"), comparison.embedding), *zip(names, comparison.embeddings, strict=True)]
        agreement, simulated = comparison.agreement, self._simulated(files)
        evaluation = speaker_evaluation(comparison, simulated, asr.backbone.fingerprint, language)
        sheets = [speaker_sheet(comparison, evaluation), groups_sheet(evaluation)]
        written, read = (agreement_figure(angles, names) for angles in (agreement.written_deg, agreement.read_deg))
        return {
            self.results: speaker_html.results_html(comparison, language, simulated),
            self.written: figures.interactive(written, WRITTEN.title),
            self.agreement: figures.table_html(written, WRITTEN.title, "degrees")
            + speaker_html.agreement_html(comparison),
            self.read: figures.interactive(read, READ.title),
            self.links: figures.table_html(read, READ.title, "degrees") + speaker_html.agreement_links_html(comparison),
            self.more: SHOWN,
            **self.map.show(asr, voices),
            **self.saving.show(request.session_hash, sheets, partial(speaker_report, comparison, evaluation)),
        }

    def _simulated(self, files: Sequence[str]) -> list[bool]:
        """Which of the recordings are examples that a program made."""
        found = (example_of(self.examples.all, Path(file)) for file in files)
        return [example is not None and example.is_simulated for example in found]

    def track(self, files: list[str] | None, request: gr.Request) -> str:
        """Delete the recordings that the visitor took out, remember the present ones; their order as HTML."""
        self.service.uploads.hold(request.session_hash, PLACE, files or [])
        return speaker_html.files_html(files)


def sets_of_examples(examples: Sequence[Example]) -> dict[str, list[Example]]:
    """Examples of one cohort together, named as they are labelled; a cohort with one example makes no set."""
    groups = [(name, list(own)) for name, own in groupby(examples, key=lambda example: example.label.split(",")[0])]
    return {capitalised(name): own for name, own in groups if len(own) >= MIN_RECORDINGS}
