"""What a run was begun with: it goes on with the same recordings and settings, and with no others."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyper.recordings.manifest import ManifestRow

_MARKED_BYTES = 4096  # an eighth of a second of sound; reading the whole of every recording takes too long


class RunError(ValueError):
    """A run cannot go on from what its folder holds; the message says what to delete."""


def manifest_mark(rows: Sequence[ManifestRow]) -> str:
    """Recordings in few words that no others have, wherever they lie on the disk."""
    return in_few_words([(row.file, row.reference, row.speaker, row.cohort, *sound_mark(row.path)) for row in rows])


def sound_mark(path: Path) -> tuple[int, int]:
    """Size of a file, and a sum over its middle: distorting or simulating anew often keeps the size."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size // 2 - _MARKED_BYTES // 2))
            return size, zlib.crc32(file.read(_MARKED_BYTES))
    except OSError:
        return 0, 0


def in_few_words(facts: Sequence[Any]) -> str:
    """How many there are, and a digest of them all."""
    return f"{len(facts)} ({digest(facts)})"


def digest(facts: Sequence[Any]) -> str:
    """Eight hexadecimal digits that other facts do not have."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Raise where anything differs from what the run in the folder was begun with."""
    for name in [*before, *(name for name in now if name not in before)]:
        if before.get(name) != now.get(name):
            raise RunError(
                f"The run in {folder} was begun with {name} {before.get(name)}, but now {name} is {now.get(name)}; "
                f"choose another folder for this run, or delete {folder}."
            )


def check_size(file: Path, n_bytes: int) -> None:
    """Raise where a file of a store is not as long as its index says."""
    found = file.stat().st_size if file.is_file() else 0
    if found != n_bytes:
        raise damaged(file.parent, f"{file.name} has {found} bytes, not {n_bytes}")


def read_index(file: Path, keys: Sequence[str], newer: Sequence[str] = ()) -> dict[str, Any]:
    """A store's index, which has these keys; the newer ones only where it was not written by an earlier version."""
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
        return {key: index[key] for key in (*keys, *(key for key in newer if key in index))}
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(file.parent, f"{file.name} cannot be read or is of another version") from error


def damaged(store: Path, what: str) -> RunError:
    """The error of a store that cannot be used."""
    return RunError(f"{store} is damaged: {what}. Delete it; the next start computes it anew.")
