"""The child process that decodes: whatever happens in it is one sentence, and it never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import soundfile

from hyper.recordings import audio, sandbox, sandbox_child, tables
from hyper.recordings.audio import SAMPLE_RATE, AudioError, load_audio
from hyper.recordings.sandbox import OUT_OF_TIME, ChildDied, OutOfTime, Sandbox, Unreadable
from hyper.recordings.sandbox_child import MEMORY_BYTES
from hyper.recordings.tables import TableError, read_table


def mp3(path: Path, hertz: float = 300, seconds: float = 1.0) -> Path:
    samples = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)
    soundfile.write(path, samples, SAMPLE_RATE, format="MP3")
    return path


@pytest.fixture
def own(monkeypatch) -> Sandbox:
    """A sandbox of the test's own."""
    made = Sandbox()
    monkeypatch.setattr(audio, "SANDBOX", made)
    yield made
    while made._idle:
        made._idle.pop().end()


@pytest.fixture
def hanging(tmp_path) -> dict[str, object]:
    """A task that never ends: reading a pipe into which nobody writes."""
    os.mkfifo(tmp_path / "pipe")
    return {"path": str(tmp_path / "pipe"), "max_seconds": 1.0, "is_known": True}


def children() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "hyper.recordings.sandbox_child" in each.cmdline()]


