"""The nine experiments, in the order of the results page."""

from __future__ import annotations

from hyper.study.experiments import (
    budget,
    ceiling,
    embedding,
    generators,
    knowledge,
    parameters,
    strength,
    targets,
    transfer,
)
from hyper.study.experiments.workbench import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (parameters, targets, budget, transfer, embedding, knowledge, strength, ceiling, generators)
}
