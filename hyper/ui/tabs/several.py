"""Recordings of many speakers: transcribe a list, stop, open one of it, keep the table and a report."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import gradio as gr

from hyper.compare.evaluation import Evaluation
from hyper.recordings.archive import fetch
from hyper.recordings.limits import FORMATS, LIMITS, MAX_SECONDS, check_text
from hyper.recordings.tables import TABLE_ENDINGS
from hyper.reports.content import clinic_report
from hyper.reports.table import sheets
from hyper.ui import notices, scripts
from hyper.ui.inputs import Filling, Inputs
from hyper.ui.languages import said, say, tongue
from hyper.ui.layout import (
    HIDDEN,
    REFERENCE_HEADING,
    SHOWN,
    Values,
    card,
    file_box,
    go_button,
    heading,
    note,
    note_html,
    pair,
    text_html,
)
from hyper.ui.queues import HEARD, LIST_QUEUE, QUIET
from hyper.ui.saved import report_links, table_links
from hyper.ui.service import Service
from hyper.ui.tabs import several_html
from hyper.ui.tabs.several_examples import ExamplesAsList
from hyper.ui.tabs.several_run import SentFile, cache_folder, listed, sent_of
from hyper.ui.tabs.tab import Tab
from hyper.ui.theme import STYLE_FILE
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors.batches import Outcome, Run
from hyper.ui.visitors.own_files import taken_in

SCRIPT_FILE = STYLE_FILE.with_name("recordings.js")
PLACE = "several"  # of the files that the visitor holds here
LIMITS_TEXT = (
    f"{FORMATS}, or zip archives of them; at most {LIMITS.files} recordings of up to {LIMITS.file_bytes / 1e6:.0f} MB "
    f"and {MAX_SECONDS / 60:g} minutes each. They are transcribed with the model and language chosen under Try."
)
LIST_TEXT = (
    "A CSV or XLSX whose first line names the columns: `file`, `what was meant`, and optionally `speaker`, `note` and "
    "`simulated` (1 or 0). Each line belongs to the recording of the same name, with or without folder and extension. "
    "Without a list, no errors are counted."
)
REPORT_TEXT = (
    "The report holds all transcripts, rates, figures, model, settings and the medical caution, but no sound. Names "
    "appear in it only where your list or the lines below have them."
)
NO_RECORDINGS = "There are no recordings yet: drop audio files or a zip archive, then press Transcribe all."
WAITING = "Waiting for the model."
WAITING_FOR_OTHERS = "Others are before you: about {seconds} s."
NO_OUTCOME = "There is no table any more; please press Transcribe all again."


class SeveralTab(Tab):
    """Recordings and a list; the table; what to keep. Words and numbers alone are held until the visitor leaves."""

    def __init__(self, service: Service, examples: TriedExamples) -> None:
        self.service = service
        self.batches = service.batches
        self._input_cards(examples)
        with gr.Row(elem_id="hw-run-row"):
            self.start = go_button("Transcribe all", "hw-run")
            self.cancel = gr.Button("Cancel", visible=False, elem_id="hw-cancel")
        self.begins = [self.start, *self.examples.buttons]
        self.status = gr.HTML("", elem_id="hw-several-status")
        self.left_over = gr.HTML("", elem_id="hw-left-over")
        self.only_errors = gr.Checkbox(  # the style sheet reads it
            False, label="Only rows with errors", visible=False, interactive=True, elem_id="hw-only-errors"
        )
        self.outcome = gr.HTML("", elem_id="hw-outcome", js_on_load=SCRIPT_FILE.read_text(encoding="utf-8"))
        self._keeping_card()

    def _input_cards(self, examples: TriedExamples) -> None:
        """Recordings on the left, what was meant on the right."""
        with pair():
            with card():
                heading(1, "Your recordings")
                self.sent = file_box("Recordings", "hw-sent", file_count="multiple", height=190)
                note(LIMITS_TEXT)
                self.examples = ExamplesAsList(examples)
            with card():
                heading(2, *REFERENCE_HEADING)
                self.list = file_box("List of what was meant", "hw-list", file_types=list(TABLE_ENDINGS), height=190)
                note(LIST_TEXT)

    def _keeping_card(self) -> None:
        """The table's files, and the report with what is typed for it."""
        with card(visible=False, elem_id="hw-keep") as self.keeping:
            heading(3, "Keep it", "nothing is stored here: save what you need")
            self.table_links = gr.HTML("", elem_id="hw-table-links")
            note(REPORT_TEXT)
            with gr.Row():
                self.subject = gr.Textbox("", label="Who or what it is about (optional)", max_length=200)
                self.remarks = gr.Textbox("", label="Remarks (optional)", lines=2, max_length=5_000)
            self.with_names = gr.Checkbox(False, label="Include the names of files that are not in the list")
            self.make_report = gr.Button("Make the report")
            self.report_links = gr.HTML("", elem_id="hw-report-links")

    def connect(self, inputs: Inputs) -> None:
        """A run, its end, and what can be done with its table; a row opens its recording under Try."""
        files = [self.sent, self.list]
        gr.on([file.change for file in files], self.track, files, None, preprocess=False, **QUIET)
        self.examples.connect(inputs, files)
        begun = self.start.click(
            self.begin,
            [*files, inputs.model, inputs.language],
            [*self.begins, self.cancel, self.status],
            preprocess=False,
            **HEARD,
        )
        transcribed = begun.success(
            self.transcribe,
            None,
            list(self.clear()),
            show_progress="hidden",
            api_visibility="private",
            **LIST_QUEUE,
        )
        transcribed.success(self.offer, None, [self.only_errors, self.table_links, self.keeping], **QUIET)
        transcribed.then(self.end, None, [*self.begins, self.cancel], **QUIET)  # it does not follow a failure
        transcribed.failure(self.fail, None, [*self.begins, self.cancel, self.status], **QUIET)
        self.cancel.click(self.stop, None, [*self.begins, self.cancel, *self.clear()], **QUIET)
        opened = [*inputs.filled, inputs.model, inputs.language]
        self.outcome.click(self.open, None, opened, **HEARD).success(None, js=scripts.OPEN_AND_COMPARE)
        self.outcome.edit(  # a second text may be changed before the first is counted
            self.correct,
            None,
            [self.outcome, self.left_over, self.table_links, self.report_links],
            trigger_mode="multiple",
            **HEARD,
        )
        reported = self.make_report.click(
            self.report,
            [self.subject, self.remarks, self.with_names],
            self.report_links,
            show_progress_on=self.report_links,
            api_visibility="private",
        )
        # For a report on one list alone.
        typed: dict[Any, str | bool] = {self.subject: "", self.remarks: "", self.with_names: False}
        gr.on([file.change for file in files], None, None, list(typed), js=scripts.sets(*typed.values()), **QUIET)
        for event in (self.start.click, self.outcome.edit, *(field.change for field in typed)):
            # a report of the list before, of the counts before, or about somebody else
            event(None, None, self.report_links, js=scripts.sets(""), cancels=reported, **QUIET)

    def clear(self) -> Values:
        """Nothing transcribed."""
        return {
            self.status: "",
            self.left_over: "",
            self.only_errors: HIDDEN,
            self.outcome: "",
            self.table_links: "",
            self.keeping: HIDDEN,
        }

    def track(self, sent: list[SentFile] | None, table: SentFile | None, request: gr.Request) -> None:
        """Delete the visitor's former files, remember the present ones."""
        files = [*(sent or ()), *([table] if table else ())]
        self.service.uploads.hold(request.session_hash, PLACE, [file["path"] for file in files])

    def begin(
        self, sent: list[SentFile] | None, table: SentFile | None, model: str, language: str, request: gr.Request
    ) -> Values:
        """The visitor has pressed Transcribe all: what is sent now counts, and the run can be stopped."""
        if not sent or not request.session_hash:  # a call without a page could be given nothing back
            raise notices.notice(NO_RECORDINGS, "Nothing to transcribe")
        notices.check_recordings([file["path"] for file in (*sent, *([table] if table else ()))])
        list_of_meant = sent_of(table) if table else None
        self.batches.begin(request.session_hash, Run(tuple(map(sent_of, sent)), list_of_meant, model, language))
        return {
            **dict.fromkeys(self.begins, gr.update(interactive=False)),
            self.cancel: gr.update(value=said("Cancel"), visible=True, interactive=True),
            self.status: text_html(self._waiting(request.session_hash), "hw-help", is_status=True),
        }

    def _waiting(self, session: str) -> str:
        """What the visitor's list waits for, and about how long."""
        seconds = self.service.seconds_before_list(session)
        return say(WAITING_FOR_OTHERS, seconds=seconds) if seconds else say(WAITING)

    def transcribe(self, request: gr.Request) -> Iterator[Values]:
        """Progress, what was left over, outcome: again after each few recordings."""
        session = request.session_hash
        run = self.batches.run(session)
        if run is None or not run.begins():
            return
        with notices.errors_as_notices(), listed(run) as found:
            n = len(found.recordings)
            left_over = several_html.matching_html(found.matching)
            yield {**self.clear(), self.status: several_html.progress_html(0, n, None), self.left_over: left_over}
            asr = self.service.models.get(run.model)
            outcome = begun = found.outcome(asr)
            for outcome, seconds_left in found.transcribe(self.service, asr, session, begun):
                yield {
                    self.status: several_html.progress_html(outcome.evaluation.n_done, n, seconds_left),
                    self.outcome: several_html.outcome_html(outcome.evaluation),
                }
        self.batches.keep(session, run, outcome)
        yield {
            self.status: several_html.end_html(outcome.evaluation, n),
            self.outcome: several_html.outcome_html(outcome.evaluation, is_finished=True),
        }

    def offer(self, request: gr.Request) -> Values:
        """What can be done with a finished table, once it and the last status stand on the page.

        The page draws the values of one answer in several frames: with these among them, a table could be offered
        whose status was still the one before.
        """
        outcome = self.batches.outcome(request.session_hash)
        if outcome is None:  # the visitor has left
            return {self.only_errors: HIDDEN, self.table_links: "", self.keeping: HIDDEN}
        return {
            self.only_errors: SHOWN if outcome.evaluation.groups else HIDDEN,
            self.table_links: _table_links(outcome.evaluation),
            self.keeping: SHOWN,
        }

    def end(self) -> Values:
        """The run is over: done, or cancelled."""
        return {**dict.fromkeys(self.begins, gr.update(interactive=True)), self.cancel: HIDDEN}

    def fail(self) -> Values:
        """The run could not be made; the notice says why."""
        return {**self.end(), self.status: ""}

    def stop(self, request: gr.Request) -> Values:
        """The visitor has pressed Cancel. A list that waits for others is over at once; its place in the line is free
        for what is sent next."""
        run = self.batches.stop(request.session_hash)
        if run is None or not run.is_begun:
            return {**self.clear(), **self.fail()}  # the table of the list before went when this one was begun
        return {self.cancel: gr.update(value=said("Stopping …"), interactive=False)}

    def open(self, event: gr.EventData, request: gr.Request) -> tuple[*Filling, str, str]:
        """What fills Try, model and language, of the row that was pressed; its text goes with its recording."""
        outcome = self._outcome(request)
        row = outcome.shown[int(event.row)]
        place = outcome.place_of(row)
        with notices.errors_as_notices(), tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
            recording = fetch(outcome.sent, place, Path(folder))
            path = taken_in(recording.path, part_of=outcome.sent[place.file].path)
        simulated = f" {say('(simulated)')}" if row.simulated else ""
        note = note_html(say("From your recordings: {name}", name=row.file) + simulated)
        return path, row.reference, "", row.reference, note, outcome.model, outcome.language

    def correct(self, event: gr.EventData, request: gr.Request) -> Values:
        """All that tells what was meant, after the visitor has changed it in one row; an old report goes."""
        run = self.batches.run(request.session_hash)
        with run.correcting if run else nullcontext(), notices.errors_as_notices():
            outcome = self._outcome(request).corrected(int(event.row), str(event.text).strip())
            self.batches.keep(request.session_hash, run, outcome)
        return {
            self.outcome: several_html.outcome_html(outcome.evaluation, is_finished=True),
            self.left_over: several_html.matching_html(outcome.matching),
            self.table_links: _table_links(outcome.evaluation),
            self.report_links: "",
        }

    def report(self, subject: str, remarks: str, with_names: bool, request: gr.Request) -> str:
        """Links to the report, as HTML and PDF."""
        outcome = self._outcome(request)
        with notices.errors_as_notices():
            check_text(subject, "The subject")
            check_text(remarks, "The text of the remarks")
        unnamed = frozenset() if with_names else outcome.unlisted
        report = clinic_report(outcome.evaluation, subject=subject, remarks=remarks, unnamed=unnamed, tongue=tongue())
        return report_links(f"report-{date.today()}", report)

    def _outcome(self, request: gr.Request) -> Outcome:
        outcome = self.batches.outcome(request.session_hash)
        if outcome is None:
            raise notices.notice(NO_OUTCOME, "Nothing to show")
        return outcome


def _table_links(evaluation: Evaluation) -> str:
    return table_links(f"recordings-{date.today()}", sheets(evaluation))
