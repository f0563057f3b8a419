"""Experiment `budget`: how little can be generated for an utterance and still mend what is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hyper.plots.experiments import budget_figure
from hyper.study.experiments.arms import STANDARD, hypernet_arm
from hyper.study.experiments.prose import COMMANDS, arm_table, mended, percent, rates, side_of, wer_words
from hyper.study.experiments.shared_factors import Plan, plans_within
from hyper.study.experiments.workbench import Bench, Experiment, Record
from hyper.study.methods.specs import Method

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = (0.003, 0.001, 0.0003, 0.0001, 0.00003, 0.00001)  # of the base's parameters
KINDS = {
    "both": "whole updates",
    "a": "generated a, shared b",
    "b": "generated b, shared a",
    "coefficients": "coefficients on shared updates",
}
HALF = 0.5


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


def _run(bench: Bench) -> Record:
    backbone = bench.workshop.backbone
    site, n_layers = backbone.sites(("decoder.fc1",))[0], backbone.n_decoder_layers
    planned = plans(backbone.n_parameters, site.d_in, site.d_out, n_layers)
    arms = arms_of([plan for _, plan in planned], n_layers)
    results = bench.run(arms)
    budgets = {
        arm.name: {"asked": share, "generated": plan.generated}
        for arm, (share, plan) in zip(arms, planned, strict=True)
    }
    return {
        "arms": bench.arms(results, {STANDARD.name: f"{KINDS['both']}, rank 1, all layers"}),
        "findings": {"budgets": budgets},
    }


def _by_size(record: Record) -> list[str]:
    """Arms from the smallest number of generated parameters to the largest."""
    arms = record["arms"]
    return sorted(record["findings"]["budgets"], key=lambda name: arms[name]["adapted_parameters"])


def halving(record: Record) -> str | None:
    """The arm with the fewest generated parameters that at least halves the base's WER."""
    names: Sequence[str] = _by_size(record)
    return next((name for name in names if (rates(record, name)["relative_reduction"] or 0) >= HALF), None)


def _answer(record: Record) -> str:
    arms, name = record["arms"], halving(record)
    smallest, best = _by_size(record)[0], max(_by_size(record), key=lambda n: -rates(record, n)["wer"])
    if name is None:
        first = (
            f"No budget up to {percent(SHARES[0])} of the base halves its WER of {wer_words(rates(record, 'base'))}: "
            f"the best, {arms[best]['title']}, makes {mended(rates(record, best))}."
        )
    else:
        ends = rates(record, name)["relative_reduction_interval"]
        sure = "" if ends and ends[0] >= HALF else ", though the interval reaches below one half"
        first = (
            f"The base's WER of {wer_words(rates(record, 'base'))} is halved with "
            f"{percent(arms[name]['adapted_share'], 4)} of its parameters an utterance ({arms[name]['title']}), which "
            f"makes {mended(rates(record, name))}{sure}."
        )
    ends = rates(record, smallest)["relative_reduction_interval"]
    verdict = {1: "still helps", -1: "does harm", 0: "cannot be told from no adaptation"}[side_of(ends)]
    return (
        f"{first} The smallest budget, {arms[smallest]['adapted_parameters']} numbers an utterance, {verdict}: it "
        f"makes {mended(rates(record, smallest))}."
    )


def _setup(record: Record) -> str:
    return (
        "One hypernetwork for each budget, all for W1 (`decoder.fc1`), on the same recordings with as many updates. A "
        "budget is met by the largest plan that fits: whole updates on as many of the last layers as fit; one "
        "generated factor with the other learned once for everybody; or generated coefficients on learned updates of "
        "rank 1. Numbers are of generated parameters an utterance; what is learned and shared is in the column "
        "`trainable`."
    )


EXPERIMENT = Experiment(
    name="budget",
    title="How few generated parameters are enough",
    question="How many numbers must be generated for an utterance before base WER is halved?",
    sets=tuple(COMMANDS),
    run=_run,
    setup=_setup,
    table=arm_table,
    answer=_answer,
    figure=lambda record: _figure(record),
    would_change=(
        "A larger base, where the same share is more numbers; longer training, which coefficients on shared updates "
        "may need more than whole updates; other target layers."
    ),
)


def _figure(record: Record) -> Figure:
    lines: dict[str, list[tuple[float, dict]]] = {}
    for name in _by_size(record):
        kind = KINDS[record["findings"]["budgets"][name]["generated"]]
        lines.setdefault(kind, []).append((100 * record["arms"][name]["adapted_share"], rates(record, name)))
    return budget_figure(lines, rates(record, "base"))
