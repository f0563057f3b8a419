"""The tab Several recordings: what stands where, and which click calls which handler."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from hyper.recordings.archive import LIMITS
from hyper.ui.handlers import Handlers
from hyper.ui.layout import Inputs, note_html
from hyper.ui.queues import QUIET
from hyper.ui.tabs.several_handlers import SeveralHandlers
from hyper.ui.theme import STYLE_FILE
from hyper.ui.visitors.lists import Batches

SCRIPT_FILE = STYLE_FILE.with_name("recordings.js")
HEARD = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}  # a notice needs the queue
LINE = {"concurrency_id": "several", "concurrency_limit": 1}  # one list at a time; the model's own lock lets others in
LIMITS_TEXT = (
    f"wav, flac, ogg, mp3, m4a or webm, or zip archives of them; at most {LIMITS.files} recordings of "
    f"{LIMITS.file_bytes / 1e6:.0f} MB each, ten minutes long. They are transcribed with the model and language that "
    "are chosen under One recording."
)
LIST_TEXT = (
    "A CSV or XLSX whose first line names the columns: <code>file</code>, <code>what was meant</code>, and if you like "
    "<code>speaker</code>, <code>note</code> and <code>simulated</code> (1 or 0). A line belongs to the recording of "
    "the same name, with or without folder and ending. Without a list nothing is counted."
)
REPORT_TEXT = (
    "The report holds all transcripts, rates, figures, model, settings and the medical caution; no sound. Names stand "
    "in it only where your list or the lines below have them."
)
OPEN_AND_COMPARE = """() => {
  document.querySelector('#hw-tabs [role=tab]').click();
  document.getElementById('hw-compare').click();
}"""


@dataclass(frozen=True)
class Keeping:
    """What a visitor takes away."""

    card: gr.Column
    links: gr.HTML  # to the table's files
    subject: gr.Textbox
    remarks: gr.Textbox
    with_names: gr.Checkbox
    make: gr.Button
    report: gr.HTML  # links to the report


def several_tab(handlers: Handlers, inputs: Inputs, demo: gr.Blocks) -> None:
    """Build the tab; `inputs` are those of the first tab, where a single recording is opened."""
    several = SeveralHandlers(handlers.shelf, handlers.uploads, Batches())
    with gr.Tab("Several recordings"):
        files = list(_input_cards())
        with gr.Row():
            run = gr.Button("Transcribe all", variant="primary", elem_id="hw-run", elem_classes="hw-go")
            cancel = gr.Button("Cancel", visible=False, elem_id="hw-cancel")
        status = gr.HTML("", elem_id="hw-several-status")
        left_over = gr.HTML("", elem_id="hw-left-over")
        outcome = gr.HTML("", elem_id="hw-outcome", js_on_load=SCRIPT_FILE.read_text(encoding="utf-8"))
        keeping = _keeping_card()
    gr.on([file.change for file in files], several.keep_track, files, None, preprocess=False, **QUIET)
    run.click(several.begin, files, [run, cancel, status], preprocess=False, **HEARD).success(
        several.transcribe,
        [inputs.model, inputs.language],
        [status, left_over, outcome, keeping.links, keeping.card],
        show_progress="hidden",
        api_visibility="private",
        **LINE,
    ).then(lambda: (gr.Button(interactive=True), gr.Button(visible=False)), None, [run, cancel], **QUIET)
    run.click(None, None, keeping.report, js="() => ''")  # a report of the list before is none of this one
    cancel.click(several.stop, None, cancel, **QUIET)
    opened = [inputs.recording, inputs.reference, inputs.example_note, inputs.model, inputs.language]
    outcome.click(several.open, None, opened, **HEARD).success(None, js=OPEN_AND_COMPARE)
    typed = [keeping.subject, keeping.remarks, keeping.with_names]
    keeping.make.click(several.report, typed, keeping.report, show_progress_on=keeping.report, api_visibility="private")
    demo.unload(several.leave)


def _input_cards() -> tuple[gr.File, gr.File]:
    """Recordings on the left, what was meant on the right."""
    with gr.Row(elem_classes="hw-pair", equal_height=True):
        with gr.Column(elem_classes="hw-card", min_width=320):
            gr.HTML("<h2>1 <span>Your recordings</span></h2>")
            sent = gr.File(file_count="multiple", show_label=False, label="Recordings", height=190, elem_id="hw-sent")
            gr.HTML(note_html(LIMITS_TEXT))
        with gr.Column(elem_classes="hw-card", min_width=320):
            gr.HTML("<h2>2 <span>What was meant</span> <small>optional, needed to count errors</small></h2>")
            table = gr.File(
                file_types=[".csv", ".xlsx"],
                show_label=False,
                label="List of what was meant",
                height=190,
                elem_id="hw-list",
            )
            gr.HTML(note_html(LIST_TEXT))
    return sent, table


def _keeping_card() -> Keeping:
    """The table's files, and the report with what is typed for it."""
    with gr.Column(visible=False, elem_classes="hw-card", elem_id="hw-keep") as card:
        gr.HTML("<h2>3 <span>Keep it</span> <small>nothing is stored here: save what you need</small></h2>")
        links = gr.HTML("", elem_id="hw-table-links")
        gr.HTML(note_html(REPORT_TEXT))
        with gr.Row():
            subject = gr.Textbox("", label="Whom or what it is about (optional)", max_length=200, elem_id="hw-subject")
            remarks = gr.Textbox("", label="Remarks (optional)", lines=2, max_length=5_000, elem_id="hw-remarks")
        with_names = gr.Checkbox(False, label="Write the names of files that are not in the list into the report")
        make = gr.Button("Make the report", elem_id="hw-make-report")
        report = gr.HTML("", elem_id="hw-report-links")
    return Keeping(card, links, subject, remarks, with_names, make, report)
