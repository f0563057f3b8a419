"""One utterance's statistics to LoRA weights for every adapted layer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from hyper.model.config import HypernetConfig
from hyper.model.lora import LoraSite, LoraWeights
from hyper.model.utterance_encoder import UtteranceEncoder

HEAD_SHARE = 0.1  # at the start the generated part of `a` has a tenth of the size of its learned part


class HyperNetwork(nn.Module):
    """Writes the update `b @ a` of each site from one utterance; `b` starts at zero, so untrained means base exactly.

    What is written is `config.generated`; what is not is learned and the same for every utterance:

    - "both": a learned `a` and `b`, each with a generated part added.
    - "a" or "b": that factor is generated, the other is learned.
    - "coefficients": both are learned, as `rank` updates of rank 1, and each of these gets a generated factor, 1 at the
      start: few numbers an utterance, which choose among many directions.
    - "nothing": both are learned, one LoRA for everybody: what all the others are compared with.
    """

    def __init__(
        self,
        config: HypernetConfig,
        sites: Sequence[LoraSite],
        utterance_encoder: nn.Module | None = None,  # of another kind than Whisper's own states (experiments)
    ) -> None:
        super().__init__()
        self.config = config
        self.sites = tuple(sites)
        self.utterance_encoder: Any = utterance_encoder or UtteranceEncoder(
            config.n_encoder_layers, config.d_model, config.n_mixes
        )
        self.dropout = nn.Dropout(config.dropout)
        self.trunk = self._hidden_layer(int(cast(Any, self.utterance_encoder).d_embedding))
        n_layers = 1 + max(site.layer for site in self.sites)
        self.layer_vectors = nn.Embedding(n_layers, config.d_hidden)  # which layer the weights are for
        self.target_vectors = nn.Embedding(len(config.targets), config.d_hidden)  # which kind of layer
        self.mixer = self._hidden_layer(config.d_hidden) if config.generator == "mlp" else nn.Identity()
        self.a_heads, self.b_heads = nn.ModuleDict(), nn.ModuleDict()  # one head of each for each shape of layer
        for d_in, d_out in sorted({(site.d_in, site.d_out) for site in self.sites}):
            if config.generated in ("both", "a"):
                self.a_heads[f"{d_in}x{d_out}"] = self._a_head(d_in)
            if config.generated in ("both", "b"):
                self.b_heads[f"{d_in}x{d_out}"] = self._zero_head(d_out * config.rank)
        self.a_learned = nn.ParameterList(
            nn.Parameter(torch.randn(config.rank, site.d_in) / site.d_in**0.5) for site in self.sites
        )
        self.b_learned = nn.ParameterList(nn.Parameter(torch.zeros(site.d_out, config.rank)) for site in self.sites)
        if config.generated == "coefficients":
            self.coefficients = self._zero_head(config.rank)
        self.register_buffer("site_layers", torch.tensor([site.layer for site in self.sites]), persistent=False)
        targets = [config.targets.index(site.target) for site in self.sites]
        self.register_buffer("site_targets", torch.tensor(targets), persistent=False)

    def _hidden_layer(self, d_in: int) -> nn.Module:
        linear = nn.Linear(d_in, self.config.d_hidden)
        if self.config.generator == "linear":
            return linear
        return nn.Sequential(linear, nn.GELU(), nn.LayerNorm(self.config.d_hidden))

    def _a_head(self, d_in: int) -> nn.Linear:
        head = nn.Linear(self.config.d_hidden, self.config.rank * d_in, bias=False)
        nn.init.normal_(head.weight, std=HEAD_SHARE / (d_in * self.config.d_hidden) ** 0.5)
        return head

    def _zero_head(self, size: int) -> nn.Linear:
        head = nn.Linear(self.config.d_hidden, size, bias=False)
        nn.init.zeros_(head.weight)
        return head

    @property
    def n_generated(self) -> int:
        """Generated parameters per utterance."""
        return sum(self.config.rank * n_written(self.config.generated, site.d_in, site.d_out) for site in self.sites)

    @property
    def n_shared(self) -> int:
        """Numbers of the updates that are learned and the same for every utterance."""
        return sum(p.numel() for p in (*self.a_learned, *self.b_learned))

    @property
    def n_parameters(self) -> int:
        """The hypernetwork's own parameters, frozen or not: a loaded one learns no more."""
        return sum(p.numel() for p in self.parameters())

    def embed(self, statistics: Tensor) -> Tensor:  # (batch, n_layers + 1, 3, d_model) -> (batch, d_embedding)
        """The utterance embedding, one per utterance."""
        return self.utterance_encoder(statistics)

    def forward(self, statistics: Tensor) -> LoraWeights:  # (batch, n_layers + 1, 3, d_model)
        """LoRA weights of `batch` rows, one utterance each."""
        return self.generate(self.embed(statistics))

    def generate(self, embedding: Tensor) -> LoraWeights:  # (batch, d_embedding)
        """LoRA weights of `batch` rows, one embedding each: of an utterance, or the mean of several."""
        hidden = self.trunk(self.dropout(embedding))  # (batch, d_hidden)
        place = self.layer_vectors(self.site_layers) + self.target_vectors(self.site_targets)  # (n_sites, d_hidden)
        hidden = self.mixer(hidden[:, None] + place)  # (batch, n_sites, d_hidden)
        pairs = [self._site_weights(hidden[:, i], i) for i in range(len(self.sites))]
        a, b = zip(*pairs, strict=True)
        gains = 1 + self.coefficients(hidden) if self.config.generated == "coefficients" else None
        return LoraWeights(self.sites, a, b, self.config.scaling, gains)

    def _site_weights(self, hidden: Tensor, i: int) -> tuple[Tensor, Tensor]:
        site, rank = self.sites[i], self.config.rank  # hidden: (batch, d_hidden)
        shape = f"{site.d_in}x{site.d_out}"
        n_rows = 1 if self.config.generated == "coefficients" else len(hidden)
        a, b = (learned[i].expand(n_rows, -1, -1) for learned in (self.a_learned, self.b_learned))
        if shape in self.a_heads:
            a = a + self.a_heads[shape](hidden).unflatten(-1, (rank, site.d_in))
        if shape in self.b_heads:
            b = b + self.b_heads[shape](hidden).unflatten(-1, (site.d_out, rank))
        return a, b


def at_strength(hypernet: HyperNetwork, strength: float) -> HyperNetwork:
    """The same weights, as a hypernetwork whose strength 1 is what was this strength: LoRA's alpha times it."""
    other = copy.copy(hypernet)
    other.config = replace(hypernet.config, alpha=strength * hypernet.config.alpha)
    return other


def between(first: HyperNetwork, second: HyperNetwork, share: float) -> HyperNetwork:
    """The second, with this share of each weight taken from the first, which it went on from.

    What was learned before is forgotten less: Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022).
    """
    other, before = copy.deepcopy(second), first.state_dict()
    other.load_state_dict({name: own.lerp(before[name].to(own), share) for name, own in second.state_dict().items()})
    return other


def n_written(generated: str, d_in: int, d_out: int) -> int:
    """Numbers that are written for one update of rank 1, by what is generated (`HypernetConfig.generated`)."""
    return {"both": d_in + d_out, "a": d_in, "b": d_out, "coefficients": 1, "nothing": 0}[generated]
