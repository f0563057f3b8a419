"""Experiment `ceiling`: the hypernetwork beside full fine-tuning, with ever more training speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hyper.metrics.intervals import bootstrap_speakers, sum_by_speaker
from hyper.metrics.percent import percent
from hyper.plots.experiments import ceiling_figure
from hyper.recordings.manifest import ManifestRow, counted_voice
from hyper.study.cells import interval_cell, markdown_table
from hyper.study.experiments.arms import FULL, STANDARD, of_patients, patients_in_order, trained_on
from hyper.study.experiments.workbench import Experiment, Record, Workbench, arm_table, rates_of_arm
from hyper.study.methods.method import Method
from hyper.study.methods.runs import MAIN
from hyper.study.methods.scores import Scores, over_seeds
from hyper.training.adaptation.batches import split_speakers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_PATIENTS = (10, 30, 100, 300)  # and all there are
TITLES = {STANDARD.name: "hypernetwork, all patients", FULL.name: "full fine-tuning, all patients"}


def subsets(n_all: int) -> list[int]:
    """Numbers of patients to train on, the last being all."""
    return [*(n for n in N_PATIENTS if n < n_all), n_all]


def patients_arm(kind: Method, n: int, n_all: int) -> Method:
    """A kind of training on n of the patients; with all it is the method itself."""
    if n == n_all:
        return kind
    return trained_on(kind, f"{kind.name}-{n}-patients", f"{kind.title}, {n} patients", of_patients(n))


def gain_share(
    base: Scores, own: Mapping[int, Scores], full: Mapping[int, Scores], rows: Sequence[ManifestRow]
) -> Record:
    """What the hypernetwork removes of the base's errors as a share of what full fine-tuning removes."""
    errors = [
        base.errors * len(own) * len(full),
        over_seeds(own).errors * len(full),
        over_seeds(full).errors * len(own),
    ]
    counts = sum_by_speaker([counted_voice(row) for row in rows], np.stack(errors, axis=1))
    interval = bootstrap_speakers(counts, _share)
    (share,) = _share(counts.sum(axis=0)[None])
    return {"share": float(share) if np.isfinite(share) else None, "interval": interval and interval.to_json()}


def _share(pooled: np.ndarray) -> np.ndarray:  # (n_draws, 3) errors of base, hypernetwork, full -> (n_draws,)
    gained, possible = pooled[:, 0] - pooled[:, 1], pooled[:, 0] - pooled[:, 2]
    # Where full fine-tuning gains nothing there is nothing to have a share of.
    return np.divide(gained, possible, out=np.full(len(pooled), np.nan), where=possible > 0)


class Ceiling(Experiment):
    """Both kinds of training on ever more simulated patients."""

    name = "ceiling"
    title = "How near to full fine-tuning, and how many speakers it takes"
    question = "Which share of full fine-tuning's gain does the hypernetwork have, and how do both grow with speakers?"
    setup = (
        "Full fine-tuning of all weights and the hypernetwork are trained on ever larger, nested sets of simulated "
        "patients, cohorts in turn, with all typical recordings, as many updates and the learning rates of the largest "
        "set. Nothing stops early."
    )
    would_change = (
        "Stopping early on few speakers, where full fine-tuning learns them by heart; a larger base; more recordings "
        "of each speaker."
    )

    def run(self, bench: Workbench) -> Record:
        """Train and score; the share of the gain for each number of patients."""
        workshop = bench.workshop
        states = workshop.states
        training, _ = split_speakers(states, workshop.settings.validation_share)
        n_all = len(patients_in_order(states, training))
        pairs = {n: (patients_arm(STANDARD, n, n_all), patients_arm(FULL, n, n_all)) for n in subsets(n_all)}
        results = bench.run([method for pair in pairs.values() for method in pair])
        base, rows = bench.base.scores[MAIN][0], bench.sets[MAIN]
        by_patients = {}
        for n, (own, full) in pairs.items():
            share = gain_share(base, results[own.name].scores[MAIN], results[full.name].scores[MAIN], rows)
            by_patients[str(n)] = {"hypernetwork": own.name, "full": full.name, **share}
        return {"arms": bench.arms(results, TITLES), "findings": {"by_patients": by_patients}}

    def tables(self, record: Record) -> str:
        """The arms, then the shares."""
        lines = [
            [f"{int(n):,}", percent(each["share"], 0), interval_cell(each["interval"], digits=0)]
            for n, each in record["findings"]["by_patients"].items()
        ]
        header = ["simulated patients", "share of full fine-tuning's gain", "95 % interval"]
        return f"{arm_table(record)}\n\n{markdown_table(header, lines)}"

    def figure(self, record: Record) -> Figure:
        """WER over the number of patients."""
        lines = {
            title: [(int(n), rates_of_arm(record, each[kind])) for n, each in record["findings"]["by_patients"].items()]
            for kind, title in (("hypernetwork", "hypernetwork, rank 1 on W1"), ("full", "full fine-tuning"))
        }
        return ceiling_figure(lines, rates_of_arm(record, "base"))
