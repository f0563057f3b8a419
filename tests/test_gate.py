"""Which requests reach the page, and that what it answers with is stored nowhere."""

from __future__ import annotations

import errno
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import gradio as gr
import httpx
import pytest
from hidden_address import ADDRESS, WAYS_TO_HIDE, hidden, naming
from served import launched
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from hyper.ui import server
from hyper.ui.gate import DISK_FULL, MAX_BODY_BYTES, MOST_PARTS, Gate
from hyper.ui.languages import LANGUAGES, texts
from hyper.ui.visitors import janitor

FETCHES_NOTHING = "This page fetches nothing from other addresses; please upload the file."
NOT_JSON = "The request cannot be read; please send JSON."
NOTHING_HERE = "There is nothing at this address."


async def _echo(request) -> Response:
    return Response(await request.body())


def client(hosts: set[str] | None) -> TestClient:
    routes = [Route("/{path:path}", _echo, methods=["GET", "POST"])]
    return TestClient(Gate(Starlette(routes=routes), hosts), base_url="http://127.0.0.1:7860")


@pytest.mark.parametrize(
    ("headers", "answered"),
    [
        ({}, True),
        ({"host": "localhost:7860", "origin": "http://localhost:7860"}, True),
        ({"host": "[::1]:7860"}, True),
        ({"host": "rebound.example:7860"}, False),
        ({"origin": "http://elsewhere.example"}, False),
        ({"origin": "null"}, False),
        ({"host": "[broken"}, False),
    ],
)
def test_a_local_page_is_asked_for_by_its_own_names(headers, answered):
    reply = client({"127.0.0.1", "localhost", "::1"}).get("/", headers=headers)
    assert reply.status_code == (200 if answered else 403)
    assert answered or reply.text.startswith("This page is for this computer only, and was asked for as ")
    assert client(None).get("/", headers=headers).status_code == 200  # a public page has names it does not know


@pytest.mark.parametrize("address", ["https://example.org/a.wav", "/HTTP://example.org", "ftp://example.org/a.wav"])
def test_nothing_is_fetched_for_anybody(address):
    page = client(None)
    assert page.get(f"/gradio_api/file={address}").text == FETCHES_NOTHING
    asked = {"data": [{"meta": {"_type": "gradio.FileData"}, "deep": [{"path": address}]}]}
    assert page.post("/gradio_api/queue/join", json=asked).text == FETCHES_NOTHING


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_is_said_in_the_language_that_is_asked_for(language):
    def asked(hosts, method="GET", path="/", **sent) -> str:
        headers = {"accept-language": f"{language}-XX,en;q=0.5", **sent.pop("headers", {})}
        return client(hosts).request(method, path, headers=headers, **sent).text

    known = texts(language)
    refused = asked({"127.0.0.1"}, headers={"host": "rebound.example"})
    assert refused == known["This page is for this computer only, and was asked for as {name}."].format(
        name="'rebound.example'"
    )
    assert asked(None, path="/gradio_api/file=http://example.org/a.wav") == known[FETCHES_NOTHING]
    assert asked(None, path="/gradio_api/deep_link") == known[NOTHING_HERE]
    assert asked(None, "POST", "/gradio_api/queue/join", content=b"no") == known[NOT_JSON]
    too_long = asked(None, "POST", "/gradio_api/queue/join", content=b"x" * (MAX_BODY_BYTES + 1))
    assert too_long == known["The request is longer than {size} MB; please send less text at once."].format(size=8)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/deep_link"),
        ("GET", "/gradio_api/file/tmp/a.wav"),
        ("GET", "/gradio_api/proxy=http://address.invalid"),
        ("GET", "/gradio_api/upload%0a"),
        ("GET", "//gradio_api/info"),
        ("GET", "/gradio_api/info/"),
        ("GET", "/assets/"),
        ("POST", "/gradio_api/upload/"),
        ("POST", "/gradio_api/upload%0a"),
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/gradio_api/run/a/b"),
        ("POST", "/"),
        ("PUT", "/gradio_api/upload"),
        ("OPTIONS", "/gradio_api/upload"),
    ],
)
def test_what_the_page_does_not_use_is_closed(method, path):
    reply = client(None).request(method, path)
    assert (reply.status_code, reply.text) == (404, NOTHING_HERE)


