"""`python -m hyper make-examples`: make the recordings that the app offers as examples."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper make-examples`."""
    parser.add_argument("--out", type=Path, default=Path("examples"), help="folder to write (default: examples)")
    parser.epilog = (
        "examples:\n  python -m hyper make-examples\n\n"
        "The rule: sentences of the test split, drawn in order by one seed; voices in turn; nothing chosen by result."
    )


def run(args: argparse.Namespace) -> None:
    """Make the examples, say how many were written."""
    from hyper.speech.examples import make_examples

    rows = make_examples(args.out)
    print(f"wrote {len(rows)} examples to {args.out}")
