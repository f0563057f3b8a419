"""`python -m hyper reproduce`: the whole study from nothing, step by step."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import options, positive

EXAMPLES = """\
examples:
  python -m hyper reproduce --sentences sentences.txt --people people.csv --teacher openai/whisper-tiny.en
  python -m hyper reproduce --quick --work runs/quick

Steps: speech, a first base, two more that go on from it, simulated speech, hypernetwork, three more, calibration, map,
scorecard, methods, nine experiments, results page. Each is a command of its own, printed with its time. A step that is
done is not done again; one that was stopped goes on.
`--quick` takes tiny sizes to try every part out: its numbers mean nothing. Everything lies below --work.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper reproduce`."""
    add = parser.add_argument
    add("--work", type=Path, default=Path("runs/reproduce"), metavar="FOLDER", help="folder of everything (default: runs/reproduce)")  # noqa: E501  # fmt: skip
    add("--out", type=Path, metavar="FOLDER", help="folder for the results (default: results below --work)")
    add("--quick", action="store_true", help="tiny sizes, to try every part out in minutes")
    add("--sentences", type=Path, metavar="FILE", help="text file with open sentences; without it there are none")
    add("--people", type=Path, metavar="MANIFEST", help="manifest of real typical recordings for training the base; left out if not given")  # noqa: E501  # fmt: skip
    add("--people-test", type=Path, metavar="MANIFEST", help="held-out real recordings for the scorecard")
    add("--teacher", metavar="NAME_OR_FOLDER", help="a Whisper whose encoder states of --people the last base learns too, as the bundled one did from openai/whisper-tiny.en; left out if not given")  # noqa: E501  # fmt: skip
    add("--workers", type=positive, default=2, metavar="N", help="processes that make speech and features (default: 2)")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Every step in order."""
    from hyper.study.reproduce import Reproduction, reproduce

    minutes = reproduce(options(args, Reproduction))
    print(f"the whole study is there; this run took {minutes:.1f} min")
