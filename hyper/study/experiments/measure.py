"""Experiments measured and written: the record, its figure, the results page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hyper.plots.style import save_figure
from hyper.study.experiments.catalogue import EXPERIMENTS
from hyper.study.experiments.results_page import write_page
from hyper.study.experiments.workbench import Experiment, Record, Workbench
from hyper.study.methods.study import StudyOptions, open_study
from hyper.study.provenance import this_command, write_json
from hyper.study.scorecard.sets import TEST_SETS


def measure_experiments(options: StudyOptions, names: Sequence[str]) -> Path:
    """Run each experiment, write its record and figure, print its numbers; returns the results page."""
    chosen = [EXPERIMENTS[name] for name in names]
    workshop, sets = open_study(options, list(dict.fromkeys(name for each in chosen for name in each.sets)))
    for experiment in chosen:
        print(f"== {experiment.name}: {experiment.question}", flush=True)
        bench = Workbench(workshop, sets, options.seeds).only(*experiment.sets)
        record = {**_header(experiment, bench, options.test_share), **experiment.run(bench)}
        write_experiment(experiment, record, options.out)
        print(experiment.tables(record), flush=True)
    return write_page(options.out)


def write_experiment(experiment: Experiment, record: Record, out: Path) -> None:
    """The record and its figure, each there in whole or not at all."""
    file = out / f"experiment-{experiment.name}.json"
    out.mkdir(parents=True, exist_ok=True)
    save_figure(experiment.figure(record), file.with_suffix(""))
    write_json(file, record)


def _header(experiment: Experiment, bench: Workbench, test_share: float) -> Record:
    """What the numbers were measured with and on."""
    workshop, titles = bench.workshop, {each.name: each.title for each in TEST_SETS}
    rows = workshop.rows
    return {
        "experiment": experiment.name,
        "question": experiment.question,  # as it was when these were measured
        "setup": experiment.setup,
        "would_change": experiment.would_change,
        "command": this_command(),
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
