"""Whether an update fits the memory of the device, known before the first one is made."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
_MAPPED_BYTES = 4 << 20


def return_freed_tensors() -> None:
    """On Linux, let tensors of 4 MB and more lie outside the C library's heap, so that freeing them frees memory.

    In the heap they leave gaps that the next batch, of another length, does not fit, so that nobody could say what a
    run will hold: twenty updates of tiny.en on 8 recordings each held 2.7 GB in place of 1.9. It costs time: those
    took a fifth more of the processor's.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is not None and hasattr(libc, "mallopt"):  # musl has none
        libc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def update_bytes(
    loss: Callable[[np.ndarray], Tensor],
    longest: np.ndarray,  # (1 or 2,) positions in the store
    n: int,
) -> int:
    """What the loss of n recordings, each as long as the longest, keeps for its gradients; the rest takes less.

    Measured on one recording and on two, so that what does not grow with the batch, such as weights, counts once.
    """
    one, both = (_kept_bytes(partial(loss, longest[:k])) for k in (1, len(longest)))
    return one + (n - 1) * (both - one if len(longest) == 2 else one)


def _kept_bytes(forward: Callable[[], Tensor]) -> int:
    kept: dict[int, int] = {}  # bytes of each storage, by where it lies: views of one count once

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        summed = forward()  # alive until all is counted: what is freed could lend its place
    del summed
    return sum(kept.values())
