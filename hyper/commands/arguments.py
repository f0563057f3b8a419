"""The arguments that choose a model, the same in every command that runs one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --base, --hypernet and --device."""
    models = parser.add_argument_group("model")
    models.add_argument(
        "--base",
        default="bundled",
        metavar="NAME_OR_FOLDER",
        help="Whisper to run: bundled, a folder, or a hub name such as openai/whisper-small (default: bundled)",
    )
    models.add_argument(
        "--hypernet",
        metavar="FOLDER",
        help="hypernetwork trained for that Whisper (default: the one in assets/ that belongs to it, if any)",
    )
    models.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")


def add_strength(parser: argparse.ArgumentParser) -> None:
    """How strongly to adapt."""
    parser.add_argument(
        "--strength",
        type=float,
        default=1.0,
        metavar="TIMES",
        help="how strongly to adapt, from 0 (as the base) to 2; 1 is as trained (default: 1)",
    )


def add_test_share(parser: argparse.ArgumentParser) -> None:
    """Add --test-share, the same in every command that scores the held-out sets."""
    parser.add_argument(
        "--test-share",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="score only this share of the speakers of each made set, to try the command out (default: 1, all)",
    )


def load_asr(args: argparse.Namespace) -> PersonalizedAsr:
    """The model that the arguments choose."""
    from hyper.compare.pipeline import PersonalizedAsr

    return PersonalizedAsr.load(base=args.base, hypernet=args.hypernet, device=args.device)
