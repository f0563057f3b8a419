"""The report on many recordings as one HTML page that runs nothing and asks for nothing."""

from __future__ import annotations

from hyper.plots import palette
from hyper.reports.content import ClinicReport
from hyper.reports.templates import render


def html_text(report: ClinicReport) -> str:
    """The report as one page that needs nothing else."""
    return render("report", report=report, palette=palette)
