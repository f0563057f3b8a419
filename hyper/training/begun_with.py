"""What a run was begun with: it goes on with the same recordings and settings, and with no others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyper.recordings.manifest import ManifestRow


class RunError(ValueError):
    """A run cannot go on from what its folder holds; the message says what to delete."""


def manifest_mark(rows: Sequence[ManifestRow]) -> str:
    """Recordings in few words that no others have, wherever they lie on the disk."""
    sizes = [row.path.stat().st_size if row.path.is_file() else 0 for row in rows]
    facts = [(row.file, row.reference, row.speaker, row.cohort, size) for row, size in zip(rows, sizes, strict=True)]
    return in_few_words(facts)


def in_few_words(facts: Sequence[Any]) -> str:
    """How many there are, and a digest of them all."""
    return f"{len(facts)} ({hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]})"


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


def read_index(file: Path, keys: Sequence[str]) -> dict[str, Any]:
    """A store's index, which has these keys."""
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
        return {key: index[key] for key in keys}
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(file.parent, f"{file.name} cannot be read or is of another version") from error


def damaged(store: Path, what: str) -> RunError:
    """The error of a store that cannot be used."""
    return RunError(f"{store} is damaged: {what}. Delete it; the next start computes it anew.")
