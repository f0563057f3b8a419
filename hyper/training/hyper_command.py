"""`python -m hyper train`: meta-train a hypernetwork for a frozen Whisper."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.config import GENERATORS

EXAMPLES = """\
examples:
  python -m hyper train --data data/atypical/manifest.csv data/typical/manifest.csv --out assets/hypernet-mini
  python -m hyper train --base openai/whisper-small --data clinic.csv --out runs/hypernet-small --minutes 240

A manifest's `cohort` column says which recordings are typical; a quarter of every batch is, so that typical speech is
left unharmed. A run that was stopped goes on when the same command is given again.
"""


class TrainingDataError(ValueError):
    """The manifests cannot be trained on; the message says what is wanted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper train`."""
    add = parser.add_argument
    add("--base", default="bundled", metavar="NAME_OR_FOLDER", help="frozen Whisper (default: bundled)")
    add("--data", type=Path, nargs="+", required=True, metavar="MANIFEST", help="recordings with what was meant")
    add("--out", type=Path, required=True, help="folder for the hypernetwork and its model card")
    add("--run", dest="run_folder", type=Path, default=Path("runs/hypernet"), help="folder of the run: encoder states, log, resumable state (default: runs/hypernet)")  # noqa: E501  # fmt: skip
    add("--minutes", type=float, default=12.0, help="minutes of training proper, encoding apart (default: 12)")
    add("--batch-size", type=int, default=64, help="utterances an update (default: 64)")
    add("--rank", type=int, default=1, help="rank of the generated weights (default: 1)")
    add("--alpha", type=float, default=None, help="LoRA's alpha; the update is scaled by alpha / rank (default: rank)")
    add("--generator", choices=GENERATORS, default="mlp", help="kind of generator (default: mlp)")
    add("--targets", nargs="+", default=["decoder.fc1"], help="layer types to adapt (default: decoder.fc1)")
    add("--language", default="en", metavar="CODE", help="language of the recordings (default: en)")
    add("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Encode, train, write the hypernetwork with its card and the curve."""
    from hyper.backbone import Backbone
    from hyper.checkpoint import config_for, save_hypernet
    from hyper.manifest import read_manifest
    from hyper.plots_training import training_curve
    from hyper.training.card import hypernet_card
    from hyper.training.train_hypernet import HypernetTrainer, HypernetTraining

    rows = [row for manifest in args.data for row in read_manifest(manifest)]
    if not all(row.reference for row in rows):
        n_without = sum(not row.reference for row in rows)
        raise TrainingDataError(
            f"{n_without} recordings have no reference; training needs what was meant in every line."
        )
    backbone = Backbone.load(args.base, device=args.device)
    config = config_for(
        backbone,
        n_mixes=min(4, backbone.n_encoder_layers + 1),
        targets=tuple(args.targets),
        rank=args.rank,
        alpha=float(args.rank) if args.alpha is None else args.alpha,
        generator=args.generator,
    )
    settings = HypernetTraining(minutes=args.minutes, batch_size=args.batch_size, language=args.language)
    trainer = HypernetTrainer(backbone, rows, args.run_folder, config, settings)
    trainer.train()
    save_hypernet(trainer.hypernet, args.out)
    entries = trainer.log.read()
    (args.out / "README.md").write_text(hypernet_card(backbone, trainer.hypernet, settings, rows, entries))
    names = ("loss", "atypical_base", "atypical_adapted", "typical_base", "typical_adapted")
    training_curve(entries, names, args.run_folder / "curve.png")
    print(f"wrote {args.out}")
    return 0
