"""Recordings and the lines of a list of what was meant, matched by file name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath

from hyper.recordings.archive import Recording
from hyper.recordings.limits import shown
from hyper.recordings.manifest import (
    FILE_COLUMNS,
    OPTIONAL_COLUMNS,
    ORIGINAL_COLUMN,
    REFERENCE_COLUMNS,
    ManifestError,
    ManifestRow,
    first_present,
    manifest_row,
    typical_names,
)
from hyper.recordings.tables import Line, Table, read_table

# What people call a column, beside its name in a manifest. Capitals and "_" make no difference.
PLAIN_NAMES = {
    "file": (*FILE_COLUMNS, "filename", "file name", "recording", "audio", "name of file"),
    "reference": (*REFERENCE_COLUMNS, "meant", "intended", "sentence", "phrase", "target", "prompt"),
    "speaker": ("speaker", "person", "patient", "who", "who spoke", "client", "participant"),
    "note": ("note", "notes", "remark", "remarks", "comment", "comments"),
}
MAIN_COLUMNS = ("file", "what was meant", "speaker", "note", "simulated")  # as the page calls them
KNOWN_COLUMNS = frozenset((*chain(*PLAIN_NAMES.values()), "simulated", ORIGINAL_COLUMN))
# Of a table that was saved here, which may be given again as a list.
SAVED_COLUMN = re.compile("number|seconds|(base|adapted)(?: .+)?|change of wer|not reliable|problem")
FEW = 10  # names that a sentence lists
AUDIO_ENDINGS = frozenset(
    ".wav .flac .ogg .oga .opus .mp3 .m4a .aac .mp4 .webm .mkv .mov .3gp .wma .asf .amr .aif .aiff .caf .avi".split()
)


@dataclass(frozen=True)
class References:
    """A list of what was meant, as it was read."""

    lines: tuple[tuple[int, ManifestRow], ...] = ()  # with their numbers; where the recordings lie is not known yet
    unknown_columns: tuple[str, ...] = ()  # those that hold texts
    has_meant: bool = True  # whether a column says what was meant
    typical_names: tuple[str, ...] = ()  # cohorts that are read as typical


@dataclass(frozen=True)
class Matching:
    """Every recording with its line, and all that was left over on either side."""

    rows: tuple[ManifestRow, ...]  # one for each recording, in their order; without a line its texts are ""
    listed: frozenset[str]  # names of the recordings that have a line
    without_line: tuple[str, ...]  # names of recordings
    without_recording: tuple[str, ...]  # "line 4: visit.wav"
    ambiguous: tuple[str, ...]  # sentences
    unknown_columns: tuple[str, ...] = ()  # of the list
    has_meant: bool = True  # whether a column of the list says what was meant
    typical_names: tuple[str, ...] = ()  # cohorts of the list that are read as typical


def read_references(path: str | Path, name: str | None = None) -> References:
    """Every line, and the columns that are not understood. `name` is what the sender calls the file.

    Errors: `TableError`, or `ManifestError` where a column or a value is missing or wrong.
    """
    table = read_table(path, name)
    names = _canonical(table)
    if "file" not in names:
        raise ManifestError(
            f"{table.name} has the columns {_listed([*filter(None, table.columns)]) or '(none)'}; "
            "one must be called `file` and name the recordings. "
            f"Also understood are {', '.join(f'`{name}`' for name in MAIN_COLUMNS[1:-1])} and `{MAIN_COLUMNS[-1]}`."
        )
    if not table.lines:
        raise ManifestError(f"{table.name} lists no recordings; it needs one line for each below the column names.")
    reference = "reference" if "reference" in names else None
    rows = []
    for line in table.lines:
        _check_no_date(table.name, line, names)
        values: dict[str, str | None] = {name: line.values[column] for name, column in names.items()}
        rows.append((line.number, manifest_row(Path(table.name), line.number, values, "file", reference)))
    cohorts = [line.values[names["cohort"]] for line in table.lines] if "cohort" in names else []
    return References(tuple(rows), _unknown_columns(table), reference is not None, typical_names(cohorts))


def _check_no_date(table: str, line: Line, names: Mapping[str, str]) -> None:
    """Excel makes a day of words such as "march third". Errors: `ManifestError`."""
    for column in (names[name] for name in ("file", "reference") if name in names):
        if column in line.dates:
            raise ManifestError(f"{table}, line {line.number}: `{column}` is a date; please format the column as text.")


def match(recordings: Sequence[Recording], given: References) -> Matching:
    """Give every recording the line that names it: with or without folder and ending, in capitals or not.

    The fullest agreement counts: a line `b/1.wav` goes to `b/1.wav` and not to `a/1.wav`. Whatever could be meant in
    two ways is left unmatched, and said.
    """
    find, references = _finder(recordings), given.lines
    found: dict[int, list[int]] = {}  # recording: its lines, as indices
    without_recording, ambiguous = [], []
    for i, (number, row) in enumerate(references):
        candidates = find(row.file)
        if len(candidates) == 1:
            found.setdefault(candidates[0], []).append(i)
        elif candidates:
            names = _listed([recordings[j].name for j in candidates])
            ambiguous.append(f"Line {number} ({shown(row.file)}) could be {names}; please write the name in full.")
        else:
            without_recording.append(f"line {number}: {shown(row.file)}")
    rows, listed = [], set()
    for j, recording in enumerate(recordings):
        own = found.get(j, [])
        if len(own) > 1:
            lines = _listed([str(references[i][0]) for i in own], " and ")
            ambiguous.append(f"Lines {lines} all mean {recording.name}; please keep one of them.")
        if len(own) == 1:
            listed.add(recording.name)
            rows.append(replace(references[own[0]][1], file=recording.name, path=recording.path))
        else:
            rows.append(ManifestRow(recording.name, recording.path))
    without_line = tuple(row.file for row in rows if row.file not in listed) if references else ()
    return Matching(
        tuple(rows),
        frozenset(listed),
        without_line,
        tuple(without_recording),
        tuple(ambiguous),
        given.unknown_columns,
        given.has_meant,
        given.typical_names,
    )


def _canonical(table: Table) -> dict[str, str]:
    """The manifest's name of a column: the column that holds it. Of several the one named first in `PLAIN_NAMES`."""
    plain = {_plain(column): column for column in table.columns}
    names = {}
    for name in ("file", "reference", "simulated", *OPTIONAL_COLUMNS):
        known = first_present(PLAIN_NAMES.get(name, (name.replace("_", " "),)), tuple(plain))
        if known is not None:
            names[name] = plain[known]
    return names


