"""Experiment `targets`: W1 alone against other places in the model, at equal rank and at equal budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hyper.model.backbone import Backbone
from hyper.model.config import TARGETS
from hyper.plots.experiments import forest_figure
from hyper.study.experiments.arms import alone, hypernet_arm
from hyper.study.experiments.workbench import COMMANDS, OTHER_WAYS, Experiment, Record, Workbench, rates_of_arm
from hyper.study.methods.comparison_table import wer_difference
from hyper.study.methods.method import Method
from hyper.study.methods.runs import MAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "w1": ("W1 of the decoder", ("decoder.fc1",)),
    "mlp": ("MLP of the decoder", ("decoder.fc1", "decoder.fc2")),
    "attention": ("attention of the decoder", tuple(t for t in TARGETS if t.startswith("decoder") and "proj" in t)),
    "encoder": ("all of the encoder", tuple(target for target in TARGETS if target.startswith("encoder"))),
    "everything": ("everything", tuple(TARGETS)),
}
BUDGET_OF = "everything"  # at rank 1: the others are brought as near to it as whole ranks allow
# Few arms, so that each can be trained with several seeds. At equal rank: decoder, encoder, both. At equal budget, the
# groups whose fewer numbers could be what they lack; in the encoder a higher rank gained nothing with one seed.
AT_EQUAL_RANK = ("w1", "encoder", BUDGET_OF)
AT_EQUAL_BUDGET = ("w1", "mlp", "attention", BUDGET_OF)


def ranks(backbone: Backbone) -> dict[str, int]:
    """The rank of each group whose generated parameters are nearest to those of everything at rank 1."""
    budget = _size(backbone, BUDGET_OF)
    return {group: max(1, round(budget / _size(backbone, group))) for group in AT_EQUAL_BUDGET}


def _size(backbone: Backbone, group: str) -> int:
    """Generated parameters at rank 1."""
    return sum(site.d_in + site.d_out for site in backbone.sites(GROUPS[group][1]))


def group_arm(group: str, rank: int) -> Method:
    """The hypernetwork of a group at a rank; that of one kind of matrix at rank 1 is shared with other experiments."""
    title, targets = GROUPS[group]
    if rank == 1 and len(targets) == 1:
        return replace(alone(targets[0])[0], title=f"{title}, rank 1")
    return hypernet_arm(f"hypernet-{group}-rank{rank}", f"{title}, rank {rank}", targets, rank=rank)


class Targets(Experiment):
    """Decoder's W1, encoder and everything at rank 1; parts of the decoder at the budget of everything."""

    name = "targets"
    title = "Where in the model to adapt"
    question = "Is W1 of the decoder the best place for generated weights, at equal rank and at equal budget?"
    setup = (
        "A hypernetwork for each group of layers: W1 of the decoder, all of the encoder and everything at rank 1, and "
        "parts of the decoder at the rank whose number of generated parameters is nearest to that of everything at "
        "rank 1. All share one learning rate."
    )
    would_change = (
        "A learning rate tried for each group on its own; more updates, since adapting the encoder changes all that "
        "follows; disorders that the encoder does not hear at all."
    )
    sets = (*COMMANDS, OTHER_WAYS)

    def run(self, bench: Workbench) -> Record:
        """Train and score; every group beside W1 of the decoder."""
        equal_rank = {group: group_arm(group, 1) for group in AT_EQUAL_RANK}
        equal_budget = {group: group_arm(group, rank) for group, rank in ranks(bench.workshop.backbone).items()}
        unique = {each.name: each for each in (*equal_rank.values(), *equal_budget.values())}
        results = bench.run(list(unique.values()))
        findings: Record = {}
        for kind, arms in (("equal_rank", equal_rank), ("equal_budget", equal_budget)):
            findings[kind] = {"arms": {group: arm.name for group, arm in arms.items()}}
            for minus, name in (("minus_w1", MAIN), ("minus_w1_other_ways", OTHER_WAYS)):
                scores = {group: results[arm.name].scores[name] for group, arm in arms.items()}
                w1, rows = scores.pop("w1"), bench.sets[name]
                findings[kind][minus] = {group: wer_difference(own, w1, rows) for group, own in scores.items()}
        return {"arms": bench.arms(results, {}), "findings": findings}

    def figure(self, record: Record) -> Figure:
        """Every arm on a line; those of equal budget are filled."""
        titles = {name: each["title"] for name, each in record["arms"].items() if name != "base"}
        matched = set(record["findings"]["equal_budget"]["arms"].values())
        groups = {title: 0 if name in matched else 1 for name, title in titles.items()}
        lines = {title: rates_of_arm(record, name) for name, title in titles.items()}
        base = rates_of_arm(record, "base")
        return forest_figure("Where to adapt (filled: equal budget), simulated", lines, base, groups)
