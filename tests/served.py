"""The page served to tests: as a process of its own, as its users start it, or in this one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

    from hyper.ui.visitors.open_pages import OpenPages

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def files_in(folder: Path) -> list[Path]:
    """All files below, also while some of them go: `rglob` fails then."""
    return [Path(root, name) for root, _, names in os.walk(folder) for name in names]


@contextmanager
def launched(demo: gr.Blocks, pages: OpenPages | None = None) -> Iterator[str]:
    """The address of a page in this process, served as the app serves it."""
    from hyper.ui import server  # slow to import: not for those who start the app as a process

    yield demo.launch(**server.launch_options("127.0.0.1", free_port(), pages))[1]
    demo.close(verbose=False)


@contextmanager
def running_app(
    cache: Path, *arguments: str, folder: Path = ROOT, python: str | Path = sys.executable
) -> Iterator[str]:
    """Its address; ended as a service ends it. `cache` is where it keeps what visitors send, `folder` holds app.py."""
    port = free_port()
    app = subprocess.Popen(
        [python, "app.py", "--port", str(port), *arguments],
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
