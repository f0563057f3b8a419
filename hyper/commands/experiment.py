"""`python -m hyper experiment`: answer research questions with arms that are trained like the methods."""

from __future__ import annotations

import argparse

from hyper.commands.arguments import add_study_arguments, options

NAMES = (
    "parameters", "targets", "budget", "transfer", "embedding", "knowledge", "strength", "ceiling", "generators",
)  # fmt: skip
EXAMPLES = """\
examples:
  python -m hyper experiment budget --data data/atypical/manifest.csv data/more/manifest.csv
  python -m hyper experiment all --data data/atypical/manifest.csv data/more/manifest.csv --seeds 0 --updates 500

experiments:
  parameters   are the matrices that training turns most the best ones to adapt
  targets      W1 against other places in the model, at equal rank and at equal budget
  budget       how few generated parameters are enough
  transfer     from some disorders to others, to new speakers, to new voices
  embedding    what the hypernetwork should hear, and whether its weights are personal
  knowledge    what the embedding knows, and which sounds move the weights
  strength     how strongly to adapt, and when not to
  ceiling      how near to full fine-tuning, and how many speakers it takes
  generators   linear or MLP generator, and of which size

Recordings are taken to be in English. Each writes experiment-NAME.json and its figure, and all of them RESULTS.md. Its
answers are yours to write, into answers/NAME.md. What is trained and scored stays in --work and is not done again, so
that the same command goes on where it was stopped; `methods` with the same --work shares it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper experiment`."""
    parser.add_argument("names", nargs="+", choices=(*NAMES, "all"), metavar="NAME", help="one of those below, or all")
    add_study_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Run each experiment, write its record and figure, then the results page; print the numbers."""
    from hyper.study.experiments.measure import measure_experiments
    from hyper.study.methods.study import StudyOptions

    names = NAMES if "all" in args.names else list(dict.fromkeys(args.names))
    print(f"wrote {measure_experiments(options(args, StudyOptions), names)}")
