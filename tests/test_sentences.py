"""What programs are told in gradio's place, by the real page over a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio.queueing import EventQueue
from gradio.route_utils import FnIndexInferError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from hyper.ui import line
from hyper.ui.languages import LANGUAGES, texts
from hyper.ui.sentences import CROWD, NO_ENDPOINT, NOT_TAKEN, Sentences
from tests.load import Visitor as ApiCaller
from tests.test_privacy_api import Page, page, recording  # noqa: F401  pytest finds fixtures by their names

NO_RECORDING = "There is no recording yet: record yourself, upload a file or pick an example."


@pytest.fixture
def api(page: Page) -> httpx.Client:  # noqa: F811
    with httpx.Client(base_url=f"{page.address}gradio_api/", timeout=60) as client:
        yield client


@pytest.fixture
def sent(api: httpx.Client, recording: Path) -> dict[str, Any]:  # noqa: F811
    (path,) = api.post("upload", files={"files": (recording.name, recording.read_bytes())}).json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def asked(api: httpx.Client, endpoint: str, data: list[Any]) -> Any:
    """The answer, or what an error says."""
    number = api.post(f"call/{endpoint}", json={"data": data}).json()["event_id"]
    event, answer = api.get(f"call/{endpoint}/{number}").text.rstrip().rsplit("event: ", 1)[1].split("\ndata: ", 1)
    return json.loads(answer)[0] if event == "complete" else json.loads(answer)["error"]


@pytest.mark.parametrize("path", ["call/nothing", "call/v2/nothing", "run/nothing"])
def test_an_endpoint_that_is_not_there_is_told(api: httpx.Client, path: str) -> None:
    reply = api.post(path, json={"data": []})
    assert (reply.status_code, reply.json()) == (404, {"detail": NO_ENDPOINT})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("queue/join", {"data": [], "fn_index": 9999, "session_hash": "x"}),
        ("call/v2/compare", {"nothing": None}),
        ("run/predict", {"data": [], "fn_index": 9999}),
    ],
)
def test_a_request_that_cannot_be_read_is_told(api: httpx.Client, path: str, body: dict[str, Any], caplog) -> None:
    reply = api.post(path, json=body)
    assert (reply.status_code, reply.json()) == (400, {"detail": NOT_TAKEN})
    assert "was not understood" in caplog.text  # and stays in the log


@pytest.mark.parametrize("path", ["call/compare/1", "call/v2/compare/1", "queue/data?session_hash=nobody"])
def test_an_answer_of_nobody_ends(api: httpx.Client, path: str) -> None:
    reply = api.get(path)
    assert reply.status_code == 200 and "404" in reply.text  # broken off, it would be an error of httpx


def test_no_answer_is_null(api: httpx.Client, sent: dict[str, Any]) -> None:
    for endpoint, data in (
        ("compare", [sent]),
        ("compare", [[sent], *[None] * 6]),
        ("compare", [{"path": None}, *[None] * 6]),
        ("compare", [sent | {"path": "/etc/passwd"}, *[None] * 6]),
        ("several", [[[sent]], None, None, None]),
        ("several", [sent, None, None, None]),
    ):
        assert asked(api, endpoint, data) == NOT_TAKEN, data


def test_nulls_in_a_list_are_left_out(api: httpx.Client, sent: dict[str, Any]) -> None:
    meant = "turn on the light\nturn it off"
    with_nulls = asked(api, "several", [[None, sent, None, sent], meant, None, None])
    assert [each["reference"] for each in with_nulls["utterances"]] == meant.split("\n")
    assert asked(api, "several", [[None], None, None, None]) == NO_RECORDING
    assert asked(api, "speaker", [[sent, None], None, None, None]).startswith("There is 1 recording; please give 2")


def test_a_full_line_is_told_before_gradios_own(page: Page, recording: Path, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(line, "WAITING_LIMIT", 0)
    with pytest.raises(RuntimeError) as refused:
        ApiCaller(page.address).compare(recording, "")
    assert json.loads(str(refused.value)) == {"detail": CROWD.format(n=0)}


def test_lists_that_wait_shut_out_no_single_recording(page: Page, recording: Path, monkeypatch) -> None:  # noqa: F811
    others = EventQueue("several", 1)
    others.current_concurrency, others.queue = 1, [None] * line.WAITING_LIMIT  # type: ignore[list-item]
    monkeypatch.setitem(page.demo._queue.event_queue_per_concurrency_id, "several", others)
    assert ApiCaller(page.address).compare(recording, "")


@pytest.mark.parametrize("endpoint", ["compare", "several", "export"])
def test_nobody_passes_the_line_by(api: httpx.Client, sent: dict[str, Any], endpoint: str) -> None:
    reply = api.post(f"run/{endpoint}", json={"data": [sent, "", None, None, None, None]})
    assert reply.status_code == 404 and "join the queue" in reply.text


def test_what_was_sent_with_too_few_values_is_not_logged(api: httpx.Client, capfd) -> None:
    assert asked(api, "compare", ["anna-may-1950.wav"]) == NOT_TAKEN
    printed = "".join(capfd.readouterr())
    assert "anna" not in printed


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_said_in_the_language_that_is_asked_for(language: str) -> None:
    def unknown(_request: Request) -> Response:
        raise FnIndexInferError("Could not infer function index")

    full = PlainTextResponse('{"detail":"Queue is full. Max size is 64 and size is 64."}', 503)
    other = PlainTextResponse("Queue is stopped.", 503)
    routes = [Route("/gradio_api/queue/join", lambda _: full, methods=["POST"])]
    routes.append(Route("/gradio_api/call/nothing", unknown, methods=["POST"]))
    routes.append(Route("/gradio_api/call/compare", lambda _: other, methods=["POST"]))
    client = TestClient(
        Starlette(routes=routes, middleware=[Middleware(Sentences)]), headers={"accept-language": f"{language},en"}
    )
    said = client.post("/gradio_api/queue/join")
    assert (said.status_code, said.json()["detail"]) == (429, texts(language)[CROWD].format(n=64))
    assert client.post("/gradio_api/call/nothing").json()["detail"] == texts(language)[NO_ENDPOINT]
    assert texts(language)[NOT_TAKEN]
    kept = client.post("/gradio_api/call/compare")  # what is not gradio's full line is passed on as it is
    assert (kept.status_code, kept.text) == (503, "Queue is stopped.")


def test_what_ended_before_it_was_ended_is_no_error() -> None:
    def gone(_request: Request) -> Response:
        raise KeyError("3493bde96ff24756b342f3f1ec3ff4c4")  # as `App.iterators` does where two end one event

    routes = [Route(f"/gradio_api/{name}", gone, methods=["POST"]) for name in ("cancel", "reset")]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(Sentences)]), raise_server_exceptions=False)
    ended = client.post("/gradio_api/cancel")
    assert (ended.status_code, ended.json()) == (200, {"success": True})
    assert client.post("/gradio_api/reset").status_code == 500  # others are not passed over
