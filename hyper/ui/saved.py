"""Links that save tables and reports: each file is part of the page, nothing is written to disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import gradio as gr

from hyper.recordings.tables import Sheet, csv_bytes, xlsx_bytes
from hyper.reports.html import html_text
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.reports.parts import ClinicReport

ABOUT = "Who or what the report is about (optional)"


def subject_box(elem_id: str | None = None) -> gr.Textbox:
    """Where a visitor types whom a report on one recording or one speaker is about."""
    return gr.Textbox("", label=ABOUT, max_length=200, elem_id=elem_id)


def table_links(stem: str, sheets: Sequence[Sheet]) -> str:
    """Links to the first sheet as CSV and to all as XLSX; `stem` is how the files' names begin."""
    files = {f"{stem}.csv": csv_bytes(sheets[0]), f"{stem}.xlsx": xlsx_bytes(sheets)}
    return render("save_links", title="Save the table:", files=files)


def report_links(stem: str, report: ClinicReport) -> str:
    """Links to the report, as PDF and HTML."""
    from hyper.reports.pdf import pdf_bytes  # slow to import: not for the start

    files = {f"{stem}.pdf": pdf_bytes(report), f"{stem}.html": html_text(report).encode()}
    return render("save_links", title="Save the report:", files=files)
