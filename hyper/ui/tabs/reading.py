"""The tab "Guided reading": short phrases to read aloud one by one; their recordings in one table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.compare.speaker import MAX_RECORDINGS, MIN_RECORDINGS
from hyper.recordings.manifest import ManifestRow
from hyper.ui import notices
from hyper.ui.handlers import Handlers, on_gpu
from hyper.ui.layout import Inputs, recorder
from hyper.ui.queues import MODEL_QUEUE, QUIET
from hyper.ui.tabs import reading_html, speaker
from hyper.ui.tabs.reading_state import Reading
from hyper.ui.tabs.reading_texts import READING_SETS
from hyper.ui.tabs.speaker import SpeakerInputs

PLACE = "guided reading"  # of the recordings that the visitor holds here
LANGUAGE = "en"  # of all phrases
INTRODUCTION = (
    "Phrases are shown one by one: record yourself reading each aloud, then press Next. What was meant is known, so "
    "errors can be counted. Recordings are deleted when you leave. The model is the one chosen on the first tab."
)


@dataclass(frozen=True)
class ReadingParts:
    """The parts of the tab that change while somebody reads."""

    choose: gr.Column
    read: gr.Column
    phrase: gr.HTML
    recording: gr.Audio
    buttons: gr.Row
    next: gr.Button
    count: gr.Button
    as_speaker: gr.Button
    results: gr.HTML

    def all(self) -> list[gr.blocks.Block]:
        """In the order in which `view` gives the values."""
        return list(vars(self).values())


@dataclass(frozen=True)
class ReadingHandlers:
    """What happens on the tab; what was read is kept in the visitor's own state alone."""

    page: Handlers

    def keep_track(self, reading: Reading | None, recording: str | None, request: gr.Request) -> gr.Button:
        """Remember what this visitor needs, delete what was replaced; Next is there once there is a recording."""
        if request.session_hash:
            kept = [file for _, file in reading.read()] if reading else []
            self.page.uploads.hold_all(request.session_hash, PLACE, kept + ([recording] if recording else []))
        return gr.Button(interactive=recording is not None)

    def count_errors(
        self,
        reading: Reading,
        model: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by this default
    ) -> str:
        """The table of all that was read."""
        read = reading.read()
        notices.check_recordings([file for _, file in read])
        rows = [
            ManifestRow(file=f"phrase {i}", path=Path(file), reference=phrase)
            for i, (phrase, file) in enumerate(read, start=1)
        ]
        with notices.errors_as_notices():
            progress(0.1, desc=f"Fetching {model}")
            asr = self.page.shelf.get(model)
            progress(0.3, desc=f"Transcribing {len(rows)} recordings")
            return several_recordings_html(asr, rows)


def several_recordings_html(asr: PersonalizedAsr, rows: Sequence[ManifestRow]) -> str:
    """What becomes of the recordings: the one place that hands them over."""
    return reading_html.results_html(score_manifest(asr, rows, language=LANGUAGE))


def view(reading: Reading | None) -> tuple[Reading | None, ...]:
    """State and values of `ReadingParts.all` for this point of the reading; None is before its start."""
    reads = reading is not None and not reading.is_finished
    recording = reading.recording if reading else None
    n_read = len(reading.read()) if reading and reading.is_finished else 0
    return (
        reading,
        gr.Column(visible=not reads),
        gr.Column(visible=reading is not None),
        reading_html.phrase_html(reading) if reading else "",
        gr.Audio(value=recording, visible=reads),
        gr.Row(visible=reads),
        gr.Button("Finish" if reads and reading.is_last else "Next", interactive=recording is not None),
        gr.Button(visible=n_read > 0),
        gr.Button(visible=n_read >= MIN_RECORDINGS),
        "",
    )


def go_on(reading: Reading, recording: str | None) -> tuple[Reading | None, ...]:
    """Keep what was recorded and show the next phrase."""
    notices.check_recordings([recording] if recording else [])
    return view(reading.keep(recording))


def hand_over(reading: Reading) -> tuple[list[str], str, gr.Tabs]:
    """The recordings and what was meant for the tab of one speaker, which takes twenty, and that tab."""
    read = reading.read()[:MAX_RECORDINGS]
    notices.check_recordings([file for _, file in read])
    return [file for _, file in read], "\n".join(phrase for phrase, _ in read), gr.Tabs(selected=speaker.TAB)


@dataclass(frozen=True)
class ReadingTab:
    """The parts that another tab's parts are connected to."""

    state: gr.State
    as_speaker: gr.Button

    def connect(self, tabs: gr.Tabs, speaker: SpeakerInputs) -> None:
        """Let the button hand the recordings over to the tab of one speaker."""
        self.as_speaker.click(hand_over, self.state, [speaker.files, speaker.meant, tabs], **QUIET)


def reading_tab(page: Handlers, inputs: Inputs) -> ReadingTab:
    """Build the tab and connect it; the model is that of the first tab."""
    handlers = ReadingHandlers(page)
    with gr.Tab("Guided reading", elem_id="hw-tab-reading"):
        gr.HTML(f'<p class="hw-lead">{INTRODUCTION}</p>')
        with gr.Column(elem_classes="hw-card") as choose:
            gr.HTML("<h2>1 <span>What to read</span></h2>")
            chosen = gr.Radio(
                [(each.label, each.key) for each in READING_SETS.values()],
                value=next(iter(READING_SETS)),
                show_label=False,
                label="What to read",
                elem_id="hw-reading-set",
            )
            start = gr.Button("Start", variant="primary", elem_id="hw-reading-start", elem_classes="hw-go")
        with gr.Column(elem_classes="hw-card", visible=False, elem_id="hw-reading-card") as read:
            phrase = gr.HTML("", elem_id="hw-reading-phrase")
            recording = recorder("Recording of this phrase", "hw-reading-recording")
            with gr.Row(elem_classes="hw-chips", elem_id="hw-reading-buttons") as buttons:
                next_button = gr.Button("Next", variant="primary", interactive=False, elem_id="hw-reading-next")
                redo = gr.Button("Redo", elem_id="hw-reading-redo")
                skip = gr.Button("Skip", elem_id="hw-reading-skip")
                back = gr.Button("Back", elem_id="hw-reading-back")
                finish = gr.Button("Finish here", elem_id="hw-reading-finish")
            count = gr.Button(
                "Count the errors", variant="primary", visible=False, elem_id="hw-reading-count", elem_classes="hw-go"
            )
            as_speaker = gr.Button("Adapt to this speaker with them", visible=False, elem_id="hw-reading-as-speaker")
        results = gr.HTML("", elem_id="hw-reading-results")
        state = gr.State(None)
    parts = ReadingParts(choose, read, phrase, recording, buttons, next_button, count, as_speaker, results)
    shown = [state, *parts.all()]
    start.click(lambda key: view(Reading.begin(READING_SETS[key].phrases)), chosen, shown, **QUIET)
    next_button.click(go_on, [state, recording], shown, **QUIET)
    for button, step in ((redo, Reading.redo), (skip, Reading.skip), (back, Reading.back), (finish, Reading.finish)):
        button.click(lambda reading, step=step: view(step(reading)), state, shown, **QUIET)
    gr.on([recording.change, state.change], handlers.keep_track, [state, recording], next_button, **QUIET)
    count.click(
        on_gpu(handlers.count_errors),
        [state, inputs.model],
        results,
        api_visibility="private",
        **MODEL_QUEUE,
    )
    return ReadingTab(state, as_speaker)
