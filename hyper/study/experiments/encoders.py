"""Other embeddings for the hypernetwork: parts of the encoder's statistics, or a vector from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyper.model.config import HypernetConfig
from hyper.model.hypernet import HyperNetwork
from hyper.model.lora import LoraSite
from hyper.model.utterance_encoder import MIN_STD, UtteranceEncoder

KINDS = ("mean", "std", "change")  # of `pool_statistics`, in its order


class PickedStatistics(UtteranceEncoder):
    """Only some layers, and only some kinds of statistics."""

    def __init__(self, layers: Sequence[int], kinds: Sequence[str], d_model: int, n_mixes: int) -> None:
        super().__init__(len(layers) - 1, d_model, min(n_mixes, len(layers)))
        self._layers, self._kinds = list(layers), [KINDS.index(kind) for kind in kinds]
        self.d_embedding = self.d_embedding // len(KINDS) * len(kinds)

    def fit_standardisation(self, statistics: Tensor) -> None:  # (n_utterances, n_layers + 1, 3, d_model)
        """Standardise by these training statistics from now on."""
        super().fit_standardisation(statistics[:, self._layers])

    def forward(self, statistics: Tensor) -> Tensor:  # (batch, n_layers + 1, 3, d_model) -> (batch, d_embedding)
        mixes = super().forward(statistics[:, self._layers])  # (batch, n_mixes * 3 * d_model)
        return mixes.unflatten(1, (-1, len(KINDS), self.mean.shape[-1]))[:, :, self._kinds].flatten(start_dim=1)


class VectorEncoder(nn.Module):
    """A vector that something else made of the utterance, standardised."""

    mean: Tensor
    std: Tensor

    def __init__(self, d_embedding: int) -> None:
        super().__init__()
        self.d_embedding = d_embedding
        self.register_buffer("mean", torch.zeros(d_embedding))
        self.register_buffer("std", torch.ones(d_embedding))

    def fit_standardisation(self, vectors: Tensor) -> None:  # (n_utterances, d_embedding)
        """Standardise by these training vectors from now on."""
        self.mean.copy_(vectors.mean(dim=0))
        self.std.copy_(vectors.std(dim=0, correction=0).clamp(min=MIN_STD))

    def forward(self, vectors: Tensor) -> Tensor:  # (batch, d_embedding), the same out
        return (vectors - self.mean) / self.std


def reads_vectors(d_embedding: int, config: HypernetConfig, sites: Sequence[LoraSite]) -> HyperNetwork:
    """A hypernetwork on vectors of this size."""
    return HyperNetwork(config, sites, VectorEncoder(d_embedding))


def reads_states(layers: str, kinds: Sequence[str], config: HypernetConfig, sites: Sequence[LoraSite]) -> HyperNetwork:
    """A hypernetwork on statistics of the "first", "middle" or "last" of the encoder's states, or of "all"."""
    last = config.n_encoder_layers
    picked = {"first": [0], "middle": [(last + 1) // 2], "last": [last], "all": list(range(last + 1))}[layers]
    return HyperNetwork(config, sites, PickedStatistics(picked, kinds, config.d_model, config.n_mixes))
