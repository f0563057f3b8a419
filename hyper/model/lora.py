"""What LoRA weights are, and how each row of a batch meets its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from hyper.model.products import linear, plus_linear

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
    """Low-rank updates of several layers: row i of a batch gets `scaling * b[i] @ a[i]` at each site.

    With gains all rows share one `a` and `b`, and row i gets `scaling * b @ diag(gains[i]) @ a`.
    """

    sites: tuple[LoraSite, ...]
    a: tuple[Tensor, ...]  # one per site: (batch, rank, d_in); (1, rank, d_in) with gains
    b: tuple[Tensor, ...]  # one per site: (batch, d_out, rank); (1, d_out, rank) with gains
    scaling: float  # alpha / rank
    gains: Tensor | None = None  # (batch, n_sites, rank) of the shared updates of rank 1

    @classmethod
    def joined(cls, parts: Sequence[LoraWeights]) -> LoraWeights:
        """The rows of all parts, in their order; all are for the same sites, by one hypernetwork."""
        if parts[0].gains is not None:
            return replace(parts[0], gains=torch.cat([part.gains for part in parts if part.gains is not None]))
        a = tuple(torch.cat(tensors) for tensors in zip(*(part.a for part in parts), strict=True))
        b = tuple(torch.cat(tensors) for tensors in zip(*(part.b for part in parts), strict=True))
        return cls(parts[0].sites, a, b, parts[0].scaling)

    def __len__(self) -> int:
        """How many rows the weights serve."""
        return len(self.a[0] if self.gains is None else self.gains)

    @property
    def n_parameters(self) -> int:
        """Numbers of one row's `a` and `b`."""
        return sum(t[0].numel() for t in (*self.a, *self.b))

    def take(self, rows: Sequence[int] | Tensor) -> LoraWeights:
        """The given rows, in the given order; a row may come more than once."""
        index = torch.as_tensor(rows, device=self.a[0].device)
        return self._rows(lambda t: t.index_select(0, index))

    def row(self, i: int) -> LoraWeights:
        """Row i alone, as a batch of one."""
        return self.take([i])

    def repeat(self, n: int) -> LoraWeights:
        """Each row n times in a row: the pieces of one recording share its weights."""
        return self._rows(lambda t: t.repeat_interleave(n, dim=0))

    def scaled(self, strength: float) -> LoraWeights:
        """The same update `strength` times: 0 is the base exactly, 1 as trained, at most 2."""
        check_strength(strength)
        if self.gains is not None:
            return replace(self, gains=strength * self.gains)
        return replace(self, b=tuple(strength * b for b in self.b))

    def to_cpu(self) -> LoraWeights:
        """A copy that outlives the device, in float32."""
        return self._all(lambda t: t.float().cpu())

    def moved(self, device: torch.device, dtype: torch.dtype) -> LoraWeights:
        """On that device in that precision; gradients pass through the cast."""
        return self._all(lambda t: t.to(device, dtype))

    def in_stack(self, stack: str) -> LoraWeights:
        """Only the updates of the encoder, or of the decoder; there may be none."""
        own = [i for i, site in enumerate(self.sites) if site.target.startswith(f"{stack}.")]
        gains = None if self.gains is None else self.gains[:, own]
        return LoraWeights(
            tuple(self.sites[i] for i in own),
            tuple(self.a[i] for i in own),
            tuple(self.b[i] for i in own),
            self.scaling,
            gains,
        )

    def without_gains(self) -> LoraWeights:
        """The same updates, each row with an `a` and `b` of its own."""
        if self.gains is None:
            return self
        a = tuple(t.expand(len(self), -1, -1) for t in self.a)
        b = tuple(t * gains[:, None] for t, gains in zip(self.b, self.gains.unbind(dim=1), strict=True))
        return LoraWeights(self.sites, a, b, self.scaling)

    def delta(self, i: int, site: int) -> Tensor:
        """The update itself, (d_out, d_in), of row i at one site. Large: applying it never needs it."""
        if self.gains is None:
            return self.scaling * self.b[site][i] @ self.a[site][i]
        return self.scaling * (self.b[site][0] * self.gains[i, site]) @ self.a[site][0]

    def _rows(self, change: Callable[[Tensor], Tensor]) -> LoraWeights:
        """Change what differs from row to row."""
        if self.gains is not None:
            return replace(self, gains=change(self.gains))
        return replace(self, a=tuple(map(change, self.a)), b=tuple(map(change, self.b)))

    def _all(self, change: Callable[[Tensor], Tensor]) -> LoraWeights:
        gains = None if self.gains is None else change(self.gains)
        return replace(self, a=tuple(map(change, self.a)), b=tuple(map(change, self.b)), gains=gains)


class AppliedLora:
    """The weights in force inside `apply_lora`; the decode narrows them when it drops finished rows."""

    def __init__(self, layers: Sequence[nn.Module], lora: LoraWeights) -> None:
        self._sites = {layer: site for site, layer in enumerate(layers)}
        self._n_rows = len(lora)
        self._gains: Sequence[Tensor] | None = None
        if lora.gains is None:
            self._a = [t.transpose(1, 2) for t in lora.a]  # of each site (batch, d_in, rank): laid out for the product
            self._b = [lora.scaling * t.transpose(1, 2) for t in lora.b]  # (batch, rank, d_out)
        else:
            self._a = [t[0] for t in lora.a]  # (rank, d_in) of all rows
            self._b = [t[0] for t in lora.b]  # (d_out, rank)
            self._gains = (lora.scaling * lora.gains[:, :, None]).unbind(1)  # (batch, 1, rank)

    def keep(self, rows: Tensor) -> None:  # (n_kept,) positions among the rows now in force
        """From now on the batch holds only these rows."""
        self._n_rows = len(rows)
        if self._gains is not None:
            self._gains = [t.index_select(0, rows) for t in self._gains]
            return
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
        if x.shape[0] != self._n_rows:  # torch would broadcast one row over the others
            raise ValueError(f"LoRA has {self._n_rows} rows, but the layer got a batch of {len(x)}")
        a, b = self._a[site], self._b[site]
        if self._gains is None:
            return torch.baddbmm(output, x @ a, b)
        return plus_linear(output, linear(x, a, None) * self._gains[site], b)


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
    gains = None if lora.gains is None else _beside(layers[0], lora.gains)
    applied = AppliedLora(layers, replace(lora, a=a, b=b, gains=gains))
    handles = []
    try:
        for i, layer in enumerate(layers):
            handles.append(layer.register_forward_hook(low_rank_update(applied, i)))
        yield applied
    finally:
        for handle in handles:
            handle.remove()