def test_behind_a_proxy_that_serves_the_page_below_a_path_the_same_is_open():
    routes = [Route("/{path:path}", _echo, methods=["GET", "POST"])]
    page = TestClient(Gate(Starlette(routes=routes)), root_path="/speech")
    assert page.post("/speech/gradio_api/upload", content=b"sound").content == b"sound"
    assert page.post("/gradio_api/upload", content=b"sound").content == b"sound"  # the proxy has taken it off
    assert page.get("/speech/gradio_api/deep_link").status_code == 404
    assert page.get(f"/speech/gradio_api/file={ADDRESS}").text == FETCHES_NOTHING


def test_no_websocket_is_opened():
    with pytest.raises(WebSocketDisconnect), client(None).websocket_connect("/gradio_api/queue/join"):
        pass


def test_what_is_sent_reaches_the_page_as_it_came():
    sent = json.dumps({"data": [{"path": "/tmp/a.wav", "url": "http://127.0.0.1:7860/gradio_api/file=/tmp/a.wav"}]})
    assert client(None).post("/gradio_api/queue/join", content=sent).text == sent
    sound = b"RIFF" + bytes(range(256))
    assert client(None).post("/gradio_api/upload", content=sound).content == sound


@pytest.mark.parametrize(
    "sent", ['{"path": not JSON', '{"path":' * 100_000, b"", b"\xff\xfe\x00", f"[{'[],' * MOST_PARTS}[]]"]
)
def test_what_cannot_be_read_here_is_read_by_nobody(sent):
    reply = client(None).post("/gradio_api/queue/join", content=sent)
    assert (reply.status_code, reply.text) == (403, NOT_JSON)


def test_a_body_without_end_is_refused():
    reply = client(None).post("/gradio_api/queue/join", content=b"x" * (MAX_BODY_BYTES + 1))
    assert (reply.status_code, reply.text) == (403, "The request is longer than 8 MB; please send less text at once.")


def test_a_full_disk_is_said_when_all_is_sent(tmp_path):
    async def fill(request) -> PlainTextResponse:
        async for _ in request.stream():
            raise OSError(error, "")

    routes = [Route("/{path:path}", fill, methods=["POST"])]
    page = TestClient(Starlette(routes=routes, middleware=[Middleware(Gate)]))  # as gradio has it
    error = errno.ENOSPC
    reply = page.post("/gradio_api/upload", content=iter([b"x" * 1000] * 5))
    assert (reply.status_code, reply.text) == (507, DISK_FULL)
    reply = page.post("/gradio_api/upload", content=b"x", headers={"accept-language": "tr"})
    assert (reply.status_code, reply.text) == (507, texts("tr")[DISK_FULL])
    error = errno.EDQUOT
    reply = page.post("/gradio_api/upload", content=b"x")
    assert (reply.status_code, reply.text) == (507, DISK_FULL)
    error = errno.EIO
    with pytest.raises(OSError):
        page.post("/gradio_api/upload", content=b"x")


