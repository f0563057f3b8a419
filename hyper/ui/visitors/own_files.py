"""Every file of a visitor lies in a folder of its own, whose name nobody can guess.

Gradio names it by what is in the file: who has the same recording would find out whether somebody else has sent it.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from gradio import route_utils
from gradio.utils import get_upload_folder
from gradio_client.utils import strip_invalid_filename_characters
from starlette.formparsers import MultiPartException

from hyper.recordings.limits import LIMITS
from hyper.recordings.tables import MAX_TABLE_BYTES
from hyper.ui.visitors.folder import ON_THEIR_WAY, came_at

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

NAME_BYTES = 32  # as many as gradio's names have
OPEN_FILES = 16_384  # hundreds of visitors who send hundreds of files each
FIELD_BYTES = 4_000  # of what is sent with the files; the page sends nothing
MOST_BYTES = LIMITS.total_bytes + MAX_TABLE_BYTES  # of all files sent at once
TOO_MANY = f"Too many files at once; please send at most {LIMITS.files}."
TOO_MUCH = f"Too much at once; please send at most {LIMITS.total_bytes // 10**9} GB."
NO_FILE = "Only files are taken here, with their names."


class _SentFile(route_utils.GradioUploadFile):
    """A file on its way here."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sha.update(secrets.token_bytes(NAME_BYTES))
        ON_THEIR_WAY.add(self)


class _Reader(route_utils.GradioMultiPartParser):
    """What reads an upload: of files alone, and of no more than a list may have. Gradio's holds any other field whole
    in memory, keeps a thousand files open for as long as somebody goes on sending, and limits the size of each file
    alone."""

    _n_bytes = 0

    def on_headers_finished(self) -> None:
        if self._current_files == LIMITS.files + 1:  # with the list of what was meant
            raise MultiPartException(TOO_MANY)
        super().on_headers_finished()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._n_bytes += end - start
        if self._n_bytes > MOST_BYTES:
            raise MultiPartException(TOO_MUCH)
        part = self._current_part
        if part.file is None and len(part.data) + end - start > FIELD_BYTES:
            raise MultiPartException(NO_FILE)
        super().on_part_data(data, start, end)


def guard_uploads() -> None:
    """From now on uploads are named and read so. Gradio has no setting for it, but looks its classes up each time."""
    route_utils.GradioUploadFile = _SentFile  # type: ignore[misc]
    route_utils.GradioMultiPartParser = _Reader  # type: ignore[misc]
    _open_more_files()


def _open_more_files() -> None:
    """Each connection takes an open file, and so does each file of an upload; the system's own limit is low."""
    if resource is not None:
        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if now < OPEN_FILES:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, most), most))


def taken_in(file: Path, name: str = "", part_of: Path | None = None) -> str:
    """A copy of a file that was made for a visitor, where visitors may fetch it, under its own or another name.

    `part_of`: what the visitor sent; the copy goes when that does. Errors: OSError, where the disk is full; nothing is
    left then.
    """
    folder = Path(get_upload_folder()) / secrets.token_hex(NAME_BYTES)
    folder.mkdir(parents=True)
    try:
        copy = shutil.copyfile(file, folder / strip_invalid_filename_characters(name or file.name))
        if part_of is not None:
            since = came_at(part_of)
            for path in (copy, folder):
                os.utime(path, (since, since))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return str(copy)
