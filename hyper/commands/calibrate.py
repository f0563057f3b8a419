"""`python -m hyper calibrate`: fit what the page says of each word to how often such words are right."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_language, add_model_arguments, load_asr, positive

EXAMPLES = """\
examples:
  python -m hyper make-speech --split validation --out data/val-typical --utterances 600 --speakers 60 --mix 0.8 0 0.2
  python -m hyper simulate data/val-typical/manifest.csv --out data/val-atypical --seed 3
  python -m hyper calibrate data/val-typical/manifest.csv data/val-atypical/manifest.csv

Use recordings that the pair was neither trained nor tested on. Half of their speakers fit the map, the others check it.
It is for this pair of weights only: give the command again after training.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper calibrate`."""
    add = parser.add_argument
    add("manifest", nargs="+", metavar="MANIFEST.csv", help="validation recordings with references, as for evaluate")
    add(
        "--results",
        type=Path,
        metavar="FOLDER",
        help="where the reliability figure goes (default: beside the hypernetwork; of one in assets/, assets/results)",
    )
    add("--batch-size", type=positive, default=32, metavar="N", help="recordings decoded together (default: 32)")
    add_language(parser)
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Score, fit, write calibration.json beside the hypernetwork and the figure, say how well it holds."""
    from hyper.study.calibrate import calibrate_pair, validation_rows

    rows = validation_rows(args.manifest)  # told before the model is loaded
    print(calibrate_pair(load_asr(args), rows, args.results, args.batch_size, args.language))
