"""Recordings that came one by one or in zip archives, laid side by side in one folder, within limits."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from hyper.recordings.limits import LIMITS, MAX_NAME, Limits, shown
from hyper.recordings.tables import TABLE_ENDINGS
from hyper.recordings.whole_files import NO_ROOM

CHUNK_BYTES = 1 << 20  # of a packed file that are in memory at a time
LONGEST_NAME = 120  # characters of a file's name on disk; a file system takes 255 bytes
DIRECTORY_BYTES = 4_000_000  # of a zip's own list of contents; that of 10,000 files is a third of this
END_RECORD = b"PK\x05\x06"  # APPNOTE.TXT 4.3.16: 22 bytes and a comment of at most 65,535 at the end of every zip
END_RECORD_BYTES = 22
ZIP64_LOCATOR = b"PK\x06\x07"  # APPNOTE.TXT 4.3.15: 20 bytes before that, in archives over 4 GB or 65,535 files
ZIP64_LOCATOR_BYTES = 20
ZIP64_RECORD = b"PK\x06\x06"  # APPNOTE.TXT 4.3.14: 56 bytes, before the locator and where it points
ZIP64_RECORD_BYTES = 56
IS_UTF8 = 0x800  # APPNOTE.TXT 4.4.4, bit 11
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others are rare, and LZMA takes as much memory as it likes
# What `zipfile` raises over archives that are not as they should be.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
DAMAGED_INSIDE = "It is damaged inside the archive, or packed in an unusual way; please pack it again."
IS_TABLE = "It is a table and no recording; please give a list of what was meant in its own box."
LONG_NAME = f"Its name is longer than {MAX_NAME:,} characters; please give it a shorter one."


class ArchiveError(ValueError):
    """What was sent cannot be taken; the message says which limit or which archive."""


class Sent(NamedTuple):
    """One file as it was sent: a recording, or a zip archive of recordings."""

    name: str  # as the sender calls it
    path: Path


class Place(NamedTuple):
    """Where a recording came from."""

    file: int  # of the files that were sent
    entry: int | None  # of the archive that this is; None where it is none


@dataclass(frozen=True)
class Recording:
    """One recording that was sent."""

    name: str  # as the sender calls it, with the folders of its archive
    path: Path
    place: Place
    problem: str = ""  # why it cannot be taken, while the others can; then there is nothing at the path


def gather(files: Sequence[Sent], folder: Path, limits: Limits = LIMITS) -> list[Recording]:
    """Every recording that was sent, zip archives unpacked, in the folder, in the order in which they came.

    No name out of an archive decides where anything is written. Errors: `ArchiveError` where there is too much of it,
    or an archive cannot be opened; what was written by then is the caller's to delete with the folder.
    """
    gathered: list[Recording] = []
    total = 0
    with _room_on_disk():
        for each in _each(files, folder, limits):
            gathered.append(each)
            if len(gathered) > limits.files:
                raise ArchiveError(f"There are more than {limits.files} files; please send them in several goes.")
            total += 0 if each.problem else each.path.stat().st_size
            if total > limits.total_bytes:
                raise _too_much(limits)
    return gathered


def fetch(files: Sequence[Sent], place: Place, folder: Path, limits: Limits = LIMITS) -> Recording:
    """One recording of those that were sent, in the folder. Errors: as in `gather`; OSError where it is gone."""
    file = files[place.file]
    if place.entry is None:
        with _room_on_disk():
            return _take(file, place, folder, limits)
    with _room_on_disk(), _opened(file, limits) as (archive, entries):
        return _unpack_entry(archive, entries[place.entry], place, folder, limits)


def _each(files: Sequence[Sent], folder: Path, limits: Limits) -> Iterator[Recording]:
    for i, file in enumerate(files):
        if not file.name.lower().endswith(".zip"):
            yield _take(file, Place(i, None), folder, limits)
            continue
        with _opened(file, limits) as (archive, entries):
            for j, entry in enumerate(entries):
                yield _unpack_entry(archive, entry, Place(i, j), folder, limits)


def _take(file: Sent, place: Place, folder: Path, limits: Limits) -> Recording:
    """A second name for the file, so that nobody who cleans up takes it away while it is needed."""
    name, path = _taken_name(file.name), _own_path(folder, place, file.name)
    if len(file.name) > MAX_NAME:
        return Recording(name, path, place, LONG_NAME)
    if file.name.lower().endswith(TABLE_ENDINGS):
        return Recording(name, path, place, IS_TABLE)
    if file.path.stat().st_size > limits.file_bytes:
        return Recording(name, path, place, _too_large(limits))
    try:
        os.link(file.path, path)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(file.path, path)
    return Recording(name, path, place)


@contextmanager
def _opened(file: Sent, limits: Limits) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """An archive with its files, checked before anything is unpacked."""
    file = file._replace(name=shown(file.name))
    _check_directory(file)
    try:
        archive = zipfile.ZipFile(file.path)
    except DAMAGE as error:
        raise ArchiveError(f"{file.name} is not a zip archive, or it is damaged; please pack it again.") from error
    with archive:
        entries = [entry for entry in archive.infolist() if not _is_clutter(entry)]
        if not entries:
            raise ArchiveError(f"{file.name} holds no files; please pack the recordings again.")
        if len(entries) > limits.files:
            raise ArchiveError(
                f"{file.name} holds {len(entries):,} files, but at most {limits.files} are taken at once; "
                "please split it."
            )
        if sum(entry.file_size for entry in entries) > limits.total_bytes:
            raise _too_much(limits)
        yield archive, entries


def _unpack_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Place, folder: Path, limits: Limits
) -> Recording:
    """One recording, or why it cannot be had.

    `zipfile` gives no more bytes than the entry says it has, so a false size is damage and not a flood.
    """
    name = _name_of(entry).replace("\\", "/")
    path = _own_path(folder, place, name)
    problem = _problem(entry, limits)
    if not problem:
        try:
            with archive.open(entry) as packed, path.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, CHUNK_BYTES)
        except DAMAGE as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # a place outside the archive
                raise  # the trouble is the disk's and not the archive's
            problem = DAMAGED_INSIDE
    return Recording(_taken_name(name), path, place, problem)


def _name_of(entry: zipfile.ZipInfo) -> str:
    """The name in the archive; a Mac writes UTF-8 without saying so, which `zipfile` takes for code page 437."""
    if entry.flag_bits & IS_UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode()
    except UnicodeError:
        return entry.filename


def _problem(entry: zipfile.ZipInfo, limits: Limits) -> str:
    """Why a file is not unpacked, by what the archive says of it; "" where it is."""
    if len(entry.filename) > MAX_NAME:
        return LONG_NAME
    if entry.filename.lower().endswith(TABLE_ENDINGS):
        return IS_TABLE
    if entry.flag_bits & 1:
        return "It is locked with a password; please pack it without one."
    if entry.file_size > limits.file_bytes:
        return _too_large(limits)
    return "" if entry.compress_type in METHODS else DAMAGED_INSIDE


@contextmanager
def _room_on_disk() -> Iterator[None]:
    """A sentence where the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise ArchiveError(
            "There is no room left for these recordings on the disk; please send fewer, or try again later."
        ) from error


