"""The app, started as often as a test kills it: everything is loaded once, and each start is a fork of that.

    python -m tests.preloaded BASE HYPERNET

starts the app for each JSON list of port, folder for recordings and file for its output that comes on stdin, and says
its process id.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from served import ROOT, free_port

# One thread: where a process had several for torch, those are missing in its fork, which waits for them for ever.
ALONE = {"PYTHONPATH": "tests", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Start:
    """One running app."""

    process: psutil.Process
    address: str
    folder: Path  # its own, of this start
    output: Path


class Starts:
    """Starts the app on one port with one folder for recordings, again and again."""

    def __init__(self, program: subprocess.Popen[str], folder: Path) -> None:
        self.port, self.cache = free_port(), folder / "cache"
        self._program, self._folder, self._n = program, folder, 0

    def begin(self) -> Start:
        """A start that is ready."""
        self._n += 1
        output = self._folder / f"output{self._n}"
        print(json.dumps([self.port, str(self.cache), str(output)]), file=self._program.stdin, flush=True)
        process = psutil.Process(int(self._program.stdout.readline()))
        while process.is_running() and b"ready" not in (output.read_bytes() if output.exists() else b""):
            time.sleep(0.02)
        assert process.is_running(), output.read_text()
        (own,) = self.cache.glob(f"run-{process.pid}-*")
        return Start(process, f"http://127.0.0.1:{self.port}/", own, output)


@contextmanager
def preloaded(folder: Path, *models: Path, **environment: str) -> Iterator[Starts]:
    """Starts of the app with these models: base and hypernetwork."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.preloaded", *map(str, models)],
        cwd=ROOT, env=os.environ | ALONE | environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Starts(program, folder)
    finally:
        for app in psutil.Process(program.pid).children():
            app.kill()
        program.communicate(timeout=60)


def main(base: str, hypernet: str) -> None:
    import app
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.ui import server  # noqa: F401  imported before the forks

    asr = PersonalizedAsr.load(base, hypernet, "cpu")
    app.load_asr = lambda _args: asr
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that end
    for line in sys.stdin:
        port, cache, output = json.loads(line)
        if process := os.fork():
            print(process, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ["GRADIO_TEMP_DIR"] = cache
        file = os.open(output, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, 1), os.dup2(file, 2), os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        app.main(["--port", str(port), "--base", base, "--hypernet", hypernet])
        sys.exit()


if __name__ == "__main__":
    main(*sys.argv[1:])
