"""Experiment `knowledge`: what the utterance embedding knows, and which sounds move the generated weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from hyper.metrics.intervals import bootstrap_speakers, sum_by_speaker
from hyper.metrics.percent import percent
from hyper.plots.experiments import knowledge_figure
from hyper.recordings.manifest import ManifestRow
from hyper.study.cells import interval_cell, markdown_table
from hyper.study.experiments.acoustics import MEASURED, NAMES, acoustics_of_rows
from hyper.study.experiments.arms import STANDARD
from hyper.study.experiments.probes import (
    explained,
    fit_ridge,
    folds,
    probe_classes,
    probe_values,
    rate_of_all,
    squares_by_speaker,
)
from hyper.study.experiments.workbench import Experiment, Record, Workbench, statistics_of_rows
from hyper.study.methods.runs import MAIN, TYPICAL_COMMANDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_COMPONENTS = 8  # of the generated weights
N_PERMUTATIONS = 5
N_READ = 128  # components of the embedding that the probes read: it has thousands of numbers, most alike
VALUES = {"speech rate": "syllable rate", "F0 range": "F0 range", "HNR": "HNR"}  # probe: acoustic measure
_SEED = 0


@torch.inference_mode()
def read_hypernet(bench: Workbench, rows: Sequence[ManifestRow]) -> tuple[np.ndarray, np.ndarray]:
    """Utterance embeddings (n_rows, d_embedding) and generated weights (n_rows, n_generated), first seed."""
    hypernet = bench.trained(STANDARD, bench.seeds[0]).asr.hypernet
    assert hypernet is not None
    statistics = statistics_of_rows(bench.workshop, rows)
    embeddings, weights = [], []
    for part in statistics.split(64):
        part = part.to(bench.workshop.backbone.device)
        lora = hypernet(part).without_gains()
        embeddings.append(hypernet.embed(part).cpu())
        weights.append(torch.cat([each.flatten(1) for each in (*lora.a, *lora.b)], dim=1).cpu())
    return torch.cat(embeddings).double().numpy(), torch.cat(weights).double().numpy()


def principal_components(values: np.ndarray, n: int) -> tuple[np.ndarray, float]:  # (n_rows, k) -> (n_rows, n)
    """The rows on the first n axes of greatest variance, and the share of the variance that these hold."""
    u, s, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    total = (s**2).sum()
    return (u * s)[:, :n], float((s[:n] ** 2).sum() / total) if total else 0.0


def probes(embedding: np.ndarray, acoustics: np.ndarray, rows: Sequence[ManifestRow]) -> Record:
    """Linear probes on held-out speakers, each beside shuffled labels."""
    speakers = [row.speaker for row in rows]
    found = {"cohort": probe_classes(embedding, [row.cohort for row in rows], speakers).to_json()}
    atypical = np.array([bool(row.severity) for row in rows])
    severe = [row.severity for row in rows if row.severity]
    patients = [row.speaker for row in rows if row.severity]
    if len(set(severe)) > 1:
        found["severity"] = probe_classes(embedding[atypical], severe, patients).to_json()
    for name, measure in VALUES.items():
        found[name] = probe_values(embedding, acoustics[:, NAMES.index(measure)], speakers).to_json()
    return found


def importance(acoustics: np.ndarray, components: np.ndarray, speakers: Sequence[str]) -> Record:
    """How much R² of the generated weights' components is lost when an acoustic measure is permuted, test folds only.

    MFCCs are permuted together: they are many, and each stands in for the others.
    """
    whole = squares_by_speaker(acoustics, components, speakers)
    mfcc = [i for i, name in enumerate(NAMES) if name.startswith("MFCC")]
    groups = {name: [NAMES.index(name)] for name in MEASURED} | {"all MFCCs": mfcc}
    total, more = np.zeros(len(acoustics)), {name: np.zeros(len(acoustics)) for name in groups}
    rngs = {name: np.random.default_rng(_SEED) for name in groups}
    for fitted, tested in folds(speakers):
        ridge = fit_ridge(acoustics[fitted], components[fitted], np.asarray(speakers)[fitted])
        total[tested] = ((components[tested] - components[fitted].mean(axis=0)) ** 2).sum(axis=1)
        left = ((components[tested] - ridge.predict(acoustics[tested])) ** 2).sum(axis=1)
        for name, columns in groups.items():
            for _ in range(N_PERMUTATIONS):
                permuted = acoustics[tested].copy()
                permuted[:, columns] = permuted[rngs[name].permutation(len(permuted))][:, columns]
                again = ((components[tested] - ridge.predict(permuted)) ** 2).sum(axis=1)
                more[name][tested] += (again - left) / N_PERMUTATIONS
    lost = {name: sum_by_speaker(speakers, np.stack([each, total], axis=1)) for name, each in more.items()}
    return {
        "r2": rate_of_all(whole, explained),
        "interval": _ends(whole, explained),
        "lost": {
            name: {"lost": rate_of_all(counts, _share), "interval": _ends(counts, _share)}
            for name, counts in lost.items()
        },
    }


def _share(pooled: np.ndarray) -> np.ndarray:  # (n_draws, 2) -> (n_draws,)
    return pooled[:, 0] / pooled[:, 1]


def _ends(counts: np.ndarray, rate: Callable[[np.ndarray], np.ndarray]) -> list[float] | None:
    interval = bootstrap_speakers(counts, rate)
    return interval and interval.to_json()


class Knowledge(Experiment):
    """Probes of the standard hypernetwork."""

    name = "knowledge"
    title = "What the embedding knows"
    question = "Does the embedding hold cohort, severity and voice, and which sounds move the generated weights?"
    setup = (
        "Embeddings and generated weights of the hypernetwork in its standard form (rank 1 on W1, first seed) for "
        "every held-out recording, typical ones too. Probes are ridge regressions on the embedding's first "
        f"{N_READ} principal components, fitted on four fifths of the speakers, with a penalty chosen across these, "
        "and read on the others: balanced accuracy for cohort and severity, R² for measures of the recording itself; "
        "the control deals the labels to other speakers, and the measures to other recordings. The same regression "
        f"tells the first {N_COMPONENTS} components of the generated weights from acoustic measures, one of which is "
        "then permuted."
    )
    would_change = (
        "Nonlinear probes, which could read more; real patients, in whom cohort and recording conditions go together; "
        "measures that are heard by people instead of computed."
    )

    def run(self, bench: Workbench) -> Record:
        """Train the standard hypernetwork; read its embeddings and what it generates."""
        results = bench.run([STANDARD])
        rows = [row for name in (MAIN, TYPICAL_COMMANDS) if name in bench.sets for row in bench.sets[name]]
        embedding, weights = read_hypernet(bench, rows)
        acoustics = acoustics_of_rows(bench.workshop, rows)
        components, explained_share = principal_components(weights, N_COMPONENTS)
        points, map_share = principal_components(embedding, 2)
        read, read_share = principal_components(embedding, N_READ)
        findings = {
            "probes": probes(read, acoustics, rows),
            "read_share": read_share,
            "importance": importance(acoustics, components, [row.speaker for row in rows]),
            "components_share": explained_share,
            "map": {
                "share": map_share,
                "points": np.round(points, 4).tolist(),
                "cohorts": [row.cohort for row in rows],
                "severities": [row.severity for row in rows],
            },
        }
        return {"arms": bench.arms(results, {}), "findings": findings}

    def tables(self, record: Record) -> str:
        """What the probes read, what the weights follow, and how much of the variance was looked at."""
        found, importance = record["findings"], record["findings"]["importance"]
        read = [
            [
                name,
                percent(probe["value"], 0),
                interval_cell(probe["interval"], digits=0),
                percent(probe["shuffled"], 0),
            ]
            for name, probe in found["probes"].items()
        ]
        lost = sorted(importance["lost"].items(), key=lambda each: -each[1]["lost"])
        moved = [["none (R² of all measures)", percent(importance["r2"]), interval_cell(importance["interval"])]]
        moved += [[name, percent(each["lost"]), interval_cell(each["interval"])] for name, each in lost]
        shares = [
            [f"of the embedding, that the probes read: {N_READ} components", percent(found["read_share"], 0)],
            [
                f"of the generated weights, told from measures: {N_COMPONENTS} components",
                percent(found["components_share"], 0),
            ],
            ["of the embedding, on the map: 2 components", percent(found["map"]["share"], 0)],
        ]
        return "\n\n".join(
            (
                markdown_table(["read off the embedding", "value", "95 % interval", "shuffled labels"], read),
                markdown_table(["permuted measure", "R² lost", "95 % interval"], moved),
                markdown_table(["variance", "share"], shares),
            )
        )

    def figure(self, record: Record) -> Figure:
        """A map of the embedding, and the probes."""
        found = record["findings"]
        points = np.array(found["map"]["points"])
        return knowledge_figure(points, found["map"]["cohorts"], found["map"]["severities"], found["probes"])
