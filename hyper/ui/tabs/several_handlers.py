"""What happens under Several recordings: transcribe a list, stop, open one of it, make the report."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from hyper.compare.evaluation import Evaluation
from hyper.compare.scoring import no_scores_yet, score_parts
from hyper.compare.utterance import Failure
from hyper.recordings.archive import Recording, Sent, fetch, gather
from hyper.recordings.limits import check_text
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.matching import Matching, match, read_references
from hyper.recordings.tables import csv_bytes, xlsx_bytes
from hyper.reports.content import clinic_report
from hyper.reports.html import html_text
from hyper.reports.pdf import pdf_bytes
from hyper.reports.table import recordings_sheet, sheets
from hyper.ui import notices
from hyper.ui.layout import note_html
from hyper.ui.model_store import ModelShelf
from hyper.ui.tabs import several_html as panels
from hyper.ui.visitors.lists import Batches, Outcome, Run
from hyper.ui.visitors.uploads import Uploads

BATCH = 4  # recordings at a time: other visitors come in between, and the bar moves
PART = "several"  # of the page, for whoever keeps track of files
NO_RECORDINGS = "There are no recordings yet: drop audio files or a zip archive, then press Transcribe all."
NO_OUTCOME = "There is no table any more; please press Transcribe all again."
FROM_LIST = "From your recordings: {name}{simulated}"

SentFile = dict[str, Any]  # a file as gradio's page describes it: `path` on this machine, `orig_name` at the visitor's


@dataclass(frozen=True)
class SeveralHandlers:
    """The handlers of the tab. Of a visitor's recordings they keep words and numbers, until the visitor leaves."""

    shelf: ModelShelf
    uploads: Uploads
    batches: Batches

    def keep_track(self, sent: list[SentFile] | None, table: SentFile | None, request: gr.Request) -> None:
        """Delete the visitor's former files, remember the present ones."""
        files = [*(sent or ()), *([table] if table else ())]
        if request.session_hash:
            self.uploads.hold_all(request.session_hash, PART, [file["path"] for file in files])

    def begin(
        self, sent: list[SentFile] | None, table: SentFile | None, request: gr.Request
    ) -> tuple[gr.Button, gr.Button, str]:
        """The visitor has pressed Transcribe all: what is sent now counts, and the run can be stopped."""
        if not sent or not request.session_hash:  # a call without a page could be given nothing back
            raise notices.notice(NO_RECORDINGS, "Nothing to transcribe")
        self.batches.begin(request.session_hash, tuple(map(_sent, sent)), _sent(table) if table else None)
        return gr.Button(interactive=False), gr.Button("Cancel", visible=True, interactive=True), panels.WAITING

    def transcribe(self, model: str, language: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Progress, what was left over, outcome, downloads, whether they are seen: again after each few recordings."""
        run = self.batches.run(request.session_hash)
        if run is None:
            return
        nothing_to_keep = "", gr.Column(visible=False)
        with tempfile.TemporaryDirectory(dir=_cache()) as folder, notices.errors_as_notices():
            recordings, matching = _matched(run, Path(folder))
            n = len(recordings)
            left_over = panels.matching_html(matching)
            yield panels.progress_html(0, n, None), left_over, "", *nothing_to_keep
            asr = self.shelf.get(model)
            refused, rows = _refused(recordings, matching)
            places = tuple(recording.place for recording in recordings)
            evaluation = replace(no_scores_yet(asr, language), failures=refused)
            outcome = Outcome(evaluation, matching, run.sent, places, model, language)
            began = time.monotonic()
            for part in score_parts(asr, rows, batch_size=BATCH, batches_at_once=1, language=language):
                evaluation = replace(part, failures=part.failures + refused)
                self.batches.keep(request.session_hash, run, replace(outcome, evaluation=evaluation))
                seconds_left = (time.monotonic() - began) / part.n_done * (len(rows) - part.n_done)
                progress = panels.progress_html(evaluation.n_done, n, seconds_left)
                yield progress, left_over, panels.outcome_html(evaluation), *nothing_to_keep
                if run.stopped.is_set():
                    break
        self.batches.keep(request.session_hash, run, replace(outcome, evaluation=evaluation))
        to_keep = _table_links(evaluation), gr.Column(visible=True)
        yield panels.end_html(evaluation, n), left_over, panels.outcome_html(evaluation), *to_keep

    def stop(self, request: gr.Request) -> gr.Button:
        """The visitor has pressed Cancel."""
        self.batches.stop(request.session_hash)
        return gr.Button("Stopping …", interactive=False)

    def open(self, event: gr.EventData, request: gr.Request) -> tuple[str, str, str, str, str]:
        """Recording, meant text, note, model and language for the first tab, of the row that was pressed."""
        outcome = self._outcome(request)
        row = outcome.shown[int(event.row)]
        try:
            with tempfile.TemporaryDirectory(dir=_cache()) as folder:
                recording = fetch(outcome.sent, outcome.place_of(row), Path(folder))
                path = save_file_to_cache(recording.path, _cache())
        except OSError as error:
            raise notices.notice(notices.RECORDING_GONE, "Nothing to open") from error
        note = note_html(escape(FROM_LIST.format(name=row.file, simulated=" (simulated)" if row.simulated else "")))
        return path, row.reference, note, outcome.model, outcome.language

    def report(self, subject: str, remarks: str, with_names: bool, request: gr.Request) -> str:
        """Links to the report, as HTML and PDF."""
        outcome = self._outcome(request)
        with notices.errors_as_notices():
            check_text(subject, "The subject")
            check_text(remarks, "The text of the remarks")
        unnamed = frozenset() if with_names else outcome.unlisted
        report = clinic_report(outcome.evaluation, subject=subject, remarks=remarks, unnamed=unnamed)
        files = {"report.pdf": pdf_bytes(report), "report.html": html_text(report).encode()}
        return panels.links_html("Save the report:", files)

    def leave(self, request: gr.Request) -> None:
        """Stop and forget all that belongs to a visitor who has closed the page."""
        self.batches.forget(request.session_hash)

    def _outcome(self, request: gr.Request) -> Outcome:
        outcome = self.batches.outcome(request.session_hash)
        if outcome is None:
            raise notices.notice(NO_OUTCOME, "Nothing to show")
        return outcome


def _sent(file: SentFile) -> Sent:
    return Sent(file.get("orig_name") or Path(file["path"]).name, Path(file["path"]))


def _matched(run: Run, folder: Path) -> tuple[list[Recording], Matching]:
    """All recordings, and the lines of the list that belong to them."""
    references = read_references(run.table.path, run.table.name) if run.table else []
    recordings = gather(run.sent, folder)
    return recordings, match(recordings, references)


def _refused(recordings: Sequence[Recording], matching: Matching) -> tuple[tuple[Failure, ...], list[ManifestRow]]:
    """Recordings that were refused before anybody listened to them, and the rows of the others."""
    pairs = list(zip(recordings, matching.rows, strict=True))
    failures = tuple(Failure(row, recording.problem) for recording, row in pairs if recording.problem)
    return failures, [row for recording, row in pairs if not recording.problem]


def _table_links(evaluation: Evaluation) -> str:
    files = {
        "recordings.csv": csv_bytes(recordings_sheet(evaluation)),
        "recordings.xlsx": xlsx_bytes(sheets(evaluation)),
    }
    return panels.links_html("Save the table:", files)


def _cache() -> str:
    """Where gradio keeps what visitors send."""
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    return get_upload_folder()
