"""Steps of a long run, each done once: what a folder says is done is not done again, unless a step before it was."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hyper.recordings.whole_files import write_whole


class Steps:
    """The steps of one run in turn, in a folder that remembers those that are done.

    A step counts as done only after the very steps, with the very results, that it was done after: what was made of
    an earlier choice is not taken for what a later one gives.
    """

    def __init__(self, done: Path) -> None:
        self._done = done
        self._before = ""  # fingerprint of the steps so far

    def once(self, name: str, command: str, work: Callable[[], str]) -> str:
        """Do the work unless it is done; print what came of it, with its time. Returns what it gave, now or then."""
        file = self._done / f"{name}.json"
        asked = {"command": command, "after": self._before}
        known = json.loads(file.read_text()) if file.exists() else {}
        if is_done := asked.items() <= known.items():
            print(f"[{name}] done before, in {known['seconds']:.0f} s", flush=True)
        else:
            print(f"[{name}] {command}", flush=True)
            known = self._do(file, asked, work)
        result: str = known["result"]
        if result:
            print(result, flush=True)
        if not is_done:
            print(f"[{name}] {known['seconds']:.0f} s", flush=True)
        self._before = hashlib.sha256("\n".join((self._before, name, command, result)).encode()).hexdigest()
        return result

    def seconds(self) -> dict[str, float]:
        """How long each step took that is done, by name."""
        return {file.stem: json.loads(file.read_text())["seconds"] for file in sorted(self._done.glob("*.json"))}

    def _do(self, file: Path, asked: dict[str, str], work: Callable[[], str]) -> dict[str, Any]:
        started = time.monotonic()
        result = work()
        told = {**asked, "seconds": time.monotonic() - started, "result": result}
        self._done.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(told))
        return told
