"""`python -m hyper experiment`: answer research questions with arms that are trained like the methods."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyper.commands.methods import add_study_arguments, open_study

if TYPE_CHECKING:
    from hyper.study.experiments.workbench import Bench, Experiment

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

Each writes experiment-NAME.json and its figure, and all of them RESULTS.md. What is trained and scored stays in --work
and is not done again, so that the same command goes on where it was stopped; `methods` with the same --work shares it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper experiment`."""
    parser.add_argument("names", nargs="+", choices=(*NAMES, "all"), metavar="NAME", help="one of those below, or all")
    add_study_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Run each experiment, write its record and figure, then the results page; print the answers."""
    from hyper.study.experiments.catalogue import EXPERIMENTS
    from hyper.study.experiments.results_page import write_page
    from hyper.study.experiments.workbench import Bench

    wanted = NAMES if "all" in args.names else dict.fromkeys(args.names)
    chosen = [EXPERIMENTS[name] for name in wanted]
    workshop, sets = open_study(args, list(dict.fromkeys(name for each in chosen for name in each.sets)))
    for experiment in chosen:
        print(f"== {experiment.name}: {experiment.question}", flush=True)
        bench = Bench(workshop, {name: sets[name] for name in experiment.sets if name in sets}, args.seeds)
        record = {**_header(experiment, bench, args.test_share), **experiment.run(bench)}
        write_experiment(experiment, record, args.out)
        print(experiment.answer(record), flush=True)
    print(f"wrote {write_page(args.out)}")
    return 0


def write_experiment(experiment: Experiment, record: dict[str, Any], out: Path) -> None:
    """The record and its figure, each there in whole or not at all."""
    from hyper.plots.scorecard import save_figure
    from hyper.recordings.whole_files import write_whole

    out.mkdir(parents=True, exist_ok=True)
    save_figure(experiment.figure(record), out / f"experiment-{experiment.name}")
    write_whole(out / f"experiment-{experiment.name}.json", json.dumps(record, indent=1, allow_nan=False) + "\n")


def _header(experiment: Experiment, bench: Bench, test_share: float) -> dict[str, Any]:
    """What the numbers were measured with and on."""
    from hyper.study.scorecard.sets import TEST_SETS

    workshop, titles = bench.workshop, {each.name: each.title for each in TEST_SETS}
    rows = workshop.rows
    return {
        "experiment": experiment.name,
        "command": "python -m hyper " + shlex.join(sys.argv[1:]),
        "base_model": workshop.backbone.name,
        "base_fingerprint": workshop.backbone.fingerprint,
        "base_parameters": workshop.backbone.n_parameters,
        "seeds": list(bench.seeds),
        "updates": workshop.settings.updates,
        "batch_size": workshop.settings.batch_size,
        "training": {
            "recordings": len(rows),
            "simulated": sum(row.simulated for row in rows),
            "speakers": len({row.speaker for row in rows}),
            "cohorts": sorted({row.cohort or "typical" for row in rows}),
        },
        "test_share": test_share,
        "sets": {
            name: {
                "title": titles[name],
                "recordings": len(own),
                "simulated": sum(row.simulated for row in own),
                "speakers": len({row.speaker for row in own}),
            }
            for name, own in bench.sets.items()
        },
    }
