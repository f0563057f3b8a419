"""What visitors send lies in a folder of its own for each start, closed to others, gone at the end or at the next."""

from __future__ import annotations

import atexit
import getpass
import os
import re
import shutil
import signal
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

import psutil

from hyper.ui.port import ServerError

if TYPE_CHECKING:
    from starlette.datastructures import UploadFile

VARIABLE = "GRADIO_TEMP_DIR"  # gradio keeps what visitors send in the folder that it names
RUN = re.compile(r"run-(\d+)-(\d+)")  # process, and when that process started, in ms
PARTIAL = "tmp*"  # an upload on its way, as gradio names it; whole ones lie in folders named by their content
PARTIAL_AGE_SECONDS = 60  # an upload to which nothing was added for so long has been given up
WHOLE = re.compile("[0-9a-f]{64}")  # the folder, named by its content, of a file that was sent or made for a visitor
# Files whose request goes on, dropped when it has ended, however it did: the first of many is complete long before
# gradio takes it over.
ON_THEIR_WAY: WeakSet[UploadFile] = WeakSet()
CLOCK_MS = 60_000  # by which a clock is set right while the program runs
DELETING_SECONDS = 5.0  # at the end of the program, for threads that write as fast as is deleted
FILE_AGE_SECONDS = 30 * 60  # a page left open longer than this asks for the recording again


def open_folder() -> Path:
    """Make this start's folder, delete those that earlier starts left behind, and have everything temporary go there.

    It lies in the folder that GRADIO_TEMP_DIR names, or in one of this user's among the system's temporary files. A
    start that was killed could delete nothing, so the next one does. Errors: ServerError where it cannot be made.
    """
    parent: Path | str = "any of the usual places"
    try:
        parent = Path(os.environ.get(VARIABLE) or Path(tempfile.gettempdir()) / f"hyperwhisper-{_user()}")
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_own(parent)
        _sweep(parent)
        folder = parent / _own_name()
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ServerError(
            f"the folder for recordings cannot be made at {parent} ({error.strerror}); "
            f"name one that can be written in the environment variable {VARIABLE}."
        ) from error
    os.environ[VARIABLE] = tempfile.tempdir = str(folder)
    atexit.register(_delete, folder)
    return folder


def _delete(folder: Path) -> None:
    """Delete all that was sent. Threads that end with the program may still write there, so it is looked again; a
    second Ctrl-C does not stop it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end = time.monotonic() + DELETING_SECONDS
    while folder.exists() and time.monotonic() < end:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)


def _user() -> str:
    """Whose process it is; a number where nobody has given it a name, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def delete_partial(folder: Path) -> None:
    """Delete uploads that were interrupted: the client left, and nobody will ask for them."""
    goes_on = {Path(str(sent.file.name)).name for sent in list(ON_THEIR_WAY)}
    for path in folder.glob(PARTIAL):
        if path.name in goes_on:
            continue
        with suppress(FileNotFoundError):  # it has come in whole, or has just gone
            if path.is_file() and time.time() - path.stat().st_mtime > PARTIAL_AGE_SECONDS:
                path.unlink()


def delete_old(folder: Path) -> None:
    """Delete what was sent or made half an hour ago. Gradio does too, until an upload comes while it looks: it fails
    then, and never looks again."""
    for own in (path for path in folder.iterdir() if WHOLE.fullmatch(path.name)):
        with suppress(FileNotFoundError):  # its visitor has just left, and it went with them
            old = [path for path in own.iterdir() if time.time() - came_at(path) > FILE_AGE_SECONDS]
            for path in old:  # each that goes makes the folder a new one
                path.unlink()
                with suppress(OSError):  # it may hold another file
                    own.rmdir()


def came_at(path: Path) -> float:
    """When a file was put into its folder, or gradio last gave it out again, in s since 1970.

    Not by its ctime, which each second name for it, given or taken away, sets to now; nor by its mtime alone, which a
    copy has from what it was made of.
    """
    return max(path.lstat().st_mtime, path.parent.lstat().st_mtime)


def _check_own(parent: Path) -> None:
    """Others who can write to the system's temporary files must not have laid a folder or a link there beforehand."""
    if os.name != "posix":
        return
    status = parent.lstat()
    if stat.S_ISLNK(status.st_mode) or status.st_uid != os.getuid():
        raise ServerError(f"{parent} belongs to somebody else or is a link; name another folder in {VARIABLE}.")


def _sweep(parent: Path) -> None:
    """Delete the folders of starts whose process has ended; one of this process's number is an earlier one's."""
    for folder in parent.iterdir():
        match = RUN.fullmatch(folder.name)
        if not match or folder.is_symlink() or folder.name == _own_name():
            continue
        if int(match[1]) == os.getpid() or not _runs(int(match[1]), int(match[2])):
            shutil.rmtree(folder, ignore_errors=True)


def _own_name() -> str:
    """Of this start's folder."""
    return f"run-{os.getpid()}-{_started_ms(os.getpid())}"


def _runs(process: int, started_ms: int) -> bool:
    """Whether it is still there, and no other of its number. Its start moves with the clock when that is set right."""
    now = _started_ms(process)
    return now is not None and abs(now - started_ms) < CLOCK_MS


def _started_ms(process: int) -> int | None:
    """When the process started; None where there is none. With the number it tells a process from a later one."""
    try:
        return round(psutil.Process(process).create_time() * 1000)
    except psutil.NoSuchProcess:
        return None
