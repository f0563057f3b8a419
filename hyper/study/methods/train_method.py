"""Training and scoring of one method with one seed: resumable, and the same updates for each."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.whole_files import write_whole
from hyper.study.methods.adaptations import AdaptationError, private_copy
from hyper.study.methods.held_out import HeldOut, StatisticsOf, transcribe
from hyper.study.methods.specs import Method
from hyper.training.adaptation.hypernet_adaptation import HypernetAdaptation
from hyper.training.adaptation.loop import Adaptation, AdaptationTrainer, AdaptationTraining
from hyper.training.adaptation.states import StateStore, Store
from hyper.training.adaptation.stores import LogMelStore, WithStatistics

if TYPE_CHECKING:
    from hyper.compare.transcript import Transcript

RATE_STEPS = (1 / 3, 1.0, 3.0)  # learning rates that are tried, as multiples of the method's own
_KIND_SHARES = {"atypical": 0.75, "typical": 0.25}  # of a batch
TRIAL_SHARE = 0.2  # of the updates that each trial gets
ENROLMENT_UPDATES = 40  # of a speaker's own LoRA, on all their enrolment recordings each time
TYPICAL = "typical"


@dataclass(frozen=True)
class Trained:
    """A method trained for one key."""

    asr: PersonalizedAsr
    n_trainable: int
    minutes: float
    updates: int
    learning_rate: float


@dataclass(frozen=True)
class Workshop:
    """What every method of a study shares."""

    backbone: Backbone
    rows: Sequence[ManifestRow]  # of the training recordings
    enrolment: Sequence[ManifestRow]  # of the test speakers, other sentences than in the test
    folder: Path
    settings: AdaptationTraining  # with the updates of one method

    @cached_property
    def held_out(self) -> HeldOut:
        """Held-out recordings as the frozen base hears them, encoded once for all methods."""
        return HeldOut(self.backbone)

    def states(self) -> StateStore:
        """Encoder states of the training recordings, computed once for all methods."""
        return StateStore.build(self.backbone, self.rows, self.folder / "states", bfloat16=self.settings.bfloat16)

    def store(self, method: Method) -> Store:
        """The training recordings as the method reads them, at the same positions for all."""
        states = self.states()
        if method.trains_encoder:
            return LogMelStore(self.backbone, self.rows, states)
        if method.listener:
            return WithStatistics(states, method.listener.embed(self, self.rows_of(states)))
        return states

    def rows_of(self, states: StateStore) -> list[ManifestRow]:
        """The rows behind the positions of the store."""
        by_path = {str(row.path): row for row in self.rows}
        return [by_path[path] for path in states.paths]


def train_method(workshop: Workshop, method: Method, seed: int, keys: Collection[str]) -> dict[str, Trained]:
    """The method trained for each key; what a folder already holds in whole is loaded, what it holds in part goes on.

    Keys that no training recording has (a cohort held out) are left out: there the method is the base.
    """
    if method.name == "lora-speaker":
        return _enrol(workshop, method, seed, keys)
    store = workshop.store(method)
    rate = choose_rate(workshop, method)
    part = method.recordings(store, workshop.settings.validation_share) if method.recordings else None
    cohorts = sorted(set(store.cohorts) - {TYPICAL})
    by_cohort = method.name == "lora-cohort"
    wanted = [cohort for cohort in cohorts if cohort in keys] if by_cohort else ["all"]
    # A cohort's own LoRA gets its share of the updates, so that all methods see equally many recordings.
    updates = workshop.settings.updates // (len(cohorts) if by_cohort else 1)
    settings = replace(workshop.settings, learning_rate=rate, seed=seed, updates=updates)
    folder = workshop.folder / method.name / f"seed{seed}"
    chosen = {key: positions(store.cohorts, {key, TYPICAL}) if by_cohort else part for key in wanted}
    return {key: _train(workshop, method, store, settings, folder / key, chosen[key]) for key in wanted}


def positions(labels: Sequence[str], wanted: Collection[str]) -> np.ndarray:
    """Where a label is one of the wanted."""
    return np.array([i for i, label in enumerate(labels) if label in wanted], dtype=np.int64)


def choose_rate(workshop: Workshop, method: Method) -> float:
    """The learning rate with the lowest validation loss after short trials; kept, so that all seeds share it."""
    method = method.rate_of or method
    file = workshop.folder / method.name / "rates.json"
    if not file.exists():
        losses, store = {}, workshop.store(method)
        for step in RATE_STEPS:
            rate = method.learning_rate * step
            updates = max(1, round(TRIAL_SHARE * workshop.settings.updates))
            settings = replace(workshop.settings, learning_rate=rate, seed=0, updates=updates)
            folder = workshop.folder / method.name / f"trial-{rate:g}"
            _train(workshop, method, store, settings, folder, None)
            losses[rate] = _validation_loss(folder)
        write_whole(file, json.dumps({"validation_loss": {f"{rate:g}": loss for rate, loss in losses.items()}}))
    losses = json.loads(file.read_text())["validation_loss"]
    return float(min(losses, key=losses.get))


def _validation_loss(folder: Path) -> float:
    """Typical and atypical speech in the shares that training has them; of one kind alone where that is all there is.

    Errors: AdaptationError where no speaker was held out.
    """
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    shares = {f"{kind}_adapted": share for kind, share in _KIND_SHARES.items() if f"{kind}_adapted" in last}
    if not shares:
        raise AdaptationError(
            "All recordings have one speaker, so none can be held out to choose the learning rate by; add another."
        )
    return sum(share * last[name] for name, share in shares.items()) / sum(shares.values())


def _train(
    workshop: Workshop,
    method: Method,
    store: Store,
    settings: AdaptationTraining,
    folder: Path,
    chosen: np.ndarray | None,
) -> Trained:
    backbone = private_copy(workshop.backbone)
    adaptation = method.build(backbone, settings.language, settings.seed)
    trainer = AdaptationTrainer(store, adaptation, folder, settings, chosen=chosen)
    if isinstance(adaptation, HypernetAdaptation) and trainer.step == 0:
        adaptation.standardise(store, trainer.training)
    if trainer.progress < 1:
        trainer.train()
    return _trained(backbone, adaptation, trainer, method)


def _trained(backbone: Backbone, adaptation: Adaptation, trainer: AdaptationTrainer, method: Method) -> Trained:
    hypernet = adaptation.hypernet if isinstance(adaptation, HypernetAdaptation) else None
    backbone.model.eval()
    return Trained(
        asr=PersonalizedAsr(backbone, hypernet, method.name if hypernet else None),
        n_trainable=sum(p.numel() for p in adaptation.parameters()),
        minutes=trainer.clock.spent / 60,
        updates=trainer.step,
        learning_rate=trainer.settings.learning_rate,
    )


def _enrol(workshop: Workshop, method: Method, seed: int, keys: Collection[str]) -> dict[str, Trained]:
    """A LoRA for each speaker with enrolment recordings, from nothing; the learning rate is that of the one for all."""
    rate = choose_rate(workshop, method)
    rows = [row for row in workshop.enrolment if row.speaker in keys]
    store = StateStore.build(workshop.backbone, rows, workshop.folder / "enrolment-states")
    trained = {}
    for speaker in sorted({row.speaker for row in rows}):
        own = positions(store.speakers, {speaker})
        settings = replace(
            workshop.settings,
            learning_rate=rate,
            seed=seed,
            updates=ENROLMENT_UPDATES,
            warm_up=ENROLMENT_UPDATES // 10,
            validation_share=0.0,
            batch_size=len(own),
        )
        folder = workshop.folder / method.name / f"seed{seed}" / speaker
        trained[speaker] = _train(workshop, method, store, settings, folder, own)
    return trained


def score_method(
    workshop: Workshop,
    trained: dict[str, Trained],
    method: Method,
    rows: Sequence[ManifestRow],
    *,
    strength: float = 1.0,
    statistics_of: StatisticsOf | None = None,
) -> list[tuple[ManifestRow, Transcript]]:
    """Every recording by the adaptation of its key; those without one are left to the base."""
    groups: dict[str, list[ManifestRow]] = {}
    for row in rows:
        groups.setdefault(method.key(row), []).append(row)
    written = []
    for key, group in groups.items():
        if key in trained:
            asr = trained[key].asr
            # A trained encoder hears every recording differently; under a hypernetwork the base's stays as it was.
            has_own_ears = method.trains_encoder and asr.hypernet is None
            heard = HeldOut(asr.backbone, kept_bytes=0) if has_own_ears else workshop.held_out
            written += transcribe(asr, heard, group, strength=strength, statistics_of=statistics_of)
    return written


def heard_by(workshop: Workshop, method: Method, rows: Sequence[ManifestRow]) -> StatisticsOf | None:
    """What the method's own listener hears of each recording; None where that is Whisper's encoder."""
    return statistics_by_row(rows, method.listener.embed(workshop, rows)) if method.listener else None


def statistics_by_row(rows: Sequence[ManifestRow], statistics: Tensor) -> StatisticsOf:  # (n_rows, ...)
    """The statistics of a recording, by its row."""
    by_path = dict(zip((row.path for row in rows), statistics, strict=True))
    return lambda row: by_path[row.path]
