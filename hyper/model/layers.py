"""Whisper's layers from their parts: products, attention, feed-forward; transformers' weights without its bookkeeping.

What was hooked to a linear layer, or put in its place, takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from hyper.model.products import linear

if TYPE_CHECKING:
    from transformers.models.whisper.modeling_whisper import (
        WhisperAttention,
        WhisperDecoderLayer,
        WhisperEncoderLayer,
    )

    from hyper.model.lora import AppliedLora


class Product:
    """A linear layer with its update; called as a module only where somebody else takes part in it."""

    def __init__(self, layer: nn.Module, applied: AppliedLora | None) -> None:
        self._layer: Any = cast(Any, layer)
        self._applied: Any = applied  # None where there is no site
        self._site = applied.site_of(layer) if applied is not None else None
        n_own_hooks = 0 if self._site is None else 1
        is_plain = type(layer) is nn.Linear and len(layer._forward_hooks) == n_own_hooks
        self._is_plain = is_plain and not layer._forward_pre_hooks
        if self._is_plain:
            self._weight, self._bias = self._layer.weight, self._layer.bias

    def __call__(self, x: Tensor) -> Tensor:  # (rows, n, d_in) -> (rows, n, d_out)
        if not self._is_plain:
            return self._layer(x)
        output = linear(x, self._weight, self._bias)
        return output if self._site is None else self._applied.add(self._site, x, output)

    def of_copies(self, x: Tensor, copies: int) -> Tensor:  # (rows / copies, n, d_in) -> (rows, n, d_out)
        """Of rows that read the same: the weights' own product is made once for all, and only the updates for each."""
        if copies == 1 or not self._is_plain:
            return self(x.repeat(copies, 1, 1) if copies > 1 else x)
        output = linear(x, self._weight, self._bias).repeat(copies, 1, 1)
        return output if self._site is None else self._applied.add(self._site, x.repeat(copies, 1, 1), output)


@dataclass(frozen=True)
class Attention:
    """The four products of an attention."""

    n_heads: int
    d_head: int
    scaling: float
    query: Product
    key: Product
    value: Product
    out: Product

    @classmethod
    def of(cls, attention: WhisperAttention, applied: AppliedLora | None) -> Attention:
        """Of transformers' layer."""
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        products = (Product(getattr(attention, name), applied) for name in names)
        return cls(attention.num_heads, attention.head_dim, attention.scaling, *products)

    def keys_and_values(self, states: Tensor, copies: int = 1) -> tuple[Tensor, Tensor]:
        """Each (rows, n_heads, n_states, d_head), of states (rows / copies, n_states, d_model)."""
        key, value = (product.of_copies(states, copies) for product in (self.key, self.value))
        return self._in_heads(key), self._in_heads(value)

    def attend(
        self,
        hidden: Tensor,  # (rows, n_tokens, d_model)
        keys: Tensor,  # (rows, n_heads, n, d_head)
        values: Tensor,
        causal: bool,
    ) -> Tensor:  # (rows, n_tokens, d_model)
        """What each position reads from the values."""
        query = self._in_heads(self.query(hidden))
        read = scaled_dot_product_attention(query, keys, values, is_causal=causal, scale=self.scaling)
        return self.out(read.transpose(1, 2).flatten(2))

    def shares(self, hidden: Tensor, keys: Tensor, heads: Sequence[int]) -> Tensor:
        """How much of each value these heads read at each position, (rows, len(heads), n_tokens, n) float32."""
        query = self._in_heads(self.query(hidden))[:, heads].float()
        return (self.scaling * query @ keys[:, heads].float().transpose(2, 3)).softmax(dim=-1)

    def _in_heads(self, projected: Tensor) -> Tensor:  # (rows, n, d_model) -> (rows, n_heads, n, d_head)
        return projected.view(*projected.shape[:2], self.n_heads, self.d_head).transpose(1, 2)


class FeedForward:
    """The two products behind each attention."""

    def __init__(self, layer: WhisperEncoderLayer | WhisperDecoderLayer, applied: AppliedLora | None) -> None:
        self._before = norm(layer.final_layer_norm)
        self._fc1, self._fc2 = Product(layer.fc1, applied), Product(layer.fc2, applied)
        self._activation = layer.activation_fn

    def __call__(self, hidden: Tensor) -> Tensor:
        """(rows, n, d_model) both."""
        return self._fc2(self._activation(self._fc1(self._before(hidden))))


def norm(layer: nn.LayerNorm) -> Callable[[Tensor], Tensor]:
    """The layer's own function."""
    shape, weight, bias, eps = layer.normalized_shape, layer.weight, layer.bias, layer.eps
    return lambda x: torch.layer_norm(x, shape, weight, bias, eps)
