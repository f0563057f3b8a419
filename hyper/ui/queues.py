"""How events run: which wait for the model in one line, and which are too small to wait."""

from __future__ import annotations

from hyper.ui.gpu import IS_SHARED_GPU

# Requests come to the scheduler together and wait there. It says how long the line is, so gradio's own line is longer.
MODEL_QUEUE = {"concurrency_id": "model", "concurrency_limit": 1 if IS_SHARED_GPU else 48}  # lent to one at a time
MOST_THREADS = 64  # of gradio: those of the model that wait, and some for small steps
ON_MODEL = {"api_visibility": "private", **MODEL_QUEUE}
LIST_QUEUE = {"concurrency_id": "several", "concurrency_limit": 1}  # at a time; the scheduler lets others in
FILE_QUEUE = {"concurrency_id": "files", "concurrency_limit": 1}  # a file is as large as the model: one at a time
ON_FILES = {"api_visibility": "private", **FILE_QUEUE}
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}  # small steps: no wait, no endpoint
