"""`python -m hyper results`: draw the experiments' figures and put the results page together, from the JSON files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


class ResultsError(ValueError):
    """The page cannot be made; the message says what is missing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper results`."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("assets/results"),
        help="folder of the results, where RESULTS.md is written (default: assets/results)",
    )
    parser.epilog = "examples:\n  python -m hyper results --out runs/reproduce/results"


def run(args: argparse.Namespace) -> int:
    """Draw the figures of the experiments that were measured, write RESULTS.md."""
    from hyper.plots.scorecard import save_figure
    from hyper.study.experiments.catalogue import EXPERIMENTS
    from hyper.study.experiments.results_page import write_page

    if not args.out.is_dir():
        raise ResultsError(f"There is no folder {args.out}; name the --out folder of the commands that measured.")
    for experiment in EXPERIMENTS.values():
        file = args.out / f"experiment-{experiment.name}.json"
        if file.exists():
            save_figure(experiment.figure(json.loads(file.read_text())), file.with_suffix(""))
    print(f"wrote {write_page(args.out)}")
    return 0
