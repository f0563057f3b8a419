"""The hypernetwork: the base frozen, the loss taken through the weights that it writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyper.model.backbone import Backbone
from hyper.model.config import HypernetConfig
from hyper.model.fingerprint import fingerprint
from hyper.model.hypernet import HyperNetwork
from hyper.model.lora import LoraSite
from hyper.training.adaptation.adaptation import Adaptation
from hyper.training.adaptation.losses import TaughtLoss
from hyper.training.adaptation.states import StateBatch, Store

_STANDARDISED_ON = 20_000  # utterances: enough for means and deviations, where each would have to be encoded


class HypernetAdaptation(Adaptation):
    """Weights written for each utterance of a batch from its own statistics."""

    def __init__(
        self,
        backbone: Backbone,
        config: HypernetConfig,
        language: str,
        seed: int,
        make: Callable[[HypernetConfig, tuple[LoraSite, ...]], HyperNetwork] = HyperNetwork,
    ) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.hypernet = make(config, backbone.sites(config.targets)).to(backbone.device)
        if config.generated == "nothing":  # no gradient reaches what would write: several processes would wait for it
            self.hypernet.requires_grad_(False)
            for learned in (*self.hypernet.a_learned, *self.hypernet.b_learned):
                learned.requires_grad_(True)
        self._backbone, self._loss = backbone, TaughtLoss(backbone, language)
        self.went_on_from = ""  # what those weights were that it did not draw

    def go_on_from(self, start: HyperNetwork) -> None:
        """Take the weights of a trained one of the same form, and its standardisation, which they were learned with."""
        self.hypernet.load_state_dict(start.state_dict())
        self.went_on_from = fingerprint(start)

    def begun_with(self) -> dict[str, Any]:
        """The hypernetwork's settings, its base by its weights and not by its name."""
        settings = asdict(self.hypernet.config) | {"targets": list(self.hypernet.config.targets)}
        del settings["base_model"]
        if self.went_on_from:
            settings["start"] = self.went_on_from
        return settings | super().begun_with()

    def standardise(self, store: Store, training: np.ndarray) -> None:
        """Fit the standardisation of the statistics on the training utterances."""
        step = max(1, len(training) // _STANDARDISED_ON)
        statistics = store.statistics(training[::step])
        self.hypernet.utterance_encoder.fit_standardisation(statistics.to(self._backbone.device))

    def forward(self, batch: StateBatch) -> Tensor:
        """Summed over the tokens of a batch, in nats."""
        lora = self.hypernet(batch.statistics.to(self._backbone.device))
        with self._backbone.adapted(lora):
            return self._loss(self._states(batch), batch)

    def n_tokens(self, batch: StateBatch) -> int:
        """How many that sum is over."""
        return self._loss.n_tokens(batch)

    def _states(self, batch: StateBatch) -> Tensor:
        """What the decoder reads, (batch, n_states, d_model); called while the update is in force."""
        return batch.states


def adapts_encoder(targets: Sequence[str]) -> bool:
    """Whether any of the kinds of layers stands before the states that the decoder reads."""
    return any(target.startswith("encoder.") for target in targets)


class EncodingHypernetAdaptation(HypernetAdaptation):
    """The same where encoder layers are adapted too; its batches hold log-mel (`LogMelStore`)."""

    def _states(self, batch: StateBatch) -> Tensor:
        return self._backbone.encode_frames(batch.states)
