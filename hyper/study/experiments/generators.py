"""Experiment `generators`: does it take a nonlinear generator, and how large must it be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hyper.plots.experiments import forest_figure
from hyper.study.experiments.arms import STANDARD, hypernet_arm
from hyper.study.experiments.prose import COMMANDS, arm_table, difference_words, mended, rates, side_of
from hyper.study.experiments.workbench import Bench, Experiment, Record
from hyper.study.methods.comparison_table import wer_difference
from hyper.study.methods.runs import MAIN
from hyper.study.methods.specs import Method, method

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINEAR = method("hypernet-linear")
HIDDEN = (32, 64, 128, 512)  # beside the standard 256
TITLES = {LINEAR.name: "linear, 256 hidden", STANDARD.name: "MLP, 256 hidden, 4 mixes"}
MIXES = (1, 2)  # of the encoder's layers, beside the standard 4


def arms() -> list[Method]:
    """Linear and MLP of several sizes, then fewer mixes."""
    sizes = [
        replace(_sized(kind, size), rate_of=standard)
        for kind, standard in (("linear", LINEAR), ("mlp", STANDARD))
        for size in HIDDEN
    ]
    mixes = [hypernet_arm(f"hypernet-mixes-{n}", f"MLP, 256 hidden, {n} mixes", n_mixes=n) for n in MIXES]
    return [LINEAR, STANDARD, *sizes, *mixes]


def _sized(kind: str, size: int) -> Method:
    title = {"linear": "linear", "mlp": "MLP"}[kind]
    return hypernet_arm(f"hypernet-{kind}-{size}", f"{title}, {size} hidden", generator=kind, d_hidden=size)


def _run(bench: Bench) -> Record:
    results = bench.run(arms())
    rows = bench.sets[MAIN]
    linear, mlp = (results[each.name].scores[MAIN] for each in (LINEAR, STANDARD))
    smallest = results[f"hypernet-mlp-{HIDDEN[0]}"].scores[MAIN]
    findings = {
        "linear_minus_mlp": wer_difference(linear, mlp, rows),
        "smallest_minus_standard": wer_difference(smallest, mlp, rows),
    }
    return {"arms": bench.arms(results, TITLES), "findings": findings}


def _answer(record: Record) -> str:
    linear, small = (record["findings"][name] for name in ("linear_minus_mlp", "smallest_minus_standard"))
    verdict = {
        1: "The MLP is better than the linear generator",
        -1: "The linear generator is better than the MLP",
        0: "Linear and MLP generator cannot be told apart",
    }[side_of(linear["interval"])]
    size = {
        1: "A generator of 32 hidden numbers is worse",
        -1: "A generator of 32 hidden numbers is better",
        0: "A generator of 32 hidden numbers cannot be told from it",
    }[side_of(small["interval"])]
    return (
        f"{verdict}: WER differs by {difference_words(linear)} (linear minus MLP), and the MLP makes "
        f"{mended(rates(record, STANDARD.name))}. {size}: "
        f"{difference_words(small)} (32 minus 256 hidden)."
    )


def _setup(record: Record) -> str:
    return (
        "The same hypernetwork with a linear and an MLP generator of 32 to 512 hidden numbers, and with embeddings "
        "mixed from the encoder's layers once, twice or four times. All share the learning rate that was tried for "
        "their kind."
    )


def _figure(record: Record) -> Figure:
    kinds = [name for kind in ("linear", "mlp", "mixes") for name in record["arms"] if f"-{kind}" in name]
    lines = {record["arms"][name]["title"]: rates(record, name) for name in sorted(kinds, key=_size(record))}
    return forest_figure("Generators, simulated atypical commands", lines, rates(record, "base"))


def _size(record: Record) -> Callable[[str], tuple]:
    """Sorts linear before MLP, then by trainable parameters."""
    return lambda name: ("linear" not in name, record["arms"][name]["trainable_parameters"])


EXPERIMENT = Experiment(
    name="generators",
    title="Linear or MLP generator, and of which size",
    question="Does a nonlinear generator do better than a linear one, and how does size change the result?",
    sets=tuple(COMMANDS),
    run=_run,
    setup=_setup,
    table=arm_table,
    answer=_answer,
    figure=_figure,
    would_change=(
        "More varied training speakers, from whom a larger generator could learn more; a learning rate tried for each "
        "size on its own."
    ),
)
