"""What is computed in a thread of its own leaves nothing behind that slows the others."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextvars import ContextVar
from pathlib import Path

import pytest

from hyper.model.own_thread import in_own_thread

ROOT = Path(__file__).resolve().parents[1]
COUNT = """
import os, sys, time, torch
from hyper.model.own_thread import in_own_thread

torch.set_num_threads(4)
n_threads = lambda: len(os.listdir("/proc/self/task"))
compute = lambda: torch.randn(2_000_000).exp().sum()  # of such a size that torch shares it out
before = n_threads()
(in_own_thread if sys.argv[1] == "own" else lambda call: call())(compute)
until = time.monotonic() + 5
while sys.argv[1] == "own" and n_threads() > before and time.monotonic() < until:
    time.sleep(0.01)  # they end a moment after their thread
print(n_threads() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux lists them")
@pytest.mark.parametrize(("where", "left"), [("own", 0), ("main", 3)])
def test_no_worker_of_openmp_outlives_the_thread(where, left):
    run = subprocess.run([sys.executable, "-c", COUNT, where], capture_output=True, text=True, cwd=ROOT, check=True)
    assert int(run.stdout) == left


def test_it_gives_the_result_or_the_error_and_knows_the_context():
    language = ContextVar("language", default="en")
    language.set("de")
    assert in_own_thread(lambda: (language.get(), threading.current_thread().name)) == ("de", "once")
    with pytest.raises(KeyError, match="its own"):
        in_own_thread(lambda: {}["its own"])


def test_ctrl_c_waits_until_nothing_computes(monkeypatch):
    from concurrent.futures import Future

    done = []

    def interrupted(_self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Future, "exception", interrupted)
    with pytest.raises(KeyboardInterrupt):
        in_own_thread(lambda: time.sleep(0.2) or done.append(threading.current_thread().name))
    assert done == ["once"]


def test_a_model_that_a_visitor_chooses_is_loaded_so(monkeypatch):
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.ui.server import load_by_name

    monkeypatch.setattr(PersonalizedAsr, "load", lambda **_: threading.current_thread().name)
    assert load_by_name("bundled") == "once"
