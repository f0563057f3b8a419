"""Whisper's decoder step by step: transformers' own layers, called without its bookkeeping between them.

On small models that bookkeeping (masks, caches that grow, records of outputs, calls of modules) took most of a step's
time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear, scaled_dot_product_attention

if TYPE_CHECKING:
    from transformers.models.whisper.modeling_whisper import WhisperAttention, WhisperDecoder, WhisperDecoderLayer

    from hyper.model.lora import AppliedLora

Step = Callable[[Tensor], Tensor]


class _Product:
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
        if not self._is_plain:
            return self._layer(x.repeat(copies, 1, 1))
        output = linear(x, self._weight, self._bias).repeat(copies, 1, 1)
        return output if self._site is None else self._applied.add(self._site, x.repeat(copies, 1, 1), output)


@dataclass(frozen=True)
class _Attention:
    """The four products of an attention."""

    n_heads: int
    d_head: int
    scaling: float
    query: _Product
    key: _Product
    value: _Product
    out: _Product

    @classmethod
    def of(cls, attention: WhisperAttention, applied: AppliedLora | None) -> _Attention:
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        products = (_Product(getattr(attention, name), applied) for name in names)
        return cls(attention.num_heads, attention.head_dim, attention.scaling, *products)

    def keys_and_values(self, states: Tensor, copies: int = 1) -> tuple[Tensor, Tensor]:
        """Each (rows, n_heads, n_states, d_head), of states (rows / copies, n_states, d_model)."""
        key, value = (product.of_copies(states, copies) for product in (self.key, self.value))
        return self._in_heads(key).contiguous(), self._in_heads(value).contiguous()

    def attend(
        self,
        hidden: Tensor,  # (rows, n_tokens, d_model)
        keys: Tensor,  # (rows, n_heads, n, d_head)
        values: Tensor,
        causal: bool,
    ) -> Tensor:  # (rows, n_tokens, d_model)
        query = self._in_heads(self.query(hidden))
        read = scaled_dot_product_attention(query, keys, values, is_causal=causal, scale=self.scaling)
        return self.out(read.transpose(1, 2).flatten(2))

    def _in_heads(self, projected: Tensor) -> Tensor:  # (rows, n, d_model) -> (rows, n_heads, n, d_head)
        return projected.unflatten(-1, (self.n_heads, self.d_head)).transpose(1, 2)


class _Layer:
    """One layer of the decoder, with all that a step needs at hand."""

    def __init__(self, layer: WhisperDecoderLayer, applied: AppliedLora | None) -> None:
        self.own = _Attention.of(layer.self_attn, applied)  # over the tokens so far
        self.heard = _Attention.of(layer.encoder_attn, applied)  # over the recording
        self.before_own = _norm(layer.self_attn_layer_norm)
        self.before_heard = _norm(layer.encoder_attn_layer_norm)
        self.before_feed_forward = _norm(layer.final_layer_norm)
        self.fc1, self.fc2 = _Product(layer.fc1, applied), _Product(layer.fc2, applied)
        self.activation = layer.activation_fn

    def feed_forward(self, hidden: Tensor) -> Tensor:
        """(rows, n_tokens, d_model) both."""
        return self.fc2(self.activation(self.fc1(self.before_feed_forward(hidden))))


class StepDecoder:
    """The decoder and what it remembers of each row: keys and values of the tokens so far, and of the recording.

    Plain linear layers are called by their weights; what was hooked to one, or put in its place, takes part.
    """

    def __init__(
        self,
        decoder: WhisperDecoder,
        states: Tensor,  # (rows / copies, n_states, d_model) of the encoder
        max_tokens: int,  # prompt and transcript together
        applied: AppliedLora | None = None,  # the updates in force
        copies: int = 1,  # so many rows hear the same: all recordings, then all again
    ) -> None:
        self._decoder = decoder
        self._layers = [_Layer(cast(Any, layer), applied) for layer in decoder.layers]
        self._n_tokens = 0  # read so far
        own = self._layers[0].own
        shape = (len(self._layers), copies * len(states), own.n_heads, max_tokens, own.d_head)
        self._keys, self._values = states.new_empty(shape), states.new_empty(shape)
        self._heard = [layer.heard.keys_and_values(states, copies) for layer in self._layers]

    def step(self, tokens: Tensor) -> Tensor:  # (rows, n_tokens) -> (rows, n_tokens, d_model)
        """Read these tokens, a prompt or the one after all before; gives the last hidden states after each."""
        decoder, first = self._decoder, self._n_tokens
        self._n_tokens += tokens.shape[1]
        hidden = decoder.embed_tokens(tokens) + decoder.embed_positions.weight[first : self._n_tokens]
        for i, layer in enumerate(self._layers):
            hidden = hidden + self._read_back(i, layer.own, layer.before_own(hidden), first)
            keys, values = self._heard[i]
            hidden = hidden + layer.heard.attend(layer.before_heard(hidden), keys, values, causal=False)
            hidden = hidden + layer.feed_forward(hidden)
        return decoder.layer_norm(hidden)

    def keep(self, rows: Tensor) -> None:  # (n_kept,) positions
        """Drop all other rows."""
        self._keys, self._values = self._keys[:, rows], self._values[:, rows]
        self._heard = [(keys[rows], values[rows]) for keys, values in self._heard]

    def _read_back(self, i: int, attention: _Attention, hidden: Tensor, first: int) -> Tensor:
        """Self-attention over all tokens so far; a prompt sees what stands before each of its tokens."""
        keys, values = self._keys[i], self._values[i]
        new = slice(first, self._n_tokens)
        keys[:, :, new], values[:, :, new] = attention.keys_and_values(hidden)
        so_far = slice(self._n_tokens)
        return attention.attend(hidden, keys[:, :, so_far], values[:, :, so_far], causal=hidden.shape[1] > 1)


def _norm(norm: nn.LayerNorm) -> Step:
    shape, weight, bias, eps = norm.normalized_shape, norm.weight, norm.bias, norm.eps
    return lambda x: layer_norm(x, shape, weight, bias, eps)
