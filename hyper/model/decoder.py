"""Whisper's decoder step by step.

On small models transformers' bookkeeping (masks, caches that grow, records of outputs, calls of modules) took most of a
step's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from hyper.model.layers import Attention, FeedForward, norm

if TYPE_CHECKING:
    from transformers.models.whisper.modeling_whisper import WhisperDecoder, WhisperDecoderLayer

    from hyper.model.lora import AppliedLora


class _Layer:
    """One layer of the decoder, with all that a step needs at hand."""

    def __init__(self, layer: WhisperDecoderLayer, applied: AppliedLora | None) -> None:
        self.own = Attention.of(layer.self_attn, applied)  # over the tokens so far
        self.heard = Attention.of(layer.encoder_attn, applied)  # over the recording
        self.before_own, self.before_heard = norm(layer.self_attn_layer_norm), norm(layer.encoder_attn_layer_norm)
        self.feed_forward = FeedForward(layer, applied)

    def keys_and_values(self, states: Tensor, copies: int) -> tuple[Tensor, Tensor]:
        """Of the recording, laid out for being read at every step."""
        keys, values = self.heard.keys_and_values(states, copies)
        return keys.contiguous(), values.contiguous()


class StepDecoder:
    """The decoder and what it remembers of each row: keys and values of the tokens so far, and of the recording."""

    def __init__(
        self,
        decoder: WhisperDecoder,
        states: Tensor,  # (rows / copies, n_states, d_model) of the encoder
        max_tokens: int,  # prompt and transcript together
        applied: AppliedLora | None = None,  # the updates in force
        copies: int = 1,  # so many rows hear the same: all recordings, then all again
        heads: Sequence[tuple[int, int]] = (),  # (layer, head) of those that are followed
    ) -> None:
        self._decoder = decoder
        self._layers = [_Layer(cast(Any, layer), applied) for layer in decoder.layers]
        self._followed = [[head for layer, head in heads if layer == i] for i in range(len(self._layers))]
        self._n_tokens = 0  # read so far
        # (rows, n_heads, n_states) float32: how much of each state those that are followed read after the last token
        self.read: Tensor | None = None
        own = self._layers[0].own
        shape = (len(self._layers), copies * len(states), own.n_heads, max_tokens, own.d_head)
        self._keys, self._values = states.new_empty(shape), states.new_empty(shape)
        self._heard = [layer.keys_and_values(states, copies) for layer in self._layers]

    def step(self, tokens: Tensor) -> Tensor:  # (rows, n_tokens) -> (rows, n_tokens, d_model)
        """Read these tokens, a prompt or the one after all before; gives the last hidden states after each."""
        decoder, first = self._decoder, self._n_tokens
        self._n_tokens += tokens.shape[1]
        hidden = decoder.embed_tokens(tokens) + decoder.embed_positions.weight[first : self._n_tokens]
        read: list[Tensor] = []
        for i, layer in enumerate(self._layers):
            hidden = hidden + self._read_back(i, layer.own, layer.before_own(hidden), first)
            (keys, values), reading = self._heard[i], layer.before_heard(hidden)
            if self._followed[i]:
                read.append(layer.heard.shares(reading[:, -1:], keys, self._followed[i])[:, :, 0])
            hidden = hidden + layer.heard.attend(reading, keys, values, causal=False)
            hidden = hidden + layer.feed_forward(hidden)
        self.read = torch.cat(read, dim=1) if read else None
        return decoder.layer_norm(hidden)

    def keep(self, rows: Tensor) -> None:  # (n_kept,) positions
        """Drop all other rows."""
        self._keys, self._values = self._keys[:, rows], self._values[:, rows]
        self._heard = [(keys[rows], values[rows]) for keys, values in self._heard]

    def _read_back(self, i: int, attention: Attention, hidden: Tensor, first: int) -> Tensor:
        """Self-attention over all tokens so far; a prompt sees what stands before each of its tokens."""
        keys, values = self._keys[i], self._values[i]
        new = slice(first, self._n_tokens)
        keys[:, :, new], values[:, :, new] = attention.keys_and_values(hidden)
        so_far = slice(self._n_tokens)
        return attention.attend(hidden, keys[:, :, so_far], values[:, :, so_far], causal=hidden.shape[1] > 1)
