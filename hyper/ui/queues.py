"""How events run: which wait for the model in one line, and which are too small to wait."""

from __future__ import annotations

from typing import Any

from hyper.ui.gpu import IS_SHARED_GPU

# Requests come to the scheduler together and wait there. It says how long the line is, so gradio's own line is longer.
# A GPU that is lent is lent to one at a time.
MODEL_QUEUE: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1 if IS_SHARED_GPU else 48}
MOST_THREADS = 64  # of gradio: those of the model that wait, and some for small steps
ON_MODEL: dict[str, Any] = {"api_visibility": "private", **MODEL_QUEUE}
# The scheduler takes parts of lists in turn. Meanwhile each list holds the waveforms of one, 46 MB at most: a part ends
# with the recording that makes it this long, in seconds.
LIST_PART_SECONDS = 120.0
MOST_LISTS = 1 if IS_SHARED_GPU else 6
LIST_QUEUE: dict[str, Any] = {"concurrency_id": "several", "concurrency_limit": MOST_LISTS}
# A file is as large as the model: one at a time.
FILE_QUEUE: dict[str, Any] = {"concurrency_id": "files", "concurrency_limit": 1}
ON_FILES: dict[str, Any] = {"api_visibility": "private", **FILE_QUEUE}
# Sessions are counted on the processor: one visitor's at a time.
SESSIONS_QUEUE: dict[str, Any] = {"concurrency_id": "sessions", "concurrency_limit": 1}
# Small steps: no wait, no endpoint.
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# The same where a notice may come of it, which needs the queue.
HEARD: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
