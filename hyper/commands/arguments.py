"""The arguments that choose a model, the same in every command that runs one."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from hyper.compare.pipeline import PersonalizedAsr

Options = TypeVar("Options", bound="DataclassInstance")


def natural(text: str) -> int:
    """A whole number, zero or above, for argparse: what makes no sense is refused before any work is done."""
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of zero or above")
    return int(text)


def positive(text: str) -> int:
    """A whole number above zero, for argparse."""
    if (number := natural(text)) == 0:
        raise argparse.ArgumentTypeError(f"{number} is not above zero")
    return number


def add_model_arguments(
    parser: argparse.ArgumentParser, base: str | None = "bundled", base_help: str = "bundled"
) -> None:
    """Add --base, with its default and what is said of it, --hypernet and --device."""
    models = parser.add_argument_group("model")
    add = models.add_argument
    add("--base", default=base, metavar="NAME_OR_FOLDER", help=f"Whisper to run: bundled, a folder, or a hub name such as openai/whisper-small (default: {base_help})")  # noqa: E501  # fmt: skip
    add("--hypernet", metavar="FOLDER", help="hypernetwork trained for that Whisper (default: the one in assets/ that belongs to it, if any)")  # noqa: E501  # fmt: skip
    add("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")
    add("--bits", type=int, choices=(8, 4), help="load the base in so few bits, on CUDA cards with bitsandbytes")


def add_language(parser: argparse.ArgumentParser) -> None:
    """What is spoken."""
    words = "spoken language, for a multilingual Whisper (default: en)"
    parser.add_argument("--language", default="en", metavar="CODE", help=words)


def add_strength(parser: argparse.ArgumentParser) -> None:
    """How strongly to adapt."""
    words = "how strongly to adapt, from 0 (as the base) to 2; 1 is as trained (default: 1)"
    parser.add_argument("--strength", type=float, default=1.0, metavar="TIMES", help=words)


def add_test_share(parser: argparse.ArgumentParser) -> None:
    """Add --test-share, the same in every command that scores the held-out sets."""
    words = "score only this share of the speakers of each made set, to try the command out (default: 1, all)"
    parser.add_argument("--test-share", type=float, default=1.0, metavar="SHARE", help=words)


def add_lesson(parser: argparse.ArgumentParser) -> None:
    """What training teaches."""
    words = (
        "what is taught: the references; or what the base makes of the originals that simulated recordings name, which "
        "undoes what was simulated and teaches no words (default: references)"
    )
    parser.add_argument("--lesson", choices=("references", "originals"), default="references", help=words)


def load_asr(args: argparse.Namespace) -> PersonalizedAsr:
    """The model that the arguments choose; refused where memory is too short for it."""
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.model.info import check_room

    if args.bits is None:
        check_room(args.base, args.hypernet, args.device)
    return PersonalizedAsr.load(base=args.base, hypernet=args.hypernet, device=args.device, bits=args.bits)


def add_study_arguments(parser: argparse.ArgumentParser) -> None:
    """What every study of methods is made from, as `StudyOptions` has it."""
    add = parser.add_argument
    add("--base", default="bundled", metavar="NAME_OR_FOLDER", help="the Whisper to adapt (default: bundled)")
    add("--data", type=Path, nargs="+", required=True, metavar="MANIFEST", help="recordings to train on, in English")
    add("--work", type=Path, default=Path("runs/methods"), metavar="FOLDER", help="folder of the runs (default: runs/methods)")  # noqa: E501  # fmt: skip
    add("--test", type=Path, default=Path("data/test"), metavar="FOLDER", help="folder of the held-out sets (default: data/test)")  # noqa: E501  # fmt: skip
    add("--out", type=Path, default=Path("assets/results"), metavar="FOLDER", help="folder for the results (default: assets/results)")  # noqa: E501  # fmt: skip
    add("--sentences", type=Path, metavar="FILE", help="text file with open sentences; without it open sentences are left out")  # noqa: E501  # fmt: skip
    add("--cohorts", nargs="+", default=[], metavar="NAME", help="train and test on these cohorts only")
    add("--severities", nargs="+", default=[], metavar="NAME", help="train and test on these severities only")
    add("--updates", type=positive, default=2000, metavar="N", help="updates of each method (default: 2000)")
    add("--batch-size", type=positive, default=64, metavar="N", help="utterances an update (default: 64)")
    add("--seeds", type=natural, nargs="+", default=[0, 1, 2], metavar="N", help="training seeds (default: 0 1 2)")
    add("--workers", type=positive, default=2, metavar="N", help="processes that make speech (default: 2)")
    add("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")
    add_test_share(parser)


def options(args: argparse.Namespace, kind: type[Options]) -> Options:
    """A dataclass of options, each from the argument of its name; what no argument sets keeps its default."""
    return kind(**{field.name: getattr(args, field.name) for field in fields(kind) if hasattr(args, field.name)})
