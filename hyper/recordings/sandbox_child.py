"""The program of the child process: it reads files as it is told, with limits of memory and time."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from hyper.recordings.limits import AudioError, TableError
from hyper.recordings.sandbox import OUT_OF_TIME

MEMORY_BYTES = 1 << 30  # of address space; the libraries alone take 200 MB, and ten minutes of sound 100 MB


def main() -> None:
    """Answer requests, one JSON object a line, until the parent closes the pipe."""
    _limit()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that a library prints may get in between
    requests: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive, args=(requests,), daemon=True).start()
    replies.write(b"ready\n")
    replies.flush()
    while True:
        request = json.loads(requests.get())
        limit_off = limit_time(request["seconds"])
        kind, content = _answer(request["task"], request["arguments"])
        limit_off()
        replies.write(f"{kind} {len(content)}\n".encode() + content)
        replies.flush()


def limit_time(seconds: float) -> Callable[[], object]:
    """End this process after so long, whatever it does then; what is returned calls that off."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
        return lambda: signal.setitimer(signal.ITIMER_REAL, 0)
    timer = threading.Timer(seconds, os._exit, (OUT_OF_TIME,))  # Windows has no such signal
    timer.daemon = True
    timer.start()
    return timer.cancel


def _receive(requests: SimpleQueue[bytes]) -> None:
    """Wait for requests in a thread of its own, so that the process ends with its parent in the middle of a task."""
    with os.fdopen(0, "rb") as lines:
        for line in lines:
            requests.put(line)
    os._exit(0)


def _answer(task: str, arguments: dict[str, Any]) -> tuple[str, bytes]:
    try:
        return "done", TASKS[task](**arguments)
    except (AudioError, TableError) as error:
        return "refused", str(error).encode(errors="replace")  # a file's name may be no Unicode
    except ModuleNotFoundError as error:
        return "refused", (
            f"This file is read with the Python package {error.name}, which is not installed; please run "
            "`pip install -r requirements.txt`, or export it as wav."
        ).encode()
    except MemoryError:
        os._exit(1)  # what is left of it would do harm to the next task
    except Exception as error:
        return "failed", type(error).__name__.encode()


def _decode_audio(path: str, max_seconds: float, is_known: bool) -> bytes:
    from hyper.recordings.libav import decode

    return decode(Path(path), max_seconds, is_known).tobytes()


def _measure_audio(path: str, is_known: bool) -> bytes:
    from hyper.recordings.libav import seconds

    return repr(seconds(Path(path), is_known)).encode()


def _read_sheet(path: str, name: str) -> bytes:
    from hyper.recordings.xlsx import first_sheet

    return json.dumps(first_sheet(Path(path), name)).encode()


def _limit() -> None:
    """No more memory than a recording needs, no file written, no core dumped."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    for kind, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (most, most))


TASKS: dict[str, Callable[..., bytes]] = {"audio": _decode_audio, "length": _measure_audio, "sheet": _read_sheet}

if __name__ == "__main__":
    main()
