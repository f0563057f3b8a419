"""`python -m hyper methods`: train every alternative on the same data and set them beside the hypernetwork."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_lesson, add_study_arguments, options, positive

EXAMPLES = """\
examples:
  python -m hyper methods --data data/atypical/manifest.csv data/more/manifest.csv --sentences sentences.txt
  python -m hyper methods --data data/atypical/manifest.csv --methods hypernet-mlp --cohorts stuttering --out runs/first
  python -m hyper methods --data simulated.csv typical.csv --lesson originals --score test.csv --methods lora-encoder

Each method gets the same recordings, which are taken to be in English, and as many updates; its learning rate is the
best of three on validation speakers. What is done stays in --work, so that the same command goes on where it was
stopped.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper methods`."""
    add_study_arguments(parser)
    add = parser.add_argument
    add("--methods", nargs="+", metavar="NAME", help="only these (default: all)")
    add_lesson(parser)
    add(
        "--warm-up",
        type=positive,
        default=100,
        metavar="N",
        help="updates in which the learning rate rises (default: 100)",
    )
    add("--score", type=Path, nargs="+", default=[], metavar="MANIFEST", help="held-out recordings to score in place of the sets that are made; the file's name, or for manifest.csv the folder's, is the set's")  # noqa: E501  # fmt: skip
    add("--beside", choices=("hypernet-shared", "hypernet-encoder", "hypernet-both"), default="hypernet-shared", help="the method that the others are set beside (default: hypernet-shared)")  # noqa: E501  # fmt: skip
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Train, score, write methods.json, methods.md and the bars; print the table."""
    from hyper.study.methods.study import StudyOptions, compare_methods

    print(compare_methods(options(args, StudyOptions), args.methods))
