"""Which part of an update is generated, at which rank and in how many layers, for a budget of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hyper.model.config import HypernetConfig
from hyper.model.hypernet import HyperNetwork, n_written
from hyper.model.lora import LoraSite


@dataclass(frozen=True)
class Plan:
    """What is generated for one utterance."""

    generated: str  # as `HypernetConfig.generated`
    rank: int
    n_layers: int  # the last so many

    def n_generated(self, d_in: int, d_out: int) -> int:
        """Numbers an utterance."""
        return self.n_layers * self.rank * n_written(self.generated, d_in, d_out)

    def make(self, config: HypernetConfig, sites: Sequence[LoraSite]) -> HyperNetwork:
        """The hypernetwork that generates it."""
        last = 1 + max(site.layer for site in sites)
        own = [site for site in sites if site.layer >= last - self.n_layers]
        return HyperNetwork(replace(config, generated=self.generated), own)


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
