"""`python -m hyper make-examples`: make the recordings that the app offers as examples."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_model_arguments, load_asr, positive

EXAMPLES = Path("examples")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper make-examples`."""
    add = parser.add_argument
    add("--out", type=Path, metavar="FOLDER", help="folder to write (default: examples for the bundled pair; for any other the folder of its base's name in it)")  # noqa: E501  # fmt: skip
    add("--candidates", type=positive, default=600, metavar="N", help="recordings to draw and choose from (default: 600)")  # noqa: E501  # fmt: skip
    add("--learned-embedding", action="store_true", help="say with each example that the base's token embedding is not the one that was published under its name")  # noqa: E501  # fmt: skip
    add_model_arguments(parser)
    parser.epilog = (
        "examples:\n  python -m hyper make-examples\n"
        "  python -m hyper make-examples --base openai/whisper-tiny.en\n\n"
        "The rule: speakers whose voices no training set holds say sentences of the test split, in one seed's order,\n"
        "each in one cohort and severity, some typical; the pair compares them. Of each cohort and severity the first\n"
        "is taken that shows what is wanted there: a harm in one, a tie although the base errs in one, a gain in\n"
        "five, anything in two. Then three typical ones, the first drawn. The manifest says what each shows, how many\n"
        "of those drawn do, and the word error rates of all drawn."
    )


def run(args: argparse.Namespace) -> None:
    """Make the examples, say what was written."""
    from hyper.compare.example_sets import LEARNED_EMBEDDING, folder_of, made_for
    from hyper.model.files import BUNDLED_FOLDER
    from hyper.speech.examples import make_examples

    asr = load_asr(args)
    own = EXAMPLES if made_for(asr) == BUNDLED_FOLDER.name else EXAMPLES / folder_of(made_for(asr))
    out = args.out or own
    rows = make_examples(asr, out, args.candidates, LEARNED_EMBEDDING if args.learned_embedding else "")
    print(f"wrote {len(rows)} examples to {out}")
    print("\n".join(f"{row.file:<24} {row.note}" for row in rows))
