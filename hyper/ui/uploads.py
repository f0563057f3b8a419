"""Which visitor still needs which recording on disk; the last one to leave it deletes it."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path


class Uploads:
    """Recordings that visitors sent, by session. Gradio names them by content, so two visitors can share a file."""

    def __init__(self, folder: str | Path) -> None:
        """`folder` is where gradio puts what visitors send; nothing outside it is ever deleted."""
        self._folder = Path(folder).resolve()
        self._held: dict[str, Path] = {}  # session -> its recording
        self._lock = threading.Lock()

    def hold(self, session: str, path: str | None) -> None:
        """The visitor now works with this recording, and no longer with the one before."""
        with self._lock:
            before = self._held.pop(session, None)
            if path is not None:
                self._held[session] = Path(path).resolve()
            self._delete_if_free(before)

    def release(self, session: str) -> None:
        """The visitor has left."""
        self.hold(session, None)

    def _delete_if_free(self, path: Path | None) -> None:
        """Delete a recording that nobody holds any more."""
        if path is None or path in self._held.values() or not path.is_relative_to(self._folder):
            return
        path.unlink(missing_ok=True)
        with suppress(OSError):  # its folder, named after the content, may hold another file
            path.parent.rmdir()
