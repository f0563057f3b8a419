"""Experiment `embedding`: what the hypernetwork should hear, and whether its weights are really personal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from hyper.plots.experiments import forest_figure
from hyper.recordings.manifest import ManifestRow
from hyper.study.experiments.acoustics import Acoustics
from hyper.study.experiments.arms import STANDARD, hypernet_arm
from hyper.study.experiments.encoders import KINDS, reads_states, reads_vectors
from hyper.study.experiments.prose import (
    COMMANDS,
    arm_table,
    cell,
    difference_words,
    listed,
    rates,
    reduction_cell,
    side_of,
    table,
)
from hyper.study.experiments.verification import Verification, same_speaker_auc
from hyper.study.experiments.workbench import Bench, Experiment, Record, statistics_of_rows
from hyper.study.methods.comparison_table import rates as rates_of
from hyper.study.methods.comparison_table import wer_difference
from hyper.study.methods.runs import MAIN
from hyper.study.methods.scores import Scores
from hyper.study.methods.specs import Method
from hyper.study.methods.train_method import statistics_by_row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UTTERANCES = (1, 2, 5, 10)  # of the speaker, averaged
LAYERS = ("first", "middle", "last")
ANOTHER, ALIKE = "another speaker's", "another speaker's of the same cohort and severity"
VERIFICATION, ACOUSTICS = "hypernet-verification", "hypernet-acoustics"
_SEED = 0


def arms() -> list[Method]:
    """The standard hypernetwork; single layers; single kinds of statistics; other ears."""
    parts = [(f"hypernet-states-{layer}", f"{layer} layer's states", (layer, KINDS)) for layer in LAYERS]
    parts += [(f"hypernet-{kind}", f"all layers, {kind} only", ("all", (kind,))) for kind in KINDS]
    picked = [hypernet_arm(name, title, make=partial(reads_states, *what)) for name, title, what in parts]
    return [
        STANDARD,
        *picked,
        _listening(VERIFICATION, "speaker verification", Verification()),
        _listening(ACOUSTICS, "acoustic measures", Acoustics()),
    ]


def _listening(name: str, title: str, listener: Verification | Acoustics) -> Method:
    return replace(hypernet_arm(name, title, make=partial(reads_vectors, listener.d_embedding)), listener=listener)


def _run(bench: Bench) -> Record:
    results = bench.run(arms())
    rows, base, workshop = list(bench.sets[MAIN]), bench.base.scores[MAIN][0], bench.workshop
    statistics = statistics_of_rows(workshop, rows)
    states = workshop.states()
    average = states.statistics(range(len(states))).mean(dim=0)
    conditions = {
        **{f"mean of {n} of the speaker's": of_speaker(statistics, rows, n) for n in UTTERANCES},
        ANOTHER: statistics[others(rows, same_kind=False)],
        ALIKE: statistics[others(rows, same_kind=True)],
        "the training recordings' average": average.expand_as(statistics),
    }
    own = results[STANDARD.name].scores[MAIN]
    heard: dict[str, dict[int, Scores]] = {}
    for title, given in conditions.items():
        label = f"{MAIN}-given-{title.replace(' ', '-')}"
        of = statistics_by_row(rows, given)
        heard[title] = bench.scores(STANDARD, label, rows, otherwise=base, statistics_of=of)
    findings = {
        "given": {title: rates_of(scores, base, rows) for title, scores in heard.items()},
        "given_minus_own": {title: wer_difference(scores, own, rows) for title, scores in heard.items()},
        "arm_minus_standard": {
            name: wer_difference(result.scores[MAIN], own, rows)
            for name, result in results.items()
            if name not in ("base", STANDARD.name)
        },
        "verification_auc": _verification_auc(bench, rows),
    }
    return {"arms": bench.arms(results, {STANDARD.name: "all layers, mean, std and change"}), "findings": findings}


def _verification_auc(bench: Bench, rows: Sequence[ManifestRow]) -> float | None:
    embeddings = Verification().embed(bench.workshop, rows).numpy()
    return same_speaker_auc(embeddings, [row.speaker for row in rows])


def of_speaker(statistics: Tensor, rows: Sequence[ManifestRow], n: int) -> Tensor:  # (n_rows, ...) in and out
    """For each recording the mean over the next n of its speaker, itself last: with one it is another recording."""
    own: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        own.setdefault(row.speaker, []).append(i)
    mean = statistics.clone()
    for members in own.values():
        for place, i in enumerate(members):
            following = [members[(place + step) % len(members)] for step in range(1, 1 + min(n, len(members)))]
            mean[i] = statistics[following].mean(dim=0)
    return mean


def others(rows: Sequence[ManifestRow], same_kind: bool) -> np.ndarray:  # (n_rows,) positions
    """For each recording one of another speaker, drawn once; of the same cohort and severity where there is one."""
    rng = np.random.default_rng(_SEED)
    speakers = np.array([row.speaker for row in rows])
    kinds = np.array([f"{row.cohort} {row.severity}" for row in rows])
    drawn = []
    for i in range(len(rows)):
        candidates = np.flatnonzero(speakers != speakers[i])
        alike = candidates[kinds[candidates] == kinds[i]]
        drawn.append(rng.choice(alike if same_kind and len(alike) else candidates))
    return np.array(drawn)


def _answer(record: Record) -> str:
    found = record["findings"]
    minus = found["arm_minus_standard"]
    rivals = {"the speaker-verification embedding": minus[VERIFICATION], "acoustic measures": minus[ACOUSTICS]}
    words = {1: "better than {}", -1: "worse than {}", 0: "not clearly different from {}"}
    verdicts = [
        f"{words[side_of(each['interval'])].format(name)} ({difference_words(each)})" for name, each in rivals.items()
    ]
    ten = found["given_minus_own"][f"mean of {UTTERANCES[-1]} of the speaker's"]
    level = {1: "loses", -1: "gains", 0: "changes nothing clear"}[side_of(ten["interval"])]
    return (
        f"Whisper's own encoder is {listed(verdicts)}, as WER with the other embedding minus WER with it"
        f"{_best(record)}. {_personal(found['given_minus_own'])}; the mean over {UTTERANCES[-1]} utterances of the "
        f"speaker {level} ({difference_words(ten)})."
    )


def _best(record: Record) -> str:
    """Whether a part of the encoder's statistics does better than all of them."""
    minus = record["findings"]["arm_minus_standard"]
    parts = [name for name in minus if name not in (VERIFICATION, ACOUSTICS)]
    best = min(parts, key=lambda name: minus[name]["difference"])
    if side_of(minus[best]["interval"]) >= 0:
        return ", and no part of what it gives is clearly better than all of it"
    title = record["arms"][best]["title"]
    return f"; a part of what it gives is better than all of it ({title}: {difference_words(minus[best])})"


