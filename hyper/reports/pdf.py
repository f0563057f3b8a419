"""The report as a PDF for print."""

from __future__ import annotations

import io

from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from hyper.plots import palette
from hyper.reports.pages import MARGIN, Pages, visible
from hyper.reports.parts import ClinicReport, FigurePart, RecordingPart
from hyper.reports.pdf_words import write_words

GROUP_WIDTHS = (44, 19, 12, 15, 18, 17, 18, 18, 17)  # mm, together the width between the margins
SHORT_LETTERS = 240  # of a recording whose texts take a line each: it is not torn apart
MISSING_LETTERS = (
    "This PDF cannot show some of the letters above; in their place stand their number and script in brackets. The "
    "HTML report shows all of them."
)


def pdf_bytes(report: ClinicReport) -> bytes:
    """The whole report as a file."""
    pages = Pages(report.tongue)
    pages.set_title(report.title)
    pages.set_creator("HyperWhisper")
    pages.add_page()
    _write_head(pages, report)
    _write_groups(pages, report)
    _write_heading(pages, pages.say("Transcripts"))
    for recording in report.recordings:
        _write_recording(pages, recording)
    if report.failures:
        _write_heading(pages, pages.say("Could not be used"))
        for failure in report.failures:
            pages.write_text("body", failure, after=1)
    for figure in report.figures:
        _write_figure(pages, figure)
    _write_heading(pages, pages.say("How this was made"))
    for name, value in report.facts:
        pages.write_text("body", f"{name}: {value}")
    if pages.printable(report.all_text()) != visible(report.all_text()):
        pages.ln(2)
        pages.write_text("small", pages.say(MISSING_LETTERS), palette.WARNING)
    target = io.BytesIO()
    pages.output(target)
    return target.getvalue()


def _write_head(pages: Pages, report: ClinicReport) -> None:
    """Title, whom it is about, date, cautions, remarks."""
    pages.write_text("h1", report.title, bold=True, after=1)
    if report.subject:
        pages.write_text("h2", report.subject, after=1)
    pages.write_text("small", f"HyperWhisper, {report.date}", palette.MUTED, after=3)
    top = pages.get_y()
    pages.set_left_margin(MARGIN + 4)
    pages.set_x(MARGIN + 4)
    for caution in report.cautions:
        pages.write_text("body", caution, after=1)
    pages.set_draw_color(palette.WARNING)
    pages.set_line_width(1)
    pages.line(MARGIN + 0.5, top, MARGIN + 0.5, pages.get_y() - 1)
    pages.set_left_margin(MARGIN)
    pages.set_x(MARGIN)
    if report.remarks:
        _write_heading(pages, pages.say("Remarks"))
        pages.write_text("body", report.remarks)


def _write_groups(pages: Pages, report: ClinicReport) -> None:
    """The outcome in a sentence and a table."""
    _write_heading(pages, pages.say("Outcome"))
    pages.write_text("body", report.outcome, bold=True, after=2)
    if report.group_lines:
        _write_group_table(pages, report)
    for note in report.group_notes:
        pages.write_text("small", note, palette.MUTED, after=0.5)


def _write_group_table(pages: Pages, report: ClinicReport) -> None:
    pages.set_look("table")
    pages.set_draw_color(palette.LINE)
    pages.set_line_width(0.2)
    with pages.table(
        col_widths=GROUP_WIDTHS[: len(report.group_columns)],
        text_align="LEFT",
        line_height=pages.line_height("table"),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD"),
        padding=(1, 1, 1, 0),
    ) as table:
        for line in (report.group_columns, *report.group_lines):
            row = table.row()
            for cell in line:
                row.cell(pages.printable(cell))
    pages.ln(2)


def _write_figure(pages: Pages, figure: FigurePart) -> None:
    """Title, reading help and image on one page."""
    image_width = pages.epw
    width, height = _pixels(figure.png)
    image_height = image_width * height / width
    pages.keep_together(image_height + 20)
    _write_heading(pages, figure.title)
    pages.write_text("small", figure.reading, palette.MUTED, after=1)
    pages.image(io.BytesIO(figure.png), w=image_width, alt_text=figure.title)
    pages.ln(2)


def _write_recording(pages: Pages, recording: RecordingPart) -> None:
    """Heading, what was meant, both transcripts with their errors."""
    n_letters = sum(len(text) for _, text in recording.texts) + sum(len(row.text) for row in recording.rows)
    pages.keep_together(24 if n_letters > SHORT_LETTERS else 54)
    pages.set_draw_color(palette.LINE)
    pages.set_line_width(0.2)
    pages.line(MARGIN, pages.get_y(), pages.w - MARGIN, pages.get_y())
    pages.ln(1.5)
    pages.write_text("h3", recording.heading, bold=True, after=0.5)
    for title, text in recording.texts:
        pages.write_text("small", pages.say(title), palette.MUTED, True)
        pages.write_text("words", text, after=1.5)
    for row in recording.rows:
        pages.keep_together(16)
        colour = palette.BASE if row.name == "base" else palette.ADAPTED
        pages.write_text("small", pages.say(row.name.capitalize()), colour, True)
        if row.words:
            write_words(pages, row.words)
        else:
            pages.write_text("words", row.text or pages.say("(no words)"))
        if row.score:
            pages.write_text("small", row.score, palette.MUTED)
        if row.warnings:
            pages.write_text("small", f"{pages.say('Warning')}: {row.warnings}", palette.WARNING)
        pages.ln(1.5)
    pages.ln(1)


def _write_heading(pages: Pages, text: str) -> None:
    pages.keep_together(20)
    pages.ln(3)
    pages.write_text("h2", text, bold=True, after=1)


def _pixels(png: bytes) -> tuple[int, int]:
    """Width and height, which every PNG has at bytes 16 to 24 (its IHDR chunk)."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
