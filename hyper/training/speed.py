"""What makes training fast on each kind of device."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch

from hyper.model.device import card_computes_bfloat16

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 there: on GPUs and CPUs with instructions for it, nowhere else."""
    return card_computes_bfloat16(device) if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()


def mixed_precision(device: torch.device, wanted: bool = True) -> AbstractContextManager[Any]:
    """Autocast to bfloat16 where that is faster, or nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and computes_bfloat16(device))


def choose_attention(model: PreTrainedModel) -> None:
    """Plain attention on a CPU: on short utterances its backward pass takes a quarter of the time of the fused one."""
    if model.device.type == "cpu":
        model.set_attn_implementation("eager")
