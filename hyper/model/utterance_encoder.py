"""Encoder states to one vector per utterance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

N_STATISTICS = 3  # mean, standard deviation, mean absolute change
PEAK_LOGIT = 4.0  # a mix starts with over 90 % of its weight on one of 5 layers: softmax gives e^4 / (e^4 + 4)
MIN_STD = 1e-4  # below this a statistic did not vary in training, and dividing by it would blow up noise


def pool_statistics(
    states: Tensor,  # (n_layers + 1, batch, n_states, d_model) encoder states of every layer
    n_speech: Tensor,  # (batch,) how many states cover speech, not padding; at least 1
) -> Tensor:  # (batch, n_layers + 1, 3, d_model) float32
    """Mean, standard deviation and mean absolute change between neighbours, over the states that cover speech.

    The change is what sees repetitions and rushes: how fast the states move, which the other two forget.
    """
    n_speech = n_speech.to(states.device)
    positions = torch.arange(states.shape[2], device=states.device)
    is_speech = (positions < n_speech[:, None]).unsqueeze(-1).float()  # (batch, n_states, 1)
    is_pair = is_speech[:, 1:]  # a pair of neighbours counts where its second state is speech
    n_pairs = (n_speech - 1).clamp(min=1)[:, None]  # one state has no neighbour: its change is 0
    # One layer at a time: all at once in float32 would take gigabytes on the large models.
    layers = [_pool_layer(layer.float(), is_speech, is_pair, n_speech[:, None], n_pairs) for layer in states]
    return torch.stack(layers, dim=1)


def _pool_layer(
    states: Tensor,  # (batch, n_states, d_model)
    is_speech: Tensor,  # (batch, n_states, 1)
    is_pair: Tensor,  # (batch, n_states - 1, 1)
    n_speech: Tensor,  # (batch, 1)
    n_pairs: Tensor,  # (batch, 1)
) -> Tensor:  # (batch, 3, d_model)
    mean = (is_speech * states).sum(dim=1) / n_speech
    variance = (is_speech * (states - mean[:, None]).square()).sum(dim=1) / n_speech
    change = (is_pair * states.diff(dim=1).abs()).sum(dim=1) / n_pairs
    return torch.stack([mean, variance.sqrt(), change], dim=1)


def pool_pieces(
    statistics: Tensor,  # (n_pieces, n_layers + 1, 3, d_model) of `pool_statistics`
    n_speech: Tensor,  # (n_pieces,)
) -> Tensor:  # (1, n_layers + 1, 3, d_model)
    """Statistics of one recording from those of its pieces, as if their speech states stood in one row.

    Exact, by the law of total variance. Neighbours across a cut do not count: their states were computed apart.
    """
    mean, std, change = statistics.unbind(dim=2)  # each (n_pieces, n_layers + 1, d_model)
    n_speech = n_speech.to(statistics.device)
    share = (n_speech / n_speech.sum())[:, None, None]  # (n_pieces, 1, 1)
    n_pairs = n_speech - 1
    pair_share = (n_pairs / n_pairs.sum().clamp(min=1))[:, None, None]
    pooled_mean = (share * mean).sum(dim=0)
    pooled_variance = (share * (std.square() + (mean - pooled_mean).square())).sum(dim=0)
    pooled_change = (pair_share * change).sum(dim=0)
    return torch.stack([pooled_mean, pooled_variance.sqrt(), pooled_change], dim=1).unsqueeze(0)


class UtteranceEncoder(nn.Module):
    """Statistics of all encoder layers to one embedding: standardised, then mixed over layers by learned weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, n_encoder_layers: int, d_model: int, n_mixes: int) -> None:
        super().__init__()
        n_layers = n_encoder_layers + 1  # the input to the first layer counts as one
        self.d_embedding = n_mixes * N_STATISTICS * d_model
        self.register_buffer("mean", torch.zeros(n_layers, N_STATISTICS, d_model))
        self.register_buffer("std", torch.ones(n_layers, N_STATISTICS, d_model))
        peaks = torch.linspace(0, n_layers - 1, n_mixes).round().long()  # mixes start at different layers
        logits = PEAK_LOGIT * nn.functional.one_hot(peaks, n_layers).float()
        self.mix_logits = nn.Parameter(logits[:, None, :].repeat(1, N_STATISTICS, 1))  # (n_mixes, 3, n_layers)

    def fit_standardisation(self, statistics: Tensor) -> None:  # (n_utterances, n_layers + 1, 3, d_model)
        """Standardise by mean and standard deviation of these training statistics from now on."""
        self.mean.copy_(statistics.mean(dim=0))
        self.std.copy_(statistics.std(dim=0, correction=0).clamp(min=MIN_STD))

    def forward(self, statistics: Tensor) -> Tensor:  # (batch, n_layers + 1, 3, d_model) -> (batch, d_embedding)
        standardised = (statistics - self.mean) / self.std
        weights = self.mix_logits.softmax(dim=-1)  # (n_mixes, 3, n_layers)
        mixes = torch.einsum("blsd,msl->bmsd", standardised, weights)  # (batch, n_mixes, 3, d_model)
        return mixes.flatten(start_dim=1)
