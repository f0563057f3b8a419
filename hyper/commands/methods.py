"""`python -m hyper methods`: train every alternative on the same data and set them beside the hypernetwork."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.commands.arguments import add_test_share

if TYPE_CHECKING:
    from hyper.recordings.manifest import ManifestRow
    from hyper.study.methods.train_method import Workshop

EXAMPLES = """\
examples:
  python -m hyper methods --data data/atypical/manifest.csv data/more/manifest.csv --sentences sentences.txt
  python -m hyper methods --data data/atypical/manifest.csv --methods hypernet-mlp --cohorts stuttering --out runs/first

Each method gets the same recordings and as many updates; its learning rate is the best of three on validation
speakers. What is done stays in --work, so that the same command goes on where it was stopped.
"""


class MethodsError(ValueError):
    """The study cannot be made; the message says what is missing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper methods`."""
    add_study_arguments(parser)
    parser.add_argument("--methods", nargs="+", metavar="NAME", help="only these (default: all)")
    parser.epilog = EXAMPLES


def add_study_arguments(parser: argparse.ArgumentParser) -> None:
    """What every study of methods is made from: base, recordings, held-out sets, budget, folders."""
    add = parser.add_argument
    add("--base", default="bundled", metavar="NAME_OR_FOLDER", help="the Whisper to adapt (default: bundled)")
    add("--data", type=Path, nargs="+", required=True, metavar="MANIFEST", help="recordings to train on")
    add("--work", type=Path, default=Path("runs/methods"), help="folder of the runs (default: runs/methods)")
    add("--test", type=Path, default=Path("data/test"), help="folder of the held-out sets (default: data/test)")
    add("--out", type=Path, default=Path("assets/results"), help="folder for the results (default: assets/results)")
    add("--sentences", type=Path, help="text file with open sentences; without it open sentences are left out")
    add("--cohorts", nargs="+", default=[], metavar="NAME", help="train and test on these cohorts only")
    add("--severities", nargs="+", default=[], metavar="NAME", help="train and test on these severities only")
    add("--updates", type=int, default=2000, metavar="N", help="updates of each method (default: 2000)")
    add("--batch-size", type=int, default=64, help="utterances an update (default: 64)")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="training seeds (default: 0 1 2)")
    add("--workers", type=int, default=2, metavar="N", help="processes that make speech (default: 2)")
    add("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")
    add_test_share(parser)


def open_study(args: argparse.Namespace, set_names: Sequence[str]) -> tuple[Workshop, dict[str, list[ManifestRow]]]:
    """What the arguments of `add_study_arguments` name: base and recordings, and the held-out sets, made if missing.

    Errors: StudyError where the work folder holds a study with other settings.
    """
    from hyper.model.backbone import Backbone
    from hyper.recordings.manifest import read_manifest
    from hyper.study.methods.runs import MAIN, chosen_rows, claim, read_test_sets
    from hyper.study.methods.train_method import Workshop
    from hyper.training.adaptation.loop import AdaptationTraining

    rows = [row for manifest in args.data for row in read_manifest(manifest)]
    rows = chosen_rows(rows, args.cohorts, args.severities)
    backbone = Backbone.load(args.base, device=args.device)
    made_with = {"base": backbone.fingerprint, "recordings": len(rows), "data": [str(path) for path in args.data]}
    made_with |= {name: getattr(args, name) for name in ("updates", "batch_size", "cohorts", "severities")}
    claim(args.work, made_with | {"test_share": args.test_share})
    sets = {
        name: chosen_rows(own, args.cohorts, args.severities)
        for name, own in read_test_sets(set_names, args.test, args.sentences, args.workers, args.test_share).items()
    }
    if not sets.get(MAIN):
        wanted = " and ".join(" or ".join(names) for names in (args.cohorts, args.severities) if names)
        raise MethodsError(f"No held-out recording is of {wanted}; name cohorts and severities that are simulated.")
    settings = AdaptationTraining(updates=args.updates, batch_size=args.batch_size)
    workshop = Workshop(backbone, rows, (), args.work, settings)
    return workshop, {name: own for name, own in sets.items() if own}


def run(args: argparse.Namespace) -> int:
    """Train, score, write methods.json, methods.md and the bars; print the table."""
    from dataclasses import replace

    from hyper.recordings.whole_files import write_whole
    from hyper.study.methods.comparison_table import study_bars, study_page, study_record
    from hyper.study.methods.runs import MAIN, SETS, enrolment_rows, run_method, score_base
    from hyper.study.methods.specs import METHODS
    from hyper.study.scorecard.earlier import read_bars, replace_bars
    from hyper.study.scorecard.sets import TEST_SETS

    methods = _chosen(args.methods, [each.name for each in METHODS])
    bars_on_record = read_bars(args.out / "bars.json")
    workshop, sets = open_study(args, SETS)
    if "lora-speaker" in methods:
        main_set = next(each for each in TEST_SETS if each.name == MAIN).smaller(args.test_share)
        workshop = replace(workshop, enrolment=enrolment_rows(sets[MAIN], main_set, args.test, args.workers))
    results = {"base": score_base(workshop, sets)}
    for method in (each for each in METHODS if each.name in methods):
        results[method.name] = run_method(workshop, method, args.seeds, sets, results["base"])
    command, backbone = "python -m hyper " + shlex.join(sys.argv[1:]), workshop.backbone
    record = study_record(results, sets, backbone.n_parameters)
    record = {"command": command, "base_model": backbone.name, "base_fingerprint": backbone.fingerprint, **record}
    bars = [{**bar, "command": command} for bar in study_bars(results, record)]
    page = study_page(record, {each.name: each.title for each in TEST_SETS}) + f"\nMeasured by `{command}`.\n"
    args.out.mkdir(parents=True, exist_ok=True)
    write_whole(args.out / "methods.json", json.dumps(record, indent=1) + "\n")
    write_whole(args.out / "methods.md", page)
    write_whole(args.out / "bars.json", json.dumps(replace_bars(bars_on_record, bars), indent=1) + "\n")
    print(page)
    return 0


def _chosen(wanted: list[str] | None, known: list[str]) -> list[str]:
    unknown = sorted(set(wanted or []) - set(known))
    if unknown:
        raise MethodsError(f"There is no method {', '.join(unknown)}; choose among {', '.join(known)}.")
    return wanted or known
