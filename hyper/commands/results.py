"""`python -m hyper results`: draw the experiments' figures and put the results page together, from the JSON files."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper results`."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("assets/results"),
        metavar="FOLDER",
        help="folder of the results, where RESULTS.md is written (default: assets/results)",
    )
    parser.epilog = "examples:\n  python -m hyper results --out runs/reproduce/results"


def run(args: argparse.Namespace) -> None:
    """Draw the figures of the experiments that were measured, write RESULTS.md."""
    from hyper.study.experiments.results_page import draw_results

    print(f"wrote {draw_results(args.out)}")
