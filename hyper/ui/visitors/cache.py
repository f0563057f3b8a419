"""The encoded recordings that visitors are working with: a few, so that another strength need not encode again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyper.compare.prepared import Prepared

Key = tuple[str | None, ...]  # the file, then model and settings
CACHE_SIZE = 4  # visitors; a minute of speech takes 3 MB with the bundled base, 18 MB with Whisper large


class RecordingCache:
    """One encoded recording a visitor. The one that was not used for longest makes room, and is encoded again."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self._size = size
        self._cached: OrderedDict[str | None, tuple[Key, Prepared]] = OrderedDict()  # session -> its recording
        self._awaited: dict[str, object] = {}  # session -> whose result is to be kept
        self._lock = threading.Lock()

    def get(self, session: str | None, key: Key, prepare: Callable[[], Prepared]) -> Prepared:
        """The visitor's recording as `key` (file, model and settings) names it; prepared where another is cached."""
        with self._lock:
            cached = self._cached.get(session)
            if cached is not None and cached[0] == key:
                self._cached.move_to_end(session)
                return cached[1]
        del cached  # its memory is free before the next one needs it
        self.drop(session)
        if session is None:
            return prepare()
        asked = object()
        with self._lock:
            self._awaited[session] = asked
        try:
            prepared = prepare()
            with self._lock:
                if self._awaited.get(session) is asked:  # the visitor has not left, nor taken it away meanwhile
                    self._put(session, key, prepared)
            return prepared
        finally:
            with self._lock:
                if self._awaited.get(session) is asked:
                    del self._awaited[session]

    def drop(self, session: str | None) -> None:
        """The visitor has left, or has another recording; what is being prepared for them is not kept."""
        with self._lock:
            self._cached.pop(session, None)
            self._awaited.pop(session or "", None)

    def sessions(self) -> set[str | None]:
        """Visitors whose recording is cached."""
        with self._lock:
            return set(self._cached)

    def recordings(self) -> list[tuple[str | None, str | None]]:
        """Each visitor with the file that is cached for them."""
        with self._lock:
            return [(session, key[0]) for session, (key, _) in self._cached.items()]

    def __len__(self) -> int:
        return len(self._cached)

    def _put(self, session: str, key: Key, prepared: Prepared) -> None:
        self._cached[session] = (key, prepared)
        self._cached.move_to_end(session)
        while len(self._cached) > self._size:
            self._cached.popitem(last=False)
