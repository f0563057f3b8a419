"""One step of a long run, done once: what a folder says is done is not done again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from hyper.recordings.whole_files import write_whole


def once(name: str, command: str, done: Path, work: Callable[[], str]) -> str:
    """Do the work unless the folder says that this command is done; print what came of it, with its time.

    Returns what the work gave, now or then: text.
    """
    file = done / f"{name}.json"
    if file.exists() and (before := json.loads(file.read_text()))["command"] == command:
        print(f"[{name}] done before, in {before['seconds']:.0f} s", flush=True)
        return _shown(before.get("result", ""))
    print(f"[{name}] {command}", flush=True)
    started = time.monotonic()
    result = work()
    seconds = time.monotonic() - started
    done.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"command": command, "seconds": seconds, "result": result}))
    _shown(result)
    print(f"[{name}] {seconds:.0f} s", flush=True)
    return result


def seconds_of(done: Path) -> dict[str, float]:
    """How long each step took that is done, by name."""
    return {file.stem: json.loads(file.read_text())["seconds"] for file in sorted(done.glob("*.json"))}


def _shown(result: str) -> str:
    if result:
        print(result, flush=True)
    return result
