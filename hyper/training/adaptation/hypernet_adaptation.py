"""The hypernetwork: the base frozen, plain cross-entropy through the weights that it writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hyper.model.backbone import Backbone
from hyper.model.config import HypernetConfig
from hyper.model.hypernet import HyperNetwork
from hyper.model.lora import LoraSite
from hyper.training.adaptation.loop import Adaptation
from hyper.training.adaptation.states import StateBatch, Store
from hyper.training.adaptation.teacher_forcing import IGNORED, teacher_batch

_STANDARDISED_ON = 20_000  # utterances: enough for means and deviations, where each would have to be encoded


class ReferenceLoss:
    """Cross-entropy of references under a Whisper's decoder, from encoder states.

    Over the tokens that the base may write, as decoding has it: those that its settings suppress are neither taught
    nor in the sum. Half of a step's time would go into scores that nobody reads.
    """

    def __init__(self, backbone: Backbone, language: str) -> None:
        self._backbone, self._prompt = backbone, backbone.prompt(language)
        n_tokens = backbone.n_tokens
        is_written = torch.ones(n_tokens, dtype=torch.bool)
        is_written[list(backbone.suppressed)] = False
        self._written = is_written.nonzero().squeeze(1).to(backbone.device)  # (n_written,) token ids
        self._place = torch.full((n_tokens,), IGNORED, device=backbone.device)  # of each token among the written
        self._place[self._written] = torch.arange(len(self._written), device=backbone.device)

    def __call__(self, states: Tensor, tokens: list[list[int]]) -> Tensor:
        """Summed over all tokens and ends of a batch, in nats; states (batch, n_states, d_model)."""
        backbone = self._backbone
        inputs, targets = teacher_batch(tokens, self._prompt, backbone.end_token, backbone.max_target_positions)
        targets = targets.to(backbone.device)
        is_target = targets != IGNORED
        logits = backbone.logits(states, inputs, is_target, self._written)  # (n_targets, n_written)
        return nn.functional.cross_entropy(
            logits, self._place[targets[is_target]], ignore_index=IGNORED, reduction="sum"
        )


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
        self._backbone, self._loss = backbone, ReferenceLoss(backbone, language)

    def begun_with(self) -> dict[str, Any]:
        """The hypernetwork's settings, its base by its weights and not by its name."""
        settings = asdict(self.hypernet.config) | {"targets": list(self.hypernet.config.targets)}
        del settings["base_model"]
        return settings | super().begun_with()

    def standardise(self, store: Store, training: np.ndarray) -> None:
        """Fit the standardisation of the statistics on the training utterances."""
        step = max(1, len(training) // _STANDARDISED_ON)
        statistics = store.statistics(training[::step])
        self.hypernet.utterance_encoder.fit_standardisation(statistics.to(self._backbone.device))

    def forward(self, batch: StateBatch) -> Tensor:
        """Summed cross-entropy of the references of a batch, in nats."""
        lora = self.hypernet(batch.statistics.to(self._backbone.device))
        with self._backbone.adapted(lora):
            return self._loss(self._states(batch), batch.tokens)

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
