"""Whisper's encoder and decoder, all positions at once and with gradients, on as much of the window as is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from hyper.model.layers import Attention, FeedForward, norm

if TYPE_CHECKING:
    from transformers import WhisperForConditionalGeneration
    from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

    from hyper.model.lora import AppliedLora


def encode_frames(
    model: WhisperForConditionalGeneration,
    log_mel: Tensor,  # (batch, n_mels, n_frames), n_frames even and at most the window
) -> Tensor:  # (batch, n_frames // 2, d_model)
    """What the decoder reads, from as much of the window as is given: whole windows cost four times more."""
    return encoder_states(model, log_mel)[-1]


def encoder_states(
    model: WhisperForConditionalGeneration,
    log_mel: Tensor,  # (batch, n_mels, n_frames), n_frames even and at most the window
    applied: AppliedLora | None = None,  # the updates in force
) -> list[Tensor]:  # n_encoder_layers + 1 times (batch, n_frames // 2, d_model)
    """The input to the first layer, then the output of each layer, the last normalised.

    transformers refuses fewer frames than the window; a shorter one is the first rows of the table of positions.
    """
    encoder = model.model.encoder
    hidden = nn.functional.gelu(encoder.conv1(log_mel))
    hidden = nn.functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
    return states_from(model, hidden + encoder.embed_positions.weight[: hidden.shape[1]], applied)


def states_from(
    model: WhisperForConditionalGeneration,
    embedded: Tensor,  # (batch, n_states, d_model) what the first layer reads; nothing before it is ever adapted
    applied: AppliedLora | None = None,  # the updates in force
) -> list[Tensor]:  # n_encoder_layers + 1 times (batch, n_states, d_model)
    """As `encoder_states` gives them, the first of which is what is given here."""
    encoder, states = model.model.encoder, [embedded]
    for layer in encoder.layers:
        states.append(_encoder_layer(cast(Any, layer), states[-1], applied))
    return [*states[:-1], encoder.layer_norm(states[-1])]


def _encoder_layer(layer: WhisperEncoderLayer, hidden: Tensor, applied: AppliedLora | None) -> Tensor:
    """(batch, n_states, d_model) both."""
    attention, read = Attention.of(layer.self_attn, applied), norm(layer.self_attn_layer_norm)(hidden)
    hidden = hidden + attention.attend(read, *attention.keys_and_values(read), causal=False)
    hidden = hidden + FeedForward(layer, applied)(hidden)
    if hidden.dtype == torch.float16:  # as transformers keeps it from overflowing
        hidden = hidden.clamp(-(limit := torch.finfo(hidden.dtype).max - 1000), limit)
    return hidden


def decoder_hidden(
    model: WhisperForConditionalGeneration,
    states: Tensor,  # (rows, n_states, d_model)
    tokens: Tensor,  # (rows, n_tokens)
) -> Tensor:  # (rows, n_tokens, d_model)
    """The decoder's last hidden states after each token, given all tokens before it."""
    return model.model.decoder(input_ids=tokens, encoder_hidden_states=states, use_cache=False).last_hidden_state


def decoder_logits(
    model: WhisperForConditionalGeneration,
    states: Tensor,  # (rows, n_states, d_model)
    tokens: Tensor,  # (rows, n_tokens)
) -> Tensor:  # (rows, n_tokens, vocabulary)
    """Logits after each token, given all tokens before it."""
    return model.proj_out(decoder_hidden(model, states, tokens))


def alignment_heads(model: WhisperForConditionalGeneration) -> list[tuple[int, int]]:
    """(layer, head) of the heads that follow the speech: the model's own list, or as openai/whisper has it without one.

    That is, all heads of the last half of the layers. A distilled model may name heads that only its teacher has.
    """
    n_layers, n_heads = model.config.decoder_layers, model.config.decoder_attention_heads
    named = getattr(model.generation_config, "alignment_heads", None) or []
    if chosen := [(layer, head) for layer, head in named if layer < n_layers and head < n_heads]:
        return chosen
    return [(layer, head) for layer in range(n_layers // 2, n_layers) for head in range(n_heads)]
