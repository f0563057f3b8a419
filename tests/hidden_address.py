"""Requests that name an address in place of a file: the known ways to hide it, and others made from a number."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

ADDRESS = "http://address.invalid/a.wav"
ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
ROUTES = ("run/{name}", "run/{name}/", "run/upload", "api/{name}", "queue/join", "call/{name}", "call/upload", "upload")
MORE_ROUTES = ("call/v2/{name}", "stream/{name}", "component_server", "process_recording", "cancel", "reset")
QUERIES = ("", "", "", "?route=/upload", "?upload_id=1", "?__sign=/gradio_api/upload", "#/upload")
TYPES = ("application/json",) * 4 + (
    "application/json; charset=utf-16",
    "application/vnd.api+json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
)


def naming(path: str = ADDRESS, **more) -> str:
    """A request for the step of the page that takes a file."""
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    return json.dumps({"data": [file], "session_hash": "visitor", **more})


WAYS_TO_HIDE = {
    "as it is": ("run/take", naming().encode()),
    "the key escaped": ("run/take", naming().replace('"path"', '"p\\u0061th"').encode()),
    "the address escaped": ("run/take", naming().replace("http:", "\\u0068ttp:").encode()),
    "the key escaped, in the queue": ("queue/join", naming(fn_index=1).replace('"path"', '"p\\u0061th"').encode()),
    "the key twice": ("run/take", naming().replace('"path"', '"path": "/tmp/a.wav", "path"').encode()),
    "in UTF-16": ("run/take", naming().encode("utf-16")),
    "in UTF-32, without a mark": ("run/take", naming().encode("utf-32-be")),
    "with a mark": ("run/take", naming().encode("utf-8-sig")),
    "a step that is called as the upload is": ("run/upload", naming(fn_index=1).encode()),
    "a call that is called so": ("call/upload", naming(fn_index=1).encode()),
}


@dataclass(frozen=True)
class Request:
    """What to send, below /gradio_api/."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes


def hidden(name: str, fn_index: int, number: int) -> Request:
    """A request for a step that takes a file; most of them would be worked on if nobody looked."""
    luck = random.Random(number)
    file: Any = {"path": ADDRESS, "url": luck.choice((None, "/tmp/a.wav")), "meta": {"_type": "gradio.FileData"}}
    for _ in range(luck.choice((0, 0, 1, 2, 30))):
        file = luck.choice(([file], [None, file], {"value": file}, {"path": "/tmp/a.wav", "more": file}))
    sent: dict[str, Any] = {"data": [file], "session_hash": f"hidden {number}"}
    if luck.random() < 0.8:
        sent["fn_index"] = fn_index
    route = luck.choice(ROUTES + MORE_ROUTES).format(name=luck.choice((name, "predict")))
    return Request(
        luck.choice(("POST",) * 8 + ("PUT", "GET", "PATCH")),
        route + luck.choice(QUERIES),
        {"content-type": luck.choice(TYPES)},
        _spelt(sent, luck).encode(luck.choice(ENCODINGS)),
    )


def _spelt(value: Any, luck: random.Random) -> str:
    """One of the many ways to write this in JSON."""
    gap = luck.choice(("", "", " ", "\n\t"))
    if isinstance(value, dict):
        pairs = list(value.items())
        for key in list(value):
            if luck.random() < 0.2:
                pairs.insert(0, (key, "/tmp/a.wav"))  # the last one counts
        written = (f"{_spelt(key, luck)}{gap}:{gap}{_spelt(each, luck)}" for key, each in pairs)
        return "{" + gap + f"{gap},".join(written) + "}"
    if isinstance(value, list):
        return "[" + gap + ",".join(_spelt(each, luck) for each in value) + gap + "]"
    if isinstance(value, str):
        share = luck.choice((0, 0, 0.3, 1))
        return '"' + "".join(f"\\u{ord(sign):04X}" if luck.random() < share else sign for sign in value) + '"'
    return json.dumps(value)
