"""A method of the comparison: how it is trained with one seed, resumable, and how it transcribes."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from torch import Tensor

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone
from hyper.recordings.manifest import TYPICAL, ManifestRow
from hyper.recordings.whole_files import write_whole
from hyper.study.methods.adaptations import AdaptationError, private_copy
from hyper.study.methods.held_out import HeldOut, StatisticsOf, transcribe
from hyper.training.adaptation.adaptation import Adaptation
from hyper.training.adaptation.hypernet_adaptation import HypernetAdaptation
from hyper.training.adaptation.loop import AdaptationTrainer, AdaptationTraining, DivergedError
from hyper.training.adaptation.losses import ORIGINALS, REFERENCES
from hyper.training.adaptation.originals import WithOriginals
from hyper.training.adaptation.states import StateStore, Store
from hyper.training.adaptation.stores import AroundStore, LogMelStore, WithStatistics

if TYPE_CHECKING:
    from hyper.compare.transcript import Transcript

EVERYBODY = "all"  # the key of recordings that share one adaptation with all others
RATE_STEPS = (1 / 3, 1.0, 3.0)  # learning rates that are tried, as multiples of the method's own
TRIAL_SHARE = 0.2  # of the updates that each trial gets
WARM_UP_SHARE = 0.1  # of a trial or a share of the updates, where that is shorter than the study's own warm-up
KIND_SHARES = {"atypical": 0.75, "typical": 0.25}  # of a batch
ENROLMENT_UPDATES = 40  # of a speaker's own adaptation, each on as many draws as they have enrolment recordings

Builder = Callable[[Backbone, str, int], Adaptation]  # of a private backbone, a language and a seed


@dataclass(frozen=True)
class Workshop:
    """What every method of a study shares."""

    backbone: Backbone
    rows: Sequence[ManifestRow]  # of the training recordings
    enrolment: Sequence[ManifestRow]  # of the test speakers, other sentences than in the test
    folder: Path
    settings: AdaptationTraining  # with the updates of one method
    validation_speakers: Set[str] | None = None  # drawn by the training loop where None
    lesson: str = REFERENCES  # what all methods are taught

    @cached_property
    def held_out(self) -> HeldOut:
        """Held-out recordings as the frozen base hears them, encoded once for all methods."""
        return HeldOut(self.backbone)

    @cached_property
    def states(self) -> StateStore:
        """Encoder states of the training recordings, computed and opened once for all methods."""
        return StateStore.build(self.backbone, self.rows, self.folder / "states", bfloat16=self.settings.bfloat16)

    def taught(self, store: StateStore | AroundStore, rows: Sequence[ManifestRow], folder: Path) -> Store:
        """The store with what is taught; the originals' lessons are kept in the folder of its states."""
        if self.lesson != ORIGINALS:
            return store
        settings = self.settings
        return WithOriginals(store, folder, self.backbone, rows, settings.language, settings.bfloat16)

    def rows_of(self, states: StateStore) -> list[ManifestRow]:
        """The rows behind the positions of the store."""
        by_path = {str(row.path): row for row in self.rows}
        return [by_path[path] for path in states.paths]


@dataclass(frozen=True)
class Trained:
    """A method trained for one key."""

    asr: PersonalizedAsr
    n_trainable: int
    minutes: float
    updates: int
    learning_rate: float


class Listener(Protocol):
    """What hears an utterance for the hypernetwork in the place of Whisper's own encoder."""

    def embed(self, workshop: Workshop, rows: Sequence[ManifestRow]) -> Tensor:
        """(n_rows, d_embedding) float32, one a recording; what is in the workshop's folder is not done again."""


