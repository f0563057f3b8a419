"""Whether the files of the models in assets/ are still those that were put there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hyper.model.files import ASSETS
from hyper.recordings.whole_files import write_whole

SUMS_FILE = "SHA256SUMS"  # in assets/, as `sha256sum` writes and checks it
PATTERNS = ("*.json", "*.safetensors")  # what is read; a card is not


def check_delivered(folder: Path, error: type[ValueError]) -> None:
    """Raise the error where a file of a model in assets/ is missing or changed, by one bit even."""
    if folder.resolve().parent != ASSETS.resolve():
        return
    for name, digest in _sums(folder.resolve().name).items():
        file = folder / name
        if not file.is_file() or _digest(file) != digest:
            raise error(
                f"{file} is damaged: it is not the file that came with HyperWhisper. Please get the folder "
                f"{folder.name} again; a model of your own belongs in another folder."
            )


def seal(folder: Path) -> None:
    """Note the files of a model that a command has just written, if it lies in assets/."""
    if folder.resolve().parent != ASSETS.resolve():
        return
    name = folder.resolve().name
    others = [line for line in _lines() if not line.split(maxsplit=1)[1].startswith(f"{name}/")]
    files = [file for pattern in PATTERNS for file in folder.glob(pattern)]
    own = [f"{_digest(file)}  {name}/{file.name}" for file in files]
    lines = sorted(others + own, key=lambda line: line.split(maxsplit=1)[1])
    write_whole(ASSETS / SUMS_FILE, "".join(f"{line}\n" for line in lines))


def _sums(folder: str) -> dict[str, str]:
    """The SHA-256 of each file that was put into the folder, by its name."""
    pairs = (line.split(maxsplit=1) for line in _lines())
    return {name.removeprefix(f"{folder}/"): digest for digest, name in pairs if name.startswith(f"{folder}/")}


def _lines() -> list[str]:
    file = ASSETS / SUMS_FILE
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
