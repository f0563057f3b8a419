"""The command that scores a manifest: base and adapted errors of every recording, pooled by group, in every form."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.commands.arguments import add_model_arguments, load_asr
from hyper.recordings.manifest import read_manifest

if TYPE_CHECKING:
    from hyper.compare.evaluation import Evaluation

REPORT_ENDINGS = (".html", ".pdf")

EXAMPLES = """\
examples:
  python -m hyper evaluate examples/manifest.csv
  python -m hyper evaluate people.csv --limit 200 --json runs/people.json
  python -m hyper evaluate people.csv --csv runs/people-table.csv --xlsx runs/people.xlsx --report runs/people.pdf
  python -m hyper evaluate clinic.csv --base openai/whisper-small --hypernet runs/hypernet-small

columns of the manifest:
  file or path          recording, relative to the manifest's folder
  reference or text     the words that were meant; a line without them is transcribed and not scored
  verbatim (optional)   every sound that was said, repetitions included: errors against it are in the JSON as well
  speaker, cohort, severity, corpus, domain, voice (optional)   each becomes a group
  note (optional)       kept beside the recording, in every table
  age (optional)        years; children under 16 become a group, and adults
  simulated (optional)  1 where a simulator made the recording atypical
"""


class EvaluationError(ValueError):
    """The manifest could not be scored, or the report could not be kept."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper evaluate`."""
    parser.add_argument("manifest", metavar="MANIFEST.csv", help="list of recordings; its columns stand below")
    parser.add_argument("--json", metavar="OUT", type=Path, help="write every utterance and every group to this file")
    parser.add_argument("--csv", metavar="OUT", type=Path, help="write a line for each recording to this CSV file")
    parser.add_argument("--xlsx", metavar="OUT", type=Path, help="write recordings and groups to this XLSX file")
    parser.add_argument(
        "--report", metavar="OUT", type=_report_file, help="write a report to print: a file that ends in .html or .pdf"
    )
    parser.add_argument("--language", default="en", metavar="CODE", help="spoken language (default: en)")
    parser.add_argument("--limit", type=_positive, metavar="N", help="score only the first N recordings")
    parser.add_argument(
        "--batch-size", type=_positive, default=16, metavar="N", help="recordings decoded together (default: 16)"
    )
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Score the manifest, write what was asked for, print the table."""
    from hyper.compare.evaluation import table
    from hyper.compare.scoring import score_manifest

    rows = read_manifest(args.manifest)[: args.limit]
    _check_outputs(args)
    asr = load_asr(args)
    evaluation = score_manifest(asr, rows, batch_size=args.batch_size, language=args.language, progress=True)
    for failure in evaluation.failures:
        print(f"skipped {failure.file}: {failure.reason}", file=sys.stderr)
    _write(args, evaluation)
    if not evaluation.groups:
        raise EvaluationError(
            f"None of the {len(rows)} recordings of {args.manifest} could be scored: "
            f"{len(evaluation.failures)} could not be used, the others have no reference."
        )
    print(f"{evaluation.base_model} + {evaluation.hypernetwork or 'no hypernetwork'} on {evaluation.device}")
    print(table(evaluation))


def _check_outputs(args: argparse.Namespace) -> None:
    """Before the hours of work, not after: every file that was asked for can have its folder."""
    for option in ("json", "csv", "xlsx", "report"):
        path: Path | None = getattr(args, option)
        if path is None:
            continue
        if path.is_dir():
            raise EvaluationError(f"--{option} names the folder {path}; it must name a file to write.")
        path.parent.mkdir(parents=True, exist_ok=True)


def _write(args: argparse.Namespace, evaluation: Evaluation) -> None:
    """Every file that was asked for."""
    from hyper.recordings.tables import csv_bytes, xlsx_bytes
    from hyper.reports.table import recordings_sheet, sheets

    if args.json:
        report = json.dumps(evaluation.to_json(), ensure_ascii=False, indent=2, allow_nan=False)
        args.json.write_text(report + "\n", encoding="utf-8")
    if args.csv:
        args.csv.write_bytes(csv_bytes(recordings_sheet(evaluation)))
    if args.xlsx:
        args.xlsx.write_bytes(xlsx_bytes(sheets(evaluation)))
    if args.report:
        args.report.write_bytes(_report(evaluation, args.report.suffix.lower()))


def _report(evaluation: Evaluation, ending: str) -> bytes:
    """The report as a file with that ending."""
    from hyper.reports.content import clinic_report
    from hyper.reports.html import html_text
    from hyper.reports.pdf import pdf_bytes

    report = clinic_report(evaluation)
    return pdf_bytes(report) if ending == ".pdf" else html_text(report).encode()


def _report_file(text: str) -> Path:
    """A file name whose ending is that of a report, for argparse."""
    path = Path(text)
    if path.suffix.lower() not in REPORT_ENDINGS:
        raise argparse.ArgumentTypeError(f"{text} must end in {' or '.join(REPORT_ENDINGS)}")
    return path


def _positive(text: str) -> int:
    """A whole number above zero, for argparse."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not above zero")
    return number
