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
from hyper.study.cells import markdown_table, points_cell, reduction_cell, wer_cell
from hyper.study.experiments.acoustics import Acoustics
from hyper.study.experiments.arms import STANDARD, hypernet_arm
from hyper.study.experiments.encoders import KINDS, reads_states, reads_vectors
from hyper.study.experiments.verification import Verification, same_speaker_auc
from hyper.study.experiments.workbench import Experiment, Record, Workbench, arm_table, rates_of_arm, statistics_of_rows
from hyper.study.methods.comparison_table import rates, wer_difference
from hyper.study.methods.method import Method, statistics_by_row
from hyper.study.methods.runs import MAIN
from hyper.study.methods.scores import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UTTERANCES = (1, 2, 5, 10)  # of the speaker, averaged
LAYERS = ("first", "middle", "last")
ANOTHER, ALIKE = "another speaker's", "another speaker's of the same cohort and severity"
_SEED = 0


def arms() -> list[Method]:
    """The standard hypernetwork; single layers; single kinds of statistics; other ears."""
    parts: list[tuple[str, str, tuple[str, tuple[str, ...]]]] = [
        (f"hypernet-states-{layer}", f"{layer} layer's states", (layer, KINDS)) for layer in LAYERS
    ]
    parts += [(f"hypernet-{kind}", f"all layers, {kind} only", ("all", (kind,))) for kind in KINDS]
    picked = [hypernet_arm(name, title, make=partial(reads_states, *what)) for name, title, what in parts]
    return [
        STANDARD,
        *picked,
        _listening("hypernet-verification", "speaker verification", Verification()),
        _listening("hypernet-acoustics", "acoustic measures", Acoustics()),
    ]


def _listening(name: str, title: str, listener: Verification | Acoustics) -> Method:
    return replace(hypernet_arm(name, title, make=partial(reads_vectors, listener.d_embedding)), listener=listener)


def _verification_auc(bench: Workbench, rows: Sequence[ManifestRow]) -> float | None:
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


class Embedding(Experiment):
    """The same hypernetwork with other ears."""

    name = "embedding"
    title = "What the hypernetwork hears"
    question = "Is Whisper's own encoder the best ear, and are the weights it leads to really personal?"
    setup = (
        "The same hypernetwork is trained on single layers of Whisper's encoder, on single kinds of statistics, on the "
        "embedding of a small network that was taught to tell the same training speakers apart, and on acoustic "
        "measures (pitch, level, rate, tilt, HNR proxy, MFCCs). The standard one is then given the mean over 1 to 10 "
        "utterances of the test speaker, and as controls another speaker's statistics and an average."
    )
    would_change = (
        "A speaker-verification network taught by thousands of real speakers; a hypernetwork trained on means over "
        "several utterances, which it only meets here; real patients."
    )

    def run(self, bench: Workbench) -> Record:
        """Train and score; the standard arm again with what it should not hear, or should hear more of."""
        results = bench.run(arms())
        rows, base, workshop = list(bench.sets[MAIN]), bench.base.scores[MAIN][0], bench.workshop
        statistics = statistics_of_rows(workshop, rows)
        states = workshop.states
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
            "given": {title: rates(scores, base, rows) for title, scores in heard.items()},
            "given_minus_own": {title: wer_difference(scores, own, rows) for title, scores in heard.items()},
            "arm_minus_standard": {
                name: wer_difference(result.scores[MAIN], own, rows)
                for name, result in results.items()
                if name not in ("base", STANDARD.name)
            },
            "verification_auc": _verification_auc(bench, rows),
        }
        return {"arms": bench.arms(results, {STANDARD.name: "all layers, mean, std and change"}), "findings": findings}

    def tables(self, record: Record) -> str:
        """The arms, each minus the standard one, what the standard one was given, and how good the verification is."""
        found, arms = record["findings"], record["arms"]
        ears = [[arms[name]["title"], points_cell(each)] for name, each in found["arm_minus_standard"].items()]
        auc = found["verification_auc"]
        ears.append(["AUC of speaker verification on the test speakers", "–" if auc is None else f"{auc:.2f}"])
        given = [
            [title, wer_cell(own), reduction_cell(own), points_cell(found["given_minus_own"][title])]
            for title, own in found["given"].items()
        ]
        header = ["the standard hypernetwork hears", "WER", "less than the base", "minus its own utterance"]
        minus = markdown_table(["arm", "WER minus that of all layers, mean, std and change"], ears)
        return f"{arm_table(record)}\n\n{minus}\n\n{markdown_table(header, given)}"

    def figure(self, record: Record) -> Figure:
        """Every arm, then the standard one with what it was given."""
        arms = {name: arm for name, arm in record["arms"].items() if name != "base"}
        lines = {arm["title"]: rates_of_arm(record, name) for name, arm in arms.items()}
        given = {f"hears {title}": own for title, own in record["findings"]["given"].items()}
        base, groups = rates_of_arm(record, "base"), dict.fromkeys(given, 1)
        return forest_figure("What the hypernetwork hears, simulated", lines | given, base, groups)
