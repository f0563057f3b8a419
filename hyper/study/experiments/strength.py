"""Experiment `strength`: how much of the update to apply, and whether an utterance tells when not to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hyper.metrics.intervals import bootstrap_weights
from hyper.plots.experiments import strength_figure
from hyper.recordings.manifest import ManifestRow
from hyper.study.experiments.arms import SHIPPED
from hyper.study.experiments.probes import area_under_curve
from hyper.study.experiments.prose import between, listed, percent, side_of, table, wer_words
from hyper.study.experiments.workbench import Bench, Experiment, Record
from hyper.study.methods.comparison_table import part_of
from hyper.study.methods.comparison_table import rates as rates_of
from hyper.study.methods.runs import MAIN, TYPICAL_COMMANDS
from hyper.study.methods.scores import Scores, over_seeds
from hyper.training.adaptation.loop import split_speakers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
MAX_VALIDATION = 600  # recordings
SIGNS = {  # each is high where adapting is suspected to harm
    "low confidence once adapted": lambda base, adapted: -adapted.confidence,
    "high confidence of the base": lambda base, adapted: base.confidence,
    "confidence lost by adapting": lambda base, adapted: base.confidence - adapted.confidence,
}


def _run(bench: Bench) -> Record:
    results = bench.run([SHIPPED])
    known = results[SHIPPED.name].scores
    sweeps = {
        name: _sweep(bench, name, rows, bench.base.scores[name][0]) | {1.0: known[name]}
        for name, rows in bench.sets.items()
    }
    validation = validation_rows(bench)
    base = bench.base_scores("validation", validation)
    on_validation = _sweep(bench, "validation", validation, base)
    on_validation[1.0] = bench.scores(SHIPPED, "validation-strength-1", validation, otherwise=base)
    findings = {
        "sweeps": {name: _sweep_record(sweeps[name], bench.sets[name]) for name in sweeps},
        "validation": {f"{strength:g}": over_seeds(each).wer for strength, each in on_validation.items()},
        "validation_recordings": len(validation),
        "chosen": min(on_validation, key=lambda strength: over_seeds(on_validation[strength]).wer),
        "harm": harm_record(sweeps[MAIN][1.0], bench.base.scores[MAIN][0], bench.sets[MAIN]),
    }
    return {"arms": bench.arms(results, {}), "findings": findings}


def validation_rows(bench: Bench) -> list[ManifestRow]:
    """Recordings of the speakers that no training saw, at most 600, drawn once."""
    workshop = bench.workshop
    states = workshop.states()
    _, held = split_speakers(states, workshop.settings.validation_share)
    rows = workshop.rows_of(states)
    chosen = np.random.default_rng(0).permutation(held)[:MAX_VALIDATION]
    return [rows[i] for i in sorted(chosen)]


def _sweep(bench: Bench, name: str, rows: Sequence[ManifestRow], base: Scores) -> dict[float, dict[int, Scores]]:
    """Scores at each strength but 1, which every arm is scored at; at 0 they are the base's."""
    found = {strength: {} for strength in STRENGTHS} | {0.0: dict.fromkeys(bench.seeds, base)}
    for strength in (each for each in STRENGTHS if each not in (0.0, 1.0)):
        label = f"{name}-strength-{strength:g}"
        found[strength] = bench.scores(SHIPPED, label, rows, otherwise=base, strength=strength)
    return found


def _sweep_record(sweep: Mapping[float, Mapping[int, Scores]], rows: Sequence[ManifestRow]) -> Record:
    """At each strength the rates of all recordings and of each severity."""
    base = next(iter(sweep[0.0].values()))
    severities = sorted({row.severity for row in rows if row.severity})
    record = {}
    for strength, scores in sweep.items():
        groups = {"all": (scores, base, rows)}
        groups |= {severity: part_of(scores, base, rows, "severity", severity) for severity in severities}
        record[f"{strength:g}"] = {name: _rates(*group) for name, group in groups.items()}
    return record


def _rates(scores: Mapping[int, Scores], base: Scores, rows: Sequence[ManifestRow]) -> Record:
    added = over_seeds(scores)
    inserted = float(added.insertions.sum() / added.words.sum())
    return {**rates_of(scores, base, rows), "insertion_rate": inserted}


