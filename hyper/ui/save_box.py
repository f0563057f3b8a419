"""What to keep of several recordings of one person: the table as files, and a report that is made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import gradio as gr

from hyper.recordings.limits import check_text
from hyper.recordings.tables import Sheet
from hyper.ui import notices, scripts
from hyper.ui.languages import tongue
from hyper.ui.layout import HIDDEN, SHOWN, Values, card, chip, heading, note
from hyper.ui.queues import ON_FILES, QUIET
from hyper.ui.saved import report_links, subject_box, table_links
from hyper.ui.service import Service
from hyper.ui.visitors.results import MakeReport

REPORT_TEXT = (
    "The report holds all transcripts, rates, model, settings and the medical caution, but no sound and no names of "
    "files."
)
GONE = (
    "What was found is no longer here: the server was restarted, or the page was left open too long; please start "
    "again."
)


class SaveBox:
    """A card below the results of one place on the page; hidden until there are some."""

    def __init__(self, service: Service, place: str, stem: str) -> None:
        """`stem` is how the files' names begin."""
        self.service, self.place, self.stem = service, place, stem
        with card(visible=False, elem_id=f"hw-{stem}-keep") as self.box:
            heading(None, "Keep it", "nothing is stored here: save what you need")
            self.table_links = gr.HTML("")
            note(REPORT_TEXT)
            with gr.Row(elem_classes="hw-report-row"):
                self.subject = subject_box(elem_id=f"hw-{stem}-subject")
                self.make_report = chip("Make the report")
            self.report_links = gr.HTML("", elem_id=f"hw-{stem}-report-links")

    def connect(self, *begins: Callable[..., Any]) -> None:
        """The button makes the report; what begins something else, or names somebody else, takes it away."""
        reported = self.make_report.click(
            self.save_report, self.subject, self.report_links, show_progress_on=self.report_links, **ON_FILES
        )
        for event in (self.subject.change, *begins):
            event(None, None, self.report_links, js=scripts.sets(""), cancels=reported, **QUIET)

    def clear(self) -> Values:
        """Nothing to keep."""
        return {self.box: HIDDEN, self.table_links: "", self.subject: "", self.report_links: ""}

    def show(self, session: str | None, sheets: Sequence[Sheet], make: MakeReport) -> Values:
        """The table's files at once; of the report only how it is made. The first sheet is the CSV."""
        self.service.results.keep(session, self.place, make)
        links = table_links(f"{self.stem}-{date.today()}", sheets)
        return {self.box: SHOWN, self.table_links: links, self.subject: "", self.report_links: ""}

    def save_report(self, subject: str, request: gr.Request) -> str:
        """Links to the report, as PDF and HTML."""
        make = self.service.results.get(request.session_hash, self.place)
        if make is None:
            raise notices.notice(GONE, "Nothing to show")
        with notices.errors_as_notices():
            check_text(subject, "The subject")
        return report_links(f"{self.stem}-report-{date.today()}", make(subject=subject, tongue=tongue()))
