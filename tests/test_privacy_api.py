"""Which of gradio's routes are open, and what stays of those who call the page without opening it."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
import soundfile
from gradio_client import Client, handle_file
from served import launched

from hyper.compare.pipeline import PersonalizedAsr
from hyper.recordings.audio import SAMPLE_RATE
from hyper.ui import server
from hyper.ui.gate import NOTHING_HERE
from hyper.ui.model_store import ModelStore
from hyper.ui.open_routes import is_open
from hyper.ui.page import build_page, service_of
from hyper.ui.service import Asked, Service
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors import janitor
from hyper.ui.visitors.janitor import ABSENT_SECONDS, Absent
from hyper.ui.visitors.open_pages import OpenPages
from hyper.ui.visitors.uploads import Uploads
from tests.load import Visitor as ApiCaller
from tests.visitor import Visitor

MEANT = "turn on the light"
PATIENCE_SECONDS = 30
OPEN_ROUTES = """
    GET /  HEAD /  GET /config  GET /theme.css  GET /favicon.ico  GET /manifest.json  GET /pwa_icon  GET /robots.txt
    GET /assets/{path:path}  GET /static/{path:path}
    GET /gradio_api/info  GET /gradio_api/app_id  GET /gradio_api/startup-events  GET /gradio_api/queue/data
    GET /gradio_api/heartbeat/{session_hash}  GET /gradio_api/upload_progress
    GET /gradio_api/file={path_or_url:path}  HEAD /gradio_api/file={path_or_url:path}
    GET /gradio_api/call/{api_name}/{event_id}  GET /gradio_api/call/v2/{api_name}/{event_id}
    POST /gradio_api/upload  POST /gradio_api/queue/join  POST /gradio_api/cancel  POST /gradio_api/reset
    POST /gradio_api/run/{api_name}  POST /gradio_api/call/{api_name}  POST /gradio_api/call/v2/{api_name}