def _is_clutter(entry: zipfile.ZipInfo) -> bool:
    """Folders, and what a Mac adds to archives."""
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    return not parts or entry.is_dir() or parts[0] == "__MACOSX" or parts[-1].startswith(".")


def _own_path(folder: Path, place: Place, name: str) -> Path:
    """A file in a folder of its own, since names may come twice. Its name ends as the sender's does."""
    own = folder / f"{place.file}-{place.entry}"
    own.mkdir()
    return own / _safe_name(name)


def _taken_name(name: str) -> str:
    """The sender's name, of one that is too long the beginning."""
    return name if len(name) <= MAX_NAME else shown(name)


def _safe_name(name: str) -> str:
    """The last part of a name, short enough for a disk and without what a disk may not like."""
    last = PurePosixPath(name).name
    kept = "".join(letter if letter.isalnum() or letter in " .-_()" else "_" for letter in last)
    return kept[-LONGEST_NAME:].encode()[-200:].decode(errors="ignore").lstrip(". ") or "recording"


def _check_directory(file: Sent) -> None:
    """Read the size of the archive's list of contents before `zipfile` reads the list: a false one fills the memory."""
    with file.path.open("rb") as stream:
        directory_bytes = _directory_bytes(stream, file.path.stat().st_size)
    if directory_bytes is None:
        raise ArchiveError(f"{file.name} is not a zip archive, or it is damaged; please pack it again.")
    if directory_bytes > DIRECTORY_BYTES:
        raise ArchiveError(f"{file.name} lists far too many files; please pack only the recordings.")


def _directory_bytes(stream: BinaryIO, n_bytes: int) -> int | None:
    """How long the archive says its list of contents is; None where it has no such record."""
    tail_at = max(0, n_bytes - END_RECORD_BYTES - 0xFFFF - ZIP64_LOCATOR_BYTES)
    stream.seek(tail_at)
    tail = stream.read()
    at = len(tail) - END_RECORD_BYTES  # where it lies without a comment; `zipfile` looks in the same two places
    if tail[at : at + 4] != END_RECORD:
        at = tail.rfind(END_RECORD)
    if at < 0:
        return None
    locator = tail[max(0, at - ZIP64_LOCATOR_BYTES) : at]
    if locator.startswith(ZIP64_LOCATOR):
        return _zip64_directory_bytes(stream, tail_at + at - len(locator), int.from_bytes(locator[8:16], "little"))
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def _zip64_directory_bytes(stream: BinaryIO, locator_at: int, points_to: int) -> int | None:
    """The longer of what two records say: versions of `zipfile` differ in which they believe. None without the first,
    on which all of them fall back.
    """
    records = []
    for place in (locator_at - ZIP64_RECORD_BYTES, min(points_to, locator_at)):
        stream.seek(max(0, place))
        records.append(stream.read(ZIP64_RECORD_BYTES))
    if not records[0].startswith(ZIP64_RECORD):
        return None
    return max(int.from_bytes(record[40:48], "little") for record in records if record.startswith(ZIP64_RECORD))


def _too_large(limits: Limits) -> str:
    return f"It is larger than {limits.file_bytes / 1e6:.0f} MB; please trim it, or save it as mp3 or flac."


def _too_much(limits: Limits) -> ArchiveError:
    return ArchiveError(
        f"Together the recordings are larger than {limits.total_bytes / 1e9:g} GB; please send them in several goes."
    )
