"""Which visitor still needs which file on disk; the last one to leave it deletes it."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

RECORDING = "recording"  # what a file is to a visitor: each has one of a kind


class Uploads:
    """Recordings that visitors sent and files that were made for them. Gradio names them by content, so two visitors
    can share a file."""

    def __init__(self, folder: str | Path) -> None:
        """`folder` is where gradio puts what visitors send; nothing outside it is ever deleted."""
        self._folder = Path(folder).resolve()
        self._held: dict[tuple[str, str], Path] = {}  # (session, kind) -> the file
        self._lock = threading.Lock()

    def hold(self, session: str, path: str | None, kind: str = RECORDING) -> None:
        """The visitor now works with this file, and no longer with the one of this kind before."""
        with self._lock:
            before = self._held.pop((session, kind), None)
            if path is not None:
                self._held[session, kind] = Path(path).resolve()
            self._delete_if_free(before)

    def release(self, session: str) -> None:
        """The visitor has left."""
        for _, kind in [held for held in self._held if held[0] == session]:
            self.hold(session, None, kind)

    def _delete_if_free(self, path: Path | None) -> None:
        """Delete a file that nobody holds any more."""
        if path is None or path in self._held.values() or not path.is_relative_to(self._folder):
            return
        path.unlink(missing_ok=True)
        with suppress(OSError):  # its folder, named after the content, may hold another file
            path.parent.rmdir()
