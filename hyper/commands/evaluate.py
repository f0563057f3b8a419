"""The command that scores a manifest: base and adapted errors of every recording, pooled by group, in every form."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_language, add_model_arguments, load_asr, options, positive

REPORT_ENDINGS = (".html", ".pdf")

EXAMPLES = """\
examples:
  python -m hyper evaluate examples/manifest.csv
  python -m hyper evaluate people.csv --limit 200 --json runs/people.json
  python -m hyper evaluate people.csv --csv runs/people-table.csv --xlsx runs/people.xlsx --report runs/people.pdf
  python -m hyper evaluate clinic.csv --base openai/whisper-small --hypernet runs/hypernet-small
  accelerate launch --multi_gpu -m hyper evaluate archive.csv --json runs/archive.json     a part for each GPU
  python -m hyper evaluate archive.csv --ray --json runs/archive.json          # blocks on a cluster, resumable

columns of the manifest:
  file or path          recording, relative to the manifest's folder
  reference or text     the words that were meant (or `what was meant`, as in the app's tables); a line without them is
                        transcribed and not scored
  verbatim (optional)   every sound that was said, repetitions included: errors against it are in the JSON as well
  speaker, cohort, severity, corpus, domain, voice (optional)   each becomes a group
  note (optional)       kept beside the recording, in every table
  age (optional)        years; children under 16 become a group, and adults
  simulated (optional)  1 where a simulator made the recording atypical
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper evaluate`."""
    add = parser.add_argument
    add("manifest", metavar="MANIFEST.csv", help="list of recordings; its columns stand below")
    add("--json", metavar="FILE", type=Path, help="write every utterance and every group to this file")
    add("--csv", metavar="FILE", type=Path, help="write a line for each recording to this CSV file")
    add("--xlsx", metavar="FILE", type=Path, help="write recordings and groups to this XLSX file")
    add("--report", metavar="FILE", type=_report_file, help="write a report to print: a file that ends in .html or .pdf")  # noqa: E501  # fmt: skip
    add_language(parser)
    add("--limit", type=positive, metavar="N", help="score only the first N recordings")
    add("--batch-size", type=positive, default=16, metavar="N", help="recordings decoded together (default: 16)")
    add("--ray", action="store_true", help="score on a Ray cluster: that of RAY_ADDRESS, or this machine")
    add("--blocks", type=Path, default=Path("runs/blocks"), metavar="FOLDER", help="what a stopped --ray goes on from (default: runs/blocks)")  # noqa: E501  # fmt: skip
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Score the manifest, write what was asked for, print the table."""
    from collections.abc import Callable
    from functools import partial
    from typing import Any

    from hyper.compare.evaluation import Evaluation
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.compare.shared import files_of, leave, own_device, score_on_ray, score_shared
    from hyper.recordings.manifest import read_manifest
    from hyper.reports.evaluate import ReportFiles, evaluate

    rows = read_manifest(args.manifest)
    (files := options(args, ReportFiles)).check([Path(args.manifest), *(row.path for row in rows)])
    rows = rows[: args.limit]
    how: dict[str, Any] = {"batch_size": args.batch_size, "language": args.language}
    score: Callable[..., Evaluation | None]
    if args.ray:
        load = partial(PersonalizedAsr.load, args.base, args.hypernet, args.device, args.bits)
        how |= {"read": files_of(args.base, args.hypernet), "wants_gpu": args.device != "cpu"}
        score = partial(score_on_ray, load, folder=args.blocks, **how)
    else:
        args.device = own_device(args.device)
        score = partial(score_shared, load_asr(args), **how)
    print(evaluate(score, args.manifest, rows, files) or leave())  # where another process tells


def _report_file(text: str) -> Path:
    """A file name whose ending is that of a report, for argparse."""
    path = Path(text)
    if path.suffix.lower() not in REPORT_ENDINGS:
        raise argparse.ArgumentTypeError(f"{text} must end in {' or '.join(REPORT_ENDINGS)}")
    return path
