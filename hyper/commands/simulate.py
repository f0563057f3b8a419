"""`python -m hyper simulate`: make simulated atypical speech from a manifest of typical speech."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import natural, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper simulate`; the disorders are those that are there."""
    from hyper.simulate import COHORTS, HELD_OUT_COHORTS

    add = parser.add_argument
    add("manifest", type=Path, nargs="+", metavar="MANIFEST.csv", help="manifests with phone times, as make-speech and align write them")  # noqa: E501  # fmt: skip
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder for the recordings and manifest.csv")
    add(
        "--cohorts",
        nargs="+",
        default=COHORTS,
        metavar="COHORT",
        help=f"{', '.join(COHORTS)} (default: these); or {', '.join(HELD_OUT_COHORTS)}, which are held out: for "
        "testing only, never to be trained on",
    )
    add(
        "--ways",
        default="phones",
        metavar="WAY",
        help="ways to make a disorder, one drawn for each patient: phones (default), train, held-out (testing only), "
        "all, or one by its name: pieces, smear, chain, vocoder, predictor, channels; only phones needs phone times",
    )
    add(
        "--patients", type=positive, default=1, metavar="N", help="simulated patients each speaker becomes (default: 1)"
    )
    add("--limit", type=positive, metavar="N", help="use only so many recordings, chosen by the seed (default: all)")
    add("--seed", type=natural, default=0, metavar="N", help="decides patients, profiles and every event (default: 0)")
    add("--workers", type=positive, default=2, metavar="N", help="processes (default: 2)")
    add("--ray", action="store_true", help="on a Ray cluster: that of RAY_ADDRESS, or this machine; goes on if stopped")
    parser.epilog = "examples:\n  python -m hyper simulate data/typical/manifest.csv --out data/atypical --patients 4"


def run(args: argparse.Namespace) -> None:
    """Simulate, say how much was written."""
    from hyper.recordings.manifest import check_is_new, read_manifest
    from hyper.speech.simulate_manifest import simulate_manifest

    check_is_new(args.out / "manifest.csv")
    rows = [row for manifest in args.manifest for row in read_manifest(manifest)]
    written = simulate_manifest(
        rows,
        args.out,
        n_patients=args.patients,
        cohorts=args.cohorts,
        limit=args.limit,
        seed=args.seed,
        n_workers=args.workers,
        ways=args.ways,
        on_cluster=args.ray,
    )
    print(
        f"wrote {len(written)} simulated recordings of {len({row.speaker for row in written})} patients to {args.out}"
    )
