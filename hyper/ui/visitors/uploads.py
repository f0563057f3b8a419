"""Which visitor still needs which recordings on disk; the last one to leave a file deletes it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path


class Uploads:
    """Recordings that visitors sent and files that were made for them. Two visitors can share an example: gradio names
    by its content what is handed out."""

    def __init__(self, folder: str | Path) -> None:
        """`folder` is where gradio puts what visitors send; nothing outside it is ever deleted."""
        self._folder = Path(folder).resolve()
        self._held: dict[tuple[str, str], frozenset[Path]] = {}  # (session, place on the page) -> its recordings
        self._seen: dict[Path, tuple[int, int]] = {}  # each held file as it was when it was last taken hold of
        self._calls = count()
        self._lock = threading.Lock()

    def hold(self, session: str | None, place: str, paths: Iterable[str]) -> None:
        """At this place of the page the visitor now works with these, and no longer with those before; a call without
        a page has no session, and holds nothing."""
        if session is None:
            return
        with self._lock:
            before = self._held.pop((session, place), frozenset())
            if now := frozenset(Path(path).resolve() for path in paths):
                self._held[session, place] = now
                self._seen |= {path: identity for path in now if (identity := _identity(path))}
            self._delete_unheld(before)

    def hold_too(self, session: str | None, place: str, paths: Iterable[str]) -> None:
        """These beside those that the visitor holds at this place: all stay until the visitor leaves or they are
        old."""
        self.hold(session, self._own(place), paths)

    @contextmanager
    def held_for_call(self, session: str | None, place: str, paths: Iterable[str]) -> Iterator[None]:
        """A program works with these, and may have other calls under way at the same place: they are its own while the
        call goes on, and then in place of those of the call that ended before."""
        own = self._own(place)
        self.hold(session, own, paths)
        try:
            yield
        finally:
            self._call_ended(session, own, place)

    def _own(self, place: str) -> str:
        """A place that nobody else takes."""
        return f"{place} {next(self._calls)}"

    def _call_ended(self, session: str | None, own: str, place: str) -> None:
        with self._lock:
            if session is None or (session, own) not in self._held:  # the caller has left
                return
            before = self._held.pop((session, place), frozenset())
            self._held[session, place] = self._held.pop((session, own))
            self._delete_unheld(before)

    def release(self, session: str | None) -> None:
        """The visitor has left."""
        with self._lock:
            own = [key for key in self._held if key[0] == session]
            self._delete_unheld(path for key in own for path in self._held.pop(key))

    def sessions(self) -> set[str]:
        """Visitors for whom a file is held."""
        with self._lock:
            return {session for session, _ in self._held}

    def _delete_unheld(self, paths: Iterable[Path]) -> None:
        """Delete those recordings that nobody holds any more."""
        paths = list(paths)
        held = set().union(*self._held.values())
        for path in paths:
            if path in held or not path.is_relative_to(self._folder):
                continue
            if self._seen.pop(path, None) != _identity(path):
                continue  # sent anew since, by somebody who is about to take hold of it
            path.unlink(missing_ok=True)
            with suppress(OSError):  # its folder, named after the content, may hold another file
                path.parent.rmdir()


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells a file from another that took its name; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
