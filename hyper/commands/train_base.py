"""`python -m hyper train-base`: train a small Whisper from scratch."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper train-base`."""
    add = parser.add_argument
    add("--data", type=Path, nargs="+", required=True, metavar="MANIFEST", help="manifests of recordings; those without phone times are aligned by the half-trained model")  # noqa: E501  # fmt: skip
    add("--run", dest="run_folder", type=Path, default=Path("runs/base"), metavar="FOLDER", help="folder of the run: features, log, resumable state (default: runs/base)")  # noqa: E501  # fmt: skip
    add("--out", type=Path, default=Path("assets/whisper-mini"), metavar="FOLDER", help="Hugging Face folder to write at the end (default: assets/whisper-mini)")  # noqa: E501  # fmt: skip
    add("--start", type=Path, metavar="FOLDER", help="go on from a base that train-base wrote, with its size and tokenizer, and a short clean start")  # noqa: E501  # fmt: skip
    add("--teacher", default="", metavar="NAME_OR_FOLDER", help="a Whisper whose encoder states of the real speech are learned too, such as openai/whisper-tiny.en; none of its weights are copied")  # noqa: E501  # fmt: skip
    add("--real-share", type=float, default=0.4, metavar="SHARE", help="share of the batches from recordings without phone times (default: 0.4)")  # noqa: E501  # fmt: skip
    add("--hours", type=float, default=1.2, metavar="H", help="hours of training proper; a resumed run goes on to this total (default: 1.2)")  # noqa: E501  # fmt: skip
    add("--batch-size", type=int, default=32, metavar="N", help="utterances an update (default: 32)")
    add("--d-model", type=int, default=192, metavar="N", help="width of the model, a multiple of 64 (default: 192)")
    add("--layers", type=int, default=4, metavar="N", help="encoder layers, and decoder layers (default: 4)")
    add("--workers", type=positive, default=2, metavar="N", help="processes that prepare features (default: 2)")
    parser.epilog = (
        "examples:\n  python -m hyper train-base --data data/typical/manifest.csv --hours 1.2\n"
        "  python -m hyper train-base --data more/manifest.csv --start assets/whisper-mini --out runs/base2"
    )


def run(args: argparse.Namespace) -> None:
    """Train, write the model with its card and the curve."""
    from hyper.training.base.small_whisper import BaseSize
    from hyper.training.base.train_base import train_base
    from hyper.training.base.trainer import BaseTraining

    size = BaseSize(d_model=args.d_model, encoder_layers=args.layers, decoder_layers=args.layers)
    settings = BaseTraining(
        hours=args.hours, batch_size=args.batch_size, teacher=args.teacher, real_share=args.real_share
    )
    train_base(args.data, args.run_folder, args.out, args.start, size, settings, args.workers)
    print(f"wrote {args.out}")