@dataclass(frozen=True)
class Method:
    """One row of the table: a single adaptation for everybody."""

    name: str
    title: str
    build: Builder
    learning_rate: float  # the middle of the rates that are tried
    trains_encoder: bool = False
    rate_of: Method | None = None  # whose trials choose the learning rate; None is its own
    recordings: Callable[[Store, float], np.ndarray] | None = None  # positions to train on, of a store and the share
    # of speakers that are held for validation; None is all
    listener: Listener | None = None  # None is Whisper's own encoder

    needs_label: ClassVar[bool] = False  # whether its key is something that no recogniser is told
    enrols: ClassVar[bool] = False  # whether it is taught by further recordings of the test speakers

    def key(self, row: ManifestRow) -> str:
        """Recordings with the same key share one trained adaptation."""
        return EVERYBODY

    def train(self, workshop: Workshop, seed: int, keys: Collection[str]) -> dict[str, Trained]:
        """The method trained for each key; what the folder holds in whole is loaded, what it holds in part goes on.

        Keys that no training recording has (a cohort held out) are left out: there the method is the base.
        """
        store = self.store(workshop)
        part = self.recordings(store, workshop.settings.validation_share) if self.recordings else None
        settings = replace(workshop.settings, learning_rate=self.best_rate(workshop), seed=seed)
        return {EVERYBODY: self.fit(workshop, store, settings, f"seed{seed}/{EVERYBODY}", part)}

    def store(self, workshop: Workshop) -> Store:
        """The training recordings as the method reads them, at the same positions for all methods."""
        states = workshop.states
        read: StateStore | AroundStore = states
        if self.trains_encoder:
            read = LogMelStore(workshop.backbone, workshop.rows, states)
        elif self.listener:
            read = WithStatistics(states, self.listener.embed(workshop, workshop.rows_of(states)))
        return workshop.taught(read, workshop.rows, states.folder)

    def best_rate(self, workshop: Workshop) -> float:
        """The learning rate with the lowest validation loss after short trials; kept, so that all seeds share it.

        Errors: AdaptationError where training diverged with all of them.
        """
        if self.rate_of:
            return self.rate_of.best_rate(workshop)
        file = workshop.folder / self.name / "rates.json"
        if not file.exists():
            losses, store = {}, self.store(workshop)
            for rate in (self.learning_rate * step for step in RATE_STEPS):
                updates = max(1, round(TRIAL_SHARE * workshop.settings.updates))
                settings = replace(for_updates(workshop.settings, updates), learning_rate=rate, seed=0)
                try:
                    self.fit(workshop, store, settings, f"trial-{rate:g}", None)
                except DivergedError as error:  # a rate too high is no choice; the others still are
                    print(error, flush=True)
                    continue
                losses[f"{rate:g}"] = validation_loss(workshop.folder / self.name / f"trial-{rate:g}")
            if not losses:
                raise AdaptationError(f"{self.title} diverged with every learning rate that was tried; try others.")
            write_whole(file, json.dumps({"validation_loss": losses}))
        losses = json.loads(file.read_text())["validation_loss"]
        return float(min(losses, key=losses.get))

    def fit(
        self, workshop: Workshop, store: Store, settings: AdaptationTraining, name: str, chosen: np.ndarray | None
    ) -> Trained:
        """One run of the training loop in the folder of that name; `chosen` are positions in the store."""
        backbone, trainer = self.begin(workshop, store, settings, name, chosen)
        if trainer.progress < 1:
            trainer.train()
        backbone.model.eval()
        adaptation = trainer.adaptation
        hypernet = adaptation.hypernet if isinstance(adaptation, HypernetAdaptation) else None
        return Trained(
            asr=PersonalizedAsr(backbone, hypernet, self.name if hypernet else None),
            n_trainable=sum(p.numel() for p in adaptation.parameters()),
            minutes=trainer.clock.spent / 60,
            updates=trainer.step,
            learning_rate=settings.learning_rate,
        )

    def begin(
        self, workshop: Workshop, store: Store, settings: AdaptationTraining, name: str, chosen: np.ndarray | None
    ) -> tuple[Backbone, AdaptationTrainer]:
        """The run before its first update, or where it was stopped, and the private backbone that it trains for."""
        backbone = private_copy(workshop.backbone)
        adaptation = self.build(backbone, settings.language, settings.seed)
        folder, held = workshop.folder / self.name / name, workshop.validation_speakers
        trainer = AdaptationTrainer(store, adaptation, folder, settings, chosen=chosen, held=held)
        if isinstance(adaptation, HypernetAdaptation) and trainer.step == 0:
            adaptation.standardise(store, trainer.training)
        return backbone, trainer

    def transcribe(
        self,
        workshop: Workshop,
        trained: dict[str, Trained],
        rows: Sequence[ManifestRow],
        *,
        strength: float = 1.0,
        statistics_of: StatisticsOf | None = None,
    ) -> list[tuple[ManifestRow, Transcript]]:
        """Every recording by the adaptation of its key; those without one are left to the base."""
        if self.listener and statistics_of is None:
            statistics_of = statistics_by_row(rows, self.listener.embed(workshop, rows))
        groups: dict[str, list[ManifestRow]] = {}
        for row in rows:
            groups.setdefault(self.key(row), []).append(row)
        written = []
        for key in (key for key in groups if key in trained):
            asr = trained[key].asr
            # A trained encoder hears every recording differently; under a hypernetwork the base's stays as it was.
            has_own_ears = self.trains_encoder and asr.hypernet is None
            heard = HeldOut(asr.backbone, cache_bytes=0) if has_own_ears else workshop.held_out
            written += transcribe(asr, heard, groups[key], strength=strength, statistics_of=statistics_of)
        return written


