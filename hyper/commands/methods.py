"""`python -m hyper methods`: train every alternative on the same data and set them beside the hypernetwork."""

from __future__ import annotations

import argparse

from hyper.commands.arguments import add_study_arguments, options

EXAMPLES = """\
examples:
  python -m hyper methods --data data/atypical/manifest.csv data/more/manifest.csv --sentences sentences.txt
  python -m hyper methods --data data/atypical/manifest.csv --methods hypernet-mlp --cohorts stuttering --out runs/first

Each method gets the same recordings and as many updates; its learning rate is the best of three on validation
speakers. What is done stays in --work, so that the same command goes on where it was stopped.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper methods`."""
    add_study_arguments(parser)
    parser.add_argument("--methods", nargs="+", metavar="NAME", help="only these (default: all)")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Train, score, write methods.json, methods.md and the bars; print the table."""
    from hyper.study.methods.study import StudyOptions, compare_methods

    print(compare_methods(options(args, StudyOptions), args.methods))
