"""The command that adapts to one speaker from several recordings and shows what that changes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.commands.arguments import add_model_arguments, load_asr

if TYPE_CHECKING:
    from hyper.compare.speaker import SpeakerComparison, SpeakerRecording

EXAMPLES = """\
examples:
  python -m hyper speaker anna-1.wav anna-2.wav anna-3.wav
  python -m hyper speaker anna-*.wav --references anna.txt --json > anna.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper speaker`."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="2 to 20 recordings of one speaker, 10 min together")
    parser.add_argument(
        "--references", type=Path, metavar="TEXTFILE", help="what was meant: one line for each recording, in order"
    )
    parser.add_argument(
        "--language", default="en", metavar="CODE", help="spoken language, for a multilingual Whisper (default: en)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON record instead of text")
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Compare and print."""
    from hyper.compare.speaker import SpeakerError, compare_speaker, split_references

    try:
        text = args.references.read_text(encoding="utf-8-sig") if args.references else ""
    except UnicodeDecodeError as error:
        raise SpeakerError(f"{args.references} is not a text file in UTF-8; please save it as one.") from error
    references = split_references(text, len(args.files))
    comparison = compare_speaker(load_asr(args), args.files, references, language=args.language)
    if args.json:
        print(json.dumps(comparison.to_json(), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print(as_text(comparison))


def as_text(comparison: SpeakerComparison) -> str:
    """What a person reads on the terminal."""
    from hyper.compare.evaluation import error_summary
    from hyper.compare.speaker import LEVELS

    lines = [line for recording in comparison.recordings for line in (*_recording_lines(recording), "")]
    if comparison.pooled is not None:
        lines += [f"{f'all, {level}':<15} {error_summary(comparison.pooled[level])}" for level in LEVELS]
    agreement = comparison.agreement
    lines += [
        f"{'agreement':<15} mean angle between the recordings' adaptations: {agreement.mean_written_deg:.1f}° in what "
        f"they write, {agreement.mean_read_deg:.1f}° in what they read (0° same, 90° nothing in common)",
        f"{'models':<15} {comparison.base_model} + {comparison.hypernetwork} on {comparison.device}",
    ]
    return "\n".join(lines)


def _recording_lines(recording: SpeakerRecording) -> list[str]:
    """One recording: what was meant, and each level's transcript with its errors and cautions."""
    from hyper.compare.evaluation import error_summary

    lines = [f"{'recording':<15} {recording.file} ({recording.seconds:.1f} s)"]
    if recording.reference:
        lines.append(f"{'reference':<15} {recording.reference}")
    for level, row in recording.rows.items():
        lines.append(f"{level:<15} {row.text}")
        if row.errors is not None:
            lines.append(f"{'':<15} {error_summary(row.errors)}")
        lines += [f"{'':<15} caution: {flag.reason}" for flag in row.flags]
    return lines
