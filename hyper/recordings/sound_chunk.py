"""How much sound the header of an uncompressed file says there is: libsndfile is content with less."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple


@dataclass(frozen=True)
class Layout:
    """Where a format has its chunks. Each begins with its name and its length."""

    order: str  # of the bytes in a number, as `struct` has it
    first: int  # where the first chunk begins
    name_bytes: int = 4
    length: str = "I"  # as `struct` has it
    counts_head: bool = False  # whether the length holds name and length themselves
    begins_at: int = 1  # a multiple of this


class Sound(NamedTuple):
    """The part of a file that holds the samples."""

    place: int
    promised: int  # bytes


LAYOUTS = {
    b"RIFF": Layout("<", 12, begins_at=2),
    b"RIFX": Layout(">", 12, begins_at=2),
    b"RF64": Layout("<", 12, begins_at=2),
    b"FORM": Layout(">", 12, begins_at=2),
    b"riff": Layout("<", 40, name_bytes=16, length="Q", counts_head=True, begins_at=8),  # W64
    b"caff": Layout(">", 8, length="q"),
}
AU = b".snd"
SOUND = (b"data", b"SSND")
LONG_SIZES = b"ds64"  # of an RF64: those that four bytes are too few for
STANDS_ELSEWHERE = 0xFFFFFFFF
MOST_CHUNKS = 100  # before the sound; a crafted file has millions
UNKNOWN_FROM = {4: 0x7FFFF000, 8: 1 << 62}  # what programs write that do not know yet how much will come, as 0 is


def share_there(path: Path) -> float:
    """Of the sound that the header promises, how much is there; 1 where it promises nothing."""
    with path.open("rb") as file:
        start, size = file.read(4), os.fstat(file.fileno()).st_size
        sound = _sound_of_au(file) if start == AU else _sound_chunk(file, LAYOUTS.get(start))
    return 1.0 if sound is None else max(0.0, min(1.0, (size - sound.place) / sound.promised))


def _sound_chunk(file: BinaryIO, layout: Layout | None) -> Sound | None:
    """None where there is none, or nobody knew how long it would be."""
    if layout is None:
        return None
    head_bytes, long_sizes = layout.name_bytes + struct.calcsize(f"={layout.length}"), b""
    place = layout.first
    for _ in range(MOST_CHUNKS):
        file.seek(place)
        head = file.read(head_bytes)
        if len(head) < head_bytes:
            break
        name, length = head[:4], head[layout.name_bytes :]
        (promised,) = struct.unpack(f"{layout.order}{layout.length}", length)
        promised -= head_bytes if layout.counts_head else 0
        if name == LONG_SIZES:
            long_sizes = file.read(16)[8:]  # of the file, then of the sound
        if name in SOUND and promised == STANDS_ELSEWHERE and len(long_sizes) == 8:
            return _known(place + head_bytes, struct.unpack("<Q", long_sizes)[0], 8)
        if name in SOUND:
            return _known(place + head_bytes, promised, len(length))
        if promised < 0:
            break
        place += head_bytes + promised
        place += -place % layout.begins_at
    return None


def _sound_of_au(file: BinaryIO) -> Sound | None:
    head = file.read(8)
    if len(head) < 8:
        return None
    place, promised = struct.unpack(">II", head)
    return _known(place, promised, 4)


def _known(place: int, promised: int, n_bytes: int) -> Sound | None:
    return Sound(place, promised) if 0 < promised < UNKNOWN_FROM[n_bytes] else None
