"""`python -m hyper story`: one page to hand out, with the sound, both transcripts and plots of each recording."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_model_arguments, load_asr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper story`."""
    add = parser.add_argument
    add("out", type=Path, metavar="OUT.html", help="page to write; it holds the recordings, so mind who gets it")
    add("--audio", type=Path, metavar="FILE", help="recording to tell (default: the examples)")
    add("--reference", default="", metavar="TEXT", help="the words that were meant in it")
    add("--examples", default="examples/manifest.csv", metavar="MANIFEST", help="recordings to tell where no FILE is named (default: examples/manifest.csv)")  # noqa: E501  # fmt: skip
    add_model_arguments(parser)
    parser.epilog = (
        "examples:\n  python -m hyper story story.html\n"
        '  python -m hyper story anna.html --audio anna.wav --reference "call my sister"'
    )


def run(args: argparse.Namespace) -> None:
    """Compare the recordings, write the page."""
    from hyper.recordings.manifest import ManifestRow, read_manifest
    from hyper.reports.story import write_story

    one = [ManifestRow(args.audio.name, args.audio, args.reference)] if args.audio else []
    write_story(load_asr(args), one or read_manifest(args.examples), args.out)
    print(f"wrote {args.out}")
