"""What an experiment is, and the workbench on which its arms are trained and scored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from hyper.metrics.percent import percent
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.whole_files import whole_file
from hyper.study.cells import Rates, markdown_table, reduction_cell, wer_cell
from hyper.study.methods.comparison_table import method_record
from hyper.study.methods.held_out import StatisticsOf
from hyper.study.methods.method import Method, Trained, Workshop
from hyper.study.methods.runs import MAIN, TYPICAL_COMMANDS, Result, run_method, score_base
from hyper.study.methods.scores import Scores, scores_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Record = dict[str, Any]  # an experiment's JSON

COMMANDS = {MAIN: "simulated atypical", TYPICAL_COMMANDS: "typical"}  # the sets of most experiments, in short
OTHER_WAYS = "held-out-commands-known"
IN_SHORT = COMMANDS | {OTHER_WAYS: "by simulators not trained on"}


class Experiment:
    """One question. What is shown of it is made from its record alone, so that a page can be made again later."""

    name: str
    title: str
    question: str
    setup: str
    would_change: str  # what could change the answer
    sets: tuple[str, ...] = tuple(COMMANDS)  # the held-out sets that its arms are scored on

    def run(self, bench: Workbench) -> Record:
        """Train and score; gives `arms` and `findings`."""
        raise NotImplementedError

    def tables(self, record: Record) -> str:
        """The numbers, in Markdown."""
        return arm_table(record)

    def figure(self, record: Record) -> Figure:
        """The main result as a picture."""
        raise NotImplementedError


@dataclass(frozen=True)
class Workbench:
    """The base, the training recordings and the held-out sets that all arms of an experiment share."""

    workshop: Workshop
    sets: Mapping[str, list[ManifestRow]]
    seeds: Sequence[int]

    @cached_property
    def base(self) -> Result:
        """The base on every set."""
        return score_base(self.workshop, dict(self.sets))

    def run(self, methods: Sequence[Method]) -> dict[str, Result]:
        """Each method trained with every seed and scored on every set, by its name, after the base."""
        results = {"base": self.base}
        for method in methods:
            results[method.name] = run_method(self.workshop, method, self.seeds, dict(self.sets), self.base)
        return results

    def arms(self, results: Mapping[str, Result], titles: Mapping[str, str]) -> Record:
        """What each arm is, and its rates on every set; `titles` names shared arms by what tells them apart here."""
        n_parameters = self.workshop.backbone.n_parameters
        arms = {name: method_record(name, results, self.sets, n_parameters) for name in results}
        return {name: arm | ({"title": titles[name]} if name in titles else {}) for name, arm in arms.items()}

    def trained(self, method: Method, seed: int) -> Trained:
        """The method trained for everybody; loaded where that is done."""
        return method.train(self.workshop, seed, ["all"])["all"]

    def base_scores(self, name: str, rows: Sequence[ManifestRow]) -> Scores:
        """The base on further recordings."""
        return score_base(self.workshop, {name: list(rows)}).scores[name][0]

    def scores(
        self,
        method: Method,
        name: str,  # of the recordings and of how they are scored: what it names is not scored again
        rows: Sequence[ManifestRow],
        *,
        otherwise: Scores,
        strength: float = 1.0,
        statistics_of: StatisticsOf | None = None,
    ) -> dict[int, Scores]:
        """The method with every seed on recordings that are scored in another way than its arm is."""
        found = {}
        for seed in self.seeds:
            file = self.workshop.folder / method.name / f"seed{seed}" / f"{name}.json"
            if not file.exists():
                print(f"{method.title}, seed {seed}: {name}", flush=True)
                trained = {"all": self.trained(method, seed)}
                how: dict[str, Any] = {"strength": strength, "statistics_of": statistics_of}
                scores_of(method.transcribe(self.workshop, trained, rows, **how), rows, otherwise).save(file)
            found[seed] = Scores.load(file)
        return found

    def only(self, *names: str) -> Workbench:
        """The same workbench with fewer sets."""
        return replace(self, sets={name: self.sets[name] for name in names if name in self.sets})


def rates_of_arm(record: Mapping[str, Any], arm: str) -> Rates:
    """Rates of an arm on the main set."""
    return record["arms"][arm]["sets"][MAIN]


def arm_table(record: Record) -> str:
    """Every arm: what it adapts, its WER on commands, and its reduction where these are atypical."""
    sets = [name for name in IN_SHORT if name in COMMANDS or name in record["arms"]["base"]["sets"]]
    header = ["arm", "numbers an utterance", "of the base", "trainable", "learning rate"]
    header += [f"WER, {IN_SHORT[name]}" for name in sets] + ["less than the base"]
    lines = []
    for name, arm in record["arms"].items():
        cells = [arm["title"], f"{arm['adapted_parameters']:,}", percent(arm["adapted_share"], 4)]
        cells += [f"{arm['trainable_parameters']:,}", f"{arm['learning_rate']:g}" if arm["updates"] else "–"]
        cells += [wer_cell(arm["sets"].get(name)) for name in sets]
        lines.append([*cells, reduction_cell(rates_of_arm(record, name))])
    return markdown_table(header, lines)


def cached_array(
    folder: Path, rows: Sequence[ManifestRow], make: Callable[[Sequence[ManifestRow]], np.ndarray]
) -> np.ndarray:  # (n_rows, ...)
    """What `make` computes of these recordings, kept in the folder under a name of their own."""
    name = hashlib.sha256("\n".join(str(row.path) for row in rows).encode()).hexdigest()[:16]
    file = folder / f"{name}.npy"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        array = make(rows)
        with whole_file(file) as partial, partial.open("wb") as opened:
            np.save(opened, array)
    return np.load(file)


def statistics_of_rows(workshop: Workshop, rows: Sequence[ManifestRow]) -> Tensor:
    """What a hypernetwork reads of each recording, (n_rows, n_layers + 1, 3, d_model); computed once."""
    return torch.from_numpy(cached_array(workshop.folder / "statistics", rows, lambda rows: _encode(workshop, rows)))


def _encode(workshop: Workshop, rows: Sequence[ManifestRow]) -> np.ndarray:
    found = {row.path: encoded.pooled() for heard in workshop.held_out.batches(rows) for row, encoded in heard}
    return torch.cat([found[row.path].float().cpu() for row in rows]).numpy()
