"""`python -m hyper pair`: recordings in, a pair out, by one command."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_language, natural, options, positive

EXAMPLES = """\
examples:
  python -m hyper pair openai/whisper-small --data clinic.csv --dry-run
  python -m hyper pair openai/whisper-small --data recordings --cohort dysarthria --typical typical.csv
  python -m hyper pair openai/whisper-tiny.en --data typical.csv --simulate --hours 2

It looks at the recordings and prints what is wrong with them, deals out the speakers (most to train on, 15 % each to
choose by and to test on; with few speakers up to a quarter and a third, so that the test has five), and says what it
will take; --dry-run ends there. Then it tries three hypernetworks shortly, trains the best, chooses its strength,
calibrates, maps the voices, scores it on the test speakers, writes its card, and ends with the line that starts the app
on it. One that was stopped goes on when the same command is given again.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper pair`."""
    add = parser.add_argument
    add("base", metavar="BASE", help="Whisper to adapt: a folder, or a hub name such as openai/whisper-small")
    add("--data", type=Path, required=True, metavar="PLACE", help="a manifest; or a folder: with a manifest.csv, with audio beside text files, or of a known corpus")  # noqa: E501  # fmt: skip
    add("--out", type=Path, default=Path("runs/pair"), metavar="FOLDER", help="folder of the pair and of all that is made on the way (default: runs/pair)")  # noqa: E501  # fmt: skip
    add("--typical", type=Path, metavar="PLACE", help="typical speech that must not be harmed, as for --data")
    add("--cohort", default="", metavar="NAME", help="what the speakers have, where the list names no cohort (default: nothing, typical)")  # noqa: E501  # fmt: skip
    add("--simulate", action="store_true", help="make a simulated patient of each speaker, where there is typical speech only")  # noqa: E501  # fmt: skip
    add("--dry-run", action="store_true", help="stop after the estimate, and leave nothing behind")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--updates", type=positive, default=1000, metavar="N", help="of the training; each trial gets a fifth of it more (default: 1000)")  # noqa: E501  # fmt: skip
    budget.add_argument("--hours", type=float, metavar="H", help="of training, trials included, in place of updates")
    add("--batch-size", type=positive, default=32, metavar="N", help="recordings an update (default: 32)")
    add("--accumulate", type=positive, default=1, metavar="PARTS", help="compute each batch in so many parts, where memory is short (default: 1)")  # noqa: E501  # fmt: skip
    add_language(parser)
    add("--seed", type=natural, default=0, metavar="N", help="of the split, the patients and the training (default: 0)")
    add("--workers", type=positive, default=2, metavar="N", help="processes that make simulated patients (default: 2)")
    add("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Make it, say what it took and how the app is started on it."""
    from hyper.study.pair.make import make_pair
    from hyper.study.pair.options import PairOptions

    print(make_pair(options(args, PairOptions)))
