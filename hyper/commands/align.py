"""`python -m hyper align`: find the phones of real recordings and cut them into short pieces."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper align`."""
    add = parser.add_argument
    add("manifest", type=Path, nargs="+", metavar="MANIFEST.csv", help="manifests of recordings with their texts")
    add(
        "--run",
        dest="run_folder",
        type=Path,
        default=Path("runs/base"),
        metavar="FOLDER",
        help="run of train-base whose phone head listens (default: runs/base)",
    )
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder for the pieces and manifest.csv")
    add("--workers", type=positive, default=2, metavar="N", help="processes (default: 2)")
    parser.epilog = "examples:\n  python -m hyper align recordings.csv --run runs/base --out data/pieces"


def run(args: argparse.Namespace) -> None:
    """Align, cut, say how many pieces were written."""
    from hyper.recordings.manifest import check_is_new, read_manifest
    from hyper.training.base.real_speech import align_rows
    from hyper.training.base.small_whisper import make_feature_extractor, mel_settings
    from hyper.training.base.trainer import load_listener

    check_is_new(args.out / "manifest.csv")
    model, heads = load_listener(args.run_folder)
    rows = [row for manifest in args.manifest for row in read_manifest(manifest)]
    pieces = align_rows(rows, model, heads, mel_settings(make_feature_extractor()), args.out, args.workers)
    print(f"wrote {len(pieces)} pieces to {args.out}")
