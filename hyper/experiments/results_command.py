"""`python -m hyper results`: put the results page together from the JSON files that exist."""

from __future__ import annotations

import argparse
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
    """Write RESULTS.md."""
    from hyper.experiments.page import write_page

    if not args.out.is_dir():
        raise ResultsError(f"There is no folder {args.out}; name the --out folder of the commands that measured.")
    print(f"wrote {write_page(args.out)}")
    return 0
