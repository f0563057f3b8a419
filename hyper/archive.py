"""Recordings that came one by one or in zip archives, laid side by side in one folder, within limits."""

from __future__ import annotations

import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hyper.audio import MAX_SECONDS

CHUNK_BYTES = 1 << 20  # of a packed file that are in memory at a time
LONGEST_NAME = 120  # characters of a file's name on disk; a file system takes 255 bytes
DIRECTORY_BYTES = 4_000_000  # of a zip's own list of contents; that of 10,000 files is a third of this
END_RECORD = b"PK\x05\x06"  # APPNOTE.TXT 4.3.16: 22 bytes and a comment of at most 65,535 at the end of every zip
END_RECORD_BYTES = 22
ZIP64_LOCATOR = b"PK\x06\x07"  # APPNOTE.TXT 4.3.15: 20 bytes before that, in archives over 4 GB or 65,535 files
ZIP64_LOCATOR_BYTES = 20


class ArchiveError(ValueError):
    """What was sent cannot be taken; the message says which limit or which archive."""


@dataclass(frozen=True)
class Limits:
    """How much is taken at once."""

    files: int = 300
    file_bytes: int = MAX_SECONDS * 44_100 * 2 * 2  # the longest recording, as 16-bit stereo of CD rate
    total_bytes: int = 2_000_000_000  # more than ten hours as a telephone records them


LIMITS = Limits()


@dataclass(frozen=True)
class Recording:
    """One file that was sent."""

    name: str  # as the sender calls it, with the folders of its archive
    path: Path
    problem: str = ""  # why it cannot be taken, while the others can; then there is nothing at the path


def gather(files: Sequence[str | Path], folder: Path, limits: Limits = LIMITS) -> list[Recording]:
    """Every file that was sent, zip archives unpacked, in the folder, in the order in which they came.

    No name out of an archive decides where anything is written. Errors: `ArchiveError` where there is too much of it,
    or an archive cannot be opened; what was written by then is the caller's to delete with the folder.
    """
    gathered: list[Recording] = []
    total = 0
    for each in _sent(files, folder, limits):
        gathered.append(each)
        if len(gathered) > limits.files:
            raise ArchiveError(f"There are more than {limits.files} files; please send them in several goes.")
        total += 0 if each.problem else each.path.stat().st_size
        if total > limits.total_bytes:
            raise _too_much(limits)
    return gathered


def _sent(files: Sequence[str | Path], folder: Path, limits: Limits) -> Iterator[Recording]:
    for i, file in enumerate(map(Path, files)):
        own = folder / str(i)
        own.mkdir()
        if file.suffix.lower() == ".zip":
            yield from _unpack(file, own, limits)
        else:
            yield _take(file, own / _safe_name(file.name), limits)


def _take(file: Path, target: Path, limits: Limits) -> Recording:
    """A second name for the file, so that nobody who cleans up takes it away while it is needed."""
    if file.stat().st_size > limits.file_bytes:
        return Recording(file.name, target, _too_large(limits))
    try:
        os.link(file, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(file, target)
    return Recording(file.name, target)


def _unpack(file: Path, folder: Path, limits: Limits) -> Iterator[Recording]:
    """The files of an archive, each in a folder of its own."""
    _check_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError) as error:
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
        if sum(entry.file_size for entry in entries) > limits.total_bytes:  # told before anything is written
            raise _too_much(limits)
        for i, entry in enumerate(entries):
            yield _unpack_entry(archive, entry, folder / str(i), limits)


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, limits: Limits) -> Recording:
    """One file, or why it cannot be had. Its size is counted, whatever the archive says."""
    name = entry.filename.replace("\\", "/")
    path = folder / _safe_name(name)
    if entry.flag_bits & 1:
        return Recording(name, path, "It is locked with a password; please pack it without one.")
    if entry.file_size > limits.file_bytes:
        return Recording(name, path, _too_large(limits))
    folder.mkdir()
    n_bytes = 0
    try:
        with archive.open(entry) as packed, path.open("wb") as unpacked:
            while chunk := packed.read(CHUNK_BYTES):
                n_bytes += len(chunk)
                if n_bytes > limits.file_bytes:
                    break
                unpacked.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        path.unlink(missing_ok=True)
        return Recording(
            name, path, "It is damaged inside the archive, or packed in an unusual way; please pack it again."
        )
    if n_bytes > limits.file_bytes:
        path.unlink()
        return Recording(name, path, _too_large(limits))
    return Recording(name, path)


def _is_clutter(entry: zipfile.ZipInfo) -> bool:
    """Folders, and what a Mac adds to archives."""
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    return entry.is_dir() or not parts or parts[0] == "__MACOSX" or parts[-1].startswith(".")


def _safe_name(name: str) -> str:
    """The last part of a name, short enough for a disk and without what a disk may not like."""
    last = PurePosixPath(name).name
    kept = "".join(letter if letter.isalnum() or letter in " .-_()" else "_" for letter in last)
    return kept[-LONGEST_NAME:].encode()[-200:].decode(errors="ignore") or "recording"


def _check_directory(file: Path) -> None:
    """Read the size of the archive's list of contents before `zipfile` reads the list: a false one fills the memory."""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - END_RECORD_BYTES - 0xFFFF - ZIP64_LOCATOR_BYTES))
        tail = stream.read()
    at = len(tail) - END_RECORD_BYTES  # where it lies without a comment; `zipfile` looks in the same two places
    if tail[at : at + 4] != END_RECORD:
        at = tail.rfind(END_RECORD)
    if at < 0:
        raise ArchiveError(f"{file.name} is not a zip archive, or it is damaged; please pack it again.")
    directory_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    is_zip64 = tail[max(0, at - ZIP64_LOCATOR_BYTES) :].startswith(ZIP64_LOCATOR)
    if is_zip64 or directory_bytes > DIRECTORY_BYTES:
        raise ArchiveError(f"{file.name} lists far too many files; please pack only the recordings.")


def _too_large(limits: Limits) -> str:
    return f"It is larger than {limits.file_bytes / 1e6:.0f} MB; please trim it, or save it as mp3 or flac."


def _too_much(limits: Limits) -> ArchiveError:
    return ArchiveError(
        f"Together the recordings are larger than {limits.total_bytes / 1e9:g} GB; please send them in several goes."
    )
