"""A base in 8 or 4 bits: bitsandbytes' layers in place of the linear ones, adapted in half precision."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hyper.model.files import BackboneError

BITS = (8, 4)
OUTPUT = "proj_out"  # tied to the token embedding, so it stays as it is


def check_bits(bits: int, device: torch.device) -> None:
    """Errors: `BackboneError` where a base cannot be had in so few bits."""
    if bits not in BITS:
        raise BackboneError(f"A base can be loaded in {' or '.join(map(str, BITS))} bits, not in {bits}.")
    if device.type != "cuda":
        raise BackboneError(f"A base in {bits} bits needs a CUDA card, not {device}; leave --bits out.")
    _library(bits)


def quantise(model: nn.Module, bits: int, dtype: torch.dtype) -> None:
    """Layers of so few bits in place of the linear ones; their weights are packed on its device."""
    library = _library(bits).nn
    linear = [(name, layer) for name, layer in model.named_modules() if type(layer) is nn.Linear and name != OUTPUT]
    for name, layer in linear:
        shape, has_bias = (layer.in_features, layer.out_features), layer.bias is not None
        weight = layer.weight.data.to(dtype)
        if bits == 4:  # NF4, arXiv:2305.14314
            packed = library.Linear4bit(*shape, bias=has_bias, compute_dtype=dtype, quant_type="nf4")
            packed.weight = library.Params4bit(weight, requires_grad=False, quant_type="nf4", module=packed)
        else:  # LLM.int8(), arXiv:2208.07339
            packed = library.Linear8bitLt(*shape, bias=has_bias, has_fp16_weights=False, threshold=6.0)
            packed.weight = library.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
        packed.bias = layer.bias
        model.set_submodule(name, packed)


def full_weight(layer: Any) -> Tensor:  # (d_out, d_in)
    """The layer's weight as numbers; of a packed one what it computes with."""
    weight: Any = layer.weight
    if weight.is_floating_point():
        return weight
    functional = _library(8).functional
    if hasattr(weight, "quant_state"):
        return functional.dequantize_4bit(weight.data, weight.quant_state)
    scales = layer.state.SCB if weight.SCB is None else weight.SCB
    return functional.int8_vectorwise_dequant(weight.data, scales)


def _library(bits: int) -> Any:
    try:
        import bitsandbytes
    except ImportError:
        raise BackboneError(
            f"A base in {bits} bits needs bitsandbytes, which is not installed: pip install bitsandbytes."
        ) from None
    return bitsandbytes
