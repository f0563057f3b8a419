"""The nine experiments, in the order of the results page."""

from __future__ import annotations

from hyper.study.experiments.budget import Budget
from hyper.study.experiments.ceiling import Ceiling
from hyper.study.experiments.embedding import Embedding
from hyper.study.experiments.generators import Generators
from hyper.study.experiments.knowledge import Knowledge
from hyper.study.experiments.parameters import Parameters
from hyper.study.experiments.strength import Strength
from hyper.study.experiments.targets import Targets
from hyper.study.experiments.transfer import Transfer
from hyper.study.experiments.workbench import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    each.name: each
    for each in (
        Parameters(), Targets(), Budget(), Transfer(), Embedding(), Knowledge(), Strength(), Ceiling(), Generators()
    )
}  # fmt: skip
