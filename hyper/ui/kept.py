"""What the page is made of stays until its end: nobody looks through it for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept() -> Iterator[None]:
    """Whatever is imported or made inside is never looked through, during its making or later.

    Looking again and again through a million objects, next to none of them garbage, took a sixth of the start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
