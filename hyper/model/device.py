"""Which device a model runs on, and in which precision."""

from __future__ import annotations

import torch

from hyper.model.files import BackboneError


def choose_device(device: str | None) -> torch.device:
    """The device asked for, or CUDA where there is one."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise BackboneError(f"There is no device {device!r}; choose cpu, cuda or cuda:N.") from None
    if chosen.type == "cuda":
        _make_current(chosen)
        # On Hopper torch asks cuDNN first, which plans anew for each length that it sees: most of a second for every
        # token that is decoded in bfloat16, since each sees one more.
        torch.backends.cuda.enable_cudnn_sdp(False)
    return chosen


def _make_current(device: torch.device) -> None:
    """What names no card, such as accelerate, means this one from now on."""
    n_cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not n_cards:
        raise BackboneError(f"The device '{device}' was asked for, but torch sees no CUDA card; choose cpu.")
    if (device.index or 0) >= n_cards:
        raise BackboneError(f"The device '{device}' was asked for, but torch's last CUDA card is cuda:{n_cards - 1}.")
    if device.index is not None:
        torch.cuda.set_device(device)


def choose_dtype(device: torch.device) -> torch.dtype:
    """float32 on CPU; on CUDA bfloat16 where the card computes in it, else float16."""
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if card_computes_bfloat16(device) else torch.float16


def card_computes_bfloat16(device: torch.device) -> bool:
    """Whether a CUDA card has instructions for it; earlier ones only imitate it, slowly."""
    return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere
