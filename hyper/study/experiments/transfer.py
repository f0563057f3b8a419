"""Experiment `transfer`: what is learned from some disorders, tested on others, on other speakers, on other voices."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hyper.plots.experiments import transfer_figure
from hyper.recordings.manifest import ManifestRow
from hyper.simulate import COHORTS
from hyper.study.cells import markdown_table, points_cell, reduction_cell, wer_cell
from hyper.study.experiments.arms import ONE_LORA, STANDARD, of_cohorts, trained_on
from hyper.study.experiments.workbench import Experiment, Record, Workbench
from hyper.study.methods.comparison_table import part_of, rates, wer_difference
from hyper.study.methods.method import Method
from hyper.study.methods.runs import MAIN, TYPICAL_COMMANDS
from hyper.study.methods.scores import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNHEARD = "atypical-commands-unheard"
TITLES = {STANDARD.name: "hypernetwork, all cohorts", ONE_LORA.name: "LoRA, all cohorts"}

Part = tuple[Mapping[int, Scores], Scores, Sequence[ManifestRow]]  # of an arm, of the base, and their rows


class TransferError(ValueError):
    """There is nothing to transfer from; the message says what is missing."""


def arms() -> dict[tuple[str, ...], Method]:
    """The hypernetwork taught by each cohort, each pair and all of them."""
    singles = [(cohort,) for cohort in COHORTS]
    pairs = list(itertools.combinations(COHORTS, 2))
    found = {
        cohorts: trained_on(
            STANDARD, f"hypernet-{'+'.join(cohorts)}", f"hypernetwork, {' + '.join(cohorts)}", of_cohorts(cohorts)
        )
        for cohorts in (*singles, *pairs)
    }
    return {**found, COHORTS: STANDARD}


def loras() -> dict[tuple[str, ...], Method]:
    """A LoRA for each cohort, and one for all."""
    found: dict[tuple[str, ...], Method] = {
        (cohort,): trained_on(ONE_LORA, f"lora-{cohort}", f"LoRA, {cohort}", of_cohorts([cohort])) for cohort in COHORTS
    }
    return {**found, COHORTS: ONE_LORA}


def groups(bench: Workbench) -> dict[str, tuple[str, str]]:
    """What is tested, by title: a set, and a cohort of it or "" for the whole."""
    titles = {MAIN: "{}", UNHEARD: "{}, voices never heard"}
    own = {
        title.format(cohort): (name, cohort)
        for name, title in titles.items()
        if name in bench.sets
        for cohort in COHORTS
        if any(row.cohort == cohort for row in bench.sets[name])
    }
    others = {
        "ood-mixed": "mixed (new disorder)",
        "ood-dysphonia": "dysphonia (new disorder)",
        TYPICAL_COMMANDS: "typical",
    }
    return own | {title: (name, "") for name, title in others.items() if name in bench.sets}


def _wrong_cohort(
    hypernets: Mapping[tuple[str, ...], Method],
    rivals: Mapping[tuple[str, ...], Method],
    parts: Mapping[tuple[str, str], Part],
) -> Record:
    """LoRA of one cohort minus the hypernetwork of the same cohort, each on the other cohorts; and all these pooled."""
    found, pooled = {}, []
    for cohort, other in itertools.permutations(COHORTS, 2):
        lora, own = (parts.get((kind[(cohort,)].name, other)) for kind in (rivals, hypernets))
        if lora is not None and own is not None:
            found[f"{cohort} to {other}"] = wer_difference(lora[0], own[0], own[2])
            pooled.append((lora[0], own[0], own[2]))
    if pooled:
        loras, owns, rows = zip(*pooled, strict=True)
        all_rows = [row for part in rows for row in part]
        found["all"] = wer_difference(_joined(loras), _joined(owns), all_rows)
    return found


def _joined(parts: Sequence[Mapping[int, Scores]]) -> dict[int, Scores]:
    return {seed: Scores.joined([part[seed] for part in parts]) for seed in parts[0]}


class Transfer(Experiment):
    """Arms taught by each cohort, each pair and all, tested on everything."""

    name = "transfer"
    title = "From some disorders to others"
    question = "Does what is learned from some disorders help with others, with new speakers and with new voices?"
    setup = (
        "The hypernetwork is trained on each simulated cohort, each pair and all three, always with the typical "
        "recordings and as many updates; a LoRA of the same rank on each cohort and on all. Each is tested on all "
        "cohorts with new speakers and with voices never heard, and on two disorders that no training simulates."
    )
    would_change = (
        "Real disorders, which share more with one another than our simulators do, or less; several profiles of each "
        "cohort in training."
    )
    sets = (MAIN, UNHEARD, "ood-mixed", "ood-dysphonia", TYPICAL_COMMANDS)

    def run(self, bench: Workbench) -> Record:
        """Train and score; every arm on every group of recordings."""
        missing = [cohort for cohort in COHORTS if all(row.cohort != cohort for row in bench.workshop.rows)]
        if missing:
            raise TransferError(
                f"The transfer experiment needs recordings of {', '.join(missing)} to train on; name manifests with "
                "--data that hold them, and do not leave them out by --cohorts."
            )
        hypernets, rivals = arms(), loras()
        results = bench.run([*hypernets.values(), *rivals.values()])
        matrix: Record = {}
        parts: dict[tuple[str, str], Part] = {}
        for method in (*hypernets.values(), *rivals.values()):
            matrix[method.name] = {}
            for title, (name, cohort) in groups(bench).items():
                scores, base, rows = results[method.name].scores[name], bench.base.scores[name][0], bench.sets[name]
                part = part_of(scores, base, rows, "cohort", cohort) if cohort else (scores, base, rows)
                parts[method.name, title] = part
                matrix[method.name][title] = rates(*part)
        findings = {
            "matrix": matrix,
            "base": {
                title: rates(dict.fromkeys(bench.seeds, base), base, rows)
                for title in matrix[STANDARD.name]
                for _, base, rows in [parts[STANDARD.name, title]]
            },
            "trained_on": {
                each.name: list(cohorts) for all_of in (hypernets, rivals) for cohorts, each in all_of.items()
            },
            "wrong_cohort": _wrong_cohort(hypernets, rivals, parts),
            "new_disorders": {
                title: wer_difference(
                    parts[rivals[COHORTS].name, title][0],
                    parts[STANDARD.name, title][0],
                    parts[STANDARD.name, title][2],
                )
                for title in matrix[STANDARD.name]
                if "new disorder" in title
            },
        }
        return {"arms": bench.arms(results, TITLES), "findings": findings}

    def tables(self, record: Record) -> str:
        """What was trained by what was tested; then LoRA beside the hypernetwork where neither was trained."""
        found, matrix, arms = record["findings"], record["findings"]["matrix"], record["arms"]
        columns = list(next(iter(matrix.values())))
        lines = [[f"{arms['base']['title']} (WER)", *(wer_cell(found["base"][c]) for c in columns)]]
        lines += [[arms[name]["title"], *(reduction_cell(own[c]) for c in columns)] for name, own in matrix.items()]
        apart = found["wrong_cohort"] | {f"all to {title}": each for title, each in found["new_disorders"].items()}
        pairs = [[pair, points_cell(each)] for pair, each in apart.items()]
        first = markdown_table(["less WER than the base, tested on", *columns], lines)
        header = ["trained on, tested on what neither was trained on", "WER of LoRA minus hypernetwork"]
        return f"{first}\n\n{markdown_table(header, pairs)}"

    def figure(self, record: Record) -> Figure:
        """The matrix as numbers on grey."""
        matrix = record["findings"]["matrix"]
        columns = [title for title in next(iter(matrix.values())) if title != "typical"]
        reductions = [[own[column]["relative_reduction"] for column in columns] for own in matrix.values()]
        rows = [record["arms"][name]["title"] for name in matrix]
        values = np.array(reductions, dtype=float)  # None, where the base has no error, is NaN
        return transfer_figure("Transfer between simulated disorders", {"": values}, rows, columns)
