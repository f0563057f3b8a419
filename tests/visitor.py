"""A visitor without a browser, who speaks to the served page as its script does, private steps included."""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

PATIENCE_SECONDS = 120  # for one step, on a busy machine


class StepError(Exception):
    """The page answered with a notice; the message is its text."""


class Visitor:
    """One open page: uploads, presses, and leaves at the end of `with`."""

    def __init__(self, address: str) -> None:
        self.session = secrets.token_hex(6)
        self.asked: set[str] = set()  # names of the steps that were taken
        self._http = httpx.Client(base_url=f"{address}gradio_api/", timeout=PATIENCE_SECONDS)
        self._open = ExitStack()
        config = self._http.get(f"{address}config").json()
        self.components = {each["id"]: each for each in config["components"]}
        self.steps = {each["api_name"]: each for each in config["dependencies"] if each["backend_fn"]}

    @property
    def model(self) -> str:
        """The one that is chosen when the page opens."""
        return next(e["props"]["value"] for e in self.components.values() if e["props"].get("elem_id") == "hw-model")

    def __enter__(self) -> Visitor:
        self._open.callback(self._http.close)
        beats = self._open.enter_context(self._http.stream("GET", f"heartbeat/{self.session}"))
        self._beats = beats.iter_text()  # held: when it goes, the connection is closed
        next(self._beats)
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def upload(self, file: Path) -> dict[str, Any]:
        """The file as the page names it from now on."""
        files = {"files": (file.name, file.read_bytes())}
        (path,) = self._http.post("upload", files=files, params={"upload_id": self.session}).raise_for_status().json()
        return {"path": path, "orig_name": file.name, "meta": {"_type": "gradio.FileData"}}

    def download(self, path: str) -> bytes:
        """A file that the page made for the visitor."""
        return self._http.get(f"file={path}").raise_for_status().content

    def press(self, element: str, *data: Any, event: dict[str, Any] | None = None) -> list[Any]:
        """The step that an element of the page starts, by its `elem_id`."""
        ids = [key for key, each in self.components.items() if each["props"].get("elem_id") == element]
        (name,) = (name for name, step in self.steps.items() if any(target[0] in ids for target in step["targets"]))
        return self.take(name, *data, event=event)

    def take(self, name: str, *data: Any, event: dict[str, Any] | None = None) -> list[Any]:
        """One step of the page by its name, and what it shows then."""
        step = self.steps[name]
        self.asked.add(name)
        body = {"data": data, "fn_index": step["id"], "session_hash": self.session, "event_data": event}
        if step["queue"] is False:
            reply = self._http.post("run/predict", json=body)
            return _output(reply.json(), reply.is_success)
        self._http.post("queue/join", json=body).raise_for_status()
        with self._http.stream("GET", "queue/data", params={"session_hash": self.session}) as events:
            for line in events.iter_lines():
                message = json.loads(line.removeprefix("data:")) if line else {}
                if message.get("msg") == "process_completed":
                    return _output(message["output"], message["success"])
        raise ConnectionError(f"the page went before {name} was done")


def _output(answer: dict[str, Any], is_success: bool) -> list[Any]:
    if not is_success:
        raise StepError(answer.get("error"))
    return answer["data"]
