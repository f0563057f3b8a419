"""One utterance's statistics to LoRA weights for every adapted layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyper.config import HypernetConfig
from hyper.embedding import UtteranceEncoder
from hyper.lora import LoraSite, LoraWeights

HEAD_SHARE = 0.1  # at the start the generated part of `a` has a tenth of the size of its learned part


class HyperNetwork(nn.Module):
    """Writes `a` and `b` for each site from one utterance; `b` starts at zero, so untrained means base exactly."""

    def __init__(
        self,
        config: HypernetConfig,
        sites: Sequence[LoraSite],
        utterance_encoder: nn.Module | None = None,  # of another kind than Whisper's own states (experiments)
    ) -> None:
        super().__init__()
        self.config = config
        self.sites = tuple(sites)
        self.utterance_encoder = utterance_encoder or UtteranceEncoder(
            config.n_encoder_layers, config.d_model, config.n_mixes
        )
        self.dropout = nn.Dropout(config.dropout)
        self.trunk = self._hidden_layer(self.utterance_encoder.d_embedding)
        n_layers = 1 + max(site.layer for site in self.sites)
        self.layer_vectors = nn.Embedding(n_layers, config.d_hidden)  # which layer the weights are for
        self.target_vectors = nn.Embedding(len(config.targets), config.d_hidden)  # which kind of layer
        self.mixer = self._hidden_layer(config.d_hidden) if config.generator == "mlp" else nn.Identity()
        self.a_heads, self.b_heads = nn.ModuleDict(), nn.ModuleDict()  # one pair of heads for each shape of layer
        for d_in, d_out in sorted({(site.d_in, site.d_out) for site in self.sites}):
            self.a_heads[f"{d_in}x{d_out}"] = self._a_head(d_in)
            self.b_heads[f"{d_in}x{d_out}"] = nn.Linear(config.d_hidden, d_out * config.rank, bias=False)
            nn.init.zeros_(self.b_heads[f"{d_in}x{d_out}"].weight)
        self.a_learned = nn.ParameterList(
            nn.Parameter(torch.randn(config.rank, site.d_in) / site.d_in**0.5) for site in self.sites
        )
        self.b_learned = nn.ParameterList(nn.Parameter(torch.zeros(site.d_out, config.rank)) for site in self.sites)
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

    @property
    def n_generated(self) -> int:
        """Generated parameters per utterance."""
        return sum(self.config.rank * (site.d_in + site.d_out) for site in self.sites)

    @property
    def n_trainable(self) -> int:
        """The hypernetwork's own parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

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
        return LoraWeights(self.sites, a, b, self.config.scaling)

    def _site_weights(self, hidden: Tensor, i: int) -> tuple[Tensor, Tensor]:
        site, rank = self.sites[i], self.config.rank  # hidden: (batch, d_hidden)
        shape = f"{site.d_in}x{site.d_out}"
        a = self.a_learned[i] + self.a_heads[shape](hidden).unflatten(-1, (rank, site.d_in))
        b = self.b_learned[i] + self.b_heads[shape](hidden).unflatten(-1, (site.d_out, rank))
        return a, b
