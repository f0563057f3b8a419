"""`python -m hyper figure`: write a plot of the results, or of one recording, for slides."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_language, add_model_arguments, load_asr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper figure`."""
    add = parser.add_argument
    add("name", metavar="NAME", help="which figure, or all; a wrong name lists them")
    add("--audio", type=Path, nargs="+", default=[], metavar="FILE", help="recording, for the figures of one recording; two or more, of one speaker, for how far their adaptations agree")  # noqa: E501  # fmt: skip
    add("--reference", metavar="TEXT", help="the words that were meant in it")
    add("--out", type=Path, default=Path("runs/figures"), metavar="FOLDER", help="folder to write (default: runs/figures)")  # noqa: E501  # fmt: skip
    add("--results", type=Path, default=Path("assets/results"), metavar="FOLDER", help="the study's results (default: assets/results)")  # noqa: E501  # fmt: skip
    add("--transparent", action="store_true", help="no background, for slides that are not white (default: white)")
    add_language(parser)
    add_model_arguments(parser)
    parser.epilog = (
        "examples:\n  python -m hyper figure budget\n  python -m hyper figure sound --audio talk.wav --transparent\n"
        "  python -m hyper figure agreement --audio anna-1.wav anna-2.wav\n"
        "  python -m hyper figure all --audio talk.wav --out slides"
    )


def run(args: argparse.Namespace) -> None:
    """Write the figure as PNG, SVG and PDF, as large as a slide."""
    from hyper.study.figures import write_figures

    asr = load_asr(args) if args.audio else None
    files = write_figures(
        args.name,
        args.out,
        args.results,
        asr,
        args.audio,
        reference=args.reference,
        is_transparent=args.transparent,
        language=args.language,
    )
    print("\n".join(f"wrote {file}" for file in files))
