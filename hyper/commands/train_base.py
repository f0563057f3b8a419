"""`python -m hyper train-base`: train a small Whisper from scratch."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import options, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper train-base`."""
    add = parser.add_argument
    add("--data", type=Path, nargs="+", required=True, metavar="MANIFEST", help="manifests of recordings; those without phone times are aligned by the half-trained model")  # noqa: E501  # fmt: skip
    add("--run", dest="run_folder", type=Path, default=Path("runs/base"), metavar="FOLDER", help="folder of the run: features, log, resumable state (default: runs/base)")  # noqa: E501  # fmt: skip
    add("--out", type=Path, default=Path("runs/whisper-mini"), metavar="FOLDER", help="Hugging Face folder to write at the end (default: runs/whisper-mini)")  # noqa: E501  # fmt: skip
    add("--start", type=Path, metavar="FOLDER", help="go on from a base that train-base wrote, with its size and tokenizer, and a short clean start")  # noqa: E501  # fmt: skip
    add("--teacher", default="", metavar="NAME_OR_FOLDER", help="a Whisper whose encoder states of the real speech are learned too, such as openai/whisper-tiny.en; none of its weights are copied")  # noqa: E501  # fmt: skip
    add("--real-share", type=float, default=0.4, metavar="SHARE", help="share of the batches from people: aligned pieces, and recordings without phone times (default: 0.4)")  # noqa: E501  # fmt: skip
    add("--hours", type=float, default=1.2, metavar="H", help="hours of training proper; a resumed run goes on to this total (default: 1.2)")  # noqa: E501  # fmt: skip
    add("--teach-all", dest="teaches_all", action="store_true", help="the teacher hears synthetic speech too, not people's alone")  # noqa: E501  # fmt: skip
    add("--clean-share", dest="clean_until", type=float, default=0.3, metavar="SHARE", help="share of the run without distortion and without recordings to align (default: 0.3; with --start always 0.05)")  # noqa: E501  # fmt: skip
    add("--masks", type=float, default=1.0, metavar="TIMES", help="how much wider the hidden bands and times of the features are; a run of many rounds needs more (default: 1)")  # noqa: E501  # fmt: skip
    add("--label-smoothing", type=float, default=0.0, metavar="SHARE", help="share of each target given to the other tokens (default: 0)")  # noqa: E501  # fmt: skip
    add("--token-noise", type=float, default=0.0, metavar="SHARE", help="share of the tokens that the decoder reads replaced by others (default: 0)")  # noqa: E501  # fmt: skip
    add("--learning-rate", type=float, default=2e-3, metavar="RATE", help="highest learning rate of a run from nothing (default: 0.002)")  # noqa: E501  # fmt: skip
    add("--warm-up", type=positive, default=150, metavar="N", help="updates until the learning rate is reached (default: 150)")  # noqa: E501  # fmt: skip
    add("--batch-size", type=int, default=32, metavar="N", help="utterances an update (default: 32)")
    add("--d-model", type=int, default=192, metavar="N", help="width of the model, a multiple of 64 (default: 192)")
    add("--layers", type=int, default=4, metavar="N", help="encoder layers, and decoder layers (default: 4)")
    add("--encoder-layers", type=positive, metavar="N", help="encoder layers, where they are more or fewer than --layers")  # noqa: E501  # fmt: skip
    add("--workers", type=positive, default=2, metavar="N", help="processes that prepare features (default: 2)")
    parser.epilog = (
        "examples:\n  python -m hyper train-base --data data/typical/manifest.csv --hours 1.2\n"
        "  python -m hyper train-base --data more.csv --start runs/whisper-mini --run runs/base2 --out runs/whisper-2"
    )


def run(args: argparse.Namespace) -> None:
    """Train, write the model with its card and the curve."""
    from dataclasses import replace

    from hyper.training.base.settings import BaseTraining
    from hyper.training.base.small_whisper import BaseSize
    from hyper.training.base.train_base import train_base

    size = BaseSize(args.d_model, args.encoder_layers or args.layers, args.layers)
    settings = replace(options(args, BaseTraining), start="")  # it is set with its size
    train_base(args.data, args.run_folder, args.out, args.start, size, settings, args.workers)
    print(f"wrote {args.out}")
