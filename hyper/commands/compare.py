"""The command that transcribes one recording with base and adapted Whisper and shows both."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from hyper.commands.arguments import add_model_arguments, add_strength, load_asr
from hyper.recordings.limits import FORMATS, MAX_SECONDS

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.compare.row import Row

EXAMPLES = """\
examples:
  python -m hyper compare talk.wav
  python -m hyper compare talk.m4a --reference "turn on the lights in the kitchen"
  python -m hyper compare talk.m4a --reference "call my sister" --verbatim "c c call my my sister"
  python -m hyper compare talk.m4a --strength 0.5
  python -m hyper compare talk.m4a --base openai/whisper-small --language de --json > talk.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper compare`."""
    parser.add_argument("file", metavar="FILE", help=f"recording: {FORMATS}; at most {MAX_SECONDS / 60:g} min")
    parser.add_argument("--reference", metavar="TEXT", help="the words that were meant; without them no WER is shown")
    parser.add_argument(
        "--verbatim", metavar="TEXT", help="every sound that was said, repetitions included: a second reference for WER"
    )
    parser.add_argument(
        "--language", default="en", metavar="CODE", help="spoken language, for a multilingual Whisper (default: en)"
    )
    parser.add_argument(
        "--adapt-per-piece",
        action="store_true",
        help="long recordings: adapt to each piece by itself instead of once to the whole recording",
    )
    add_strength(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON record instead of text")
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Compare and print."""
    asr = load_asr(args)
    comparison = asr.compare(
        args.file,
        args.reference,
        verbatim=args.verbatim,
        language=args.language,
        adapt_per_piece=args.adapt_per_piece,
        strength=args.strength,
    )
    if args.json:
        print(json.dumps(comparison.to_json(file=args.file), ensure_ascii=False, indent=2))
    else:
        print(as_text(comparison, args.file))


def as_text(comparison: Comparison, file: str) -> str:
    """What a person reads on the terminal."""
    pieces = f", {comparison.n_pieces} pieces" if comparison.n_pieces > 1 else ""
    lines = [f"recording  {file} ({comparison.seconds:.1f} s{pieces})"]
    if comparison.reference is not None:
        lines.append(f"reference  {comparison.reference}")
    if comparison.verbatim is not None:
        lines.append(f"verbatim   {comparison.verbatim}")
    lines.append(_row_lines("base", comparison.base))
    if comparison.adapted is None:
        lines.append("adapted    no hypernetwork for this Whisper; `python -m hyper train --help` says how to make one")
    else:
        lines.append(_row_lines("adapted", comparison.adapted))
        if comparison.strength != 1:
            lines.append(f"strength   {comparison.strength:g} times the update (0 is the base, 1 as trained)")
    lines.append(f"models     {comparison.base_model} + {comparison.hypernetwork or 'nothing'} on {comparison.device}")
    if comparison.adapted is not None:
        share = f"{comparison.generated_share:.3%} of the base"
        lines.append(f"generated  {comparison.generated_parameters:,} parameters for this recording ({share})")
    stages = ", ".join(f"{stage} {ms:.0f}" for stage, ms in comparison.timings_ms.items())
    lines.append(f"time       {stages} ms")
    return "\n".join(lines)


def _row_lines(name: str, row: Row) -> str:
    """One transcript, with its errors where there is a reference, and a line for each sign that it may be wrong."""
    from hyper.compare.evaluation import error_summary

    lines = [f"{name:<10} {row.text}"]
    if row.transcript.stopped != "end":
        lines[0] += f"  [cut off: {row.transcript.stopped}]"
    if row.errors is not None:
        lines.append(error_summary(row.errors))
    if row.verbatim_errors is not None:
        lines.append(f"verbatim: {error_summary(row.verbatim_errors)}")
    lines += [f"caution: {flag.reason}" for flag in row.flags]
    return f"\n{'':<10} ".join(lines)
