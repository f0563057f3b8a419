"""Pooling against numpy, padding left out, and what the learned mixes start as."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hyper.model.utterance_encoder import UtteranceEncoder, pool_pieces, pool_statistics

N_LAYERS, BATCH, N_STATES, D_MODEL = 4, 3, 11, 5


@pytest.fixture
def states() -> torch.Tensor:
    return torch.randn(N_LAYERS, BATCH, N_STATES, D_MODEL, generator=torch.Generator().manual_seed(0))


def by_numpy(speech: np.ndarray) -> np.ndarray:  # (n_states, d_model) -> (3, d_model)
    return np.stack([speech.mean(0), speech.std(0), np.abs(np.diff(speech, axis=0)).mean(0)])


def test_statistics_equal_numpy_over_the_speech_states(states):
    n_speech = [11, 4, 2]
    pooled = pool_statistics(states, torch.tensor(n_speech))
    assert pooled.shape == (BATCH, N_LAYERS, 3, D_MODEL)
    for row, n in enumerate(n_speech):
        for layer in range(N_LAYERS):
            expected = by_numpy(states[layer, row, :n].double().numpy())
            np.testing.assert_allclose(pooled[row, layer].numpy(), expected, atol=1e-6)


def test_padding_changes_nothing_and_speech_does(states):
    n_speech = torch.tensor([6, 6, 6])
    pooled = pool_statistics(states, n_speech)
    padded, spoken = states.clone(), states.clone()
    padded[:, :, 6:] = 1e4
    spoken[:, :, 5] += 1
    assert torch.equal(pool_statistics(padded, n_speech), pooled)
    assert not torch.allclose(pool_statistics(spoken, n_speech), pooled, atol=1e-3)


def test_a_single_state_has_no_spread_and_no_change(states):
    pooled = pool_statistics(states, torch.tensor([1, 1, 1]))
    torch.testing.assert_close(pooled[:, :, 0], states[:, :, 0].transpose(0, 1))
    assert pooled[:, :, 1:].abs().max() == 0


def test_half_precision_states_are_pooled_in_float32(states):
    large = (1000 * states.exp()).bfloat16()  # sums and differences of such numbers do not fit into bfloat16's 8 bits
    pooled = pool_statistics(large, torch.tensor([11, 11, 11]))
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, pool_statistics(large.float(), torch.tensor([11, 11, 11])))


def test_pieces_pool_to_one_utterance(states):
    n_speech = torch.tensor([11, 4, 7])
    pooled = pool_pieces(pool_statistics(states, n_speech), n_speech)
    assert pooled.shape == (1, N_LAYERS, 3, D_MODEL)
    pieces = [states[:, row, :n].double().numpy() for row, n in enumerate(n_speech)]
    whole = np.concatenate(pieces, axis=1)
    changes = np.concatenate([np.abs(np.diff(piece, axis=1)) for piece in pieces], axis=1)  # none across a cut
    expected = np.stack([whole.mean(1), whole.std(1), changes.mean(1)], axis=1)
    np.testing.assert_allclose(pooled[0].numpy(), expected, atol=1e-6)


def test_one_piece_pools_to_itself(states):
    n_speech = torch.tensor([11, 4, 1])
    statistics = pool_statistics(states, n_speech)
    for i in range(BATCH):
        torch.testing.assert_close(pool_pieces(statistics[i : i + 1], n_speech[i : i + 1]), statistics[i : i + 1])


def test_standardised_training_statistics_have_mean_0_and_deviation_1():
    statistics = 3 + 5 * torch.randn(50, N_LAYERS, 3, D_MODEL, generator=torch.Generator().manual_seed(1))
    statistics[:, 0, 0, 0] = 2.0  # never varies: must not blow up
    encoder = UtteranceEncoder(N_LAYERS - 1, D_MODEL, n_mixes=2)
    encoder.fit_standardisation(statistics)
    embedding = encoder(statistics)
    assert embedding.shape == (50, encoder.d_embedding) == (50, 2 * 3 * D_MODEL)
    assert embedding.mean(0).abs().max() < 1e-4
    assert torch.isfinite(embedding).all()


def test_mixes_start_at_different_layers_and_weights_sum_to_one():
    encoder = UtteranceEncoder(4, D_MODEL, n_mixes=3)
    statistics = torch.arange(5.0)[None, :, None, None].expand(1, 5, 3, D_MODEL)  # layer i says i
    mixes = encoder(statistics).view(3, 3, D_MODEL)
    assert mixes[0].max() < 0.5 and mixes[1].min() > 1.5 and mixes[1].max() < 2.5 and mixes[2].min() > 3.5
    assert torch.allclose(encoder(torch.ones(1, 5, 3, D_MODEL)), torch.ones(1, encoder.d_embedding))
