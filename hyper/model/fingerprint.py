"""What tells weights apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor, nn

TOKEN_WEIGHTS = ("model.decoder.embed_tokens.weight", "proj_out.weight")  # no hypernetwork adapts them


def fingerprint(model: nn.Module) -> str:
    """16 hex digits that tell these weights from all others."""
    return _digest(model.state_dict().items())


def body_fingerprint(model: nn.Module) -> str:
    """16 hex digits that tell a Whisper from all others by what a hypernetwork reads and changes.

    Token embedding and output projection are left out. Values count as float16 has them, since the same weights are
    published in float16 and in float32.
    """
    return _digest((name, t.half()) for name, t in model.state_dict().items() if name not in TOKEN_WEIGHTS)


def _digest(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """SHA-256 over the sorted names and their bytes, its beginning."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors, key=lambda item: item[0]):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]
