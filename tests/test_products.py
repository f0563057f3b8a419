"""The products of Whisper's layers: whichever way is the fastest, the numbers are torch's."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import linear as torch_linear

from hyper.model import products
from hyper.model.products import READ_ONCE, WIDE, linear, plus_linear


@pytest.mark.parametrize("d_in", [64, WIDE])
@pytest.mark.parametrize("has_bias", [True, False])
def test_every_way_gives_torchs_numbers(d_in, has_bias):
    torch.manual_seed(0)
    weight, bias = torch.randn(WIDE + 8, d_in) / d_in**0.5, torch.randn(WIDE + 8) if has_bias else None
    for shape in [(1,), (2,), (3, 1), (2, 2), (5,), (2, 20), (40, 1)]:
        x = torch.randn(*shape, d_in)
        with torch.inference_mode():
            product = linear(x, weight, bias)
        assert product.shape == (*shape, WIDE + 8) and product.is_contiguous()
        assert torch.allclose(product, torch_linear(x, weight, bias), atol=1e-5)


def test_a_product_is_added_to_what_stays_as_it_was():
    torch.manual_seed(0)
    weight = torch.randn(40, 16) / 4
    for shape in [(1,), (2, 1), (2, 3), (2, 20), (40, 1)]:
        x, output = torch.randn(*shape, 16), torch.randn(*shape, 40)
        before = output.clone()
        with torch.inference_mode():
            added = plus_linear(output, x, weight)
        assert added.shape == output.shape and torch.equal(output, before)
        assert torch.allclose(added, before + torch_linear(x, weight), atol=1e-5)
        assert torch.allclose(plus_linear(output, x, weight), added, atol=1e-5)


def test_few_positions_of_a_wide_model_fetch_the_weights_once(monkeypatch):
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this processor has no oneDNN")
    asked = []
    turned = products._turned_round
    monkeypatch.setattr(products, "_turned_round", lambda x, *rest: asked.append(len(x)) or turned(x, *rest))
    for width in (WIDE, WIDE - 8):
        weight = torch.randn(width, width)
        for n in range(1, 8):
            with torch.inference_mode():
                linear(torch.randn(n, width), weight, None)
            linear(torch.randn(n, width), weight, None)  # training needs gradients, which the others do not have
    assert asked == list(READ_ONCE)
