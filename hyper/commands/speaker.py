"""The command that adapts to one speaker from several recordings and shows what that changes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from hyper.commands.arguments import add_language, add_model_arguments, load_asr

EXAMPLES = """\
examples:
  python -m hyper speaker anna-1.wav anna-2.wav anna-3.wav
  python -m hyper speaker anna-*.wav --references anna.txt --json > anna.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper speaker`."""
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="2 to 20 recordings of one speaker, 10 min together")
    add("--references", type=Path, metavar="TEXTFILE", help="what was meant: one line for each recording, in order")
    add_language(parser)
    add("--json", action="store_true", help="print one JSON record instead of text")
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Compare and print."""
    from hyper.compare.speaker import compare_speaker, read_reference_lines
    from hyper.compare.terminal import speaker_text

    references = read_reference_lines(args.references, len(args.files))
    comparison = compare_speaker(load_asr(args), args.files, references, language=args.language)
    if args.json:
        print(json.dumps(comparison.to_json(), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print(speaker_text(comparison))
