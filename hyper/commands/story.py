"""`python -m hyper story`: one page to hand out, with the sound, both transcripts and plots of each recording."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_language, add_model_arguments, load_asr

EXAMPLES = Path("examples/manifest.csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper story`."""
    add = parser.add_argument
    add("out", type=Path, metavar="OUT.html", help="page to write; it holds the recordings, so mind who gets it")
    add("--audio", type=Path, metavar="FILE", help="recording to tell (default: the examples)")
    add("--reference", default="", metavar="TEXT", help="the words that were meant in it")
    add("--examples", type=Path, metavar="MANIFEST", help="recordings to tell where no FILE is named (default: those in examples/ that belong to the model)")  # noqa: E501  # fmt: skip
    add_language(parser)
    add_model_arguments(parser)
    parser.epilog = (
        "examples:\n  python -m hyper story story.html\n"
        '  python -m hyper story anna.html --audio anna.wav --reference "call my sister"'
    )


def run(args: argparse.Namespace) -> None:
    """Compare the recordings, write the page."""
    from hyper.compare.example_sets import manifest_of
    from hyper.recordings.manifest import ManifestRow, read_manifest
    from hyper.reports.story import check_page, write_story

    check_page(args.out, [path for path in (args.audio, args.examples) if path])
    asr = load_asr(args)
    if args.audio:
        rows = [ManifestRow(args.audio.name, args.audio, args.reference)]
    else:
        rows = read_manifest(args.examples or manifest_of(asr, EXAMPLES))
    check_page(args.out, [row.path for row in rows])
    for each in write_story(asr, rows, args.out, args.language):
        print(f"left out {each}")
    print(f"wrote {args.out}")
