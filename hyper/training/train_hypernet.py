"""The hypernetwork: the base frozen, plain cross-entropy through the weights that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hyper.backbone import Backbone
from hyper.config import HypernetConfig
from hyper.hypernet import HyperNetwork
from hyper.lora import apply_lora
from hyper.manifest import ManifestRow
from hyper.training.progress import Clock, Log, cosine, load_state, save_state, set_rate
from hyper.training.states import StateBatch, StateStore
from hyper.training.targets import IGNORED, teacher_batch

_BUCKETS = 6  # groups of like length that batches are drawn from


@dataclass(frozen=True)
class HypernetTraining:
    """Settings of a run; the defaults are what made the bundled hypernetwork."""

    minutes: float = 12.0  # of training proper
    batch_size: int = 64
    learning_rate: float = 2e-3
    warm_up: int = 100  # updates
    typical_share: float = 0.25  # of every batch, so that typical speech is left unharmed
    validation_share: float = 0.04  # of the speakers, never trained on
    save_every_seconds: float = 120.0
    language: str = "en"
    seed: int = 0


class HypernetTrainer:
    """One run in one folder; made again from the same folder it goes on where it was."""

    def __init__(
        self,
        backbone: Backbone,
        rows: Sequence[ManifestRow],
        run: Path,
        config: HypernetConfig,
        settings: HypernetTraining,
    ) -> None:
        self.backbone, self.settings, self.run = backbone, settings, run
        torch.manual_seed(settings.seed)
        self.store = StateStore.build(backbone, rows, run / "states")
        self.hypernet = HyperNetwork(config, backbone.sites(config.targets)).to(backbone.device)
        self.training, self.validation = self._split()
        self.hypernet.utterance_encoder.fit_standardisation(self.store.statistics(self.training).to(backbone.device))
        self.optimizer = torch.optim.AdamW(self.hypernet.parameters(), settings.learning_rate, weight_decay=0.01)
        self.clock, self.step = Clock(settings.minutes * 60), 0
        self.log = Log(run / "log.jsonl")
        if (run / "state.safetensors").exists():
            numbers = load_state(run / "state.safetensors", {"hypernet": self.hypernet}, self.optimizer)
            self.step, self.clock.spent = int(numbers["step"]), numbers["spent"]

    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        """Utterances to train on and to validate on; a speaker is in one of them."""
        speakers = sorted(set(self.store.speakers))
        rng = np.random.default_rng(self.settings.seed)
        n_held = max(1, round(len(speakers) * self.settings.validation_share))
        held = set(rng.choice(speakers, size=n_held, replace=False).tolist()) if len(speakers) > 1 else set()
        is_held = np.array([speaker in held for speaker in self.store.speakers])
        return np.flatnonzero(~is_held), np.flatnonzero(is_held)

    def train(self) -> None:
        """Run to the end of the budget; saves every two minutes and at the end, with the validation loss."""
        rng = np.random.default_rng([self.settings.seed, self.step])
        draw = _Sampler(self.store, self.training, self.settings, rng)
        saved = self.clock.spent
        if self.step == 0:
            self._report()
        self.clock.restart()
        while self.clock.progress < 1:
            self._update(self.store.batch(draw.batch()))
            self.clock.tick()
            if self.clock.spent - saved > self.settings.save_every_seconds:
                self._save()
                saved = self.clock.spent
                self.clock.restart()
        self._save()

    def _save(self) -> None:
        numbers = {"step": self.step, "spent": self.clock.spent}
        save_state(self.run / "state.safetensors", {"hypernet": self.hypernet}, self.optimizer, numbers)
        self._report()

    def _update(self, batch: StateBatch) -> None:
        self.hypernet.train()
        factor = cosine(self.clock.progress, self.step, self.settings.warm_up)
        set_rate(self.optimizer, self.settings.learning_rate * factor)
        loss = self._loss(batch, adapted=True)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.hypernet.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        if self.step % 50 == 0:
            self.log.write(step=self.step, minutes=self.clock.spent / 60, loss=float(loss.detach()))

    def _loss(self, batch: StateBatch, adapted: bool) -> Tensor:
        """Cross-entropy of the reference, in nats a token, with the generated weights or with none."""
        backbone = self.backbone
        inputs, targets = teacher_batch(
            batch.tokens, backbone.prompt(self.settings.language), backbone.end_token, backbone.max_target_positions
        )
        states = batch.states.to(backbone.device, backbone.dtype)
        if adapted:
            with apply_lora(backbone.model, self.hypernet(batch.statistics.to(backbone.device))):
                logits = self._logits(inputs, states)
        else:
            logits = self._logits(inputs, states)
        targets = targets.to(backbone.device)
        return nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED)

    def _logits(self, inputs: Tensor, states: Tensor) -> Tensor:
        model = self.backbone.model
        hidden = model.model.decoder(
            input_ids=inputs.to(self.backbone.device), encoder_hidden_states=states, use_cache=False
        ).last_hidden_state
        return model.proj_out(hidden)

    @torch.no_grad()
    def _report(self) -> None:
        """Loss of base and adapted on validation speakers, typical and atypical apart."""
        self.hypernet.eval()
        entry: dict[str, float] = {}
        typical = np.array([self.store.cohorts[i] == "typical" for i in self.validation], dtype=bool)
        for name, members in (("typical", self.validation[typical]), ("atypical", self.validation[~typical])):
            chosen = members[:512]
            groups = [chosen[i : i + 64] for i in range(0, len(chosen), 64)]
            for row, adapted in (("base", False), ("adapted", True)):
                losses = [float(self._loss(self.store.batch(group), adapted)) * len(group) for group in groups]
                if losses:
                    entry[f"{name}_{row}"] = sum(losses) / len(chosen)
        self.log.write(step=self.step, minutes=self.clock.spent / 60, **entry)


class _Sampler:
    """Batches of like length with a fixed share of typical speech, cohorts equally often."""

    def __init__(
        self, store: StateStore, members: np.ndarray, settings: HypernetTraining, rng: np.random.Generator
    ) -> None:
        cohorts = np.array([store.cohorts[i] for i in members])
        names = sorted(set(cohorts))
        atypical = [name for name in names if name != "typical"]
        share = {name: (1 - settings.typical_share * ("typical" in names)) / len(atypical) for name in atypical}
        share["typical"] = settings.typical_share if atypical else 1.0
        weights = np.array([share[cohort] / np.sum(cohorts == cohort) for cohort in cohorts])
        order = np.argsort(store.lengths[members], kind="stable")
        self._groups = [members[part] for part in np.array_split(order, _BUCKETS)]
        self._weights = [weights[part] for part in np.array_split(order, _BUCKETS)]
        self._shares = np.array([w.sum() for w in self._weights])
        self._size, self._rng = settings.batch_size, rng

    def batch(self) -> np.ndarray:
        """(batch,) positions in the store."""
        group = self._rng.choice(len(self._groups), p=self._shares / self._shares.sum())
        weights = self._weights[group]
        return self._rng.choice(self._groups[group], size=self._size, p=weights / weights.sum())
