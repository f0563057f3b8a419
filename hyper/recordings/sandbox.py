"""A kept child process that reads what strangers sent: whatever goes wrong in there, the program goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

N_CHILDREN = 4  # at most; one that hangs holds up nobody but its own visitor
TASKS_EACH = 200  # then a new child: libraries may leak memory over damaged files
OUT_OF_TIME = 124  # exit code of a child that no signal ends, as that of coreutils' timeout
ROOT = Path(__file__).parents[2]  # the folder that holds the package
NOT_STARTED = (
    "The process that reads files of this kind did not start; python -m hyper.recordings.sandbox_child tells what it "
    "lacks."
)


class Refused(ValueError):
    """The child read the file and refuses it; the message is a sentence for whoever sent it."""


class Unreadable(ValueError):
    """The child could not read the file; the message says what stood in the way."""


class ChildDied(Unreadable):
    """The child crashed over the file, or ran out of memory."""


class NotStarted(Unreadable):
    """There is no child, whatever the file is; the message is a sentence for whoever runs this."""


class OutOfTime(Unreadable):
    """Reading took longer than it may."""


class Sandbox:
    """Children that are started when first needed, kept, and replaced when they die. Safe to call from any thread."""

    def __init__(self) -> None:
        self._begin_anew()
        if hasattr(os, "register_at_fork"):  # two processes that write to one child would get each other's replies
            os.register_at_fork(after_in_child=self._begin_anew)

    def call(self, task: str, seconds: float, **arguments: object) -> bytes:
        """What the task returns in the child. Errors: `Refused`, `Unreadable`, `OutOfTime`, `NotStarted`."""
        with self._places:
            child = self._idle_child() or _Child()
            try:
                kind, content = child.call({"task": task, "seconds": seconds, "arguments": arguments})
            except BaseException:  # also when the user interrupts: its reply would be taken for the next one's
                child.end()
                raise
            if child.n_tasks < TASKS_EACH:
                self._idle.append(child)
            else:
                child.end()
        if kind == "refused":
            raise Refused(content.decode())
        if kind == "failed":
            raise Unreadable(content.decode())
        return content

    def _idle_child(self) -> _Child | None:
        while self._idle:
            try:
                child = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            if child.is_alive():
                return child
            child.end()
        return None

    def _begin_anew(self) -> None:
        self._idle: list[_Child] = []
        self._places = threading.BoundedSemaphore(N_CHILDREN)


class _Child:
    """One child process. It ends by itself when the pipe to it is closed, as it is when this process ends."""

    def __init__(self) -> None:
        self.n_tasks = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hyper.recordings.sandbox_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a library's last words before it crashes are no message for a user
            env={**os.environ, "PYTHONPATH": _path(), "OPENBLAS_NUM_THREADS": "1"},
        )
        assert self._process.stdin and self._process.stdout  # they were asked for
        self._to, self._from = self._process.stdin, self._process.stdout
        if self._from.readline() != b"ready\n":
            self.end()
            raise NotStarted(NOT_STARTED)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def call(self, request: dict[str, object]) -> tuple[str, bytes]:
        """Kind of the reply (done, refused or failed) and what it holds."""
        self.n_tasks += 1
        try:
            self._to.write(json.dumps(request).encode() + b"\n")
            self._to.flush()
            kind, n_bytes = self._from.readline().split()
            content = self._from.read(int(n_bytes))
        except (OSError, ValueError) as error:  # a pipe that broke, or no whole line
            raise self._what_happened() from error
        if len(content) < int(n_bytes):
            raise self._what_happened()
        return kind.decode(), content

    def end(self) -> None:
        """Kill the process and close its pipes."""
        self._process.kill()
        self._process.wait()
        self._from.close()
        with suppress(BrokenPipeError):  # a request that was never read
            self._to.close()

    def _what_happened(self) -> Unreadable:
        code = self._process.wait()
        is_late = code in (OUT_OF_TIME, -getattr(signal, "SIGALRM", -OUT_OF_TIME))
        return OutOfTime("out of time") if is_late else ChildDied(f"the process ended with {code}")


def _path() -> str:
    """Where a child looks for packages: this one first, then where clusters, say, keep the others."""
    own = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(ROOT), own] if own else [str(ROOT)])


SANDBOX = Sandbox()
