"""What tells weights apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor, nn

TOKEN_WEIGHTS = ("model.decoder.embed_tokens.weight", "proj_out.weight")  # no hypernetwork adapts them


def fingerprint(model: nn.Module) -> str:
    """16 hex digits that tell these weights from all others."""
    weights = model.state_dict()
    return _digest((name, weights[name]) for name in sorted(weights))


def body_fingerprint(model: nn.Module) -> str:
    """16 hex digits that tell a Whisper from all others by what a hypernetwork reads and changes.

    Token embedding and output projection are left out. Values count as float16 has them, since the same weights are
    published in float16 and in float32.
    """
    weights = model.state_dict()
    names = sorted(weights.keys() - set(TOKEN_WEIGHTS))
    return _digest((name, weights[name].half()) for name in names)  # one in half precision at a time, not all


def _digest(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """SHA-256 over names and bytes in their order, its beginning."""
    digest = hashlib.sha256()
    for name, tensor in tensors:
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
