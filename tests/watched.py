"""Run app.py with every file that it opens to write and every address that it speaks to noted.

    python -m tests.watched NOTES ARGUMENTS

NOTES gets one JSON list a line: what happened, and to what. Python tells of each such event before it happens,
whichever library causes it, unless that library opens files or sockets in its own C code.

What is deleted when nothing was added to it for a minute, such as the empty file that gradio makes beside each that it
reads, is here after seconds.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from typing import Any

from hyper.ui.visitors import folder, janitor

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PATHS = {  # event: which of its arguments is a path that it makes or fills
    "os.mkdir": 0, "os.rename": 1, "os.link": 1, "os.symlink": 1, "os.truncate": 0, "sqlite3.connect": 0
}  # fmt: skip
NETWORK = {  # event: which of its arguments is an address or a name
    "socket.connect": 1, "socket.bind": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0
}  # fmt: skip


def main(notes: str, *arguments: str) -> None:
    file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(event: str, values: tuple[Any, ...]) -> None:
        for what in _noted(event, values):
            os.write(file, json.dumps([event, what], default=_text).encode() + b"\n")

    sys.addaudithook(note)
    folder.PARTIAL_AGE_SECONDS, janitor.EVERY_SECONDS = 3, 0.5
    sys.argv = ["app.py", *arguments]
    runpy.run_path("app.py", run_name="__main__")


def _noted(event: str, values: tuple[Any, ...]) -> list[Any]:
    """What the event does to files or the network; empty where it does nothing."""
    if event == "open":
        path, _, flags = values
        return [_whole(path)] if flags & WRITES and not isinstance(path, int) else []
    if event in PATHS:
        path = values[PATHS[event]]
        return [] if isinstance(path, int) else [_whole(path)]
    if event in NETWORK:
        return [values[NETWORK[event]]]
    return []


def _whole(path: str | bytes | os.PathLike[str]) -> str:
    return os.path.abspath(os.fsdecode(path))


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
