"""The card of what to keep of one recording: its transcripts to copy or save, and a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from hyper.plots.style import Caption
from hyper.recordings.limits import check_text
from hyper.reports.one_recording import recording_report
from hyper.reports.timed_text import Kind, RowName, file_name, textgrid, transcript_text
from hyper.ui import notices, scripts
from hyper.ui.cards.card import Card
from hyper.ui.examples import example_of
from hyper.ui.languages import say, tongue
from hyper.ui.layout import HIDDEN, SHOWN, captioned, card, chip, note
from hyper.ui.queues import ON_FILES, QUIET
from hyper.ui.saved import report_links, subject_box
from hyper.ui.service import Asked
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.compare.row import Row
    from hyper.compare.word_times import WordTime
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Service

TITLE = Caption("Keep it", "Nothing is stored here: copy or save what you need.")
NAMES: dict[Kind, str] = {"txt": "Text", "srt": "SRT", "vtt": "WebVTT"}  # of the files that hold one transcript
FILES_TEXT = (
    "Subtitles (SRT, WebVTT) and the TextGrid for Praat hold the time of each word. The report has both transcripts "
    "with their errors marked, the model, the settings and the medical caution, but no sound."
)
EXAMPLE = "This is an example that comes with HyperWhisper: {label}."


class KeptFile(NamedTuple):
    """A file that a link holds."""

    label: str
    name: str
    content: bytes


class KeepCard(Card):
    """Links that hold their files themselves: nothing is written to disk, and nothing is asked of the server again."""

    follows_strength = True
    takes_time = True  # to write the files

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.service, self.inputs = service, inputs
        with card(visible=False, elem_id="hw-keep-one") as self.box:
            captioned(TITLE)
            self.files = gr.HTML("", elem_id="hw-transcript-files", js_on_load=scripts.COPY_TEXT)
            note(FILES_TEXT)
            with gr.Row(elem_id="hw-report-row"):
                self.subject = subject_box()
                self.make_report = chip("Make the report")
            self.report_links = gr.HTML("", elem_id="hw-one-report-links")
        self.late = self.make_report.click(
            self.report,
            [self.subject, *inputs.asked],
            self.report_links,
            show_progress_on=self.report_links,
            **ON_FILES,
        )
        # A link to the report about one person must not stand beside the name of another.
        self.subject.change(None, None, self.report_links, js=scripts.sets(""), cancels=self.late, **QUIET)
        inputs.recording.change(None, None, self.subject, js=scripts.sets(""), **QUIET)

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The files of each transcript; none of words that nobody said."""
        if all(row.heard_nobody for row in comparison.rows):
            return self.clear()
        stem = _stem(asked)
        named: list[tuple[RowName, Row | None]] = [("adapted", comparison.adapted), ("base", comparison.base)]
        rows = [name for name, row in named if row is not None and not row.heard_nobody]
        files = {
            row: [
                KeptFile(label, file_name(stem, kind, row), transcript_text(comparison, kind, row).encode())
                for kind, label in NAMES.items()
            ]
            for row in rows
        }
        grid_name = file_name(stem, "textgrid", rows[0])
        tiers: dict[str, Sequence[WordTime]] = {
            name: own for name, own in comparison.word_times._asdict().items() if name in rows
        }
        grid = KeptFile("TextGrid", grid_name, textgrid(tiers, comparison.seconds).encode())
        texts = {row: transcript_text(comparison, "txt", row).strip() for row in rows}
        return {
            self.box: SHOWN,
            self.files: render("transcript_files", files=files, texts=texts, grid=grid),
            self.report_links: "",  # of another comparison
        }

    def clear(self) -> Values:
        """Nothing to keep."""
        return {self.box: HIDDEN, self.files: "", self.report_links: ""}

    def uncount(self) -> Values:
        """The report quotes what was meant."""
        return {self.report_links: ""}

    def report(self, request: gr.Request, subject: str, *given: Any) -> str:
        """Links to the report, as PDF and HTML."""
        asked = Asked(*given)
        comparison = self.service.compare(asked, request.session_hash)
        with notices.errors_as_notices():
            check_text(subject, "The subject")
            fingerprint = self.service.models.get(asked.model).backbone.fingerprint
        stem, found = _stem(asked), example_of(self.inputs.examples, Path(asked.recording or ""))
        report = recording_report(
            comparison,
            stem,
            fingerprint,
            subject=subject,
            simulated=say(EXAMPLE, label=found.said_label) if found else "",
            is_simulated=found is not None and found.is_simulated,
            tongue=tongue(),
        )
        return report_links(f"{stem}-report", report)


def _stem(asked: Asked) -> str:
    """The recording's name without its ending."""
    return Path(asked.recording or "").stem
