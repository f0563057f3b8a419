"""Experiment `ceiling`: the hypernetwork beside full fine-tuning, with ever more training speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hyper.metrics.intervals import bootstrap_speakers, sum_by_speaker
from hyper.plots.experiments import ceiling_figure
from hyper.recordings.manifest import ManifestRow
from hyper.study.experiments.arms import FULL, STANDARD, of_patients, patients_in_order, trained_on
from hyper.study.experiments.prose import COMMANDS, arm_table, between, percent, rates, table, wer_words
from hyper.study.experiments.workbench import Bench, Experiment, Record
from hyper.study.methods.runs import MAIN
from hyper.study.methods.scores import Scores, over_seeds
from hyper.study.methods.specs import Method
from hyper.training.adaptation.loop import split_speakers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_PATIENTS = (10, 30, 100, 300)  # and all there are


def subsets(n_all: int) -> list[int]:
    """Numbers of patients to train on, the last being all."""
    return [*(n for n in N_PATIENTS if n < n_all), n_all]


def arm(kind: Method, n: int, n_all: int) -> Method:
    """A kind of training on n of the patients; with all it is the method itself."""
    return (
        kind
        if n == n_all
        else trained_on(kind, f"{kind.name}-{n}-patients", f"{kind.title}, {n} patients", of_patients(n))
    )


def _run(bench: Bench) -> Record:
    workshop = bench.workshop
    states = workshop.states()
    training, _ = split_speakers(states, workshop.settings.validation_share)
    n_all = len(patients_in_order(states, training))
    pairs = {n: (arm(STANDARD, n, n_all), arm(FULL, n, n_all)) for n in subsets(n_all)}
    results = bench.run([method for pair in pairs.values() for method in pair])
    base, rows = bench.base.scores[MAIN][0], bench.sets[MAIN]
    by_patients = {}
    for n, (own, full) in pairs.items():
        share = gain_share(base, results[own.name].scores[MAIN], results[full.name].scores[MAIN], rows)
        by_patients[str(n)] = {"hypernetwork": own.name, "full": full.name, **share}
    return {
        "arms": bench.arms(
            results, {STANDARD.name: "hypernetwork, all patients", FULL.name: "full fine-tuning, all patients"}
        ),
        "findings": {"by_patients": by_patients},
    }


def gain_share(
    base: Scores, own: Mapping[int, Scores], full: Mapping[int, Scores], rows: Sequence[ManifestRow]
) -> Record:
    """What the hypernetwork removes of the base's errors as a share of what full fine-tuning removes."""
    errors = [
        base.errors * len(own) * len(full),
        over_seeds(own).errors * len(full),
        over_seeds(full).errors * len(own),
    ]
    counts = sum_by_speaker([row.speaker for row in rows], np.stack(errors, axis=1))
    interval = bootstrap_speakers(counts, _share)
    (share,) = _share(counts.sum(axis=0)[None])
    return {"share": float(share) if np.isfinite(share) else None, "interval": interval and interval.to_json()}


def _share(pooled: np.ndarray) -> np.ndarray:  # (n_draws, 3) errors of base, hypernetwork, full -> (n_draws,)
    gained, possible = pooled[:, 0] - pooled[:, 1], pooled[:, 0] - pooled[:, 2]
    # Where full fine-tuning gains nothing there is nothing to have a share of.
    return np.divide(gained, possible, out=np.full(len(pooled), np.nan), where=possible > 0)


def _answer(record: Record) -> str:
    found = record["findings"]["by_patients"]
    fewest, most = list(found)[0], list(found)[-1]
    all_of = found[most]
    if all_of["share"] is None:
        first = (
            f"Full fine-tuning on all {int(most):,} patients gains nothing over the base, so there is no ceiling to "
            "share in."
        )
    else:
        first = (
            f"With all {int(most):,} simulated patients the hypernetwork has {percent(all_of['share'], 0)} "
            f"{between(all_of['interval'], 100, 0)} of what full fine-tuning gains "
            f"({wer_words(rates(record, all_of['hypernetwork']))} and {wer_words(rates(record, all_of['full']))}, base "
            f"{wer_words(rates(record, 'base'))})."
        )
    moves = [
        f"the {'hypernetwork' if kind == 'hypernetwork' else 'fully fine-tuned model'} "
        f"{_moved(rates(record, found[fewest][kind]), rates(record, all_of[kind]))}"
        for kind in ("hypernetwork", "full")
    ]
    return f"{first} From {fewest} to {int(most):,} patients {moves[0]}, and {moves[1]}."


def _moved(before: Mapping, after: Mapping) -> str:
    """Whether the WER fell or rose, and whether the two intervals tell them apart."""
    direction = "improves" if after["wer"] < before["wer"] else "does not improve"
    sure = ""
    if before["wer_interval"] and after["wer_interval"]:
        apart = (
            before["wer_interval"][0] > after["wer_interval"][1] or before["wer_interval"][1] < after["wer_interval"][0]
        )
        sure = "" if apart else ", within the intervals"
    return f"{direction} ({percent(before['wer'])} to {percent(after['wer'])}{sure})"


def _setup(record: Record) -> str:
    return (
        "Full fine-tuning of all weights and the hypernetwork are trained on ever larger, nested sets of simulated "
        "patients, cohorts in turn, with all typical recordings, as many updates and the learning rates of the largest "
        "set. Nothing stops early."
    )


def _table(record: Record) -> str:
    found = record["findings"]["by_patients"]
    lines = [[f"{int(n):,}", percent(each["share"], 0), between(each["interval"], 100, 0)] for n, each in found.items()]
    shares = table(["simulated patients", "share of full fine-tuning's gain", "95 % interval"], lines)
    return arm_table(record) + "\n\n" + shares


def _figure(record: Record) -> Figure:
    found = record["findings"]["by_patients"]
    lines = {
        title: [(int(n), rates(record, each[kind])) for n, each in found.items()]
        for kind, title in (("hypernetwork", "hypernetwork, rank 1 on W1"), ("full", "full fine-tuning"))
    }
    return ceiling_figure(lines, rates(record, "base"))


EXPERIMENT = Experiment(
    name="ceiling",
    title="How near to full fine-tuning, and how many speakers it takes",
    question="Which share of full fine-tuning's gain does the hypernetwork have, and how do both grow with speakers?",
    sets=tuple(COMMANDS),
    run=_run,
    setup=_setup,
    table=_table,
    answer=_answer,
    figure=_figure,
    would_change=(
        "Stopping early on few speakers, where full fine-tuning learns them by heart; a larger base; more recordings "
        "of each speaker."
    ),
)
