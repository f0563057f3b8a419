"""Whisper's encoder and decoder, all positions at once and with gradients, on as much of the window as is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import WhisperForConditionalGeneration


def encode_frames(
    model: WhisperForConditionalGeneration,
    log_mel: Tensor,  # (batch, n_mels, n_frames), n_frames even and at most the window
) -> Tensor:  # (batch, n_frames // 2, d_model)
    """What the decoder reads, from as much of the window as is given: whole windows cost four times more."""
    return encoder_states(model, log_mel)[-1]


def encoder_states(
    model: WhisperForConditionalGeneration,
    log_mel: Tensor,  # (batch, n_mels, n_frames), n_frames even and at most the window
) -> list[Tensor]:  # n_encoder_layers + 1 times (batch, n_frames // 2, d_model)
    """The input to the first layer, then the output of each layer, the last normalised.

    transformers refuses fewer frames than the window; a shorter one is the first rows of the table of positions.
    """
    encoder = model.model.encoder
    hidden = nn.functional.gelu(encoder.conv1(log_mel))
    hidden = nn.functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
    states = [hidden + encoder.embed_positions.weight[: hidden.shape[1]]]
    for layer in encoder.layers:
        states.append(layer(states[-1], None))
    return [*states[:-1], encoder.layer_norm(states[-1])]


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