def wait_for(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_child_serves_one_recording_after_another(tmp_path, own):
    before = len(children())
    for hertz in (300, 500):
        load_audio(mp3(tmp_path / "a.mp3", hertz))
    assert len(children()) == before + 1


def test_threads_get_each_their_own_recording(tmp_path, own):
    paths = [mp3(tmp_path / f"{i}.mp3", 300 + 100 * i) for i in range(8)]
    expected = [load_audio(path) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        for heard, alone in zip(pool.map(load_audio, paths * 4), expected * 4, strict=True):
            np.testing.assert_array_equal(heard, alone)
    assert 1 <= len(own._idle) <= sandbox.N_CHILDREN


def test_a_child_that_crashes_is_a_sentence_and_the_next_recording_is_decoded(tmp_path, own, monkeypatch):
    path = mp3(tmp_path / "a.mp3")
    load_audio(path)
    (child,) = own._idle
    monkeypatch.setattr(child, "is_alive", lambda: True)  # it dies with the recording in its hands
    os.kill(child._process.pid, signal.SIGSEGV)
    child._process.wait()
    with pytest.raises(AudioError) as caught:
        load_audio(path)
    assert str(caught.value) == "The recording could not be decoded; please export a.mp3 again, best as wav."
    assert len(load_audio(path)) == SAMPLE_RATE


def test_a_child_that_died_while_it_waited_costs_nothing(tmp_path, own):
    path = mp3(tmp_path / "a.mp3")
    load_audio(path)
    os.kill(own._idle[0]._process.pid, signal.SIGKILL)
    own._idle[0]._process.wait()
    assert len(load_audio(path)) == SAMPLE_RATE


def test_a_child_that_hangs_holds_up_nobody_and_killed_it_is_said(tmp_path, own, hanging):
    with ThreadPoolExecutor() as pool:
        before = children()
        hung = pool.submit(own.call, "audio", 60, **hanging)
        wait_for(lambda: len(children()) > len(before))
        load_audio(mp3(tmp_path / "a.mp3"))
        assert not hung.done()
        waiting = {child._process.pid for child in own._idle}
        (at_work,) = [each for each in children() if each not in before and each.pid not in waiting]
        at_work.kill()
        with pytest.raises(ChildDied):
            hung.result()


def test_a_decoder_that_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "hyper.recordings.libav", raising=False)
    answer = sandbox_child._answer("audio", {"path": str(tmp_path / "a.mp3"), "max_seconds": 60, "is_known": True})
    assert answer[0] == "refused"
    assert (
        answer[1]
        .decode()
        .startswith("This file is read with the Python package av, which is not installed; please run `pip install -r")
    )


def test_a_child_without_an_alarm_has_a_limit_of_time_too(own, monkeypatch, tmp_path):
    """As on Windows."""
    load_audio(mp3(tmp_path / "a.mp3"))
    for name in ("setitimer", "SIGALRM"):
        monkeypatch.delattr(signal, name)
    ended = SimpleQueue()
    monkeypatch.setattr(sandbox_child.os, "_exit", ended.put)
    sandbox_child.limit_time(60)()
    limit_off = sandbox_child.limit_time(0.01)
    assert (code := ended.get(timeout=10)) == OUT_OF_TIME
    limit_off()
    assert ended.empty()
    (child,) = own._idle
    monkeypatch.setattr(child, "_process", SimpleNamespace(wait=lambda: code))
    assert isinstance(child._what_happened(), OutOfTime)
    monkeypatch.undo()


def test_a_child_is_replaced_after_a_while(tmp_path, own, monkeypatch):
    monkeypatch.setattr(sandbox, "TASKS_EACH", 2)
    path = mp3(tmp_path / "a.mp3")
    load_audio(path)
    (first,) = own._idle
    load_audio(path)
    assert own._idle == [] and not first.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_child_has_limits(tmp_path, own):
    load_audio(mp3(tmp_path / "a.mp3"))
    lines = Path(f"/proc/{own._idle[0]._process.pid}/limits").read_text().splitlines()
    limits = {line[:26].strip(): line[26:].split()[0] for line in lines}
    assert int(limits["Max address space"]) == MEMORY_BYTES
    assert limits["Max file size"] == limits["Max core file size"] == "0"


def test_too_much_memory_is_a_sentence(tmp_path, own, monkeypatch):
    path = mp3(tmp_path / "a.mp3")
    load_audio(path)
    psutil.Process(own._idle[0]._process.pid).rlimit(psutil.RLIMIT_AS, (1 << 20, 1 << 20))
    with pytest.raises(AudioError, match="could not be decoded|cannot be read"):
        load_audio(path)


def test_a_file_that_went_away_is_a_sentence(tmp_path, own, monkeypatch):
    monkeypatch.setattr(audio, "_check_file", lambda _: None)
    with pytest.raises(AudioError, match=r"gone\.mp3 cannot be read, it seems damaged"):
        load_audio(tmp_path / "gone.mp3")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_name_that_is_no_unicode_is_no_trouble(tmp_path, own):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp3"))
    for kind in ("MP3", "WAV"):
        soundfile.write(
            tmp_path / "a", np.random.default_rng(0).uniform(-0.1, 0.1, SAMPLE_RATE), SAMPLE_RATE, format=kind
        )
        (tmp_path / "a").rename(path)
        assert len(load_audio(path)) == SAMPLE_RATE
    path.write_bytes(b"no sound" * 50)
    with pytest.raises(AudioError, match="is not an audio recording"):
        load_audio(path)


def test_what_a_child_cannot_do_it_says(own, tmp_path):
    with pytest.raises(Unreadable, match="FileNotFoundError"):
        own.call("audio", 5, path=str(tmp_path / "gone"), max_seconds=1.0, is_known=True)


def test_a_child_that_does_not_start_is_said(tmp_path, own, monkeypatch):
    path, table = mp3(tmp_path / "a.mp3"), tmp_path / "list.xlsx"
    table.write_bytes(b"PK")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(tables, "SANDBOX", own)
    for read, kind in ((lambda: load_audio(path), AudioError), (lambda: read_table(table), TableError)):
        with pytest.raises(kind) as caught:
            read()
        assert str(caught.value) == sandbox.NOT_STARTED


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a script stands in for Python")
def test_a_child_looks_for_packages_where_its_parent_does(tmp_path, own, monkeypatch):
    python = tmp_path / "python"  # it has no packages but those that PYTHONPATH names, as on some clusters
    python.write_text(f'#!/bin/sh\n[ "${{PYTHONPATH#*:}}" = "/here:/there" ] && exec {sys.executable} "$@"\n')
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PYTHONPATH", "/here:/there")
    assert len(load_audio(mp3(tmp_path / "a.mp3"))) == SAMPLE_RATE
    monkeypatch.delenv("PYTHONPATH")
    assert sandbox._path() == str(sandbox.ROOT)  # an empty part would be the folder that one happens to be in


def test_importing_starts_no_child_and_no_libav():
    code = "import sys, psutil, hyper.recordings.audio; print('av' in sys.modules, len(psutil.Process().children()))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=sandbox.ROOT, check=True)
    assert run.stdout.split() == ["False", "0"]


@pytest.mark.parametrize("how", ["killed", "ends"])
def test_no_child_outlives_its_parent(tmp_path, hanging, how):
    """One child waits, another is in the middle of a task."""
    mp3(tmp_path / "a.mp3")
    code = f"""
import threading, time, os
from hyper.recordings.sandbox import SANDBOX
from hyper.recordings.audio import load_audio
threading.Thread(target=SANDBOX.call, args=("audio", 60), kwargs={hanging!r}, daemon=True).start()
time.sleep(0.5)
load_audio({str(tmp_path / "a.mp3")!r})
print("ready", flush=True)
time.sleep({60 if how == "killed" else 0.1})
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=sandbox.ROOT) as parent:
        assert parent.stdout.readline() == b"ready\n"
        started = psutil.Process(parent.pid).children()
        assert len(started) == 2
        if how == "killed":
            parent.kill()
        parent.wait()
    wait_for(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in started))


def test_a_forked_process_starts_children_of_its_own(tmp_path, own):
    path = mp3(tmp_path / "a.mp3")
    load_audio(path)
    assert own._idle
    fork = os.fork()
    if fork == 0:
        os._exit(0 if not own._idle and len(load_audio(path)) == SAMPLE_RATE else 1)
    assert os.waitpid(fork, 0)[1] == 0
    assert len(load_audio(path)) == SAMPLE_RATE


def test_children_are_counted(own, hanging, monkeypatch):
    """No more than so many at a time: the next waits."""
    monkeypatch.setattr(sandbox, "N_CHILDREN", 1)
    own._begin_anew()
    order = []

    def call(name: str) -> None:
        with pytest.raises(OutOfTime):
            own.call("audio", 0.5, **hanging)
        order.append(name)

    first = threading.Thread(target=call, args=("first",))
    first.start()
    wait_for(lambda: own._places._value == 0)
    call("second")
    first.join()
    assert order == ["first", "second"]