def _plain(column: str) -> str:
    return " ".join(column.lower().replace("_", " ").split())


def _unknown_columns(table: Table) -> tuple[str, ...]:
    """Columns that hold texts and have a name that says nothing here."""
    known = KNOWN_COLUMNS.union(map(_plain, OPTIONAL_COLUMNS))
    named = [name for name in dict.fromkeys(table.columns) if (plain := _plain(name)) and plain not in known]
    unknown = [name for name in named if not SAVED_COLUMN.fullmatch(_plain(name))]
    return tuple(shown(name) for name in unknown if any(line.values[name] for line in table.lines))


def _finder(recordings: Sequence[Recording]) -> Callable[[str], list[int]]:
    """Which recordings a line may mean: those that agree in full, else in folders and name, else but for the ending."""
    named = [_parts(recording.name) for recording in recordings]
    whole = [_joined(parts) for parts in named]
    bare = [_joined(_without_ending(parts)) for parts in named]
    by_last: dict[tuple[str, ...], list[int]] = {}  # whatever agrees has the same last part but for the ending
    for j, parts in enumerate(named):
        by_last.setdefault(_without_ending(parts)[-1:], []).append(j)

    def find(written: str) -> list[int]:
        parts = _parts(written)
        if not parts:
            return []
        near = by_last.get(_without_ending(parts)[-1:], [])
        line, bare_line = _joined(parts), _joined(_without_ending(parts))
        return (
            [j for j in near if whole[j] == line]
            or [j for j in near if _is_tail(whole[j], line)]
            or [j for j in near if _is_tail(bare[j], bare_line)]
        )

    return find


def _listed(names: Sequence[str], between: str = ", ") -> str:
    """The first few of the names."""
    rest = f" and {len(names) - FEW:,} more" if len(names) > FEW else ""
    return between.join(map(shown, names[:FEW])) + rest


def _parts(name: str) -> tuple[str, ...]:
    """Folders and file name, alike for Windows and others, for capitals and for the two spellings of "é"."""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return tuple(part.strip() for part in plain.replace("\\", "/").split("/") if part.strip() not in ("", "."))


def _joined(parts: tuple[str, ...]) -> str:
    return "".join(f"/{part}" for part in parts)


def _is_tail(first: str, second: str) -> bool:
    """Whether one is the end of the other: `/visit/1.wav` of `/data/visit/1.wav`, and `/1.wav` of both."""
    return first.endswith(second) or second.endswith(first)


def _without_ending(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The last part without an ending of audio files: "visit.1" keeps its number."""
    if not parts:
        return parts
    last = PurePosixPath(parts[-1])
    return (*parts[:-1], last.stem if last.suffix in AUDIO_ENDINGS else parts[-1])
