"""How events run: which wait for the model in one line, and which are too small to wait."""

from __future__ import annotations

MODEL_QUEUE = {"concurrency_id": "model", "concurrency_limit": 1}  # adapting sits on the model's modules: one at a time
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}  # small steps: no wait, no endpoint
