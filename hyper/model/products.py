"""Products with a weight: whichever of torch's ways is the fastest here."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear as torch_linear

# Measured on one core of an AMD processor. Small weights stay in its cache, and there MKL is faster for few positions.
FEW_POSITIONS = 32
WIDE = 384  # d_model of tiny: from here on the weights come from memory at each step ...
READ_ONCE = range(2, 5)  # ... where MKL fetches them again for each position, but not so turned round


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # (..., d_in) -> (..., d_out)
    """`x @ weight.T + bias`, on a CPU mostly by oneDNN, as torch's own compiler would have it.

    torch calls MKL, which is two and a half times slower on an AMD processor. oneDNN's has no gradients.
    """
    n_positions, is_wide = x.numel() // x.shape[-1], min(weight.shape) >= WIDE
    if (n_positions < FEW_POSITIONS and not is_wide) or not _has_onednn(x):
        return torch_linear(x, weight, bias)
    if is_wide and n_positions in READ_ONCE:
        return _turned_round(x, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def plus_linear(output: Tensor, x: Tensor, weight: Tensor) -> Tensor:  # (..., d_out), (..., d_in), (d_out, d_in)
    """`output + x @ weight.T`, by the same of the two."""
    if x.numel() // x.shape[-1] < FEW_POSITIONS or not _has_onednn(x):
        return torch.addmm(output.flatten(0, -2), x.flatten(0, -2), weight.t()).view_as(output)
    return torch.ops.mkldnn._linear_pointwise.binary(x, output, weight, None, "add")


def _turned_round(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # (..., d_in) -> (..., d_out)
    """The same as `weight @ x.T`, transposed."""
    columns = x.flatten(0, -2).t()  # (d_in, positions)
    product = weight @ columns if bias is None else torch.addmm(bias[:, None], weight, columns)
    return product.t().contiguous().view(*x.shape[:-1], -1)


def _has_onednn(x: Tensor) -> bool:
    is_plain = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    # The product is no part of torch's public interface: another version may be without it.
    is_there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return is_plain and is_there and torch.is_inference_mode_enabled()
