"""How LoRA rows meet a batch: against merged weights, and what happens when things go wrong."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from hyper.model.lora import LoraSite, LoraWeights, StrengthError, apply_lora

D_IN, D_OUT, RANK = 12, 20, 2


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(D_IN, D_OUT), nn.GELU(), nn.Linear(D_OUT, D_IN))


@pytest.fixture
def lora() -> LoraWeights:
    """Three rows for both linear layers."""
    torch.manual_seed(1)
    sites = (LoraSite("0", "decoder.fc1", 0, D_IN, D_OUT), LoraSite("2", "decoder.fc2", 0, D_OUT, D_IN))
    a = tuple(torch.randn(3, RANK, site.d_in) for site in sites)
    b = tuple(torch.randn(3, site.d_out, RANK) for site in sites)
    return LoraWeights(sites, a, b, scaling=0.5)


def layers_of(model: nn.Module) -> list[nn.Module]:
    return [model[0], model[2]]


def with_base(lora: LoraWeights) -> LoraWeights:
    """A row without update in front, so that row 0 of a batch runs the base."""
    return LoraWeights.joined([lora.row(0).scaled(0.0), lora])


def merged(model: nn.Module, lora: LoraWeights, row: int, strength: float = 1.0) -> nn.Module:
    """A copy whose weights hold the update of one row, written out by hand."""
    model = copy.deepcopy(model)
    for layer, a, b in zip((model[0], model[2]), lora.a, lora.b, strict=True):
        layer.weight.data += strength * 0.5 * b[row] @ a[row]
    return model


def test_each_row_equals_a_model_with_its_weights_merged(model, lora):
    x = torch.randn(4, 7, D_IN)
    with apply_lora(layers_of(model), with_base(lora)):
        rows = model(x)
    torch.testing.assert_close(rows[0], model(x[:1])[0], atol=1e-5, rtol=0)
    for row in range(3):
        torch.testing.assert_close(rows[row + 1], merged(model, lora, row)(x[row + 1 : row + 2])[0], atol=1e-4, rtol=0)
        assert not torch.allclose(rows[row + 1], model(x[row + 1 : row + 2])[0], atol=1e-2)


def test_base_row_is_bit_for_bit_the_unadapted_batch(model, lora):
    x = torch.randn(2, 7, D_IN)
    plain = model(x)
    with apply_lora(layers_of(model), with_base(lora.row(1))):
        rows = model(x)
    assert torch.equal(rows[0], plain[0])
    assert not torch.allclose(rows[1], plain[1], atol=1e-2)


def test_joined_rows_at_any_strength_equal_merged_weights_and_at_none_the_base(model, lora):
    x, strengths = torch.randn(3, 5, D_IN), (0.0, 0.5, 1.0, 2.0)
    with apply_lora(layers_of(model), LoraWeights.joined([lora.scaled(strength) for strength in strengths])):
        rows = model(x.repeat(4, 1, 1)).unflatten(0, (4, 3))
    assert torch.equal(rows[0], model(x.repeat(4, 1, 1))[:3])
    for i, strength in enumerate(strengths[1:], start=1):
        for row in range(3):
            expected = merged(model, lora, row, strength)(x[row : row + 1])[0]
            torch.testing.assert_close(rows[i, row], expected, atol=1e-4, rtol=0)
        assert not torch.allclose(rows[i], rows[i - 1], atol=1e-2)


def test_as_trained_is_bit_for_bit_the_weights_themselves(lora):
    before = [b.clone() for b in lora.b]
    once, twice = lora.scaled(1.0), lora.scaled(2.0)
    assert all(map(torch.equal, (*once.a, *once.b), (*lora.a, *lora.b)))
    assert all(map(torch.equal, twice.b, (2 * b for b in before)))
    assert all(map(torch.equal, lora.b, before)) and twice.scaling == lora.scaling == 0.5


@pytest.mark.parametrize("strength", [-0.1, 2.01, float("nan"), float("inf")])
def test_a_strength_outside_of_0_to_2_is_refused(lora, strength):
    with pytest.raises(StrengthError) as error:
        lora.scaled(strength)
    expected = f"The strength is {strength:g}, but it must be between 0 (base) and 2; 1 is as trained."
    assert str(error.value) == expected


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_another_number_of_rows_is_refused(model, lora, batch):
    with (
        apply_lora(layers_of(model), with_base(lora)),
        pytest.raises(ValueError, match=f"4 rows.*a batch of {batch}"),
    ):
        model(torch.randn(batch, 7, D_IN))


def test_an_exception_leaves_the_base_as_it_was(model, lora):
    x = torch.randn(3, 7, D_IN)
    plain = model(x)
    with pytest.raises(RuntimeError, match="in the middle"), apply_lora(layers_of(model), lora):
        raise RuntimeError("in the middle")
    assert torch.equal(model(x), plain)


def test_a_layer_that_is_missing_leaves_no_hook(model, lora):
    x = torch.randn(3, 7, D_IN)
    plain = model(x)
    with pytest.raises(ValueError, match="is shorter than argument 1"), apply_lora([model[0]], lora):
        pass
    assert torch.equal(model(x), plain)


def test_dropped_rows_leave_the_others_their_own_weights(model, lora):
    x = torch.randn(3, 7, D_IN)
    with apply_lora(layers_of(model), lora) as applied:
        before = model(x)
        applied.keep(torch.tensor([2, 0]))
        after = model(x[[2, 0]])
    torch.testing.assert_close(after, before[[2, 0]], atol=1e-6, rtol=0)


def test_half_precision_base_and_autocast(model, lora):
    x = torch.randn(3, 7, D_IN)
    with apply_lora(layers_of(model), lora):
        exact = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = model(x)
    half = copy.deepcopy(model).bfloat16()
    with apply_lora(layers_of(half), lora):
        low = half(x.bfloat16())
    assert mixed.dtype == low.dtype == torch.bfloat16
    for result in (mixed, low):  # bfloat16 has 8 bits: a relative error of 1/256 for each product
        assert (result.float() - exact).abs().max() < 0.05 * exact.abs().max()


def test_gradients_reach_the_weights(model, lora):
    a = tuple(t.clone().requires_grad_() for t in lora.a)
    with apply_lora(layers_of(model.requires_grad_(False)), LoraWeights(lora.sites, a, lora.b, 0.5)):
        model(torch.randn(3, 7, D_IN)).square().sum().backward()
    assert all(t.grad is not None and t.grad.abs().sum() > 0 for t in a)


def test_counts_and_copies(lora):
    assert len(lora) == 3 and len(LoraWeights.joined([lora, lora.row(1)])) == 4
    assert lora.n_parameters == 2 * RANK * (D_IN + D_OUT)
    assert torch.equal(lora.repeat(2).a[0], lora.a[0][[0, 0, 1, 1, 2, 2]])
    assert torch.equal(lora.take([2, 2, 0]).b[1], lora.b[1][[2, 2, 0]])
    assert torch.equal(LoraWeights.joined([lora.row(2), lora]).a[1], lora.a[1][[2, 0, 1, 2]])
    half = LoraWeights(lora.sites, *(tuple(t.bfloat16() for t in group) for group in (lora.a, lora.b)), 0.5)
    assert {t.dtype for t in (*half.to_cpu().a, *half.to_cpu().b)} == {torch.float32}
    torch.testing.assert_close(lora.delta(1, 0), 0.5 * lora.b[0][1] @ lora.a[0][1])


def test_rows_that_share_their_updates_and_differ_by_gains_equal_rows_with_weights_of_their_own(model, lora):
    gains = torch.randn(3, 2, RANK, generator=torch.Generator().manual_seed(2))  # (rows, sites, rank)
    first = lora.row(0)
    shared = LoraWeights(first.sites, first.a, first.b, first.scaling, gains)
    own = shared.without_gains()
    x = torch.randn(3, 7, D_IN)
    plain = model(x)
    for taken, expected, rows in (
        (shared, own, [0, 1, 2]),
        (shared.scaled(1.5), own.scaled(1.5), [0, 1, 2]),
        (shared.take([2, 0]), own.take([2, 0]), [2, 0]),
        (LoraWeights.joined([shared.row(1), shared.row(2)]), own.take([1, 2]), [1, 2]),
    ):
        assert len(taken) == len(rows)
        for i in range(len(rows)):
            torch.testing.assert_close(taken.delta(i, 1), expected.delta(i, 1))
        with apply_lora(layers_of(model), taken):
            given = model(x[rows])
        with apply_lora(layers_of(model), expected):
            torch.testing.assert_close(given, model(x[rows]), atol=1e-4, rtol=1e-4)
        assert not torch.allclose(given, plain[rows], atol=1e-2)
    with apply_lora(layers_of(model), shared.scaled(0.0)):
        assert torch.equal(model(x), plain)
    with apply_lora(layers_of(model), shared) as applied:
        before = model(x)
        applied.keep(torch.tensor([2, 0]))
        torch.testing.assert_close(model(x[[2, 0]]), before[[2, 0]], atol=1e-6, rtol=0)
    assert [t.shape for t in shared.repeat(2).without_gains().b] == [(6, D_OUT, RANK), (6, D_IN, RANK)]
