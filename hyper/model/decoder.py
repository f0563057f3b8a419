"""Whisper's decoder step by step: transformers' own layers, called without its bookkeeping between them.

On small models that bookkeeping (masks, caches that grow, records of outputs) took most of a step's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from transformers.models.whisper.modeling_whisper import WhisperAttention, WhisperDecoder


class StepDecoder:
    """The decoder and what it remembers of each row: keys and values of the tokens so far, and of the recording.

    The layers are called one by one, so that hooks on them, or what was put in their place, take part.
    """

    def __init__(
        self,
        decoder: WhisperDecoder,
        states: Tensor,  # (rows, n_states, d_model) of the encoder
        max_tokens: int,  # prompt and transcript together
    ) -> None:
        self._decoder = decoder
        self._n_tokens = 0  # read so far
        attention = decoder.layers[0].self_attn
        shape = (len(decoder.layers), len(states), attention.num_heads, max_tokens, attention.head_dim)
        self._keys, self._values = states.new_empty(shape), states.new_empty(shape)
        self._heard = [self._keys_and_values(layer.encoder_attn, states) for layer in decoder.layers]

    def step(self, tokens: Tensor) -> Tensor:  # (rows, n_tokens) -> (rows, n_tokens, d_model)
        """Read these tokens, a prompt or the one after all before; gives the last hidden states after each."""
        decoder, first = self._decoder, self._n_tokens
        self._n_tokens += tokens.shape[1]
        hidden = decoder.embed_tokens(tokens) + decoder.embed_positions.weight[first : self._n_tokens]
        for i, layer in enumerate(decoder.layers):
            hidden = hidden + self._read_back(i, layer.self_attn, layer.self_attn_layer_norm(hidden), first)
            keys, values = self._heard[i]
            hidden = hidden + self._attend(
                layer.encoder_attn, layer.encoder_attn_layer_norm(hidden), keys, values, causal=False
            )
            hidden = hidden + layer.fc2(layer.activation_fn(layer.fc1(layer.final_layer_norm(hidden))))
        return decoder.layer_norm(hidden)

    def keep(self, rows: Tensor) -> None:  # (n_kept,) positions
        """Drop all other rows."""
        self._keys, self._values = self._keys[:, rows], self._values[:, rows]
        self._heard = [(keys[rows], values[rows]) for keys, values in self._heard]

    def _read_back(self, i: int, attention: WhisperAttention, hidden: Tensor, first: int) -> Tensor:
        """Self-attention over all tokens so far; a prompt sees what stands before each of its tokens."""
        keys, values = self._keys[i], self._values[i]
        keys[:, :, first : self._n_tokens], values[:, :, first : self._n_tokens] = self._keys_and_values(
            attention, hidden
        )
        so_far = slice(self._n_tokens)
        return self._attend(attention, hidden, keys[:, :, so_far], values[:, :, so_far], causal=hidden.shape[1] > 1)

    @staticmethod
    def _keys_and_values(attention: WhisperAttention, states: Tensor) -> tuple[Tensor, Tensor]:
        """Each (rows, n_heads, n_states, d_head)."""
        return tuple(
            project(states).unflatten(-1, (attention.num_heads, attention.head_dim)).transpose(1, 2).contiguous()
            for project in (attention.k_proj, attention.v_proj)
        )

    @staticmethod
    def _attend(
        attention: WhisperAttention,
        hidden: Tensor,  # (rows, n_tokens, d_model)
        keys: Tensor,  # (rows, n_heads, n, d_head)
        values: Tensor,
        causal: bool,
    ) -> Tensor:  # (rows, n_tokens, d_model)
        query = attention.q_proj(hidden).unflatten(-1, (attention.num_heads, attention.head_dim)).transpose(1, 2)
        read = scaled_dot_product_attention(query, keys, values, is_causal=causal, scale=attention.scaling)
        return attention.out_proj(read.transpose(1, 2).flatten(2))
