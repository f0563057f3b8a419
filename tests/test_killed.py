"""Killed at random moments: the page's next start finds nothing and nobody left, and training loses nothing.

    python -m pytest tests/test_killed.py --kills 50

kills more often than every test run does.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
import torch
from safetensors.torch import load_file

from hyper.model.backbone import Backbone
from hyper.model.checkpoint import save_hypernet
from hyper.training.adaptation.loop import AdaptationTrainer
from hyper.training.adaptation.states import StateStore
from tests import fuzz
from tests.preloaded import Start, Starts, preloaded
from tests.test_resuming import SETTINGS, hypernetwork, store  # noqa: F401  pytest finds fixtures by their names
from tests.visitor import Visitor

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
FILES = ("a.m4a", "b.webm", "c.wav")  # two of them are decoded in a child


@pytest.fixture(scope="module")
def kills(request: pytest.FixtureRequest) -> int:
    return request.config.getoption("--kills")


@pytest.fixture
def starts(whisper_folder, backbone, make_hypernet, tmp_path) -> Iterator[Starts]:
    save_hypernet(make_hypernet(backbone), tmp_path / "hypernet")
    with preloaded(tmp_path, whisper_folder, tmp_path / "hypernet") as made:
        yield made


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in FILES]
    for path in paths:
        path.write_bytes(fuzz.whole(path.suffix[1:]))
    return paths


def visit(app: Start, recordings: list[Path]) -> None:
    """Every kind of file, sent and compared; ends with an error where the app is killed on the way."""
    with Visitor(app.address) as visitor:
        for path in recordings:
            sent = visitor.upload(path)
            visitor.take("track", sent)
            visitor.take("compare", sent, "turn on the lights", visitor.model, "en", "recording", "", 1.0)


def files(app: Start) -> list[Path]:
    return [path for path in app.folder.rglob("*") if path.is_file()]


def test_the_next_start_finds_nothing_and_nobody_left(starts: Starts, recordings: list[Path], kills: int) -> None:
    app, rng = starts.begin(), random.Random(0)
    began = time.monotonic()
    visit(app, recordings)
    seconds = time.monotonic() - began
    n_left = n_children = n_killed = 0
    # The first comes while a recording is decoded. Where none was in the middle of anything all the same, some more.
    while n_killed < kills or (not (n_left and n_children) and n_killed < 10 * kills):
        n_killed += 1
        visiting = threading.Thread(target=_visit_until_killed, args=(app, recordings))
        visiting.start()
        if n_killed == 1:
            while visiting.is_alive() and not app.process.children():
                time.sleep(0.001)
        else:
            time.sleep(rng.uniform(0, seconds))
        children = app.process.children(recursive=True)
        app.process.kill()
        app.process.wait()
        visiting.join()
        assert psutil.wait_procs(children, timeout=10)[1] == []
        n_left, n_children = n_left + bool(files(app)), n_children + bool(children)
        app = starts.begin()  # on the same port
        assert list(starts.cache.iterdir()) == [app.folder] and files(app) == []
    visit(app, recordings)
    assert n_left and n_children, "no kill was in the middle of anything"


def _visit_until_killed(app: Start, recordings: list[Path]) -> None:
    with suppress(httpx.HTTPError, ConnectionError):
        visit(app, recordings)


def test_training_loses_nothing(backbone: Backbone, store: StateStore, tmp_path: Path, kills: int) -> None:  # noqa: F811
    settings = replace(SETTINGS, updates=24, save_every_seconds=0.0)  # it saves after each update
    context = multiprocessing.get_context("fork")

    def train(run: Path) -> None:
        AdaptationTrainer(store, hypernetwork(backbone, store), run, settings).train()

    def ended(run: Path, seconds: float | None) -> bool:
        """Whether training came to its end; it is killed after some seconds."""
        process = context.Process(target=train, args=(run,))
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        assert process.exitcode in (0, -9)
        return process.exitcode == 0

    began, rng = time.monotonic(), random.Random(0)
    assert ended(tmp_path / "whole", None)
    seconds, n_killed, run = time.monotonic() - began, 0, tmp_path / "killed"
    whole = load_file(tmp_path / "whole" / "state.safetensors")
    while n_killed < kills or not (run / "state.safetensors").exists():
        if not ended(run, rng.uniform(0, seconds / 2) if n_killed < kills else None):
            n_killed += 1
            continue
        last = load_file(run / "state.safetensors")
        assert last.keys() == whole.keys() and all(torch.equal(last[name], whole[name]) for name in whole)
        if n_killed < kills:  # it was done before all the kills: another one
            shutil.rmtree(run)
