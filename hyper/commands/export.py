"""The command that writes one recording's adaptation as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_language, add_model_arguments, add_strength, load_asr

EXAMPLES = """\
examples:
  python -m hyper export talk.wav --out runs/adapter
  python -m hyper export talk.wav --out runs/whisper-talk --merged --strength 0.5
  python -m hyper compare talk.wav --base runs/whisper-talk
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper export`."""
    add = parser.add_argument
    add("file", metavar="FILE", help="recording to adapt to, as for compare")
    add("--out", type=Path, required=True, metavar="FOLDER", help="new or empty folder to write")
    add("--merged", action="store_true", help="write the whole Whisper with the update in it, not a PEFT adapter")
    add_strength(parser)
    add_language(parser)
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Adapt, write, say what was written."""
    from hyper.compare.export import check_free, export_adapter, export_merged

    check_free(args.out)  # told before the work
    asr = load_asr(args)
    comparison = asr.compare(args.file, language=args.language, strength=args.strength)
    export = export_merged if args.merged else export_adapter
    export(asr.backbone, comparison, args.out)
    print(f"adapted    {comparison.adapted.text if comparison.adapted else ''}")
    print(f"written    {args.out}/: {', '.join(sorted(file.name for file in args.out.iterdir()))}")