def harm_record(adapted: Mapping[int, Scores], base: Scores, rows: Sequence[ManifestRow]) -> Record:
    """How well each sign tells the recordings that adapting made worse from the others."""
    harmed = np.concatenate([each.errors > base.errors for each in adapted.values()])
    speakers = [row.speaker for _ in adapted for row in rows]
    record: Record = {"harmed_share": float(harmed.mean()), "signs": {}}
    for name, sign in SIGNS.items():
        values = np.concatenate([sign(base, each) for each in adapted.values()])
        area = area_under_curve(values, harmed)
        interval = bootstrap_weights(speakers, partial(_weighted_area, values, harmed))
        record["signs"][name] = {"auc": area, "interval": interval and interval.to_json()}
    return record


def _weighted_area(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """The area, NaN where there is none."""
    area = area_under_curve(values, labels, weights)
    return np.nan if area is None else area


def _answer(record: Record) -> str:
    findings = record["findings"]
    sweep, chosen = findings["sweeps"][MAIN], f"{findings['chosen']:g}"
    signs = findings["harm"]["signs"]
    telling = {name: sign for name, sign in signs.items() if side_of(sign["interval"], 0.5)}
    share = percent(findings["harm"]["harmed_share"])
    beside = {"1": "strength 1", "0": "the base"}
    others = [f"{title} {_in_words(sweep[name])}" for name, title in beside.items() if name != chosen]
    first = (
        f"Validation speakers choose strength {chosen}; on the held-out set it gives a WER of "
        f"{_in_words(sweep[chosen])} inserted words, {', '.join(others)}."
    )
    if telling:
        values = listed(f"{name}, AUC {_area(sign)}" for name, sign in telling.items())
        return f"{first} Adapting makes {share} of the recordings worse, and these are partly foreseen by {values}."
    values = listed(f"{name}, {_area(sign)}" for name, sign in signs.items())
    return (
        f"{first} Adapting makes {share} of the recordings worse, and no sign of the utterance foresees which (AUC of "
        f"{values}; 0.5 is chance)."
    )


def _in_words(by_group: Record) -> str:
    return f"{wer_words(by_group['all'])} and {percent(by_group['all']['insertion_rate'])}"


def _area(sign: Record) -> str:
    """An area with its interval; below 0.5 the sign points the other way than was suspected."""
    if sign["auc"] is None:
        return "none"
    reverse = ", the other way round" if side_of(sign["interval"], 0.5) < 0 else ""
    return f"{sign['auc']:.2f} {between(sign['interval'], 1, 2)}{reverse}"


def _setup(record: Record) -> str:
    return (
        f"The shipped kind of hypernetwork decodes every recording with its update taken {STRENGTHS[0]:g} to "
        f"{STRENGTHS[-1]:g} times. The default strength is the one with the lowest WER on "
        f"{record['findings']['validation_recordings']} recordings of validation speakers. Hallucination is counted as "
        "inserted words a reference word, and as recordings stopped in a loop. Confidence is the geometric mean "
        "probability of the tokens that were written; a recording is harmed where adapting adds word errors."
    )


def _table(record: Record) -> str:
    sweep = record["findings"]["sweeps"][MAIN]
    groups = list(sweep["1"])
    header = ["strength", "WER, validation", *(f"WER, {name}" for name in groups), "inserted words", "loops"]
    lines = []
    for strength, by_group in sweep.items():
        cells = [strength, percent(record["findings"]["validation"][strength])]
        cells += [percent(by_group[name]["wer"]) for name in groups]
        cells += [percent(by_group["all"]["insertion_rate"]), percent(by_group["all"]["loop_share"])]
        lines.append(cells)
    signs = [[name, _area(sign)] for name, sign in record["findings"]["harm"]["signs"].items()]
    return table(header, lines) + "\n\n" + table(["sign that adapting harms", "AUC"], signs)


def _figure(record: Record) -> Figure:
    return strength_figure(record["findings"]["sweeps"][MAIN], record["findings"]["chosen"])


EXPERIMENT = Experiment(
    name="strength",
    title="How strongly to adapt, and when not to",
    question="Which strength is best at each severity, and does an utterance's own confidence say when adapting harms?",
    sets=(MAIN, TYPICAL_COMMANDS),
    run=_run,
    setup=_setup,
    table=_table,
    answer=_answer,
    figure=_figure,
    would_change=(
        "Training at several strengths, so that strengths other than 1 are no extrapolation; real patients, whose "
        "severity is not drawn from our three ranges."
    ),
)