def _personal(minus_own: Record) -> str:
    """What the two kinds of other speakers show: whether the weights fit the speech, its kind, or nobody."""
    other, alike = minus_own[ANOTHER], minus_own[ALIKE]
    words = f"with another speaker's embedding WER changes by {difference_words(other)}"
    if side_of(other["interval"]) <= 0:
        return f"It is not shown that the weights fit the recording: {words}"
    of_kind = f"with that of another speaker of the same cohort and severity by {difference_words(alike)}"
    if side_of(alike["interval"]) > 0:
        return f"The weights are personal: {words}, and {of_kind}"
    return f"The weights fit the kind of speech, but it is not shown that they fit the person: {words}, {of_kind}"


def _setup(record: Record) -> str:
    auc = record["findings"]["verification_auc"]
    quality = "" if auc is None else f" (it tells the test speakers apart with an AUC of {auc:.2f})"
    return (
        "The same hypernetwork is trained on single layers of Whisper's encoder, on single kinds of statistics, on the "
        f"embedding of a small network that was taught to tell the same training speakers apart{quality}, and on "
        "acoustic measures (pitch, level, rate, tilt, HNR proxy, MFCCs). The standard one is then given the mean over "
        "1 to 10 utterances of the test speaker, and as controls another speaker's statistics and an average."
    )


def _table(record: Record) -> str:
    found = record["findings"]
    lines = [
        [title, cell(own), reduction_cell(own), difference_words(found["given_minus_own"][title])]
        for title, own in found["given"].items()
    ]
    header = ["the standard hypernetwork hears", "WER", "less than the base", "minus its own utterance"]
    return arm_table(record) + "\n\n" + table(header, lines)


def _figure(record: Record) -> Figure:
    arms = {name: arm for name, arm in record["arms"].items() if name != "base"}
    lines = {arm["title"]: rates(record, name) for name, arm in arms.items()}
    given = {f"hears {title}": own for title, own in record["findings"]["given"].items()}
    groups = dict.fromkeys(given, 1)
    return forest_figure("What the hypernetwork hears, simulated", lines | given, rates(record, "base"), groups)


EXPERIMENT = Experiment(
    name="embedding",
    title="What the hypernetwork hears",
    question="Is Whisper's own encoder the best ear, and are the weights it leads to really personal?",
    sets=tuple(COMMANDS),
    run=_run,
    setup=_setup,
    table=_table,
    answer=_answer,
    figure=_figure,
    would_change=(
        "A speaker-verification network taught by thousands of real speakers; a hypernetwork trained on means over "
        "several utterances, which it only meets here; real patients."
    ),
)
