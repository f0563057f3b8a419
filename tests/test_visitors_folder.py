"""The folder for what visitors send: own, closed, and gone however the program ended."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from gradio import route_utils
from served import ROOT
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException

from hyper.recordings.limits import LIMITS
from hyper.recordings.tables import MAX_TABLE_BYTES
from hyper.ui.port import ServerError
from hyper.ui.visitors import folder, own_files

START = "from hyper.ui.visitors.folder import open_folder; print(open_folder(), flush=True); input()"


def start(parent: Path) -> tuple[subprocess.Popen, Path]:
    """A program that has its folder and waits."""
    program = subprocess.Popen(
        [sys.executable, "-c", START],
        cwd=ROOT,
        env=os.environ | {"GRADIO_TEMP_DIR": str(parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    own = Path(program.stdout.readline().strip())
    (own / "0123abcd").mkdir()
    (own / "0123abcd" / "patient.wav").write_bytes(b"sound")
    return program, own


def end(program: subprocess.Popen) -> None:
    program.communicate("\n", timeout=20)


def test_each_start_has_a_folder_of_its_own_that_others_cannot_read(tmp_path):
    first, own = start(tmp_path)
    second, other = start(tmp_path)
    try:
        assert own != other and own.parent == other.parent == tmp_path
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        assert (own / "0123abcd" / "patient.wav").is_file(), "a second start must leave a running one alone"
    finally:
        end(first), end(second)
    assert list(tmp_path.iterdir()) == []


def test_the_next_start_deletes_what_a_killed_one_left(tmp_path):
    killed, own = start(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.wait(20)
    killed.stdin.close(), killed.stdout.close()
    assert (own / "0123abcd" / "patient.wav").is_file()
    foreign = tmp_path / "something else"
    foreign.mkdir()
    after, _ = start(tmp_path)
    try:
        assert not own.exists() and foreign.is_dir()
    finally:
        end(after)


def test_a_clock_that_is_set_right_makes_no_dead_start_of_a_running_one(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(folder.atexit, "register", lambda *_: None)
    monkeypatch.setattr(folder.tempfile, "tempdir", folder.tempfile.tempdir)
    running, own = os.getppid(), os.getpid()
    kept = tmp_path / f"run-{running}-{folder._started_ms(running) - 7_000}"
    dead = [
        tmp_path / f"run-{running}-{folder._started_ms(running) - 3_600_000}",
        tmp_path / f"run-{own}-{folder._started_ms(own) - 7_000}",  # the same number again, as in a container
    ]
    for each in (kept, *dead):
        each.mkdir()
    assert folder.open_folder().is_dir() and folder.open_folder().is_dir()
    assert kept.is_dir() and not any(each.exists() for each in dead)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no terminals that hang up")
@pytest.mark.parametrize("how", ["SIGHUP", "SIGTERM"])
def test_a_closed_terminal_ends_it_as_ctrl_c_does(tmp_path, how):
    code = (
        "from hyper.ui.visitors.folder import open_folder; from hyper.ui.visitors import ending; import time; "
        "ending.end_as_by_ctrl_c(); print(open_folder(), flush=True); time.sleep(60)"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    own = Path(program.stdout.readline().strip())
    (own / "patient.wav").write_bytes(b"sound")
    program.send_signal(getattr(signal, how))
    program.send_signal(getattr(signal, how))  # a second one, in the middle of deleting
    program.wait(20)
    program.stdout.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file" / "folder"))
    with pytest.raises(ServerError, match="the folder for recordings cannot be made at .*GRADIO_TEMP_DIR"):
        folder.open_folder()


def test_a_link_that_somebody_laid_there_is_refused(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "link"))
    with pytest.raises(ServerError, match="belongs to somebody else or is a link"):
        folder.open_folder()


def test_partial_uploads_go_and_whole_ones_stay(tmp_path):
    whole, given_up, arriving = tmp_path / "0123abcd" / "a.wav", tmp_path / "tmp1", tmp_path / "tmp2"
    whole.parent.mkdir()
    for path in (whole, given_up, arriving):
        path.write_bytes(b"sound")
    old = time.time() - folder.PARTIAL_AGE_SECONDS - 1
    for path in (whole, given_up):
        os.utime(path, (old, old))
    folder.delete_partial(tmp_path)
    assert (whole.is_file(), given_up.exists(), arriving.is_file()) == (True, False, True)


async def _sent(parts: list[bytes], between: Callable[[], None]) -> AsyncIterator[bytes]:
    """An upload as it comes in, with what happens meanwhile."""
    for part in parts:
        yield part
        between()
    yield b"--x--\r\n"


def _part(what: str, content: bytes, name: str = "files") -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{what}\r\n\r\n'.encode() + content + b"\r\n"


def _upload(folder_of_all: Path, parts: list[bytes], between: Callable[[], None] = lambda: None) -> list[Path]:
    """Where gradio puts what is sent."""
    own_files.guard_uploads()
    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    request = SimpleNamespace(headers=headers, stream=lambda: _sent(parts, between))
    sent = asyncio.run(route_utils.upload_fn(request, str(folder_of_all), 1_000_000, None, force_move=False))[0]
    return [Path(path) for path in sent]


def test_the_first_of_many_files_is_not_taken_for_given_up_while_others_come(tmp_path):
    def a_minute_later() -> None:
        old = time.time() - folder.PARTIAL_AGE_SECONDS - 1
        for path in tmp_path.glob("tmp*"):
            os.utime(path, (old, old))
        folder.delete_partial(tmp_path)

    parts = [_part(f'; filename="{i}.wav"', b"sound" * 1000) for i in range(3)]
    arrived = _upload(tmp_path, parts, a_minute_later)
    assert [path.read_bytes() for path in arrived] == [b"sound" * 1000] * 3
    gc.collect()
    assert not folder.ON_THEIR_WAY


def test_only_files_are_read_and_no_more_than_a_list_has(tmp_path):
    assert _upload(tmp_path, [_part("", b"a few letters", name="other")]) == []
    with pytest.raises(MultiPartException, match="Only files are taken here"):
        _upload(tmp_path, [_part("", b"0" * 100_000, name="other")])
    files = [_part(f'; filename="{i}.wav"', b"") for i in range(LIMITS.files + 2)]
    assert len(_upload(tmp_path, files[:-1])) == LIMITS.files + 1  # the list too
    with pytest.raises(MultiPartException, match="Too many files at once; please send at most 300"):
        _upload(tmp_path, files)
    page = (ROOT / "assets" / "access.js").read_text(encoding="utf-8")
    assert f"please send at most {LIMITS.files}, or a zip archive." in page  # what the page shows in its place


def test_no_more_is_read_than_a_list_may_hold(tmp_path, monkeypatch):
    assert LIMITS.total_bytes + MAX_TABLE_BYTES == own_files.MOST_BYTES
    monkeypatch.setattr(own_files, "MOST_BYTES", 9_000)
    files = [_part(f'; filename="{i}.wav"', bytes(3_000)) for i in range(4)]
    assert len(_upload(tmp_path, files[:3])) == 3
    with pytest.raises(MultiPartException, match="Too much at once; please send at most 2 GB"):
        _upload(tmp_path, files)
    page = (ROOT / "assets" / "access.js").read_text(encoding="utf-8")
    assert '["Too much at once", "This is too much at once; please send at most 2 GB, or' in page


def test_what_is_still_written_at_the_end_goes_too(tmp_path):
    sent, stop = tmp_path / "run-1-2", threading.Event()

    def unpack() -> None:
        for i in range(10_000):
            if stop.is_set():
                return
            with suppress(OSError):
                (sent / f"{i}.wav").write_bytes(b"sound" * 1000)

    sent.mkdir()
    for i in range(300):
        (sent / f"already {i}.wav").write_bytes(b"sound")
    writing = threading.Thread(target=unpack)
    writing.start()
    before = signal.getsignal(signal.SIGINT)
    try:
        folder._delete(sent)
        assert not sent.exists()
    finally:
        signal.signal(signal.SIGINT, before)
        stop.set()
        writing.join()


def test_what_goes_while_the_janitor_looks_is_no_error(tmp_path, monkeypatch):
    """A visitor leaves just then: the folder, the file in it or an upload is seen, and gone when it is looked at."""
    going = [tmp_path / name for name in ("0f" * 32, "tmp1")]
    listed = {tmp_path: going[:1], going[0]: [going[0] / "a.wav"]}
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(listed[path]))
    folder.delete_old(tmp_path)
    monkeypatch.setattr(Path, "iterdir", lambda path: os.scandir(path) if path != tmp_path else iter(going[:1]))
    folder.delete_old(tmp_path)
    monkeypatch.setattr(Path, "glob", lambda path, pattern: iter(going[1:]))
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    folder.delete_partial(tmp_path)


def test_half_an_hour_after_it_was_sent_a_file_goes_and_work_that_is_under_way_stays(tmp_path, monkeypatch):
    sent, other, scratch = (tmp_path / name / "a.wav" for name in ("0f" * 32, "1e" * 32, "tmpwork"))
    for path in (sent, other, scratch):
        path.parent.mkdir()
        path.write_bytes(b"sound")
    sent.with_name("same sound.wav").write_bytes(b"sound")
    sent_at = sent.parent.stat().st_mtime
    os.utime(other, (0, 0))  # a copy is as old as what it was made of
    second = scratch.with_name("b.wav")  # as a list takes its recordings
    time.sleep(0.05)
    second.hardlink_to(sent)
    assert sent.stat().st_ctime > sent_at
    second.unlink()
    monkeypatch.setattr(folder.time, "time", lambda: sent_at + folder.FILE_AGE_SECONDS - 60)
    folder.delete_old(tmp_path)
    assert sent.is_file() and other.is_file()
    monkeypatch.setattr(folder.time, "time", lambda: sent_at + folder.FILE_AGE_SECONDS + 0.04)
    folder.delete_old(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["tmpwork", "tmpwork/a.wav"]
