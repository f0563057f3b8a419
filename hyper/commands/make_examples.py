"""`python -m hyper make-examples`: make the recordings that the app offers as examples."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_model_arguments, load_asr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper make-examples`."""
    add = parser.add_argument
    add("--out", type=Path, default=Path("examples"), metavar="FOLDER", help="folder to write (default: examples)")
    add("--candidates", type=int, default=600, metavar="N", help="recordings to draw and choose from (default: 600)")
    add_model_arguments(parser)
    parser.epilog = (
        "examples:\n  python -m hyper make-examples\n\n"
        "The rule: speakers whose voices no training set holds say sentences of the test split, in one seed's order,\n"
        "each in one cohort and severity, some typical; the pair compares them. Of each cohort and severity the first\n"
        "is taken that shows what is wanted there: a harm in one, a tie although the base errs in one, a gain in\n"
        "five, anything in two. Then three typical ones, the first drawn. The manifest says what each shows, how many\n"
        "of those drawn do, and the word error rates of all drawn."
    )


def run(args: argparse.Namespace) -> None:
    """Make the examples, say what was written."""
    from hyper.speech.examples import make_examples

    rows = make_examples(load_asr(args), args.out, args.candidates)
    print(f"wrote {len(rows)} examples to {args.out}")
    print("\n".join(f"{row.file:<24} {row.note}" for row in rows))
