"""The mode "Read aloud": short phrases to read aloud one by one; their recordings in one table at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import gradio as gr

from hyper.compare.evaluation import Evaluation
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import Transcribe, score_parts
from hyper.compare.speaker import MAX_RECORDINGS, MIN_RECORDINGS
from hyper.recordings.manifest import ManifestRow
from hyper.reports.content import clinic_report
from hyper.reports.table import sheets
from hyper.ui import notices, scripts
from hyper.ui.inputs import Inputs
from hyper.ui.languages import said, say
from hyper.ui.layout import READING, SEVERAL, Values, card, go_button, heading, lead, recorder, text_html, view
from hyper.ui.queues import ON_MODEL, QUIET
from hyper.ui.save_box import SaveBox
from hyper.ui.service import Service
from hyper.ui.tabs import reading_html
from hyper.ui.tabs.many_or_one import ManyOrOne
from hyper.ui.tabs.reading_state import Reading
from hyper.ui.tabs.reading_texts import READING_SETS
from hyper.ui.tabs.speaker import ONE_SPEAKER
from hyper.ui.tabs.tab import Tab
from hyper.ui.templates import render
from hyper.ui.visitors.own_files import taken_in

BATCH = 4  # phrases at a time: other visitors come in between
PLACE = "guided reading"  # of the recordings that the visitor holds here
LANGUAGE = "en"  # of all phrases
INTRODUCTION = (
    "Phrases in English are shown one at a time: read each one aloud, record yourself, then press Next. Because the "
    "phrases are known, the errors of the speech recognition can be counted; they are its errors, not yours. The model "
    "is the one chosen under Try."
)
GONE = "{n} of the recordings were deleted after half an hour; their phrases are left out."
LOST = (
    "What you have read is no longer here: the server was restarted, or the page was left open too long; please start "
    "again."
)


class ReadingTab(Tab):
    """What to read, the phrase with its recorder, and the table; what was read stands in the visitor's own state."""

    def __init__(self, service: Service) -> None:
        self.service = service
        with view("Read aloud", READING):
            lead(INTRODUCTION)
            with card() as self.choose:
                heading(None, "What to read")
                self.chosen = gr.Radio(
                    [(each.label, each.key) for each in READING_SETS.values()],
                    value=next(iter(READING_SETS)),
                    show_label=False,
                    label="What to read",
                    elem_id="hw-reading-set",
                )
                self.start = go_button("Start", "hw-reading-start")
                gr.HTML(render("no_microphone"), elem_id="hw-reading-no-microphone", js_on_load=scripts.FIND_MICROPHONE)
            self._reading_card()
            self.results = gr.HTML("", elem_id="hw-reading-results")
            self.saving = SaveBox(service, PLACE, "reading")
            self.state = gr.State(None)

    def _reading_card(self) -> None:
        """The phrase, its recorder, and the buttons; those of the end are hidden until then."""
        with card(visible=False) as self.read:
            self.phrase = gr.HTML("", elem_id="hw-reading-phrase")
            self.recording = recorder("Recording of this phrase", "hw-reading-recording")
            with gr.Row(elem_classes="hw-chips", elem_id="hw-reading-buttons") as self.buttons:
                self.next = gr.Button("Next", variant="primary", interactive=False, elem_id="hw-reading-next")
                self.redo = gr.Button("Redo", elem_id="hw-reading-redo")
                self.skip = gr.Button("Skip", elem_id="hw-reading-skip")
                self.back = gr.Button("Back", elem_id="hw-reading-back")
                self.finish = gr.Button("Finish here", elem_id="hw-reading-finish")
            self.count = go_button("Count the errors", "hw-reading-count", visible=False)
            self.as_speaker = gr.Button(
                "Adapt to this speaker with them", visible=False, elem_id="hw-reading-as-speaker"
            )

    def connect(self, inputs: Inputs) -> None:
        """Each button is a step of the reading; its recordings are counted with the model chosen under Try."""
        none = {self.results: "", **self.saving.clear()}
        counted = self.count.click(
            self.count_errors, [self.state, inputs.model], list(none), show_progress_on=self.results, **ON_MODEL
        )
        others = (self.start.click, inputs.model.change)  # another set, or the table of another model
        for other in others:
            other(None, None, list(none), js=scripts.sets(*none.values()), cancels=counted, **QUIET)
        self.saving.connect(self.count.click, *others)
        shown = list(self.clear())
        steps = [
            self.start.click(self.begin, self.chosen, shown, **QUIET),
            self.next.click(self.go_on, [self.state, self.recording], shown, **QUIET),
        ]
        for button, step in (
            (self.redo, Reading.redo),
            (self.skip, Reading.skip),
            (self.back, Reading.back),
            (self.finish, Reading.finish),
        ):
            steps.append(button.click(lambda reading, step=step: self.go(step, reading), self.state, shown, **QUIET))
        for each in steps:
            each.success(None, js=scripts.SHOW_PHRASE)
        gr.on([self.recording.change, self.state.change], self.track, [self.state, self.recording], self.next, **QUIET)

    def hand_over_to(self, several: ManyOrOne, bar: gr.Tabs) -> None:
        """Let the button bring the recordings to where one speaker is adapted to."""
        given = [several.one.files, several.one.meant, several.who_speaks, bar]
        self.as_speaker.click(self.hand_over, self.state, given, **QUIET)

    def clear(self) -> Values:
        """As it is before the start."""
        return self.show(None)

    def show(self, reading: Reading | None) -> Values:
        """Every part at this point of the reading; None is before its start."""
        going_on = reading if reading is not None and not reading.is_finished else None
        reads = going_on is not None
        recording = reading.recording if reading else None
        n_read = len(reading.read()) if reading and reading.is_finished else 0
        label = said("Finish" if going_on and going_on.is_last else "Next")
        return {
            self.state: reading,
            self.choose: gr.update(visible=not reads),
            self.read: gr.update(visible=reading is not None),
            self.phrase: reading_html.phrase_html(reading) if reading else "",
            self.recording: gr.update(value=recording, visible=reads),
            self.buttons: gr.update(visible=reads),
            self.next: gr.update(value=label, interactive=recording is not None),
            self.count: gr.update(visible=n_read > 0),
            self.as_speaker: gr.update(visible=n_read >= MIN_RECORDINGS),
            self.results: "",
            **self.saving.clear(),
        }

    def begin(self, key: str) -> Values:
        """The first phrase of a set."""
        return self.show(Reading.begin(READING_SETS[key].phrases))

    def go(self, step: Callable[[Reading], Reading], reading: Reading | None) -> Values:
        """What a step leads to; to the start where the server has nothing of the reading any more."""
        if reading is None:
            return {**self.show(None), self.results: text_html(say(LOST), "hw-flag", is_status=True)}
        return self.show(step(reading))

    def go_on(self, reading: Reading | None, recording: str | None) -> Values:
        """Keep what was recorded and show the next phrase."""
        if reading is None:
            return self.go(Reading.redo, None)
        notices.check_recordings([recording] if recording else [])
        return self.show(reading.keep(recording or ""))

    def track(self, reading: Reading | None, recording: str | None, request: gr.Request) -> gr.Button:
        """Remember what this visitor needs, delete what was replaced; Next is there once there is a recording."""
        files = [file for _, file in reading.read()] if reading else []
        self.service.uploads.hold(request.session_hash, PLACE, files + ([recording] if recording else []))
        return gr.Button(interactive=recording is not None)

    def count_errors(
        self,
        reading: Reading | None,
        model: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by this default
    ) -> Values:
        """The table of all that was read, and what can be kept of it."""
        files, phrases = _read(reading)
        rows = [
            ManifestRow(file=f"phrase {i}", path=Path(file), reference=phrase)
            for i, (file, phrase) in enumerate(zip(files, phrases, strict=True), start=1)
        ]
        with notices.errors_as_notices():
            progress(0.1, desc=say(f"Loading {model}"))
            asr = self.service.models.get(model)
            progress(0.3, desc=say("Transcribing"))
            evaluation = scored(asr, rows, partial(self.service.transcribe, asr, LANGUAGE, request.session_hash))
        assert reading is not None  # `_read` refuses it
        n_gone = len(reading.read()) - len(rows)
        gone = text_html(say(GONE, n=n_gone), "hw-flag") if n_gone else ""
        return {
            self.results: gone + reading_html.results_html(evaluation),
            **self.saving.show(request.session_hash, sheets(evaluation), partial(clinic_report, evaluation)),
        }

    def hand_over(self, reading: Reading | None) -> tuple[list[str], str, str, gr.Tabs]:
        """The recordings and what was meant for one speaker, who may have twenty; that choice, and its mode."""
        files, phrases = (each[:MAX_RECORDINGS] for each in _read(reading))
        pairs = enumerate(zip(files, phrases, strict=True), start=1)
        with notices.errors_as_notices():
            named = [_named(file, i, phrase) for i, (file, phrase) in pairs]
        return named, "\n".join(phrases), ONE_SPEAKER, gr.Tabs(selected=SEVERAL)


def _read(reading: Reading | None) -> tuple[list[str], list[str]]:
    """Files and phrases of all that was read, or a notice that there are none."""
    if reading is None:
        raise notices.notice(LOST, "Nothing to compare")
    read = reading.read()
    still_here = [(phrase, file) for phrase, file in read if Path(file).exists()]  # half an hour at most
    notices.check_recordings([file for _, file in still_here or read])
    return [file for _, file in still_here], [phrase for phrase, _ in still_here]


def _named(file: str, number: int, phrase: str) -> str:
    """A copy of the recording whose name says what was read."""
    path = Path(file)
    return taken_in(path, f"{number:02d} {phrase}{path.suffix}")


def scored(asr: PersonalizedAsr, rows: Sequence[ManifestRow], transcribe: Transcribe | None = None) -> Evaluation:
    """What was found in these recordings."""
    *_, evaluation = score_parts(
        asr, rows, batch_size=BATCH, batches_at_once=1, language=LANGUAGE, transcribe=transcribe
    )
    return evaluation