class PerCohort(Method):
    """An adaptation for each cohort, whose label is given."""

    needs_label = True

    def key(self, row: ManifestRow) -> str:
        return row.cohort

    def train(self, workshop: Workshop, seed: int, keys: Collection[str]) -> dict[str, Trained]:
        """Each cohort gets its share of the updates, so that all methods see equally many recordings."""
        store = self.store(workshop)
        cohorts = sorted(set(store.cohorts) - {TYPICAL})
        updates = max(1, workshop.settings.updates // len(cohorts))  # none would leave it to the clock
        settings = for_updates(workshop.settings, updates)
        settings = replace(settings, learning_rate=self.best_rate(workshop), seed=seed)
        return {
            cohort: self.fit(
                workshop, store, settings, f"seed{seed}/{cohort}", positions(store.cohorts, {cohort, TYPICAL})
            )
            for cohort in cohorts
            if cohort in keys
        }


class PerSpeaker(Method):
    """An adaptation for each test speaker, taught by the enrolment recordings."""

    needs_label = True
    enrols = True

    def key(self, row: ManifestRow) -> str:
        return row.speaker

    def train(self, workshop: Workshop, seed: int, keys: Collection[str]) -> dict[str, Trained]:
        """Each speaker's from nothing, with the learning rate that is best for everybody."""
        rows = [row for row in workshop.enrolment if row.speaker in keys]
        states = StateStore.build(workshop.backbone, rows, workshop.folder / "enrolment-states")
        store = workshop.taught(states, rows, states.folder)
        settings = replace(
            workshop.settings,
            learning_rate=self.best_rate(workshop),
            seed=seed,
            updates=ENROLMENT_UPDATES,
            warm_up=ENROLMENT_UPDATES // 10,
            validation_share=0.0,
        )
        trained = {}
        for speaker in sorted({row.speaker for row in rows}):
            own = positions(store.speakers, {speaker})
            whole = replace(settings, batch_size=len(own))
            trained[speaker] = self.fit(workshop, store, whole, f"seed{seed}/{speaker}", own)
        return trained


def for_updates(settings: AdaptationTraining, updates: int) -> AdaptationTraining:
    """The settings of a run of so many updates: a short one warms up faster, or it never reaches its rate."""
    warm_up = min(settings.warm_up, max(1, round(WARM_UP_SHARE * updates)))
    return replace(settings, updates=updates, warm_up=warm_up)


def positions(labels: Sequence[str], wanted: Collection[str]) -> np.ndarray:
    """Where a label is one of the wanted."""
    return np.array([i for i, label in enumerate(labels) if label in wanted], dtype=np.int64)


def validation_loss(folder: Path) -> float:
    """Typical and atypical speech in the shares that training has them; of one kind alone where that is all there is.

    Errors: AdaptationError where no speaker was held out.
    """
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    shares = {f"{kind}_adapted": share for kind, share in KIND_SHARES.items() if f"{kind}_adapted" in last}
    if not shares:
        raise AdaptationError(
            "All recordings have one speaker, so none can be held out to choose the learning rate by; add another."
        )
    return sum(share * last[name] for name, share in shares.items()) / sum(shares.values())


def statistics_by_row(rows: Sequence[ManifestRow], statistics: Tensor) -> StatisticsOf:  # (n_rows, ...)
    """The statistics of a recording, by its row."""
    by_path = dict(zip((row.path for row in rows), statistics, strict=True))
    return lambda row: by_path[row.path]
