"""What the start of the page waits for, and what it does not."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from served import ROOT, free_port
from visitor import StepError, Visitor

from hyper.model.files import BUNDLED, BackboneError
from hyper.ui import server
from hyper.ui.kept import kept
from hyper.ui.model_store import ModelStore
from hyper.ui.port import ServerError
from hyper.ui.visitors.open_pages import OpenPages

# Each takes a tenth of a second or more, and is needed when a figure is drawn, or in the first comparison.
SLOW = "matplotlib.figure plotly.subplots scipy.linalg scipy.ndimage scipy.fft librosa.core fpdf openpyxl sklearn"


def test_the_page_starts_without_what_only_figures_and_reports_need():
    code = f"import sys, hyper.ui.server; print(*(sys.modules.keys() & {SLOW.split()}))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_what_the_page_is_made_of_is_not_looked_through_for_garbage():
    before = gc.get_freeze_count()
    try:
        with pytest.raises(ValueError, match="no model"), kept():
            assert not gc.isenabled()
            made = [[] for _ in range(1000)]
            raise ValueError("no model")
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(made)
    finally:
        gc.unfreeze()


@pytest.fixture
def own_process():
    """What starting the page changes in the process is as it was."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    gc.unfreeze()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_delivered_pair_is_loaded_beside_the_open_page_and_a_damaged_one_closes_it(tmp_path, own_process):
    port = free_port()
    answers = []

    def load():
        answers.append(httpx.get(f"http://127.0.0.1:{port}/").status_code)
        raise BackboneError("The Whisper is damaged.")

    with pytest.raises(ServerError, match="The Whisper is damaged"):
        server.serve(load, BUNDLED, ROOT / "examples" / "manifest.csv", "127.0.0.1", port, tmp_path, is_delivered=True)
    assert answers == [200]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/")


def test_whoever_waits_for_a_pair_that_cannot_be_loaded_reads_what_the_terminal_prints(
    monkeypatch, tmp_path, own_process
):
    port, waits, answers = free_port(), threading.Event(), []
    recording = next((ROOT / "examples").glob("*.wav"))
    get = ModelStore.get
    monkeypatch.setattr(ModelStore, "get", lambda *asked: (waits.set(), get(*asked))[1])

    def compare():
        with Visitor(f"http://127.0.0.1:{port}/") as visitor, pytest.raises(StepError) as told:
            sent = visitor.upload(recording)
            visitor.take("compare_on_page", sent, "", BUNDLED, "en", "recording", "", 1)
        answers.append(str(told.value))

    asking = threading.Thread(target=compare)

    def load():
        asking.start()
        assert waits.wait(30)
        raise BackboneError("The Whisper is damaged.")

    with pytest.raises(ServerError) as printed:
        server.serve(load, BUNDLED, ROOT / "examples" / "manifest.csv", "127.0.0.1", port, tmp_path, is_delivered=True)
    asking.join(timeout=10)
    assert answers == [str(printed.value)] and "The Whisper is damaged." in answers[0]


def test_in_a_network_with_a_proxy_the_page_asks_itself_directly(monkeypatch, own_process):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)
    with gr.Blocks() as demo:
        gr.Markdown("there")
    port = free_port()
    try:
        assert server._launched(demo, "127.0.0.1", port, OpenPages()) == f"http://127.0.0.1:{port}/"
        left = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
        assert left == {"NO_PROXY": "intranet.example", "no_proxy": None}  # downloads go on as they were set
    finally:
        demo.close(verbose=False)


@pytest.mark.parametrize("error", [OSError("Cannot find empty port"), ValueError("share"), RuntimeError("proxy: 503")])
def test_a_page_that_does_not_answer_is_a_sentence(monkeypatch, error):
    monkeypatch.setenv("no_proxy", "*")
    closed = []

    def launch(**_options):
        assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "*"
        raise error

    demo = SimpleNamespace(launch=launch, close=lambda **_: closed.append(True))
    with pytest.raises(ServerError, match="another program may have taken the port"):
        server._launched(demo, "127.0.0.1", 7860, OpenPages())
    assert closed == [True]


def test_a_delivered_pair_that_was_changed_is_told_before_the_page_is_open(monkeypatch, tmp_path, own_process):
    monkeypatch.setattr("hyper.model.delivered._digest", lambda _file: "0")
    monkeypatch.setattr(server, "_launched", lambda *_: pytest.fail("the page was opened"))
    with pytest.raises(ServerError, match="is damaged: it is not the file that came with HyperWhisper"):
        server.serve(
            lambda: pytest.fail("it was loaded"),
            BUNDLED,
            tmp_path / "m.csv",
            "127.0.0.1",
            0,
            tmp_path,
            is_delivered=True,
        )


def test_whoever_asks_for_the_first_model_waits_until_it_is_there():
    class Pair:
        backbone = None

    models, pair, given = ModelStore(None, BUNDLED, pytest.fail), Pair(), []
    visitor = threading.Thread(target=lambda: given.append(models.get(BUNDLED)))
    visitor.start()
    assert models.loaded(BUNDLED) is None and models.came_with_page(BUNDLED) and not models.is_multilingual(BUNDLED)
    assert models.choices()[0][1] == BUNDLED and given == []
    models.arrived(pair)
    visitor.join(timeout=10)
    assert given == [pair] and models.loaded(BUNDLED) is pair and models.name_of(pair) == BUNDLED
