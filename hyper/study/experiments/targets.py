"""Experiment `targets`: W1 alone against other places in the model, at equal rank and at equal budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hyper.model.backbone import TARGETS, Backbone
from hyper.plots.experiments import forest_figure
from hyper.study.experiments.arms import alone, hypernet_arm
from hyper.study.experiments.prose import COMMANDS, arm_table, difference_words, mended, rates, side_of
from hyper.study.experiments.workbench import Bench, Experiment, Record
from hyper.study.methods.comparison_table import wer_difference
from hyper.study.methods.runs import MAIN
from hyper.study.methods.specs import Method

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "w1": ("W1 of the decoder", ("decoder.fc1",)),
    "mlp": ("MLP of the decoder", ("decoder.fc1", "decoder.fc2")),
    "attention": ("attention of the decoder", tuple(t for t in TARGETS if t.startswith("decoder") and "proj" in t)),
    "encoder-w1": ("W1 of the encoder", ("encoder.fc1",)),
    "encoder": ("all of the encoder", tuple(target for target in TARGETS if target.startswith("encoder"))),
    "everything": ("everything", tuple(TARGETS)),
}
BUDGET_OF = "everything"  # at rank 1: the others are brought as near to it as whole ranks allow


def ranks(backbone: Backbone) -> dict[str, int]:
    """The rank of each group whose generated parameters are nearest to those of everything at rank 1."""
    budget = _size(backbone, BUDGET_OF)
    return {group: max(1, round(budget / _size(backbone, group))) for group in GROUPS}


def _size(backbone: Backbone, group: str) -> int:
    """Generated parameters at rank 1."""
    return sum(site.d_in + site.d_out for site in backbone.sites(GROUPS[group][1]))


def arm(group: str, rank: int) -> Method:
    """The hypernetwork of a group at a rank; that of one kind of matrix at rank 1 is shared with other experiments."""
    title, targets = GROUPS[group]
    if rank == 1 and len(targets) == 1:
        return replace(alone(targets[0])[0], title=f"{title}, rank 1")
    return hypernet_arm(f"hypernet-{group}-rank{rank}", f"{title}, rank {rank}", targets, rank=rank)


def _run(bench: Bench) -> Record:
    equal_rank = {group: arm(group, 1) for group in GROUPS}
    equal_budget = {group: arm(group, rank) for group, rank in ranks(bench.workshop.backbone).items()}
    unique = {each.name: each for each in (*equal_rank.values(), *equal_budget.values())}
    results = bench.run(list(unique.values()))
    rows = bench.sets[MAIN]
    findings: Record = {}
    for kind, arms in (("equal_rank", equal_rank), ("equal_budget", equal_budget)):
        w1 = results[arms["w1"].name].scores[MAIN]
        rivals = [group for group in GROUPS if group != "w1"]
        findings[kind] = {
            "arms": {group: arms[group].name for group in GROUPS},
            "minus_w1": {group: wer_difference(results[arms[group].name].scores[MAIN], w1, rows) for group in rivals},
        }
    return {"arms": bench.arms(results, {}), "findings": findings}


def _sentence(record: Record, kind: str, words: str) -> str:
    found = record["findings"][kind]
    arms = found["arms"]
    best = min(arms, key=lambda group: rates(record, arms[group])["wer"])
    others = found["minus_w1"]
    w1 = mended(rates(record, arms["w1"]))
    own = mended(rates(record, arms[best]))
    if best == "w1":
        rival = min(others, key=lambda group: others[group]["difference"])
        sure = {1: "clearly", 0: "but not clearly", -1: "but not clearly"}[side_of(others[rival]["interval"])]
        return (
            f"At equal {words} W1 of the decoder is best with {w1}, {sure} ahead of "
            f"{GROUPS[rival][0]} ({difference_words(others[rival])})."
        )
    sure = "clearly" if side_of(others[best]["interval"]) < 0 else "but not clearly"
    return (
        f"At equal {words} {GROUPS[best][0]} is best with {own}, {sure} ahead of W1 of the decoder "
        f"with {w1} ({difference_words(others[best])})."
    )


def _answer(record: Record) -> str:
    return _sentence(record, "equal_rank", "rank") + " " + _sentence(record, "equal_budget", "budget")


def _setup(record: Record) -> str:
    found = record["findings"]["equal_budget"]["arms"]
    sizes = ", ".join(
        f"{GROUPS[group][0]} {record['arms'][name]['adapted_parameters']:,}" for group, name in found.items()
    )
    return (
        "One hypernetwork for each group of layers, at rank 1, and at the rank whose number of generated parameters is "
        f"nearest to that of everything at rank 1; what that gives: {sizes}. All share one learning rate."
    )


def _figure(record: Record) -> Figure:
    names = [name for name in record["arms"] if name != "base"]
    title = {name: record["arms"][name]["title"] for name in names}
    matched = set(record["findings"]["equal_budget"]["arms"].values())
    groups = {title[name]: 0 if name in matched else 1 for name in names}
    lines = {title[name]: rates(record, name) for name in names}
    return forest_figure("Where to adapt (filled: equal budget), simulated", lines, rates(record, "base"), groups)


EXPERIMENT = Experiment(
    name="targets",
    title="Where in the model to adapt",
    question="Is W1 of the decoder the best place for generated weights, at equal rank and at equal budget?",
    sets=tuple(COMMANDS),
    run=_run,
    setup=_setup,
    table=arm_table,
    answer=_answer,
    figure=_figure,
    would_change=(
        "A learning rate tried for each group on its own; more updates, since adapting the encoder changes all that "
        "follows; disorders that the encoder does not hear at all."
    ),
)
