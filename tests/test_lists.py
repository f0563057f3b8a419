"""Lists of many visitors side by side, on the served page: nobody holds up the others, and nobody works for nobody."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace

import gradio as gr
import pytest
import soundfile
from served import launched
from visitor import Visitor

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scheduler import Scheduler
from hyper.recordings.audio import SAMPLE_RATE
from hyper.ui import queues, server
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_page
from hyper.ui.service import Service
from hyper.ui.tabs import reading
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors.uploads import Uploads

PATIENCE_SECONDS = 30  # for what another thread does, on a busy machine
ON_LIST = ("bundled", "en")  # model, language


class Desk:
    """Who asked for parts of lists, and who is held meanwhile."""

    def __init__(self) -> None:
        self.parts: Counter[str] = Counter()
        self.left: set[str] = set()
        self._may_go_on: dict[str, threading.Event] = {}

    def hold(self, *sessions: str) -> None:
        self._may_go_on |= {session: threading.Event() for session in sessions}

    def let_go(self, session: str) -> None:
        self._may_go_on[session].set()

    def pass_by(self, session: str) -> None:
        self.parts[session] += 1
        if session in self._may_go_on:
            assert self._may_go_on[session].wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def page(backbone, make_hypernet, tmp_path_factory, speech_like) -> Iterator[SimpleNamespace]:
    """A served page, at whose model anybody can be held."""
    cache, desk = tmp_path_factory.mktemp("gradio"), Desk()
    folder, seeds = tmp_path_factory.mktemp("visitor"), count()

    def upload(visitor: Visitor) -> dict:
        """A recording that nobody else has sent: what one visitor leaves behind is deleted."""
        path = folder / f"{visitor.session}.wav"
        soundfile.write(path, speech_like(1.2, next(seeds)), SAMPLE_RATE)
        return visitor.upload(path)

    class AtDesk(Service):
        def transcribe(self, asr, language, session, waveforms):
            desk.pass_by(session)
            return super().transcribe(asr, language, session, waveforms)

        def leave(self, request: gr.Request) -> None:
            super().leave(request)
            desk.left.add(request.session_hash)

    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(cache))
        models = ModelStore(asr, "bundled", server.load_by_name)
        service = AtDesk(models, Uploads(cache), scheduler=Scheduler(idle=0.05))
        demo = build_page(service, TriedExamples(service, []))
        with launched(demo) as url:
            yield SimpleNamespace(url=url, desk=desk, upload=upload, queue=demo._queue, asr=asr)


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def join_line(visitor: Visitor, name: str, *data: object) -> None:
    """Ask for a step as `take` does, and wait for no answer."""
    body = {"data": data, "fn_index": visitor.steps[name]["id"], "session_hash": visitor.session}
    visitor._http.post("queue/join", json=body).raise_for_status()


def test_a_list_waits_for_no_other_list(page):
    answers = []

    def anna_asks(anna: Visitor) -> None:
        answers.append(anna.take("several", [page.upload(anna)], "", *ON_LIST))

    with Visitor(page.url) as anna, Visitor(page.url) as peter:
        page.desk.hold(anna.session)
        others = threading.Thread(target=anna_asks, args=(anna,))
        others.start()
        wait_until(lambda: page.desk.parts[anna.session] > 0)
        peter.press("hw-run", [page.upload(peter)], None, *ON_LIST)
        join_line(peter, "transcribe")  # the page's own way
        try:
            wait_until(lambda: page.desk.parts[peter.session] > 0)
            assert not answers
        finally:
            page.desk.let_go(anna.session)
            others.join(PATIENCE_SECONDS)
    assert len(answers) == 1
    assert 4 <= queues.LIST_QUEUE["concurrency_limit"] <= 8


@pytest.mark.parametrize("button", ["next", "redo", "skip", "back", "finish"])
def test_a_reading_that_the_server_has_forgotten_begins_anew(page, button):
    with Visitor(page.url) as visitor:
        recording = [None] if button == "next" else []
        shown = json.dumps(visitor.press(f"hw-reading-{button}", None, *recording))
    assert reading.LOST in shown


def hang_up(page: SimpleNamespace, visitor: Visitor, files: list[dict], name: str = "several") -> None:
    """Ask by HTTP alone, as curl does, and end the connection before there is an answer."""
    join_line(visitor, name, files, "", *ON_LIST)
    with visitor._http.stream("GET", "queue/data", params={"session_hash": visitor.session}) as events:
        lines = events.iter_lines()  # held: when it goes, the connection is closed
        next(lines)
        wait_until(lambda: page.desk.parts[visitor.session] > 0)
    jobs = [job for jobs in page.queue.active_jobs for job in jobs or () if job.session_hash == visitor.session]
    wait_until(lambda: not any(job.alive for job in jobs))  # the server has noticed


def close_the_page(page: SimpleNamespace, visitor: Visitor, files: list[dict]) -> None:
    with visitor:
        join_line(visitor, "several", files, "", *ON_LIST)
        wait_until(lambda: page.desk.parts[visitor.session] > 0)
    wait_until(lambda: visitor.session in page.desk.left)


@pytest.mark.parametrize("leave", [hang_up, close_the_page])
def test_nothing_more_is_transcribed_for_who_has_left(page, leave):
    visitor = Visitor(page.url)
    page.desk.hold(visitor.session)
    files = [page.upload(visitor)] * 9  # three parts of a list
    leave(page, visitor, files)
    page.desk.let_go(visitor.session)
    with Visitor(page.url) as peter:
        peter.take("several", [page.upload(peter)], "", *ON_LIST)
        time.sleep(0.5)
    assert page.desk.parts[visitor.session] == 1


def test_no_more_recordings_of_one_speaker_are_worked_on_for_who_has_left(page, monkeypatch):
    visitor, prepare = Visitor(page.url), page.asr.prepare
    page.desk.hold(visitor.session)

    def watched(waveform, **settings):
        page.desk.pass_by(visitor.session)
        return prepare(waveform, **settings)

    monkeypatch.setattr(page.asr, "prepare", watched)
    hang_up(page, visitor, [page.upload(visitor)] * 3, "speaker")
    page.desk.let_go(visitor.session)
    with Visitor(page.url) as peter:
        peter.take("several", [page.upload(peter)], "", *ON_LIST)
    assert page.desk.parts[visitor.session] == 1
