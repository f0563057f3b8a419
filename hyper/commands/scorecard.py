"""`python -m hyper scorecard`: the bundled pair on every held-out set, as tables, JSON, bars and figures."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_model_arguments, add_test_share, load_asr, options, positive

EXAMPLES = """\
examples:
  python -m hyper scorecard --sentences sentences.txt --people people/test.csv
  python -m hyper scorecard --base openai/whisper-tiny.en --nobody-speaks data/test/no-speech/manifest.csv
  python -m hyper scorecard --base assets/whisper-mini --out runs/mine --before assets/results/scorecard.json

Test speech is made once in --work and reused; the seeds are fixed, so the same version makes the same recordings.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper scorecard`."""
    add = parser.add_argument
    add("--work", type=Path, default=Path("data/test"), metavar="FOLDER", help="folder for the test speech (default: data/test)")  # noqa: E501  # fmt: skip
    add("--out", type=Path, default=Path("assets/results"), metavar="FOLDER", help="folder for the results (default: assets/results)")  # noqa: E501  # fmt: skip
    add("--sentences", type=Path, metavar="FILE", help="text file with open sentences; without it open sentences are left out")  # noqa: E501  # fmt: skip
    add("--people", type=Path, metavar="MANIFEST", help="manifest of real recordings: as they are, by corpus, and turned into simulated patients")  # noqa: E501  # fmt: skip
    add(
        "--nobody-speaks",
        type=Path,
        metavar="MANIFEST",
        help="only count the words that are written of these recordings, in which nobody speaks; by kind, their domain",
    )
    add("--before", type=Path, metavar="FILE", help="an earlier scorecard.json to set the base's WER beside")
    add("--batch-size", type=positive, default=32, metavar="N", help="recordings decoded together (default: 32)")
    add("--workers", type=positive, default=2, metavar="N", help="processes that make speech (default: 2)")
    add_test_share(parser)
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Make what test speech is missing, score every set; write scorecard.json, its page, bars.json and figures."""
    from hyper.study.scorecard.score import nobody_speaks, score_pair
    from hyper.study.scorecard.sets import SetOptions

    if args.nobody_speaks:
        print(nobody_speaks(load_asr(args), args.nobody_speaks, args.batch_size))
        return
    print(score_pair(load_asr(args), options(args, SetOptions), args.out, args.before, args.batch_size))
