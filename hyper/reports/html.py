"""The report on many recordings as one HTML page that runs nothing and asks for nothing."""

from __future__ import annotations

from hyper.plots import palette
from hyper.reports.fonts import font_files
from hyper.reports.parts import ClinicReport
from hyper.reports.templates import render

TEXTS_ID = "hyperwhisper-texts"  # of the element that holds a report's texts


def html_text(report: ClinicReport) -> str:
    """The report as one page that needs nothing else."""
    return render(
        "report", report=report, say=report.tongue.say, palette=palette, fonts=font_bytes(), texts_id=TEXTS_ID
    )


def font_bytes() -> dict[int, bytes]:
    """The files of the page's own font by weight, to lie inside a page."""
    return {weight: file.read_bytes() for weight, file in zip((400, 700), font_files(), strict=True)}
