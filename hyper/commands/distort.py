"""`python -m hyper distort`: recordings as other rooms, microphones and telephones would have heard them."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import natural, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper distort`."""
    add = parser.add_argument
    add("manifest", type=Path, nargs="+", metavar="MANIFEST.csv", help="manifests of recordings, typical or atypical")
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder for the recordings and manifest.csv")
    add("--limit", type=positive, metavar="N", help="use only so many recordings, chosen by the seed (default: all)")
    add("--seed", type=natural, default=0, metavar="N", help="decides every room, microphone and noise (default: 0)")
    add("--workers", type=positive, default=2, metavar="N", help="processes (default: 2)")
    parser.epilog = "examples:\n  python -m hyper distort data/typical/manifest.csv --out data/elsewhere --limit 5000"


def run(args: argparse.Namespace) -> None:
    """Distort, say how much was written."""
    from hyper.recordings.manifest import check_is_new, read_manifest
    from hyper.speech.distort import distort_manifest

    check_is_new(args.out / "manifest.csv")
    rows = [row for manifest in args.manifest for row in read_manifest(manifest)]
    written = distort_manifest(rows, args.out, args.limit, args.seed, args.workers)
    print(f"wrote {len(written)} of {len(rows)} recordings to {args.out}")
