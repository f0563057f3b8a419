"""What LoRA weights are, and how each row of a batch meets its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

MAX_STRENGTH = 2.0  # our own limit: twice the update that was trained is far outside of what training saw


class StrengthError(ValueError):
    """The update cannot be applied at this strength; the message says which strengths there are."""


def check_strength(strength: float) -> None:
    """Raise unless the strength lies between 0 (base exactly) and 2; 1 is as trained."""
    if not 0 <= strength <= MAX_STRENGTH:  # NaN as well
        raise StrengthError(
            f"The strength is {strength:g}, but it must be between 0 (base) and {MAX_STRENGTH:g}; 1 is as trained."
        )


@dataclass(frozen=True)
class LoraSite:
    """One linear layer of the model that is adapted."""

    name: str  # its module path, as "model.decoder.layers.0.fc1"
    target: str  # the kind of layer, as "decoder.fc1"
    layer: int  # 0 is the layer nearest the input
    d_in: int
    d_out: int


@dataclass(frozen=True)
class LoraWeights:
    """Low-rank updates of several layers: row i of a batch gets `scaling * b[i] @ a[i]` at each site."""

    sites: tuple[LoraSite, ...]
    a: tuple[Tensor, ...]  # one per site: (batch, rank, d_in)
    b: tuple[Tensor, ...]  # one per site: (batch, d_out, rank)
    scaling: float  # alpha / rank

    @classmethod
    def joined(cls, parts: Sequence[LoraWeights]) -> LoraWeights:
        """The rows of all parts, in their order; all are for the same sites with the same scaling."""
        a = tuple(torch.cat(tensors) for tensors in zip(*(part.a for part in parts), strict=True))
        b = tuple(torch.cat(tensors) for tensors in zip(*(part.b for part in parts), strict=True))
        return cls(parts[0].sites, a, b, parts[0].scaling)

    def __len__(self) -> int:
        """How many rows the weights serve."""
        return len(self.a[0])

    @property
    def n_parameters(self) -> int:
        """Generated numbers for one row."""
        return sum(t[0].numel() for t in (*self.a, *self.b))

    def take(self, rows: Sequence[int] | Tensor) -> LoraWeights:
        """The given rows, in the given order; a row may come more than once."""
        index = torch.as_tensor(rows, device=self.a[0].device)
        return self._map(lambda t: t.index_select(0, index))

    def row(self, i: int) -> LoraWeights:
        """Row i alone, as a batch of one."""
        return self.take([i])

    def repeat(self, n: int) -> LoraWeights:
        """Each row n times in a row: the pieces of one recording share its weights."""
        return self._map(lambda t: t.repeat_interleave(n, dim=0))

    def scaled(self, strength: float) -> LoraWeights:
        """The same update `strength` times: 0 is the base exactly, 1 as trained, at most 2."""
        check_strength(strength)
        return LoraWeights(self.sites, self.a, tuple(strength * b for b in self.b), self.scaling)

    def to_cpu(self) -> LoraWeights:
        """A copy that outlives the device, in float32."""
        return self._map(lambda t: t.float().cpu())

    def moved(self, device: torch.device, dtype: torch.dtype) -> LoraWeights:
        """On that device in that precision; gradients pass through the cast."""
        return self._map(lambda t: t.to(device, dtype))

    def delta(self, i: int, site: int) -> Tensor:
        """The update itself, (d_out, d_in), of row i at one site. Large: applying it never needs it."""
        return self.scaling * self.b[site][i] @ self.a[site][i]

    def _map(self, change: Callable[[Tensor], Tensor]) -> LoraWeights:
        return LoraWeights(self.sites, tuple(map(change, self.a)), tuple(map(change, self.b)), self.scaling)


class AppliedLora:
    """The weights in force inside `apply_lora`; the decode narrows them when it drops finished rows."""

    def __init__(self, layers: Sequence[nn.Module], a: Sequence[Tensor], b: Sequence[Tensor], scaling: float) -> None:
        self._sites = {layer: site for site, layer in enumerate(layers)}
        self._a = [t.transpose(1, 2) for t in a]  # of each site (batch, d_in, rank): laid out for the product
        self._b = [scaling * t.transpose(1, 2) for t in b]  # (batch, rank, d_out)

    def keep(self, rows: Tensor) -> None:  # (n_kept,) positions among the rows now in force
        """From now on the batch holds only these rows."""
        self._a = [t.index_select(0, rows) for t in self._a]
        self._b = [t.index_select(0, rows) for t in self._b]

    def site_of(self, layer: nn.Module) -> int | None:
        """Which site the layer is; None where it is not adapted."""
        return self._sites.get(layer)

    def add(
        self,
        site: int,
        x: Tensor,  # (batch, tokens, d_in) what the layer read
        output: Tensor,  # (batch, tokens, d_out) what it gave
    ) -> Tensor:  # (batch, tokens, d_out)
        """What the layer would give with its update, row by row."""
        a = self._a[site]
        if x.shape[0] != a.shape[0]:  # torch would broadcast one row over the others
            raise ValueError(f"LoRA has {len(a)} rows, but the layer got a batch of {len(x)}")
        return torch.baddbmm(output, x @ a, self._b[site])


def low_rank_update(applied: AppliedLora, site: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    """Forward hook that adds the update of each row to the output of its layer."""

    def hook(_layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return applied.add(site, inputs[0], output)

    return hook


def _beside(layer: Any, t: Tensor) -> Tensor:
    """As the layer computes; a layer of packed bits takes it as it is."""
    return t.to(layer.weight) if layer.weight.is_floating_point() else t


@contextmanager
def apply_lora(layers: Sequence[nn.Module], lora: LoraWeights) -> Iterator[AppliedLora]:
    """Add `scaling * b @ a` to each layer, one for each site, row i of the batch using row i of the weights.

    Hooks sit on the layer, not on the call: threads that share the model take `Backbone.lock` first.
    """
    # The base may be in half precision while the generator is in float32; gradients pass through the cast.
    a = tuple(_beside(layer, t) for t, layer in zip(lora.a, layers, strict=True))
    b = tuple(_beside(layer, t) for t, layer in zip(lora.b, layers, strict=True))
    applied = AppliedLora(layers, a, b, lora.scaling)
    handles = []
    try:
        for i, layer in enumerate(layers):
            handles.append(layer.register_forward_hook(low_rank_update(applied, i)))
        yield applied
    finally:
        for handle in handles:
            handle.remove()
