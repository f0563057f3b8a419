"""Recordings and the lines of a list of what was meant, matched by file name."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from hyper.recordings.archive import Recording
from hyper.recordings.manifest import (
    FILE_COLUMNS,
    OPTIONAL_COLUMNS,
    REFERENCE_COLUMNS,
    ManifestError,
    ManifestRow,
    first_present,
    manifest_row,
)
from hyper.recordings.tables import Table, read_table

# What people call a column, beside its name in a manifest. Capitals and "_" make no difference.
PLAIN_NAMES = {
    "file": (*FILE_COLUMNS, "filename", "file name", "recording", "audio", "name of file"),
    "reference": (*REFERENCE_COLUMNS, "what was meant", "meant", "intended", "sentence", "phrase", "target", "prompt"),
    "speaker": ("speaker", "person", "patient", "who", "who spoke", "client", "participant"),
    "note": ("note", "notes", "remark", "remarks", "comment", "comments"),
}
AUDIO_ENDINGS = frozenset(
    ".wav .flac .ogg .oga .opus .mp3 .m4a .aac .mp4 .webm .mkv .mov .3gp .wma .asf .amr .aif .aiff .caf .avi".split()
)


@dataclass(frozen=True)
class Matching:
    """Every recording with its line, and all that was left over on either side."""

    rows: tuple[ManifestRow, ...]  # one for each recording, in their order; without a line its texts are ""
    listed: frozenset[str]  # names of the recordings that have a line
    without_line: tuple[str, ...]  # names of recordings
    without_recording: tuple[str, ...]  # "line 4: visit.wav"
    ambiguous: tuple[str, ...]  # sentences


def read_references(path: str | Path, name: str | None = None) -> list[tuple[int, ManifestRow]]:
    """(line number, row) of every line; where its recording lies is not known yet. `name` is what the sender calls it.

    Errors: `TableError`, or `ManifestError` where a column or a value is missing or wrong.
    """
    table = read_table(path, name)
    names = _canonical(table)
    if "file" not in names:
        raise ManifestError(
            f"{table.name} has the columns {', '.join(filter(None, table.columns)) or '(none)'}; "
            "one must be called `file` and name the recordings."
        )
    if not table.lines:
        raise ManifestError(f"{table.name} lists no recordings; it needs one line for each below the column names.")
    reference = "reference" if "reference" in names else None
    rows = []
    for line in table.lines:
        values = {name: line.values[column] for name, column in names.items()}
        rows.append((line.number, manifest_row(Path(table.name), line.number, values, "file", reference)))
    return rows


def match(recordings: Sequence[Recording], references: Sequence[tuple[int, ManifestRow]]) -> Matching:
    """Give every recording the line that names it: with or without folder and ending, in capitals or not.

    The fullest agreement counts: a line `b/1.wav` goes to `b/1.wav` and not to `a/1.wav`. Whatever could be meant in
    two ways is left unmatched, and said.
    """
    found: dict[int, list[int]] = {}  # recording: its lines, as indices
    without_recording, ambiguous = [], []
    for i, (number, row) in enumerate(references):
        candidates = _candidates(row.file, recordings)
        if len(candidates) == 1:
            found.setdefault(candidates[0], []).append(i)
        elif candidates:
            names = ", ".join(recordings[j].name for j in candidates)
            ambiguous.append(f"Line {number} ({row.file}) could be {names}; please write the name in full.")
        else:
            without_recording.append(f"line {number}: {row.file}")
    rows, listed = [], set()
    for j, recording in enumerate(recordings):
        own = found.get(j, [])
        if len(own) > 1:
            lines = " and ".join(str(references[i][0]) for i in own)
            ambiguous.append(f"Lines {lines} all mean {recording.name}; please keep one of them.")
        if len(own) == 1:
            listed.add(recording.name)
            rows.append(replace(references[own[0]][1], file=recording.name, path=recording.path))
        else:
            rows.append(ManifestRow(recording.name, recording.path))
    without_line = tuple(row.file for row in rows if row.file not in listed) if references else ()
    return Matching(tuple(rows), frozenset(listed), without_line, tuple(without_recording), tuple(ambiguous))


def _canonical(table: Table) -> dict[str, str]:
    """The manifest's name of a column: the column that holds it. Of several the one named first in `PLAIN_NAMES`."""
    plain = {" ".join(column.lower().replace("_", " ").split()): column for column in table.columns}
    names = {}
    for name in ("file", "reference", "simulated", *OPTIONAL_COLUMNS):
        known = first_present(PLAIN_NAMES.get(name, (name.replace("_", " "),)), tuple(plain))
        if known is not None:
            names[name] = plain[known]
    return names


def _candidates(written: str, recordings: Sequence[Recording]) -> list[int]:
    """Recordings that a line may mean: those that agree in full, else in folders and name, else but for the ending."""
    line = _parts(written)
    named = [_parts(recording.name) for recording in recordings]
    tests = (
        lambda own: own == line,
        lambda own: _is_tail(own, line),
        lambda own: _is_tail(_without_ending(own), _without_ending(line)),
    )
    for agrees in tests:
        candidates = [j for j, own in enumerate(named) if agrees(own)]
        if candidates:
            return candidates
    return []


def _parts(name: str) -> tuple[str, ...]:
    """Folders and file name, alike for Windows and others, for capitals and for the two spellings of "é"."""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return tuple(part.strip() for part in plain.replace("\\", "/").split("/") if part.strip() not in ("", "."))


def _is_tail(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether one is the end of the other: `visit/1.wav` of `data/visit/1.wav`, and `1.wav` of both."""
    n = min(len(first), len(second))
    return n > 0 and first[-n:] == second[-n:]


def _without_ending(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The last part without an ending of audio files: "visit.1" keeps its number."""
    if not parts:
        return parts
    last = PurePosixPath(parts[-1])
    return (*parts[:-1], last.stem if last.suffix in AUDIO_ENDINGS else parts[-1])
