"""`python -m hyper make-speech`: synthesise typical speech and its manifest."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper make-speech`."""
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder for the recordings and manifest.csv")
    add("--split", choices=("train", "validation", "test"), default="train", help="which sentences (default: train)")
    add(
        "--population",
        choices=("known", "unheard"),
        default="known",
        help="voices that training uses, or voices it never hears (default: known)",
    )
    add("--utterances", type=positive, default=1000, metavar="N", help="how many (default: 1000)")
    add(
        "--speakers",
        type=positive,
        default=50,
        metavar="N",
        help="how many synthetic speakers share them (default: 50)",
    )
    add(
        "--mix",
        type=float,
        nargs="+",
        metavar="SHARE",
        help="shares of commands, open sentences, single words or digits, and phrases that are only for training "
        "(default: 0.5 0.3 0.2, no phrases; without --sentences 0.8 0 0.2)",
    )
    add(
        "--sentences",
        type=Path,
        metavar="FILE",
        help="text file with open sentences, one a line; needed where the share of open sentences is above 0",
    )
    add(
        "--seed",
        type=int,
        choices=range(10),
        default=0,
        metavar="N",
        help="0 to 9; another seed gives other speakers (default: 0)",
    )
    add("--workers", type=positive, default=2, metavar="N", help="processes (default: 2)")
    parser.epilog = (
        "examples:\n  python -m hyper make-speech --out data/typical --utterances 40000 --speakers 600 "
        "--sentences sentences.txt"
    )


def run(args: argparse.Namespace) -> None:
    """Synthesise, say how much was written."""
    from hyper.recordings.manifest import check_is_new
    from hyper.speech.make import SpeechSet, make_speech
    from hyper.speech.texts import read_open_sentences, shares_of_domains, usual_shares

    check_is_new(args.out / "manifest.csv")
    speech_set = SpeechSet(
        split=args.split,
        population=args.population,
        n_speakers=args.speakers,
        n_utterances=args.utterances,
        domains=shares_of_domains(args.mix or usual_shares(bool(args.sentences))),
        seed=args.seed,
    )
    open_sentences = read_open_sentences(args.sentences) if args.sentences else []
    rows = make_speech(speech_set, args.out, open_sentences, args.workers)
    print(f"wrote {len(rows)} recordings of {len({row.speaker for row in rows})} speakers to {args.out}")
