"""The command that transcribes one recording with base and adapted Whisper and shows both."""

from __future__ import annotations

import argparse
import json

from hyper.commands.arguments import add_language, add_model_arguments, add_strength, load_asr
from hyper.recordings.limits import FORMATS, MAX_SECONDS

EXAMPLES = """\
examples:
  python -m hyper compare talk.wav
  python -m hyper compare talk.m4a --reference "turn on the lights in the kitchen"
  python -m hyper compare talk.m4a --reference "call my sister" --verbatim "c c call my my sister"
  python -m hyper compare talk.m4a --strength 0.5
  python -m hyper compare talk.wav --format srt > talk.srt
  python -m hyper compare talk.wav --format textgrid > talk.TextGrid
  python -m hyper compare talk.m4a --base openai/whisper-small --language de --json > talk.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper compare`."""
    add = parser.add_argument
    add("file", metavar="FILE", help=f"recording: {FORMATS}; at most {MAX_SECONDS / 60:g} min")
    add("--reference", metavar="TEXT", help="the words that were meant; without them no WER is shown")
    add(
        "--verbatim", metavar="TEXT", help="every sound that was said, repetitions included: a second reference for WER"
    )
    add_language(parser)
    add(
        "--adapt-per-piece",
        action="store_true",
        help="long recordings: adapt to each piece by itself instead of once to the whole recording",
    )
    add_strength(parser)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON record instead of text")
    kinds = "print the transcript alone: as text, as subtitles, or with all word times as a TextGrid for Praat"
    output.add_argument("--format", choices=("txt", "srt", "vtt", "textgrid"), help=kinds)
    rows = "which transcript --format prints (default: adapted, where there is one); a TextGrid holds both"
    add("--transcript", choices=("base", "adapted"), help=rows)
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Compare and print."""
    from sys import stderr

    from hyper.compare.terminal import comparison_text
    from hyper.reports.timed_text import TimedTextError, transcript_text

    if args.transcript and not args.format:
        raise TimedTextError("--transcript is for --format; without that, both transcripts are printed.")
    comparison = load_asr(args).compare(
        args.file,
        args.reference,
        verbatim=args.verbatim,
        language=args.language,
        adapt_per_piece=args.adapt_per_piece,
        strength=args.strength,
    )
    if args.json:
        print(json.dumps(comparison.to_json(file=args.file), ensure_ascii=False, indent=2))
    elif args.format:
        print(transcript_text(comparison, args.format, args.transcript), end="")
        for reason in dict.fromkeys(flag.reason for row in comparison.rows for flag in row.flags):
            print(f"caution: {reason}", file=stderr)
    else:
        print(comparison_text(comparison, args.file))
