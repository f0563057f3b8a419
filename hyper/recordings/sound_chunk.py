"""How much sound the header of a WAV or AIFF file says there is: libsndfile is content with less."""

from __future__ import annotations

import os
import struct
from pathlib import Path

ORDERS = {b"RIFF": "<", b"RIFX": ">", b"FORM": ">"}  # of the bytes in a length, by how the file starts
SOUND = (b"data", b"SSND")
MOST_CHUNKS = 100  # before the sound; a crafted file has millions
UNKNOWN_FROM = 0x7FFFF000  # what programs write that do not know yet how much will come, as 0 is


def share_there(path: Path) -> float:
    """Of the sound that the header promises, how much is there; 1 where it promises nothing."""
    with path.open("rb") as file:
        order = ORDERS.get(file.read(4))
        size, place = os.fstat(file.fileno()).st_size, 12
        for _ in range(MOST_CHUNKS if order else 0):
            file.seek(place)
            head = file.read(8)
            if len(head) < 8:
                break
            name, promised = head[:4], struct.unpack(f"{order}I", head[4:])[0]
            if name in SOUND:
                is_known = 0 < promised < UNKNOWN_FROM
                return min(1.0, (size - place - 8) / promised) if is_known else 1.0
            place += 8 + promised + promised % 2
    return 1.0
