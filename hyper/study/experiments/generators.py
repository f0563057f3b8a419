"""Experiment `generators`: does it take a nonlinear generator, and how large must it be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hyper.plots.experiments import forest_figure
from hyper.study.experiments.arms import LINEAR, STANDARD, hypernet_arm
from hyper.study.experiments.workbench import Experiment, Record, Workbench, rates_of_arm
from hyper.study.methods.comparison_table import wer_difference
from hyper.study.methods.method import Method
from hyper.study.methods.runs import MAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIDDEN = (32, 64, 128, 512)  # beside the standard 256
MIXES = (1, 2)  # of the encoder's layers, beside the standard 4
TITLES = {LINEAR.name: "linear, 256 hidden", STANDARD.name: "MLP, 256 hidden, 4 mixes"}


def sized(kind: str, size: int, title: str, standard: Method) -> Method:
    """A generator of one kind with so many hidden numbers."""
    arm = hypernet_arm(f"hypernet-{kind}-{size}", f"{title}, {size} hidden", generator=kind, d_hidden=size)
    return replace(arm, rate_of=standard)


LINEARS = [LINEAR, *(sized("linear", size, "linear", LINEAR) for size in HIDDEN)]
MLPS = [STANDARD, *(sized("mlp", size, "MLP", STANDARD) for size in HIDDEN)]
MIXED = [hypernet_arm(f"hypernet-mixes-{n}", f"MLP, 256 hidden, {n} mixes", n_mixes=n) for n in MIXES]


class Generators(Experiment):
    """Linear and MLP of several sizes, then fewer mixes."""

    name = "generators"
    title = "Linear or MLP generator, and of which size"
    question = "Does a nonlinear generator do better than a linear one, and how does size change the result?"
    setup = (
        "The same hypernetwork with a linear and an MLP generator of 32 to 512 hidden numbers, and with embeddings "
        "mixed from the encoder's layers once, twice or four times. All share the learning rate that was tried for "
        "their kind."
    )
    would_change = (
        "More varied training speakers, from whom a larger generator could learn more; a learning rate tried for each "
        "size on its own."
    )

    def run(self, bench: Workbench) -> Record:
        """Train and score; the MLP beside the linear one and the smallest."""
        results = bench.run([LINEAR, STANDARD, *LINEARS[1:], *MLPS[1:], *MIXED])
        linear, mlp, smallest = (results[each.name].scores[MAIN] for each in (LINEAR, STANDARD, MLPS[1]))
        findings = {
            "linear_minus_mlp": wer_difference(linear, mlp, bench.sets[MAIN]),
            "smallest_minus_standard": wer_difference(smallest, mlp, bench.sets[MAIN]),
        }
        return {"arms": bench.arms(results, TITLES), "findings": findings}

    def figure(self, record: Record) -> Figure:
        """Linear before MLP, each by its trainable parameters."""
        arms = record["arms"]
        lines = {}
        for kind in (LINEARS, [*MLPS, *MIXED]):
            for name in sorted((each.name for each in kind), key=lambda name: arms[name]["trainable_parameters"]):
                lines[arms[name]["title"]] = rates_of_arm(record, name)
        return forest_figure("Generators, simulated atypical commands", lines, rates_of_arm(record, "base"))
