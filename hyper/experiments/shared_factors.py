"""Hypernetworks that generate less than rank 1 a layer: the rest of the update is learned and the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from hyper.config import HypernetConfig
from hyper.hypernet import HyperNetwork
from hyper.lora import LoraSite

Generated = Literal["a", "b", "coefficients"]


class SharedFactors(HyperNetwork):
    """Generates one factor only, or coefficients on learned updates of rank 1; at the start it is the base exactly.

    - "a" or "b": that factor is generated, the other is learned.
    - "coefficients": both are learned, and each of the `rank` updates gets a generated factor, 1 at the start.
    """

    def __init__(self, config: HypernetConfig, sites: Sequence[LoraSite], generated: Generated) -> None:
        super().__init__(config, sites)
        self.generated = generated
        if generated != "a":
            self.a_heads = nn.ModuleDict()
        if generated != "b":
            self.b_heads = nn.ModuleDict()
        if generated == "coefficients":
            self.coefficients = nn.Linear(config.d_hidden, config.rank, bias=False)
            nn.init.zeros_(self.coefficients.weight)

    @property
    def n_generated(self) -> int:
        """Generated parameters per utterance."""
        sizes = {"a": lambda site: site.d_in, "b": lambda site: site.d_out, "coefficients": lambda _: 1}
        return sum(self.config.rank * sizes[self.generated](site) for site in self.sites)

    def _site_weights(self, hidden: Tensor, i: int) -> tuple[Tensor, Tensor]:
        site, rank = self.sites[i], self.config.rank  # hidden: (batch, d_hidden)
        shape = f"{site.d_in}x{site.d_out}"
        a, b = (learned[i].expand(len(hidden), -1, -1) for learned in (self.a_learned, self.b_learned))
        if self.generated == "a":
            a = a + self.a_heads[shape](hidden).unflatten(-1, (rank, site.d_in))
        elif self.generated == "b":
            b = b + self.b_heads[shape](hidden).unflatten(-1, (site.d_out, rank))
        else:
            b = b * (1 + self.coefficients(hidden))[:, None]  # (batch, d_out, rank) * (batch, 1, rank)
        return a, b


@dataclass(frozen=True)
class Plan:
    """What is generated for one utterance."""

    generated: Literal["both", "a", "b", "coefficients"]
    rank: int
    n_layers: int  # the last so many

    def n_generated(self, d_in: int, d_out: int) -> int:
        """Numbers an utterance."""
        each = {"both": d_in + d_out, "a": d_in, "b": d_out, "coefficients": 1}[self.generated]
        return self.n_layers * self.rank * each

    def make(self, config: HypernetConfig, sites: Sequence[LoraSite]) -> HyperNetwork:
        """The hypernetwork that generates it."""
        last = 1 + max(site.layer for site in sites)
        own = [site for site in sites if site.layer >= last - self.n_layers]
        return HyperNetwork(config, own) if self.generated == "both" else SharedFactors(config, own, self.generated)


def plans_within(limit: int, d_in: int, d_out: int, n_layers: int) -> list[Plan]:
    """The largest plans of each kind that generate at most `limit` numbers an utterance for one target.

    Whole updates on every layer, else on as few as fit. Where these do not fit on every layer: the larger factor that
    does, else `a` on fewer layers. Where not even `a` fits on every layer: coefficients.
    """
    whole = d_in + d_out
    if limit >= n_layers * whole:
        return [Plan("both", limit // (n_layers * whole), n_layers)]
    plans = [Plan("both", 1, limit // whole)] if limit >= whole else []
    if limit >= n_layers * d_in:
        factor = "b" if limit >= n_layers * d_out else "a"
        return [*plans, Plan(factor, 1, n_layers)]
    if limit >= d_in:
        plans.append(Plan("a", 1, limit // d_in))
    if limit >= n_layers:
        return [*plans, Plan("coefficients", limit // n_layers, n_layers)]
    return [*plans, Plan("coefficients", 1, limit)] if limit else plans