"""  # of gradio's some seventy; another that a new gradio brings is closed, unless it is one of these patterns


@dataclass
class Page:
    """The real page over a tiny model, in this process."""

    service: Service
    demo: gr.Blocks
    pages: OpenPages
    folder: Path  # of what visitors send
    address: str = ""

    def files(self) -> list[Path]:
        walked = os.walk(self.folder)  # unlike rglob it bears folders that go meanwhile
        return [Path(folder) / name for folder, _, names in walked for name in names]

    def absent(self) -> Absent:
        return Absent(self.demo, self.service, self.pages)


@pytest.fixture(scope="module")
def page(backbone, make_hypernet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")
    folder = tmp_path_factory.mktemp("gradio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        patch.setattr("gradio.utils.get_heartbeat_rate", lambda: 0.1)
        service = service_of(ModelStore(asr, "bundled", server.load_by_name))
        served = Page(service, build_page(service, TriedExamples(service, [])), OpenPages(), folder)
        with launched(served.demo, served.pages) as served.address:
            yield served


@pytest.fixture(scope="module")
def recording(speech_like, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("caller") / "talk.wav"
    soundfile.write(file, speech_like(1.2), SAMPLE_RATE)
    return file


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)


def _routes(of: Any) -> Iterator[tuple[str, str]]:
    """Method and path of every route below this, those of routers within routers too."""
    for route in of.routes:
        inner = getattr(route, "original_router", route)
        if getattr(inner, "routes", None):
            yield from _routes(inner)
        for method in getattr(route, "methods", None) or ():
            yield method, route.path


def test_of_all_routes_only_those_that_are_used_are_open(page: Page) -> None:
    routes = {(method, path): re.sub(r"{[^}]*}", "1", path) for method, path in _routes(page.demo.app)}
    assert len(routes) > 60, "the walk is blind"
    expected = OPEN_ROUTES.split()
    assert {route for route, path in routes.items() if is_open(route[0], path)} == set(
        zip(expected[::2], expected[1::2], strict=True)
    )
    with httpx.Client(base_url=page.address, timeout=10) as client:
        for (method, _), path in routes.items():
            if not is_open(method, path):
                reply = client.request(method, path)
                assert (reply.status_code, reply.text or NOTHING_HERE) == (404, NOTHING_HERE), (method, path)


def test_what_a_visitor_typed_is_written_into_no_link(page: Page) -> None:
    with Visitor(page.address) as visitor, httpx.Client(base_url=page.address) as client:
        visitor.take("offer_for", "bundled")
        assert client.get("gradio_api/deep_link", params={"session_hash": visitor.session}).status_code == 404
    junk = {"video": ("a.mp4", b"\0\0\0\x18ftypmp42 no video")}
    assert httpx.post(f"{page.address}gradio_api/process_recording", files=junk).status_code == 404
    assert page.files() == []


def _kept(page: Page) -> list[int]:
    """How many sessions each of those that keep anything knows of."""
    queue, states = page.demo._queue, page.demo.state_holder
    gradios = (queue.pending_event_ids_session, queue.pending_messages_per_session, states.session_data)
    return [len(each) for each in (page.service.sessions(), *gradios, states.time_last_used)]


def _call(page: Page, recording: Path, meant: str) -> None:
    """One answer, as curl gets it; and until gradio has tidied up behind it."""
    ApiCaller(page.address).compare(recording, meant)
    _wait(lambda: not page.demo._queue.event_ids_to_events)


def test_a_caller_without_a_page_is_forgotten_a_minute_after_the_answer(page: Page, recording: Path) -> None:
    absent = page.absent()
    absent.forget(0)
    absent.forget(ABSENT_SECONDS)  # visitors of other tests
    for i in range(3):
        _call(page, recording, f"{MEANT} {i}")
    assert min(_kept(page)) >= 3 and len(page.files()) == 3  # the same content, a file for each
    absent.forget(100)
    absent.forget(100 + ABSENT_SECONDS - 1)
    assert len(page.files()) == 3
    absent.forget(100 + ABSENT_SECONDS)
    assert (page.files(), _kept(page)) == ([], [0] * 5)
    _call(page, recording, MEANT)  # the next one is answered, and has a minute of its own
    absent.forget(101 + ABSENT_SECONDS)
    assert len(page.files()) == 1
    absent.forget(101 + 2 * ABSENT_SECONDS)
    assert (page.files(), _kept(page)) == ([], [0] * 5)


def test_two_calls_of_one_client_at_once_leave_each_other_their_recordings(page: Page, recording, monkeypatch) -> None:
    both, compare = threading.Barrier(2, timeout=PATIENCE_SECONDS), Service.compare

    def while_both_are_under_way(*asked: Any, **options: Any) -> Any:
        both.wait()
        return compare(*asked, **options)

    monkeypatch.setattr(Service, "compare", while_both_are_under_way)
    client = Client(page.address, verbose=False)
    jobs = [client.submit(handle_file(recording), meant, api_name="/compare") for meant in (MEANT, "turn it off")]
    assert [job.result(PATIENCE_SECONDS)["reference"] for job in jobs] == [MEANT, "turn it off"]
    assert len(page.files()) == 1  # until the next call has ended
    client.close()
    _wait(lambda: not page.files())
    assert page.files() == []


def test_two_exports_of_one_client_leave_each_other_their_files(page: Page, recording: Path) -> None:
    with Visitor(page.address) as visitor:
        sent = visitor.upload(recording)
        zips = [visitor.take("export", sent, "adapter", None, None, strength)[0]["path"] for strength in (1.0, 0.5)]
        assert len({visitor.download(each) for each in zips}) == 2  # whichever is fetched last
    _wait(lambda: not page.files())
    assert page.files() == []


def test_a_call_that_ends_when_its_caller_has_left_holds_nothing(tmp_path: Path) -> None:
    sent = tmp_path / "a" / "talk.wav"
    sent.parent.mkdir()
    sent.write_bytes(b"sound")
    uploads = Uploads(tmp_path)
    with uploads.held_for_call("anna", "here", [str(sent)]):
        assert uploads.sessions() == {"anna"}
        uploads.release("anna")
    assert uploads.sessions() == set() and not sent.exists()


def test_nobody_learns_from_a_recording_whether_others_have_it_too(page: Page, recording: Path) -> None:
    with Visitor(page.address) as victim, Visitor(page.address) as curious:
        paths, zips = [], []
        for visitor in (victim, curious):
            sent = visitor.upload(recording)
            visitor.take("track", sent)
            (made,) = visitor.take("export", sent, "adapter", None, None, 1.0)
            paths, zips = [*paths, sent["path"]], [*zips, made["path"]]
            again = visitor.upload(recording)
            visitor.take("track", again)  # in the place of the former
            paths.append(again["path"])
        assert {Path(each) for each in (*paths, *zips)} == set(page.files()) and len(page.files()) == 6
        assert curious.download(paths[3]) == recording.read_bytes()
        curious.take("track", None)
        with pytest.raises(httpx.HTTPStatusError, match="40[34]"):
            curious.download(paths[3])  # although the victim's copy of it is there
        assert victim.download(paths[1]) == recording.read_bytes()
    _wait(lambda: not page.files())
    assert page.files() == []


def test_a_visitor_who_is_there_or_waits_is_not_forgotten(page: Page, recording: Path, monkeypatch) -> None:
    absent = page.absent()
    with Visitor(page.address) as visitor:
        visitor.take("track", visitor.upload(recording))
        for now in (0, 1000):
            absent.forget(now)
        assert len(page.files()) == 1 and visitor.session in page.pages.sessions()
    _wait(lambda: not page.files())  # left
    _wait(lambda: visitor.session not in page.pages.sessions())
    page.service.uploads.hold("waits", "here", [str(recording)])
    waiting = SimpleNamespace(session_hash="waits")
    monkeypatch.setitem(page.demo._queue.event_ids_to_events, "its request", waiting)
    for now in (2000, 3000):
        absent.forget(now)
    assert page.service.sessions() == {"waits"}
    monkeypatch.undo()
    for now in (4000, 5000):
        absent.forget(now)
    assert (_kept(page), recording.is_file()) == ([0] * 5, True)  # what lies elsewhere is not deleted


def test_of_a_recording_that_was_deleted_neither_sound_nor_name_is_kept(page: Page, recording: Path) -> None:
    with Visitor(page.address) as visitor:
        path = visitor.upload(recording)["path"]
        page.service.compare(Asked(path, "", "bundled", "en", "recording", "", 1.0), "anna")
        named = [path in map(str, files) for files in page.demo.temp_file_sets]
        assert any(named) and page.service.cache.sessions() == {"anna"}
        page.absent().forget_deleted()
        assert page.service.cache.sessions() == {"anna"}
        Path(path).unlink()
        page.absent().forget_deleted()
        assert page.service.cache.sessions() == set()
        assert not any(path in map(str, files) for files in page.demo.temp_file_sets)


def test_the_janitor_comes_again_after_an_error(page: Page, tmp_path: Path, monkeypatch, caplog) -> None:
    rounds = iter([OSError("gone meanwhile"), None])

    def delete(_folder: Path) -> None:
        if error := next(rounds):
            raise error

    old: list[Path] = []
    monkeypatch.setattr(janitor, "delete_partial", delete)
    monkeypatch.setattr(janitor, "delete_old", old.append)
    never = SimpleNamespace(wait=iter([False, False, True]).__next__)
    janitor._run(page.demo, tmp_path, page.absent(), SimpleNamespace(wait=lambda _seconds: never.wait()))
    assert old == [tmp_path]  # in the second round
    assert next(rounds, "both came") == "both came" and "is tried again" in caplog.text