def test_files_are_kept_in_no_cache():
    page = client(None)
    assert page.get("/gradio_api/file=/tmp/a.wav").headers["cache-control"] == "no-store"
    assert "cache-control" not in page.get("/theme.css").headers


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[gr.Blocks, str]]:
    """A small page, served as the real one is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        patch.setattr("gradio.utils.get_heartbeat_rate", lambda: 0.1)
        yield from _served()


def _served() -> Iterator[tuple[gr.Blocks, str]]:
    with gr.Blocks(analytics_enabled=False) as demo:
        text = gr.State("")
        typed = gr.Textbox()
        typed.submit(lambda words: words, typed, text, api_name="keep")
        gr.on([], lambda file: file, gr.File(), typed, api_name="take", queue=False)
    with launched(demo) as url:
        yield demo, url


@pytest.fixture
def fetched(monkeypatch) -> list[str]:
    """Addresses that gradio was about to fetch."""
    addresses: list[str] = []

    async def fetch(address: str, **_more) -> str:
        addresses.append(address)
        raise OSError("nothing is fetched in a test")

    monkeypatch.setattr("gradio.processing_utils.async_ssrf_protected_download", fetch)
    monkeypatch.setattr("safehttpx.async_validate_url", fetch)
    return addresses


@pytest.mark.parametrize("way", WAYS_TO_HIDE)
def test_no_way_to_hide_an_address_has_it_fetched(served, fetched, way):
    route, sent = WAYS_TO_HIDE[way]
    _, url = served
    reply = httpx.post(f"{url}gradio_api/{route}", content=sent, headers={"content-type": "application/json"})
    assert (reply.status_code, reply.text) == (403, FETCHES_NOTHING)
    assert fetched == []


def test_the_watch_on_what_is_fetched_sees(served, fetched, monkeypatch):
    """Or the tests above and below would prove nothing."""
    monkeypatch.setattr("hyper.ui.gate._is_address", lambda text: False)
    _, url = served
    httpx.post(f"{url}gradio_api/run/take", content=naming(), headers={"content-type": "application/json"})
    httpx.get(f"{url}gradio_api/file={ADDRESS}")
    assert fetched == [ADDRESS, "address.invalid"]


def send_hidden(served: tuple[gr.Blocks, str], numbers: range) -> None:
    """Requests that name an address, each in its own way, and until all of them were worked on."""
    demo, url = served
    no_reuse = httpx.Limits(max_keepalive_connections=0)  # gradio ends some answers, and the connection, in the middle
    with httpx.Client(base_url=f"{url}gradio_api/", timeout=20, limits=no_reuse) as page:
        for number in numbers:
            sent = hidden("take", 1, number)
            with suppress(httpx.RemoteProtocolError):
                page.request(sent.method, sent.path, headers=sent.headers, content=sent.content)
    deadline = time.monotonic() + 20
    while demo._queue.event_ids_to_events and time.monotonic() < deadline:
        time.sleep(0.05)


def test_hundreds_of_ways_to_spell_it_have_nothing_fetched(served, fetched):
    send_hidden(served, range(400))
    assert fetched == []


def test_many_of_these_ways_would_reach_who_fetches(served, fetched, monkeypatch):
    monkeypatch.setattr("hyper.ui.gate._is_address", lambda text: False)
    send_hidden(served, range(60))
    assert len(fetched) > 5


def test_only_an_upload_may_be_long(served):
    _, url = served
    long = naming("/tmp/a.wav", fn_index=1, event_data="a" * MAX_BODY_BYTES)
    for route in ("run/take", "run/upload", "call/upload", "upload/"):
        reply = httpx.post(f"{url}gradio_api/{route}", content=long, headers={"content-type": "application/json"})
        assert reply.status_code in (403, 404) and reply.text.startswith(("The request is longer", NOTHING_HERE))
    sent = {"files": ("a.wav", bytes(MAX_BODY_BYTES + 1))}
    assert httpx.post(f"{url}gradio_api/upload", files=sent).status_code == 200


def test_the_gate_stands_before_the_real_page(served):
    _, url = served
    assert httpx.get(url).status_code == 200
    assert httpx.get(url, headers={"host": "rebound.example"}).status_code == 403
    assert httpx.get(f"{url}gradio_api/file=https://example.org/a.wav").text == FETCHES_NOTHING
    (uploaded,) = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.wav", b"sound")}).json()
    reply = httpx.get(f"{url}gradio_api/file={uploaded}")
    assert (reply.content, reply.headers["cache-control"]) == (b"sound", "no-store")


def test_a_visitor_who_leaves_is_forgotten(served):
    demo, url = served
    typed = {"data": ["the words of one visitor"], "session_hash": "visitor"}
    with httpx.stream("GET", f"{url}gradio_api/heartbeat/visitor") as heartbeat:
        beats = heartbeat.iter_text()  # held: when it goes, the connection is closed
        next(beats)
        httpx.post(f"{url}gradio_api/run/keep", json=typed)
        assert "visitor" in demo.state_holder.session_data
        janitor.forget_closed(demo)
        assert "visitor" in demo.state_holder.session_data
    deadline = time.monotonic() + 10
    while "visitor" in demo.state_holder.session_data and time.monotonic() < deadline:
        time.sleep(0.05)
        janitor.forget_closed(demo)
    assert "visitor" not in demo.state_holder.session_data


def test_only_so_many_visitors_are_remembered(served, monkeypatch):
    demo, url = served
    monkeypatch.setattr(demo.state_holder, "capacity", 3)  # of server.MOST_SESSIONS
    assert server.launch_options("127.0.0.1", 1)["state_session_capacity"] == server.MOST_SESSIONS
    for visitor in range(8):
        httpx.post(f"{url}gradio_api/run/keep", json={"data": ["words"], "session_hash": f"visitor {visitor}"})
    assert len(demo.state_holder.session_data) <= 4


def test_each_promise_names_tests_that_are_there():
    tests = Path(__file__).parent
    promised = (tests.parent / "SECURITY.md").read_text(encoding="utf-8").split("## What is promised")[1]
    rows = re.findall(r"^\| .+ \|$", promised, re.M)
    named = [re.findall(r"`(test_\w+\.py)`", row.rsplit("|", 2)[1]) for row in rows[2:]]
    assert len(named) > 10 and all(named)
    assert {name for names in named for name in names} <= {path.name for path in tests.glob("test_*.py")}
