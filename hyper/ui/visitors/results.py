"""What was found for visitors, as a report that can still be made; words and numbers alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hyper.reports.parts import ClinicReport

MakeReport = Callable[..., ClinicReport]  # of a subject and a tongue


class Results:
    """One for each visitor and place on the page."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], MakeReport] = {}
        self._lock = threading.Lock()

    def keep(self, session: str | None, place: str, make: MakeReport) -> None:
        """In place of the one before; a call without a page has no session, and is given nothing back."""
        if session is not None:
            with self._lock:
                self._found[session, place] = make

    def get(self, session: str | None, place: str) -> MakeReport | None:
        """What was found last."""
        return self._found.get((session or "", place))

    def sessions(self) -> set[str]:
        """Visitors for whom anything is kept."""
        with self._lock:
            return {session for session, _ in self._found}

    def forget(self, session: str | None) -> None:
        """The visitor has left."""
        with self._lock:
            for key in [key for key in self._found if key[0] == session]:
                del self._found[key]
