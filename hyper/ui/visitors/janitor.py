"""What nobody comes back for is deleted while the page is served: interrupted uploads, what closed pages left."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.ui.visitors.folder import delete_old, delete_partial

if TYPE_CHECKING:
    import gradio as gr

    from hyper.ui.service import Service
    from hyper.ui.visitors.open_pages import OpenPages

EVERY_SECONDS = 10.0
ABSENT_SECONDS = 60.0  # a caller without a connection asks again with the same recording, or takes a file, so soon


def start_janitor(demo: gr.Blocks, folder: Path, absent: Absent) -> None:
    """Clean up every few seconds, in a thread that ends with the program."""
    threading.Thread(target=_run, args=(demo, folder, absent, threading.Event()), daemon=True, name="janitor").start()


def _run(demo: gr.Blocks, folder: Path, absent: Absent, never: threading.Event) -> None:
    while not never.wait(EVERY_SECONDS):
        try:
            delete_partial(folder)
            delete_old(folder)
            absent.forget_deleted()
            forget_closed(demo)
            absent.forget(time.monotonic())
        except Exception:  # the next round must come
            logging.getLogger(__name__).exception("Cleaning up failed, and is tried again.")


def forget_closed(demo: gr.Blocks) -> None:
    """Gradio keeps a closed page for an hour, in case it is opened again; this page starts anew then."""
    holder = demo.state_holder
    for session, state in list(holder.session_data.items()):
        if state.is_closed:
            holder.session_data.pop(session, None)
            holder.time_last_used.pop(session, None)


class Absent:
    """Sessions with no page open and no answer under way: callers of the API, who never say that they have left, and
    what gradio keeps of pages that did. After a while all that is held for them goes."""

    def __init__(self, demo: gr.Blocks, service: Service, pages: OpenPages) -> None:
        self._demo, self._service, self._pages = demo, service, pages
        self._since: dict[str, float] = {}  # session -> when it was first seen absent, s

    def forget(self, now: float) -> None:
        """Let go of those who have been absent for long; `now` is a time in seconds."""
        self._since = {session: self._since.get(session, now) for session in self._held() - self._present()}
        for session, since in self._since.items():
            if now - since >= ABSENT_SECONDS:
                self._service.forget(session)
                self._forget_in_gradio(session)

    def forget_deleted(self) -> None:
        """Let go of what is held of files that are no longer there: what was encoded, and their names in gradio."""
        self._service.forget_deleted()
        for files in self._demo.temp_file_sets:
            files.difference_update([file for file in list(files) if not Path(file).exists()])

    def _held(self) -> set[str]:
        """Sessions for which anything is held, here or by gradio."""
        queue, states = self._demo._queue, self._demo.state_holder.session_data
        gradios = (*queue.pending_event_ids_session, *queue.pending_messages_per_session, *states)
        return {*gradios, *self._service.sessions()}

    def _present(self) -> set[str]:
        """Sessions with a page open, or whose request waits or is worked on."""
        events = list(self._demo._queue.event_ids_to_events.values())
        return {*self._pages.sessions(), *(event.session_hash for event in events)}

    def _forget_in_gradio(self, session: str) -> None:
        """What was typed, and answers that nobody fetched."""
        demo, states, queue = self._demo, self._demo.state_holder, self._demo._queue
        waiting = (queue.pending_event_ids_session, queue.pending_messages_per_session)
        for each in (states.session_data, states.time_last_used, *waiting, demo.pending_diff_streams):
            each.pop(session, None)
