"""How events run: which wait for the model in one line, and which are too small to wait."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

MODEL_QUEUE = {"concurrency_id": "model", "concurrency_limit": 1}  # adapting sits on the model's modules: one at a time
ON_MODEL = {"api_visibility": "private", **MODEL_QUEUE}
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}  # small steps: no wait, no endpoint
GPU_SECONDS = 30  # asked of a shared GPU for each request; a visitor with less quota left than this is refused


def on_gpu(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Where the `spaces` package is there (a Space with a shared GPU), borrow the GPU for each call."""
    if importlib.util.find_spec("spaces") is None:
        return handler
    import spaces

    return spaces.GPU(duration=GPU_SECONDS)(handler)
