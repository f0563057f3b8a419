"""Many visitors at once, through the HTTP API: what each gets, held against what it gets alone; and how fast.

By hand: python tests/load.py --clients 32 --each 20. It starts a server of its own on this machine and asks no other.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))  # started as a script

from tests.served import ROOT, running_app  # noqa: E402

MOST_CLIENTS = 40  # more than wait in the scheduler's line would be told to come again
PATIENCE_SECONDS = 120
OTHER_INPUTS = ("bundled", "en", "recording", "", 1.0)  # model, language, adaptation, verbatim, strength


@dataclass(frozen=True)
class Load:
    """What one run gave."""

    seconds: float  # from the first request to the last answer
    latencies: list[float]  # seconds, one for each answer
    wrong: list[str]  # what was lost, refused, swapped or different from what it is alone

    @property
    def per_second(self) -> float:
        """Answers."""
        return len(self.latencies) / self.seconds

    def __str__(self) -> str:
        p95 = sorted(self.latencies)[int(0.95 * (len(self.latencies) - 1))]
        return (
            f"{len(self.latencies)} answers, {self.per_second:.1f} a second; "
            f"median {statistics.median(self.latencies):.2f} s, p95 {p95:.2f} s; {len(self.wrong)} wrong"
        )


class Visitor:
    """Asks the API as a program would."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}gradio_api/", timeout=PATIENCE_SECONDS)

    def compare(self, file: Path, reference: str) -> dict[str, Any]:
        """The answer. Errors: `RuntimeError` with what the server said."""
        (path,) = self._http.post("upload", files={"files": (file.name, file.read_bytes())}).json()
        sent = {"path": path, "orig_name": file.name, "meta": {"_type": "gradio.FileData"}}
        asked = self._http.post("call/compare", json={"data": [sent, reference, *OTHER_INPUTS]})
        if asked.status_code != 200:
            raise RuntimeError(asked.text)
        answer = self._http.get(f"call/compare/{asked.json()['event_id']}").text
        event, data = answer.rstrip().rsplit("event: ", 1)[1].split("\ndata: ", 1)
        if event != "complete":
            raise RuntimeError(data)
        return json.loads(data)[0]


def what_matters(answer: dict[str, Any]) -> dict[str, Any]:
    """All of an answer but times, and numbers so far as batches may not change them."""
    said = ("file", "reference", "base", "adapted", "base_errors", "adapted_errors", "stopped", "no_speech")
    words = {
        row: [(word["word"], round(word["confidence"], 3)) for word in words] for row, words in answer["words"].items()
    }
    return {name: answer[name] for name in said} | {"words": words}


def run_load(url: str, files: Sequence[Path], clients: int, each: int) -> Load:
    """All clients at once, each asking one after the other; every request has a reference of its own."""
    alone = {file: what_matters(Visitor(url).compare(file, "turn on the light")) for file in files}
    latencies: list[float] = []
    wrong: list[str] = []
    start = threading.Barrier(clients + 1)

    def visit(client: int) -> None:
        visitor = Visitor(url)
        start.wait()
        for i in range(each):
            file, reference = files[(client + i) % len(files)], f"client {client} asks {i}"
            began = time.monotonic()
            try:
                answer = what_matters(visitor.compare(file, reference))
            except (RuntimeError, httpx.HTTPError, ValueError) as error:
                wrong.append(f"{reference}: {error!r}")
                continue
            latencies.append(time.monotonic() - began)
            if answer.pop("reference") != reference:
                wrong.append(f"{reference}: somebody else's answer")
            if difference := differs(answer, alone[file]):
                wrong.append(f"{reference}: {difference}")

    threads = [threading.Thread(target=visit, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.monotonic()
    for thread in threads:
        thread.join()
    return Load(time.monotonic() - began, latencies, wrong)


def differs(answer: dict[str, Any], alone: dict[str, Any]) -> str:
    """Where the answer is not what it is alone; errors are counted against another reference."""
    for name in ("file", "base", "adapted", "stopped", "no_speech"):
        if answer[name] != alone[name]:
            return f"{name} is {answer[name]!r}, alone {alone[name]!r}"
    for row, words in answer["words"].items():
        for (word, confidence), (other, own) in zip(words, alone["words"][row], strict=True):
            if word != other or abs(confidence - own) > 0.002:
                return f"{row}: {word} {confidence}, alone {other} {own}"
    return ""


def main() -> int:
    """Print what was measured; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32, choices=range(1, MOST_CLIENTS + 1), metavar="N")
    parser.add_argument("--each", type=int, default=20, metavar="N", help="recordings that each client sends")
    args = parser.parse_args()
    files = sorted((ROOT / "examples").glob("*.wav"))
    with tempfile.TemporaryDirectory() as cache, running_app(Path(cache)) as url:
        load = run_load(url, files, args.clients, args.each)
    print(load)
    print("\n".join(load.wrong[:20]))
    return 1 if load.wrong or len(load.latencies) < args.clients * args.each else 0


if __name__ == "__main__":
    raise SystemExit(main())
