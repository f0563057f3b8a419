"""The app as a process of its own, as its users start it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_app(cache: Path, *arguments: str, folder: Path = ROOT) -> Iterator[str]:
    """Its address; ended as a service ends it. `cache` is where it keeps what visitors send, `folder` holds app.py."""
    port = free_port()
    app = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port), *arguments],
        cwd=folder,
        env=os.environ | {"GRADIO_TEMP_DIR": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready = app.stdout.readline()  # the first thing it prints; empty if it has ended
        assert ready == f"HyperWhisper is ready at http://127.0.0.1:{port}/\n"
        yield f"http://127.0.0.1:{port}/"
    finally:
        app.terminate()
        app.wait(timeout=20)
