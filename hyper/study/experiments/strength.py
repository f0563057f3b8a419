"""Experiment `strength`: how much of the update to apply, and whether an utterance tells when not to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hyper.metrics.intervals import bootstrap_weights
from hyper.metrics.percent import percent
from hyper.plots.experiments import strength_figure
from hyper.recordings.manifest import ManifestRow, counted_voice
from hyper.study.cells import interval_cell, markdown_table
from hyper.study.experiments.arms import WEIGHING
from hyper.study.experiments.probes import area_under_curve, weighted_areas
from hyper.study.experiments.workbench import Experiment, Record, Workbench
from hyper.study.methods.comparison_table import part_of, rates
from hyper.study.methods.runs import MAIN
from hyper.study.methods.scores import Scores, over_seeds
from hyper.training.adaptation.batches import split_speakers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
MAX_VALIDATION = 600  # recordings
SIGNS = {  # each is high where adapting is suspected to harm
    "low confidence once adapted": lambda base, adapted: -adapted.confidence,
    "high confidence of the base": lambda base, adapted: base.confidence,
    "confidence lost by adapting": lambda base, adapted: base.confidence - adapted.confidence,
}


def held_out_rows(bench: Workbench) -> list[ManifestRow]:
    """Recordings of the speakers that no training saw, at most 600, drawn once."""
    workshop = bench.workshop
    states = workshop.states
    _, held = split_speakers(states, workshop.settings.validation_share)
    rows = workshop.rows_of(states)
    chosen = np.random.default_rng(0).permutation(held)[:MAX_VALIDATION]
    return [rows[i] for i in sorted(chosen)]


def _sweep(bench: Workbench, name: str, rows: Sequence[ManifestRow], base: Scores) -> dict[float, dict[int, Scores]]:
    """Scores at each strength but 1, which every arm is scored at; at 0 they are the base's."""
    found: dict[float, dict[int, Scores]] = {strength: {} for strength in STRENGTHS}
    found[0.0] = dict.fromkeys(bench.seeds, base)
    for strength in (each for each in STRENGTHS if each not in (0.0, 1.0)):
        label = f"{name}-strength-{strength:g}"
        found[strength] = bench.scores(WEIGHING, label, rows, otherwise=base, strength=strength)
    return found


def _sweep_record(sweep: Mapping[float, Mapping[int, Scores]], rows: Sequence[ManifestRow]) -> Record:
    """At each strength the rates of all recordings and of each severity."""
    base = next(iter(sweep[0.0].values()))
    severities = sorted({row.severity for row in rows if row.severity})
    record = {}
    for strength, scores in sweep.items():
        groups = {"all": (scores, base, rows)}
        groups |= {severity: part_of(scores, base, rows, "severity", severity) for severity in severities}
        record[f"{strength:g}"] = {name: _with_insertions(*group) for name, group in groups.items()}
    return record


def _with_insertions(scores: Mapping[int, Scores], base: Scores, rows: Sequence[ManifestRow]) -> Record:
    added = over_seeds(scores)
    return {**rates(scores, base, rows), "insertion_rate": float(added.insertions.sum() / added.words.sum())}


def harm_record(adapted: Mapping[int, Scores], base: Scores, rows: Sequence[ManifestRow]) -> Record:
    """How well each sign tells the recordings that adapting made worse from the others."""
    harmed = np.concatenate([each.errors > base.errors for each in adapted.values()])
    speakers = [counted_voice(row) for _ in adapted for row in rows]
    record: Record = {"harmed_share": float(harmed.mean()), "signs": {}}
    for name, sign in SIGNS.items():
        values = np.concatenate([sign(base, each) for each in adapted.values()])
        interval = bootstrap_weights(speakers, partial(weighted_areas, values, harmed))
        area = area_under_curve(values, harmed)
        record["signs"][name] = {"auc": area, "interval": interval and interval.to_json()}
    return record


class Strength(Experiment):
    """A weighing hypernetwork at several strengths."""

    name = "strength"
    title = "How strongly to adapt, and when not to"
    question = (
        "Which strength is best at each severity, and does an utterance's own confidence say when adapting harms?"
    )
    setup = (
        "A hypernetwork of the shipped form, but in the decoder alone, decodes every recording with its update taken "
        "0 to 2 times. The default strength is the one with the lowest WER on recordings of validation speakers. "
        "Hallucination is counted as inserted words a reference word, and as recordings stopped in a loop. Confidence "
        "is the geometric mean probability of the tokens that were written; a recording is harmed where adapting adds "
        "word errors. An AUC below 0.5 says that the sign points the other way than was suspected."
    )
    would_change = (
        "Training at several strengths, so that strengths other than 1 are no extrapolation; real patients, whose "
        "severity is not drawn from our three ranges."
    )

    def run(self, bench: Workbench) -> Record:
        """Sweep the strength on held-out and on validation recordings; tell the harmed ones apart."""
        results = bench.run([WEIGHING])
        own = results[WEIGHING.name].scores
        sweeps = {
            name: _sweep(bench, name, rows, bench.base.scores[name][0]) | {1.0: own[name]}
            for name, rows in bench.sets.items()
        }
        validation = held_out_rows(bench)
        base = bench.base_scores("validation", validation)
        on_validation = _sweep(bench, "validation", validation, base)
        on_validation[1.0] = bench.scores(WEIGHING, "validation-strength-1", validation, otherwise=base)
        findings = {
            "sweeps": {name: _sweep_record(sweeps[name], bench.sets[name]) for name in sweeps},
            "validation": {f"{strength:g}": over_seeds(each).wer for strength, each in on_validation.items()},
            "validation_recordings": len(validation),
            "chosen": min(on_validation, key=lambda strength: over_seeds(on_validation[strength]).wer),
            "harm": harm_record(sweeps[MAIN][1.0], bench.base.scores[MAIN][0], bench.sets[MAIN]),
        }
        return {"arms": bench.arms(results, {}), "findings": findings}

    def tables(self, record: Record) -> str:
        """The sweep, then the signs."""
        found, sweep = record["findings"], record["findings"]["sweeps"][MAIN]
        groups = list(sweep["1"])
        header = ["strength", f"WER, validation ({found['validation_recordings']} recordings)"]
        lines = []
        for strength, by_group in sweep.items():
            name = f"**{strength}** (chosen)" if float(strength) == found["chosen"] else strength
            cells = [name, percent(found["validation"][strength]), *(percent(by_group[g]["wer"]) for g in groups)]
            lines.append([*cells, *(percent(by_group["all"][name]) for name in ("insertion_rate", "loop_share"))])
        signs = [
            [name, "–" if sign["auc"] is None else f"{sign['auc']:.2f}", interval_cell(sign["interval"], 1, 2)]
            for name, sign in found["harm"]["signs"].items()
        ]
        sweep_table = markdown_table([*header, *(f"WER, {name}" for name in groups), "inserted words", "loops"], lines)
        harmed = f"sign that adapting harms ({percent(found['harm']['harmed_share'])} of the recordings)"
        return f"{sweep_table}\n\n{markdown_table([harmed, 'AUC', '95 % interval'], signs)}"

    def figure(self, record: Record) -> Figure:
        """WER and inserted words over the strength."""
        return strength_figure(record["findings"]["sweeps"][MAIN], record["findings"]["chosen"])
