"""What nobody comes back for is deleted while the page is served: interrupted uploads, the state of closed pages."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.ui.visitors.folder import delete_partial

if TYPE_CHECKING:
    import gradio as gr

EVERY_SECONDS = 10.0


def start_janitor(demo: gr.Blocks, folder: Path) -> None:
    """Clean up every few seconds, in a thread that ends with the program."""
    threading.Thread(target=_run, args=(demo, folder, threading.Event()), daemon=True, name="janitor").start()


def _run(demo: gr.Blocks, folder: Path, never: threading.Event) -> None:
    while not never.wait(EVERY_SECONDS):
        delete_partial(folder)
        forget_closed(demo)


def forget_closed(demo: gr.Blocks) -> None:
    """Gradio keeps a closed page for an hour, in case it is opened again; this page starts anew then."""
    holder = demo.state_holder
    for session, state in list(holder.session_data.items()):
        if state.is_closed:
            holder.session_data.pop(session, None)
            holder.time_last_used.pop(session, None)
