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
from hyper.recordings.whole_files import write_whole
from hyper.reports.content import clinic_report
from hyper.reports.html import html_text
from hyper.reports.pdf import pdf_bytes
from hyper.reports.table import recordings_sheet, sheets

ENDINGS = {"json": (".json",), "csv": (".csv",), "xlsx": (".xlsx",), "report": (".html", ".pdf")}


class EvaluationError(ValueError):
    """The manifest could not be scored, or a file cannot be written where it is wanted."""


@dataclass(frozen=True)
class ReportFiles:
    """The files that are wanted, None where one is not."""

    json: Path | None
    csv: Path | None
    xlsx: Path | None
    report: Path | None  # ends in .html or .pdf

    def check(self, read: Sequence[Path] = ()) -> None:
        """Before the hours of work, not after: every file can be written where it is wanted, over none that is `read`.

        Errors: EvaluationError where one names a folder, has another ending, or cannot. Since no two share an ending,
        no two are one.
        """
        kept = {path.resolve() for path in read}
        for option, path in vars(self).items():
            if path is None:
                continue
            if path.is_dir():
                raise EvaluationError(f"--{option} names the folder {path}; it must name a file to write.")
            if path.suffix.lower() not in (endings := ENDINGS[option]):
                raise EvaluationError(f"--{option} names {path}; it must end in {' or '.join(endings)}.")
            if path.resolve() in kept:
                raise EvaluationError(f"--{option} names {path}, which is read here; please give it another name.")
            try:
                _try_out(path)
            except OSError as error:
                raise EvaluationError(
                    f"--{option}: {path} cannot be written ({error.strerror}); please choose another place."
                ) from error

    def write(self, evaluation: Evaluation) -> str:
        """Every file that is wanted, each in whole; returns which could not be written and why, "" where all could."""
        makers: dict[Path | None, Callable[[Evaluation], bytes]] = {
            self.json: _json_bytes,
            self.csv: lambda found: csv_bytes(recordings_sheet(found)),
            self.xlsx: lambda found: xlsx_bytes(sheets(found)),
            self.report: self._report_bytes,
        }
        failed = []
        for path, make in makers.items():
            if path is not None:
                try:
                    write_whole(path, make(evaluation))
                except OSError as error:
                    failed.append(f"{path} ({error.strerror})")
        return ", ".join(failed)

    def _report_bytes(self, evaluation: Evaluation) -> bytes:
        report = clinic_report(evaluation)
        is_pdf = self.report is not None and self.report.suffix.lower() == ".pdf"
        return pdf_bytes(report) if is_pdf else html_text(report).encode()


def _try_out(path: Path) -> None:
    """Make its folder, and for a moment a file beside it. Errors: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.partial")  # as `write_whole` does
    beside.touch()
    beside.unlink(missing_ok=True)  # of several processes another may have been faster


def _json_bytes(evaluation: Evaluation) -> bytes:
    return f"{json.dumps(evaluation.to_json(), ensure_ascii=False, indent=2, allow_nan=False)}\n".encode()


def evaluate(
    score: Callable[[Sequence[ManifestRow]], Evaluation | None],  # one of `hyper.compare.shared`
    manifest: str,  # its name
    rows: Sequence[ManifestRow],
    files: ReportFiles,
) -> str:
    """Score the recordings, say which were skipped, write the files; returns the table for a terminal.

    Where several processes share the recordings, the first does so for all and the others return "".

    Errors: EvaluationError where none could be scored; where a file could not be written, after the table is printed.
    """
    evaluation = score(rows)
    if evaluation is None:
        return ""
    for failure in evaluation.failures:
        print(f"skipped {failure.file}: {failure.reason}", file=sys.stderr)
    failed = files.write(evaluation)
    if not evaluation.groups:
        n_failed = len(evaluation.failures)
        why = f"{n_failed} could not be used" if n_failed else ""
        if n_failed < len(rows):
            others = ", the others have" if n_failed else "they have"
            why += f"{others} no reference; what was meant belongs in a column called `reference`"
        raise EvaluationError(f"None of the {len(rows)} recordings of {manifest} could be scored: {why}.")
    models = f"{evaluation.base_model} + {evaluation.hypernetwork or 'no hypernetwork'} on {evaluation.device}"
    told = f"{models}\n{table(evaluation)}"
    if failed:
        print(told)
        raise EvaluationError(f"{failed} could not be written; all else is done.")
    return told
