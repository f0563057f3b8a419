"""What results were made with: the command, and work folders that hold one study each."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from hyper.recordings.whole_files import write_whole

CLAIM = "study.json"


class StudyError(ValueError):
    """The study cannot go on in this folder; the message says why."""


def this_command() -> str:
    """The command that is running, as it is typed."""
    return "python -m hyper " + shlex.join(sys.argv[1:])


def claim(folder: Path, made_with: dict[str, Any]) -> None:
    """Keep what a work folder is made with: what is done there is not done again, so other settings must not mix in.

    Errors: StudyError where the folder was made with other settings.
    """
    check_claim(folder, made_with)
    if not (folder / CLAIM).exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / CLAIM, json.dumps(made_with))


def check_claim(folder: Path, made_with: dict[str, Any]) -> None:
    """The same without keeping anything: for settings that may yet turn out to be none."""
    before = json.loads((folder / CLAIM).read_text()) if (folder / CLAIM).exists() else {}
    for name, value in made_with.items():
        if before.get(name, value) != value:  # studies begun by an earlier version say less
            raise StudyError(
                f"{folder} holds a study with {name} {before[name]}, but {value} was asked for; choose another "
                "folder or delete this one."
            )


def write_json(file: Path, record: Any) -> None:
    """Write results in whole or not at all, without numbers that JSON lacks."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(record, indent=1, allow_nan=False) + "\n")
