"""Experiment `budget`: how little can be generated for an utterance and still mend what is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hyper.plots.experiments import budget_figure
from hyper.study.cells import Rates
from hyper.study.experiments.arms import STANDARD, hypernet_arm
from hyper.study.experiments.shared_factors import Plan, plans_within
from hyper.study.experiments.workbench import COMMANDS, OTHER_WAYS, Experiment, Record, Workbench, rates_of_arm
from hyper.study.methods.method import Method
from hyper.study.methods.specs import W1

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = (0.003, 0.001, 0.0003, 0.0001, 0.00003, 0.00001)  # of the base's parameters
KINDS = {
    "both": "whole updates",
    "a": "generated a, shared b",
    "b": "generated b, shared a",
    "coefficients": "coefficients on shared updates",
}


def plans(n_parameters: int, d_in: int, d_out: int, n_layers: int) -> list[tuple[float, Plan]]:
    """Every plan with the budget that it is the largest of its kind in; one that two budgets give is in the smaller."""
    found: dict[Plan, float] = {}
    for share in SHARES:
        for plan in plans_within(round(share * n_parameters), d_in, d_out, n_layers):
            found[plan] = share
    return [(share, plan) for plan, share in found.items()]


def arms_of(found: Sequence[Plan], n_layers: int) -> list[Method]:
    """The arm of each plan; the learning rate is tried once for each kind, with the standard or its largest plan."""
    arms = [arm_of(plan, n_layers) for plan in found]
    largest: dict[str, Method] = {"both": STANDARD}
    for plan, arm in sorted(zip(found, arms, strict=True), key=lambda each: -each[0].rank * each[0].n_layers):
        largest.setdefault(plan.generated, arm)
    rates_of = [largest[plan.generated] for plan in found]
    return [arm if arm is own else replace(arm, rate_of=own) for arm, own in zip(arms, rates_of, strict=True)]


def arm_of(plan: Plan, n_layers: int) -> Method:
    """The arm of a plan, with a learning rate of its own; the standard one keeps its name, so its training."""
    if plan == Plan("both", 1, n_layers):
        return STANDARD
    layers = "all layers" if plan.n_layers == n_layers else f"the last {plan.n_layers} of {n_layers} layers"
    amount = f"{plan.rank} a layer" if plan.generated == "coefficients" else f"rank {plan.rank}"
    name = f"budget-{plan.generated}-{plan.rank}-of-{plan.n_layers}"
    arm = hypernet_arm(name, f"{KINDS[plan.generated]}, {amount}, {layers}", rank=plan.rank, make=plan.make)
    return replace(arm, rate_of=None)


class Budget(Experiment):
    """A hypernetwork for each budget and kind of plan."""

    name = "budget"
    title = "How few generated parameters are enough"
    question = "How many numbers must be generated for an utterance before base WER is halved?"
    setup = (
        "One hypernetwork for each budget, all for W1 (`decoder.fc1`), on the same recordings with as many updates. A "
        "budget is met by the largest plan that fits: whole updates on as many of the last layers as fit; one "
        "generated factor with the other learned once for everybody; or generated coefficients on learned updates of "
        "rank 1. Numbers are of generated parameters an utterance; what is learned and shared is in the column "
        "`trainable`."
    )
    would_change = (
        "A larger base, where the same share is more numbers; longer training, which coefficients on shared updates "
        "may need more than whole updates; other target layers."
    )
    sets = (*COMMANDS, OTHER_WAYS)

    def run(self, bench: Workbench) -> Record:
        """Train and score, largest budget first."""
        backbone = bench.workshop.backbone
        site, n_layers = backbone.sites((W1,))[0], backbone.n_decoder_layers
        planned = plans(backbone.n_parameters, site.d_in, site.d_out, n_layers)
        arms = arms_of([plan for _, plan in planned], n_layers)
        results = bench.run(arms)
        budgets = {
            arm.name: {"asked": share, "generated": plan.generated}
            for arm, (share, plan) in zip(arms, planned, strict=True)
        }
        titles = {STANDARD.name: f"{KINDS['both']}, rank 1, all layers"}
        return {"arms": bench.arms(results, titles), "findings": {"budgets": budgets}}

    def figure(self, record: Record) -> Figure:
        """WER over the share that is generated, a line for each kind."""
        arms, budgets = record["arms"], record["findings"]["budgets"]
        lines: dict[str, list[tuple[float, Rates]]] = {}
        for name in sorted(budgets, key=lambda name: arms[name]["adapted_parameters"]):
            points = lines.setdefault(KINDS[budgets[name]["generated"]], [])
            points.append((100 * arms[name]["adapted_share"], rates_of_arm(record, name)))
        return budget_figure(lines, rates_of_arm(record, "base"))
