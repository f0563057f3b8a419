"""`python -m hyper train`: meta-train a hypernetwork for a frozen Whisper."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_lesson, options, positive
from hyper.model.config import GENERATED, GENERATORS

EXAMPLES = """\
examples:
  python -m hyper train --data data/atypical/manifest.csv data/typical/manifest.csv --out runs/hypernet-mini
  python -m hyper train --base openai/whisper-small --data clinic.csv --out runs/hypernet-small --minutes 240

A manifest's `cohort` column says which recordings are typical; a quarter of what it hears is, so that typical speech
is left unharmed. Before it starts it says how long it will take. With several GPUs: `accelerate launch --multi_gpu
-m hyper train … --updates N`. A run that was stopped goes on when the same command is given again.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper train`."""
    add = parser.add_argument
    add("--base", default="bundled", metavar="NAME_OR_FOLDER", help="frozen Whisper (default: bundled)")
    add("--data", type=Path, nargs="+", required=True, metavar="MANIFEST", help="recordings with what was meant")
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder for the hypernetwork and its model card")
    add("--start", type=Path, metavar="FOLDER", help="go on from a hypernetwork for this base, in its form: --targets, --rank, --alpha, --generator and --generated are then its own")  # noqa: E501  # fmt: skip
    add("--keep", type=float, default=0.0, metavar="SHARE", help="of the weights of --start, how much stays in what is written: less of it is forgotten (default: 0)")  # noqa: E501  # fmt: skip
    add("--run", dest="run_folder", type=Path, default=Path("runs/hypernet"), metavar="FOLDER", help="folder of the run: encoder states, log, resumable state (default: runs/hypernet)")  # noqa: E501  # fmt: skip
    add("--minutes", type=float, default=10.0, metavar="M", help="minutes of training proper, encoding apart (default: 10)")  # noqa: E501  # fmt: skip
    add("--updates", type=positive, default=0, metavar="N", help="train for so many updates instead of by the clock")
    add("--batch-size", type=int, default=64, metavar="N", help="utterances an update, over all processes (default: 64)")  # noqa: E501  # fmt: skip
    add("--accumulate", type=int, default=1, metavar="PARTS", help="compute each batch in so many parts, where memory is short (default: 1)")  # noqa: E501  # fmt: skip
    add("--learning-rate", type=float, default=2e-3, metavar="RATE", help="highest learning rate of the run (default: 0.002)")  # noqa: E501  # fmt: skip
    add("--states", choices=("auto", "disk", "live"), default="auto", help="keep encoder states on disk, or compute them for each batch (default: by the room on the disk)")  # noqa: E501  # fmt: skip
    add("--rank", type=int, default=1, metavar="N", help="rank of the generated weights (default: 1)")
    add("--alpha", type=float, default=None, metavar="ALPHA", help="LoRA's alpha; the update is scaled by alpha / rank (default: rank)")  # noqa: E501  # fmt: skip
    add("--generator", choices=GENERATORS, default="mlp", help="kind of generator (default: mlp)")
    add("--generated", choices=GENERATED, default="both", help="what is written for an utterance: both factors of the update, one of them, a number for each of RANK learned updates, or nothing: one LoRA for everybody (default: both)")  # noqa: E501  # fmt: skip
    add("--strength", type=float, default=1.0, metavar="TIMES", help="how much of the trained update becomes strength 1, as validation recordings are understood best (default: 1)")  # noqa: E501  # fmt: skip
    add_lesson(parser)
    add("--dropout", type=float, default=0.1, metavar="SHARE", help="share of the embedding dropped in training (default: 0.1)")  # noqa: E501  # fmt: skip
    add("--targets", nargs="+", default=["decoder.fc1"], metavar="LAYER", help="layer types to adapt; encoder or decoder is every one of it (default: decoder.fc1)")  # noqa: E501  # fmt: skip
    add("--language", default="en", metavar="CODE", help="language of the recordings (default: en)")
    add("--seed", type=int, default=0, metavar="N", help="of initial weights and batches (default: 0)")
    add("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")
    add("--bits", type=int, choices=(8, 4), help="load the base in so few bits, on CUDA cards with bitsandbytes")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Encode, train, write the hypernetwork with its card and the curve."""
    from hyper.training.adaptation.loop import AdaptationTraining
    from hyper.training.adaptation.train_hypernet import HypernetTraining, train_hypernet

    train_hypernet(options(args, HypernetTraining), options(args, AdaptationTraining))
