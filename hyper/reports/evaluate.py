"""Recordings scored, and what was found as files: JSON, tables, a report to print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyper.compare.evaluation import Evaluation, table
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.tables import csv_bytes, xlsx_bytes
from hyper.reports.content import clinic_report
from hyper.reports.html import html_text
from hyper.reports.pdf import pdf_bytes
from hyper.reports.table import recordings_sheet, sheets


class EvaluationError(ValueError):
    """The manifest could not be scored, or a file cannot be written where it is wanted."""


@dataclass(frozen=True)
class ReportFiles:
    """The files that are wanted, None where one is not."""

    json: Path | None
    csv: Path | None
    xlsx: Path | None
    report: Path | None  # ends in .html or .pdf

    def check(self) -> None:
        """Before the hours of work, not after: every file can have its folder.

        Errors: EvaluationError where one names a folder.
        """
        for option, path in vars(self).items():
            if path is None:
                continue
            if path.is_dir():
                raise EvaluationError(f"--{option} names the folder {path}; it must name a file to write.")
            path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, evaluation: Evaluation) -> None:
        """Every file that is wanted."""
        if self.json:
            text = json.dumps(evaluation.to_json(), ensure_ascii=False, indent=2, allow_nan=False)
            self.json.write_text(text + "\n", encoding="utf-8")
        if self.csv:
            self.csv.write_bytes(csv_bytes(recordings_sheet(evaluation)))
        if self.xlsx:
            self.xlsx.write_bytes(xlsx_bytes(sheets(evaluation)))
        if self.report:
            report = clinic_report(evaluation)
            is_pdf = self.report.suffix.lower() == ".pdf"
            self.report.write_bytes(pdf_bytes(report) if is_pdf else html_text(report).encode())


def evaluate(
    score: Callable[[Sequence[ManifestRow]], Evaluation | None],  # one of `hyper.compare.shared`
    manifest: str,  # its name
    rows: Sequence[ManifestRow],
    files: ReportFiles,
) -> str:
    """Score the recordings, say which were skipped, write the files; returns the table for a terminal.

    Where several processes share the recordings, the first does so for all and the others return "".

    Errors: EvaluationError where none could be scored.
    """
    evaluation = score(rows)
    if evaluation is None:
        return ""
    for failure in evaluation.failures:
        print(f"skipped {failure.file}: {failure.reason}", file=sys.stderr)
    files.write(evaluation)
    if not evaluation.groups:
        n_failed = len(evaluation.failures)
        why = f"{n_failed} could not be used" if n_failed else ""
        if n_failed < len(rows):
            others = ", the others have" if n_failed else "they have"
            why += f"{others} no reference; what was meant belongs in a column called `reference`"
        raise EvaluationError(f"None of the {len(rows)} recordings of {manifest} could be scored: {why}.")
    models = f"{evaluation.base_model} + {evaluation.hypernetwork or 'no hypernetwork'} on {evaluation.device}"
    return f"{models}\n{table(evaluation)}"
