"""The report as a PDF for print. The door to fpdf2."""

from __future__ import annotations

import io

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from hyper.plots import palette
from hyper.plots.report import font_files
from hyper.reports.content import ClinicReport, FigurePart, RecordingPart

FONT = "DejaVu"
MARGIN = 16  # mm
SIZES = {"h1": 16, "h2": 12.5, "h3": 9.5, "body": 9.5, "small": 8, "table": 7.5}  # points
LINE = 1.35  # line height, as a multiple of the type size
MM_PER_POINT = 25.4 / 72
GROUP_WIDTHS = (44, 19, 12, 15, 18, 17, 18, 18, 17)  # mm, together the width between the margins
MISSING_LETTERS = (
    "The font of this PDF lacks some of the letters above; a box stands for each. The HTML report shows all of them."
)


class _Pages(FPDF):
    """A4 pages in the project's look, with their number and the caution's core at the foot of each."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, MARGIN + 4)
        for style, file in zip(("", "B"), font_files(), strict=True):
            self.add_font(FONT, style, file)
        self.set_lang("en")

    def footer(self) -> None:
        """Called by fpdf2 at the end of each page."""
        self.set_y(-MARGIN)
        self.write_text("small", f"Not for diagnosis or treatment. Page {self.page_no()} of {{nb}}", palette.MUTED)

    def write_text(self, size: str, text: str, colour: str = palette.INK, bold: bool = False, after: float = 0) -> None:
        """A paragraph across the page, broken into lines and pages as needed; `after` is the space below it, in mm."""
        self.set_font(FONT, "B" if bold else "", SIZES[size])
        self.set_text_color(colour)
        height = SIZES[size] * LINE * MM_PER_POINT
        self.multi_cell(0, height, _printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(after)

    def keep_together(self, height: float) -> None:  # mm
        """Begin a new page where less room than this is left."""
        if self.will_page_break(height):
            self.add_page()


def pdf_bytes(report: ClinicReport) -> bytes:
    """The whole report as a file."""
    pages = _Pages()
    pages.set_title(report.title)
    pages.set_creator("HyperWhisper")
    pages.add_page()
    _write_head(pages, report)
    _write_groups(pages, report)
    for figure in report.figures:
        _write_figure(pages, figure)
    pages.keep_together(60)  # or the heading would stand alone at the foot of a page
    _write_heading(pages, "Transcripts")
    for recording in report.recordings:
        _write_recording(pages, recording)
    if report.failures:
        _write_heading(pages, "Could not be used")
        for failure in report.failures:
            pages.write_text("body", failure, after=1)
    _write_heading(pages, "How this was made")
    for name, value in report.facts:
        pages.write_text("body", f"{name}: {value}")
    if any(ord(letter) not in pages.fonts[FONT.lower()].cmap for letter in _printable(report.all_text())):
        pages.ln(2)
        pages.write_text("small", MISSING_LETTERS, palette.WARNING)
    target = io.BytesIO()
    pages.output(target)
    return target.getvalue()


def _write_head(pages: _Pages, report: ClinicReport) -> None:
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
        _write_heading(pages, "Remarks")
        pages.write_text("body", report.remarks)


def _write_groups(pages: _Pages, report: ClinicReport) -> None:
    """The outcome in a sentence and a table."""
    _write_heading(pages, "Outcome")
    pages.write_text("body", report.outcome, bold=True, after=2)
    if report.group_lines:
        _write_group_table(pages, report)
    for note in report.group_notes:
        pages.write_text("small", note, palette.MUTED, after=0.5)


def _write_group_table(pages: _Pages, report: ClinicReport) -> None:
    pages.set_font(FONT, "", SIZES["table"])
    pages.set_text_color(palette.INK)
    pages.set_draw_color(palette.LINE)
    pages.set_line_width(0.2)
    with pages.table(
        col_widths=GROUP_WIDTHS,
        text_align="LEFT",
        line_height=SIZES["table"] * LINE * MM_PER_POINT,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD"),
        padding=(1, 1, 1, 0),
    ) as table:
        for line in (report.group_columns, *report.group_lines):
            row = table.row()
            for cell in line:
                row.cell(_printable(cell))
    pages.ln(2)


def _write_figure(pages: _Pages, figure: FigurePart) -> None:
    """Title, reading help and image on one page."""
    image_width = pages.epw
    width, height = _pixels(figure.png)
    image_height = image_width * height / width
    pages.keep_together(image_height + 20)
    _write_heading(pages, figure.title)
    pages.write_text("small", figure.reading, palette.MUTED, after=1)
    pages.image(io.BytesIO(figure.png), w=image_width, alt_text=figure.title)
    pages.ln(2)


def _write_recording(pages: _Pages, recording: RecordingPart) -> None:
    """Heading, what was meant, both transcripts with their errors."""
    pages.keep_together(24)
    pages.set_draw_color(palette.LINE)
    pages.set_line_width(0.2)
    pages.line(MARGIN, pages.get_y(), pages.w - MARGIN, pages.get_y())
    pages.ln(1.5)
    pages.write_text("h3", recording.heading, bold=True, after=0.5)
    if recording.reference:
        pages.write_text("body", f"Meant: {recording.reference}", after=0.5)
    for row in recording.rows:
        colour = palette.BASE if row.name == "base" else palette.ADAPTED
        pages.write_text("body", f"{row.name.capitalize()}: {row.text or '(no words)'}", colour)
        if row.score:
            pages.write_text("small", row.score, palette.MUTED)
        if row.warnings:
            pages.write_text("small", f"Warning: {row.warnings}", palette.WARNING)
        pages.ln(0.5)
    pages.ln(1.5)


def _write_heading(pages: _Pages, text: str) -> None:
    pages.keep_together(20)
    pages.ln(3)
    pages.write_text("h2", text, bold=True, after=1)


def _printable(text: str) -> str:
    """Without what is no letter: control characters would stand as boxes."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def _pixels(png: bytes) -> tuple[int, int]:
    """Width and height, which every PNG has at bytes 16 to 24 (its IHDR chunk)."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
