"""What visitors wait for: the app itself, started, and asked over HTTP as its page and as programs ask it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from hyper.compare.benchmark import BenchError, median_ratio, timed, transcribe
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.files import BUNDLED
from hyper.recordings.audio import load_audio

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0  # in which the page must have answered
PATIENCE_SECONDS = 120.0  # for one answer
PAUSE_SECONDS = 0.05  # after work here: its threads stay awake for some milliseconds
BUTTON = "hw-compare"  # of the page
API = "/gradio_api"
MEANT = "turn on the light"
SETTINGS = ("en", "recording", "", 1.0)  # language, adaptation, verbatim, strength
SHARE_IN_TIME = 0.95  # of the answers


@dataclass(frozen=True)
class Felt:
    """Waits of one visitor, from the press of the button to both transcripts, each of a recording sent just before."""

    median_s: float
    to_base_alone: float  # median over the base alone on the same recording, neighbours in time
    first_to_later: float | None  # the first press after the start over later ones of that recording; None without any


@dataclass(frozen=True)
class Crowd:
    """Many clients at once, each asking one request after the other."""

    per_second: float  # answers
    p95_s: float  # of the waits, sending the recording included
    to_one_at_a_time: float  # times as many a second


class Caller:
    """One who asks the page. A connection of its own, which stays open between requests."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._http = HTTPConnection(address.hostname, address.port, timeout=PATIENCE_SECONDS)
        self._session = secrets.token_hex(6)

    def send(self, recording: Path) -> dict[str, Any]:
        """The recording as the page names it from now on."""
        boundary = secrets.token_hex(16)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{recording.name}"\r\n\r\n'
        body = head.encode() + recording.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        (path,) = self._json("POST", "/upload", body, f"multipart/form-data; boundary={boundary}")
        return {"path": path, "orig_name": recording.name, "meta": {"_type": "gradio.FileData"}}

    def compare(self, recording: Path) -> dict[str, Any]:
        """What a program gets. Errors: BenchError where that is no comparison."""
        asked = [self.send(recording), MEANT, None, *SETTINGS]
        number = self._json("POST", "/call/compare", {"data": asked})["event_id"]
        lines = self._asked("GET", f"/call/compare/{number}").read().decode().splitlines()
        if "event: complete" not in lines:
            raise BenchError(f"The page answered a comparison with: {' '.join(lines)[-300:]}")
        return json.loads(lines[lines.index("event: complete") + 1].removeprefix("data: "))[0]

    def press(self, sent: dict[str, Any]) -> float:
        """Seconds until the page has both transcripts; it goes on with what takes longer, and that is waited for."""
        step, model = self._button
        asked = {"data": [sent, MEANT, model, *SETTINGS], "fn_index": step, "session_hash": self._session}
        began = time.perf_counter()
        self._json("POST", "/queue/join", asked)
        events = self._asked("GET", f"/queue/data?session_hash={self._session}")
        seconds = problem = None
        for line in events:  # to its end, or the connection could not be used again
            told = json.loads(line.removeprefix(b"data: ")) if line.strip() else {}
            if told.get("msg") == "process_generating" and seconds is None:  # the first part of the answer
                seconds = time.perf_counter() - began
            if told.get("success") is False:
                problem = str(told.get("output"))[:300]
        if seconds is None or problem is not None:
            raise BenchError(f"The page gave no transcripts when its button was pressed: {problem}")
        return seconds

    @cached_property
    def _button(self) -> tuple[int, str]:
        """The number of its step, and the model that is chosen when the page opens."""
        config = self._json("GET", "/config", at="")
        named = {each["props"].get("elem_id"): each for each in config["components"]}
        button = named[BUTTON]["id"]
        steps = (each["id"] for each in config["dependencies"] if [button, "click"] in each["targets"])
        return next(steps), named["hw-model"]["props"]["value"]

    def _json(self, method: str, path: str, body: Any = None, kind: str = "application/json", at: str = API) -> Any:
        """A short answer."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return json.loads(self._asked(method, path, sent, kind, at).read())

    def _asked(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json", at: str = API
    ) -> HTTPResponse:
        self._http.request(method, f"{at}{path}", body, {"Content-Type": kind})
        answer = self._http.getresponse()
        if answer.status != 200:
            raise BenchError(f"The page answered {path} with {answer.status}: {answer.read()[:300].decode()}")
        return answer


@contextmanager
def running_app(arguments: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The app as a process of its own: its address, and the seconds from the command to its port answering.

    Errors: BenchError where it does not start. `arguments` are the app's own.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), *arguments]
    began = time.monotonic()
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=dict(os.environ))
    try:
        seconds = _seconds_to_answer(app, port, began)
        assert app.stdout is not None
        if seconds is None or not app.stdout.readline():  # the one line that it prints when it is ready
            raise BenchError(
                f"The page did not start within {START_SECONDS:g} s; start it with `python app.py` to see why."
            )
        yield f"http://127.0.0.1:{port}/", seconds
    finally:
        app.terminate()
        app.communicate(timeout=START_SECONDS)


def _seconds_to_answer(app: subprocess.Popen[bytes], port: int, began: float) -> float | None:
    """From `began` until the port takes a connection; None where the app has ended, or takes too long."""
    while time.monotonic() < began + START_SECONDS and app.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return time.monotonic() - began
        except OSError:
            time.sleep(0.02)
    return None


def felt_wait(url: str, asr: PersonalizedAsr, recordings: Sequence[Path], presses: int) -> Felt:
    """Press for one recording after the other, sent anew each time; between presses run the base alone here."""
    base, visitor = PersonalizedAsr(asr.backbone, None, None), Caller(url)
    waits: list[float] = []
    alone: list[float] = []
    for i in range(presses):
        recording = recordings[i % len(recordings)]
        alone.append(_base_seconds(base, load_audio(recording)))
        time.sleep(PAUSE_SECONDS)
        waits.append(visitor.press(visitor.send(recording)))
    first, *later = waits[:: len(recordings)]  # of the first recording
    first_to_later = first / statistics.median(later) if later else None
    return Felt(statistics.median(waits), median_ratio(waits, alone), first_to_later)


def _base_seconds(base: PersonalizedAsr, waveform: np.ndarray) -> float:  # (n_samples,) 16 kHz
    return timed(partial(transcribe, base, waveform), base.backbone)[0]


def crowd(url: str, recordings: Sequence[Path], clients: int, each: int) -> Crowd:
    """First one client alone, then all at once. Errors: BenchError where anybody gets other words than alone."""
    one = Caller(url)
    told = {recording: _words(one.compare(recording)) for recording in recordings}  # warms up as well
    alone = [_seconds(partial(one.compare, recording)) for recording in recordings]
    waits: list[float] = []
    slips: list[str] = []
    start = threading.Barrier(clients + 1)

    def ask(client: int) -> None:
        caller = Caller(url)
        start.wait()
        for i in range(each):
            recording = recordings[(client + i) % len(recordings)]
            began = time.perf_counter()
            try:
                words = _words(caller.compare(recording))
            except (BenchError, HTTPException, OSError) as error:
                slips.append(str(error))
                continue
            waits.append(time.perf_counter() - began)
            if words != told[recording]:
                slips.append(f"{recording.name} was transcribed otherwise than alone")

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    per_second = len(waits) / (time.perf_counter() - began)
    if slips:
        raise BenchError(f"{len(slips)} of {clients * each} requests of many clients failed, the first: {slips[0]}.")
    p95 = sorted(waits)[int(SHARE_IN_TIME * (len(waits) - 1))]
    return Crowd(per_second, p95, per_second * statistics.mean(alone))


def _words(answer: dict[str, Any]) -> tuple[str, str]:
    return answer["base"], answer["adapted"]


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def model_arguments(base: str, hypernet: str | None, device: str | None, bits: int | None) -> list[str]:
    """What tells the app, which runs in another folder, to load the same model."""
    given = {"base": base if base == BUNDLED else _whole_path(base), "hypernet": hypernet and _whole_path(hypernet)}
    given |= {"device": device, "bits": str(bits) if bits else None}
    return [f"--{name}={value}" for name, value in given.items() if value is not None]


def _whole_path(name: str) -> str:
    """Of a folder; a hub name stays as it is."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name
