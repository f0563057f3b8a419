"""What a hypernetwork writes before and after training."""

from __future__ import annotations

import pytest
import torch

from hyper.model.config import HypernetConfig
from hyper.model.hypernet import HyperNetwork, at_strength, between
from hyper.model.lora import LoraSite

D_MODEL, D_FFN = 8, 32


def build(**settings) -> HyperNetwork:
    torch.manual_seed(0)
    choice = {"targets": ("decoder.fc1", "decoder.fc2"), "rank": 2, "alpha": 3.0, "n_mixes": 2, "d_hidden": 16}
    config = HypernetConfig("base", "0" * 16, D_MODEL, D_FFN, 2, 3, **{**choice, **settings})
    shapes = {"decoder.fc1": (D_MODEL, D_FFN), "decoder.fc2": (D_FFN, D_MODEL)}
    sites = [LoraSite(f"{t}.{i}", t, i, *shapes[t]) for t in config.targets for i in range(config.n_decoder_layers)]
    return HyperNetwork(config, sites).eval()


def statistics(batch: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, 3, 3, D_MODEL, generator=torch.Generator().manual_seed(seed))


def give_b_a_value(hypernet: HyperNetwork) -> None:
    for head in hypernet.b_heads.values():
        torch.nn.init.normal_(head.weight)


@pytest.mark.parametrize("generator", ["mlp", "linear"])
def test_untrained_updates_nothing(generator):
    lora = build(generator=generator)(statistics(4))
    assert all(t.abs().max() == 0 for t in lora.b)
    assert all(t.abs().max() > 0 for t in lora.a)  # or nothing would ever be learned


@pytest.mark.parametrize("generator", ["mlp", "linear"])
def test_shapes_counts_and_scaling(generator):
    hypernet = build(generator=generator)
    lora = hypernet(statistics(4))
    assert [t.shape for t in lora.a] == [(4, 2, D_MODEL)] * 3 + [(4, 2, D_FFN)] * 3
    assert [t.shape for t in lora.b] == [(4, D_FFN, 2)] * 3 + [(4, D_MODEL, 2)] * 3
    assert hypernet.n_generated == lora.n_parameters == 6 * 2 * (D_MODEL + D_FFN)
    assert lora.scaling == 1.5
    assert hypernet.n_parameters == sum(p.numel() for p in hypernet.parameters())


def test_what_was_another_strength_is_a_hypernetwork_of_its_own():
    hypernet = build()
    give_b_a_value(hypernet)
    half, whole = at_strength(hypernet, 0.5)(statistics(2)), hypernet(statistics(2))
    assert (half.scaling, whole.scaling) == (0.75, 1.5)
    assert all(torch.equal(one, other) for one, other in zip((*half.a, *half.b), (*whole.a, *whole.b), strict=True))


def test_between_two_hypernetworks_each_weight_is_on_the_way_from_one_to_the_other():
    first, second = build(), build()
    give_b_a_value(first)
    found = between(first, second, 0.25).state_dict()
    one, other = first.state_dict(), second.state_dict()
    for name, weight in found.items():
        torch.testing.assert_close(weight, 0.25 * one[name] + 0.75 * other[name])
    assert any(not torch.equal(found[name], other[name]) for name in found)
    assert all(torch.equal(own, other[name]) for name, own in between(first, second, 0.0).state_dict().items())


@pytest.mark.parametrize("generated", ["a", "b", "coefficients"])
def test_less_than_both_factors_leaves_the_base_exact_and_counts_less(generated):
    hypernet = build(generated=generated)
    assert all(t.abs().max() == 0 for t in hypernet(statistics(4)).b)
    each = {"a": D_MODEL + D_FFN, "b": D_FFN + D_MODEL, "coefficients": 2}[generated]  # of fc1 and fc2 of one layer
    assert hypernet.n_generated == 3 * 2 * each
    assert hypernet.n_shared == 3 * 2 * 2 * (D_MODEL + D_FFN)


def test_coefficients_weigh_the_learned_updates():
    hypernet = build(generated="coefficients")
    for learned in hypernet.b_learned:
        torch.nn.init.normal_(learned)
    torch.nn.init.normal_(hypernet.coefficients.weight)
    lora = hypernet(statistics(2)).without_gains()
    for i, (a, b) in enumerate(zip(hypernet.a_learned, hypernet.b_learned, strict=True)):
        torch.testing.assert_close(lora.a[i], a.expand(2, -1, -1))
        weights = lora.b[i] / b  # (2, d_out, rank): one number for each utterance and learned update
        torch.testing.assert_close(weights, weights[:, :1].expand_as(weights), atol=1e-3, rtol=1e-3)
        assert not torch.allclose(weights[0], weights[1], atol=1e-2)
        rank_one = sum(weights[0, 0, k] * torch.outer(b[:, k], a[k]) for k in range(2))
        torch.testing.assert_close(lora.b[i][0] @ lora.a[i][0], rank_one, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("generator", ["mlp", "linear"])
def test_each_utterance_layer_and_target_gets_its_own_weights(generator):
    hypernet = build(generator=generator)
    give_b_a_value(hypernet)
    lora = hypernet(statistics(2))
    for t in (*lora.a, *lora.b):
        assert not torch.allclose(t[0], t[1], atol=1e-4)
    for first, second in ((0, 1), (3, 4)):
        assert not torch.allclose(lora.b[first], lora.b[second], atol=1e-4)


def test_an_utterance_does_not_depend_on_its_batch():
    hypernet = build()
    give_b_a_value(hypernet)
    together, alone = hypernet(statistics(5)), hypernet(statistics(5)[3:4])
    for whole, part in zip((*together.a, *together.b), (*alone.a, *alone.b), strict=True):
        torch.testing.assert_close(whole[3], part[0])


def test_linear_is_affine_in_the_embedding_and_mlp_is_not():
    for generator, is_affine in (("linear", True), ("mlp", False)):
        hypernet = build(generator=generator)
        give_b_a_value(hypernet)
        first, second = statistics(1, 1), statistics(1, 2)
        middle = hypernet((first + second) / 2).b[0]
        mean = (hypernet(first).b[0] + hypernet(second).b[0]) / 2
        assert torch.allclose(middle, mean, atol=1e-5) == is_affine


def test_every_parameter_learns_once_b_has_left_zero():
    hypernet = build().train()
    give_b_a_value(hypernet)
    lora = hypernet(statistics(256))
    sum(t.square().sum() for t in (*lora.a, *lora.b)).backward()
    assert [name for name, p in hypernet.named_parameters() if p.grad is None or p.grad.abs().sum() == 0] == []


def test_dropout_acts_in_training_only():
    hypernet = build(dropout=0.5)
    give_b_a_value(hypernet)
    assert torch.equal(hypernet(statistics(2)).b[0], hypernet(statistics(2)).b[0])
    hypernet.train()
    assert not torch.equal(hypernet(statistics(2)).b[0], hypernet(statistics(2)).b[0])
