"""Which visitor still needs which recording on disk; the last one to leave it deletes it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class Uploads:
    """Recordings that visitors sent, by session. Gradio names them by content, so two visitors can share a file."""

    def __init__(self, folder: str | Path) -> None:
        """`folder` is where gradio puts what visitors send; nothing outside it is ever deleted."""
        self._folder = Path(folder).resolve()
        self._held: dict[tuple[str, str], frozenset[Path]] = {}  # (session, part of the page) -> its files
        self._lock = threading.Lock()

    def hold(self, session: str, path: str | None) -> None:
        """The visitor now works with this recording, and no longer with the one before."""
        self.hold_all(session, "one", [] if path is None else [path])

    def hold_all(self, session: str, part: str, paths: Iterable[str | Path]) -> None:
        """A part of the page now works with these files, and no longer with those before."""
        with self._lock:
            before = self._held.pop((session, part), frozenset())
            self._held[session, part] = frozenset(Path(path).resolve() for path in paths)
            for path in before:
                self._delete_if_free(path)

    def release(self, session: str) -> None:
        """The visitor has left."""
        for part in [part for holder, part in list(self._held) if holder == session]:
            self.hold_all(session, part, [])
            del self._held[session, part]

    def _delete_if_free(self, path: Path) -> None:
        """Delete a file that nobody holds any more."""
        if any(path in held for held in self._held.values()) or not path.is_relative_to(self._folder):
            return
        path.unlink(missing_ok=True)
        with suppress(OSError):  # its folder, named after the content, may hold another file
            path.parent.rmdir()
