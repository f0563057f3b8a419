"""Experiment `knowledge`: what the utterance embedding knows, and which sounds move the generated weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from hyper.metrics.intervals import bootstrap_speakers
from hyper.plots.experiments import knowledge_figure
from hyper.recordings.manifest import ManifestRow
from hyper.study.experiments.acoustics import MEASURED, NAMES, acoustics_of_rows
from hyper.study.experiments.arms import STANDARD
from hyper.study.experiments.probes import Ridge, explained, folds, probe_classes, probe_values, squares_by_speaker
from hyper.study.experiments.prose import between, listed, percent, side_of, table
from hyper.study.experiments.workbench import Bench, Experiment, Record, statistics_of_rows
from hyper.study.methods.runs import MAIN, TYPICAL_COMMANDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_COMPONENTS = 8  # of the generated weights
N_PERMUTATIONS = 5
N_READ = 128  # components of the embedding that the probes read: it has thousands of numbers, most alike
VALUES = {"speech rate": "syllable rate", "F0 range": "F0 range", "HNR": "HNR"}  # probe: acoustic measure
_SEED = 0


def _run(bench: Bench) -> Record:
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


@torch.inference_mode()
def read_hypernet(bench: Bench, rows: Sequence[ManifestRow]) -> tuple[np.ndarray, np.ndarray]:
    """Utterance embeddings (n_rows, d_embedding) and generated weights (n_rows, n_generated), first seed."""
    hypernet = bench.trained(STANDARD, bench.seeds[0]).asr.hypernet
    statistics = statistics_of_rows(bench.workshop, rows)
    embeddings, weights = [], []
    for part in statistics.split(64):
        part = part.to(bench.workshop.backbone.device)
        lora = hypernet(part)
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
    (r2,) = explained(whole.sum(axis=0)[None])
    interval = bootstrap_speakers(whole, explained)
    mfcc = [i for i, name in enumerate(NAMES) if name.startswith("MFCC")]
    groups = {name: [NAMES.index(name)] for name in MEASURED} | {"all MFCCs": mfcc}
    found = {name: _lost(acoustics, components, speakers, columns) for name, columns in groups.items()}
    return {"r2": float(r2), "interval": interval and interval.to_json(), "lost": found}


def _lost(acoustics: np.ndarray, components: np.ndarray, speakers: Sequence[str], columns: Sequence[int]) -> Record:
    rng = np.random.default_rng(_SEED)
    more, total = np.zeros(len(acoustics)), np.zeros(len(acoustics))
    for is_test in folds(speakers):
        ridge = Ridge(acoustics[~is_test], components[~is_test], np.asarray(speakers)[~is_test])
        left = ((components[is_test] - ridge.predict(acoustics[is_test])) ** 2).sum(axis=1)
        total[is_test] = ((components[is_test] - components[~is_test].mean(axis=0)) ** 2).sum(axis=1)
        for _ in range(N_PERMUTATIONS):
            permuted = acoustics[is_test].copy()
            permuted[:, columns] = permuted[rng.permutation(len(permuted))][:, columns]
            again = ((components[is_test] - ridge.predict(permuted)) ** 2).sum(axis=1)
            more[is_test] += (again - left) / N_PERMUTATIONS
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    counts = np.stack([np.bincount(index, each, len(names)) for each in (more, total)], axis=1)
    ratio = lambda pooled: pooled[:, 0] / pooled[:, 1]  # noqa: E731
    interval = bootstrap_speakers(counts, ratio)
    return {"lost": float(ratio(counts.sum(axis=0)[None])[0]), "interval": interval and interval.to_json()}


def _answer(record: Record) -> str:
    found = record["findings"]
    known = [name for name, probe in found["probes"].items() if side_of(probe["interval"], probe["shuffled"]) > 0]
    unknown = [name for name in found["probes"] if name not in known]
    values = {name: (probe["value"], probe["shuffled"]) for name, probe in found["probes"].items()}
    parts = [f"{name} ({percent(values[name][0], 0)}, shuffled {percent(values[name][1], 0)})" for name in known]
    first = (
        f"On speakers that the probes were not fitted on, the embedding tells {listed(parts)}"
        if known
        else "The embedding tells nothing that the probes ask for better than with shuffled labels"
    )
    if known and unknown:
        first += f", and not clearly {listed(unknown)}"
    lost = found["importance"]["lost"]
    strongest = max(lost, key=lambda name: lost[name]["lost"])
    r2, ends = found["importance"]["r2"], found["importance"]["interval"]
    second = (
        f"Acoustic measures explain {percent(r2, 0)} {between(ends, 100, 0)} of the generated weights' main "
        f"directions, and most is lost without {strongest} ({percent(lost[strongest]['lost'], 0)} "
        f"{between(lost[strongest]['interval'], 100, 0)})."
    )
    return f"{first}. {second}"


def _setup(record: Record) -> str:
    found = record["findings"]
    return (
        "Embeddings and generated weights of the hypernetwork in its standard form (rank 1 on W1, first seed) for "
        "every held-out recording, typical ones too. Probes are ridge regressions on the embedding's first "
        f"{N_READ} principal components ({percent(found['read_share'], 0)} of its variance), fitted on four fifths of "
        "the speakers, with a penalty chosen across these, and read on the others: "
        "balanced accuracy for cohort and severity, R² for measures of the recording itself; the control "
        "deals the labels to other speakers. The first "
        f"{N_COMPONENTS} components hold {percent(found['components_share'], 0)} of the variance of the generated "
        f"weights; the map's two hold {percent(found['map']['share'], 0)} of that of the embedding."
    )


def _table(record: Record) -> str:
    found = record["findings"]
    lines = [
        [name, percent(probe["value"], 0), between(probe["interval"], 100, 0), percent(probe["shuffled"], 0)]
        for name, probe in found["probes"].items()
    ]
    lost = sorted(found["importance"]["lost"].items(), key=lambda each: -each[1]["lost"])
    measures = [[name, percent(each["lost"]), between(each["interval"])] for name, each in lost]
    return (
        table(["read off the embedding", "value", "95 % interval", "shuffled labels"], lines)
        + "\n\n"
        + table(["permuted measure", "R² lost", "95 % interval"], measures)
    )


def _figure(record: Record) -> Figure:
    found = record["findings"]
    points = np.array(found["map"]["points"])
    return knowledge_figure(points, found["map"]["cohorts"], found["map"]["severities"], found["probes"])


EXPERIMENT = Experiment(
    name="knowledge",
    title="What the embedding knows",
    question="Does the embedding hold cohort, severity and voice, and which sounds move the generated weights?",
    sets=(MAIN, TYPICAL_COMMANDS),
    run=_run,
    setup=_setup,
    table=_table,
    answer=_answer,
    figure=_figure,
    would_change=(
        "Nonlinear probes, which could read more; real patients, in whom cohort and recording conditions go together; "
        "measures that are heard by people instead of computed."
    ),
)
