"""`python -m hyper train`: meta-train a hypernetwork for a frozen Whisper."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.model.config import GENERATED, GENERATORS, HypernetConfig, whole_stacks

if TYPE_CHECKING:
    from hyper.model.backbone import Backbone

STORES = {"auto": None, "disk": True, "live": False}  # --states, as `open_store` takes it

EXAMPLES = """\
examples:
  python -m hyper train --data data/atypical/manifest.csv data/typical/manifest.csv --out assets/hypernet-mini
  python -m hyper train --base openai/whisper-small --data clinic.csv --out runs/hypernet-small --minutes 240

A manifest's `cohort` column says which recordings are typical; a quarter of every batch is, so that typical speech is
left unharmed. Before it starts it says how long it will take. With several GPUs: `accelerate launch --multi_gpu
-m hyper train … --updates N`. A run that was stopped goes on when the same command is given again.
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
    add("--minutes", type=float, default=10.0, help="minutes of training proper, encoding apart (default: 10)")
    add("--updates", type=int, default=0, metavar="N", help="train for so many updates instead of by the clock")
    add("--batch-size", type=int, default=64, help="utterances an update, over all processes (default: 64)")
    add("--accumulate", type=int, default=1, metavar="PARTS", help="compute each batch in so many parts, where memory is short (default: 1)")  # noqa: E501  # fmt: skip
    add("--states", choices=("auto", "disk", "live"), default="auto", help="keep encoder states on disk, or compute them for each batch (default: by the room on the disk)")  # noqa: E501  # fmt: skip
    add("--rank", type=int, default=1, help="rank of the generated weights (default: 1)")
    add("--alpha", type=float, default=None, help="LoRA's alpha; the update is scaled by alpha / rank (default: rank)")
    add("--generator", choices=GENERATORS, default="mlp", help="kind of generator (default: mlp)")
    add("--generated", choices=GENERATED, default="both", help="what is written for an utterance: both factors of the update, one of them, or a number for each of RANK learned updates (default: both)")  # noqa: E501  # fmt: skip
    add("--dropout", type=float, default=0.1, help="share of the embedding dropped in training (default: 0.1)")
    add("--targets", nargs="+", default=["decoder.fc1"], help="layer types to adapt; encoder or decoder is every one of it (default: decoder.fc1)")  # noqa: E501  # fmt: skip
    add("--language", default="en", metavar="CODE", help="language of the recordings (default: en)")
    add("--seed", type=int, default=0, help="of initial weights and batches (default: 0)")
    add("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Encode, train, write the hypernetwork with its card and the curve."""
    from accelerate import Accelerator

    from hyper.model.backbone import Backbone
    from hyper.model.checkpoint import save_hypernet
    from hyper.plots.training import training_curve
    from hyper.recordings.manifest import read_manifest
    from hyper.training.adaptation.hypernet_adaptation import (
        EncodingHypernetAdaptation,
        HypernetAdaptation,
        adapts_encoder,
    )
    from hyper.training.adaptation.loop import AdaptationTrainer, AdaptationTraining
    from hyper.training.adaptation.states import open_store
    from hyper.training.adaptation.stores import LogMelStore
    from hyper.training.model_card import hypernet_card
    from hyper.training.speed import choose_attention

    rows = [row for manifest in args.data for row in read_manifest(manifest)]
    if not all(row.reference for row in rows):
        n_without = sum(not row.reference for row in rows)
        raise TrainingDataError(
            f"{n_without} recordings have no reference; training needs what was meant in every line."
        )
    accelerator = Accelerator(cpu=args.device == "cpu")
    several = accelerator.num_processes > 1  # then each process has a device of its own
    backbone = Backbone.load(args.base, device=str(accelerator.device) if several else args.device)
    choose_attention(backbone.model)
    settings = AdaptationTraining(
        **{name: getattr(args, name) for name in AdaptationTraining.__dataclass_fields__ if hasattr(args, name)}
    )
    targets = whole_stacks(args.targets)
    in_encoder = adapts_encoder(targets)
    with accelerator.main_process_first():  # the others find what the first has encoded
        on_disk = in_encoder or STORES[args.states]
        store = open_store(backbone, rows, args.run_folder / "states", on_disk, settings.bfloat16)
        if in_encoder:  # kept states were encoded without the update
            store = LogMelStore(backbone, rows, store)
    kind = EncodingHypernetAdaptation if in_encoder else HypernetAdaptation
    adaptation = kind(backbone, _config(args, backbone), args.language, args.seed)
    trainer = AdaptationTrainer(store, adaptation, args.run_folder, settings, accelerator)
    if trainer.step == 0:
        adaptation.standardise(store, trainer.training)
    trainer.train()
    if accelerator.is_main_process:
        save_hypernet(adaptation.hypernet, args.out)
        entries = trainer.log.read()
        (args.out / "README.md").write_text(hypernet_card(backbone, adaptation.hypernet, settings, rows, entries))
        names = ("loss", "atypical_base", "atypical_adapted", "typical_base", "typical_adapted")
        training_curve(entries, names, args.run_folder / "curve.png")
        print(f"wrote {args.out}")
    accelerator.wait_for_everyone()
    accelerator.end_training()  # several processes would hang at their exit
    return 0


def _config(args: argparse.Namespace, backbone: Backbone) -> HypernetConfig:
    from hyper.model.checkpoint import config_for

    return config_for(
        backbone,
        n_mixes=min(4, backbone.n_encoder_layers + 1),
        targets=whole_stacks(args.targets),
        rank=args.rank,
        alpha=float(args.rank) if args.alpha is None else args.alpha,
        generator=args.generator,
        generated=args.generated,
        dropout=args.dropout,
    )
