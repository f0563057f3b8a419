"""Every file of a visitor lies in a folder of its own, whose name nobody can guess.

Gradio names it by what is in the file: who has the same recording would find out whether somebody else has sent it.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

from gradio import route_utils
from gradio.utils import get_upload_folder
from gradio_client.utils import strip_invalid_filename_characters

NAME_BYTES = 32  # as many as gradio's names have


class _SentFile(route_utils.GradioUploadFile):
    """A file on its way here."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sha.update(secrets.token_bytes(NAME_BYTES))


def name_unguessably() -> None:
    """From now on uploads are named so. Gradio has no setting for it, but looks its class up for each file."""
    route_utils.GradioUploadFile = _SentFile  # type: ignore[misc]


def taken_in(file: Path, name: str = "") -> str:
    """A copy of a file that was made for a visitor, where visitors may fetch it, under its own or another name.

    Errors: OSError, where the disk is full; nothing is left then.
    """
    folder = Path(get_upload_folder()) / secrets.token_hex(NAME_BYTES)
    folder.mkdir(parents=True)
    try:
        return str(shutil.copyfile(file, folder / strip_invalid_filename_characters(name or file.name)))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
