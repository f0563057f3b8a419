"""Damaged recordings, tables and archives by the thousand, each made from its kind and a number.

    python -m tests.fuzz KIND,KIND FIRST N FOLDER

reads N of each kind in the folder and prints what came of them as JSON; the file `now` there names the one being read,
for whoever finds this process dead. Only success or one of our own sentences may come of any.
"""

from __future__ import annotations

import io
import json
import random
import re
import resource
import signal
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import av
import numpy as np
import soundfile

from hyper.recordings import audio
from hyper.recordings.archive import ArchiveError, Limits, Sent, gather
from hyper.recordings.audio import AudioError, audio_seconds, load_audio
from hyper.recordings.limits import TableError
from hyper.recordings.manifest import ManifestError, read_manifest
from hyper.recordings.matching import match, read_references
from hyper.recordings.tables import Sheet, csv_bytes, xlsx_bytes
from tests.coded import write_coded

MEMORY_BYTES = 2 << 30  # of address space, libraries included
FILE_SECONDS = 30  # the longest that one file may take
AUDIO = {  # kind: what writes a whole one
    "wav": lambda: _plain("WAV", "PCM_16"),
    "wav24": lambda: _plain("WAV", "PCM_24", 2),
    "wav-float": lambda: _plain("WAV", "FLOAT"),
    "wav-alaw": lambda: _plain("WAV", "ALAW"),
    "wav-adpcm": lambda: _plain("WAV", "IMA_ADPCM"),
    "flac": lambda: _plain("FLAC", "PCM_16", 2),
    "aiff": lambda: _plain("AIFF", "PCM_16"),
    "caf": lambda: _plain("CAF", "PCM_16"),
    "w64": lambda: _plain("W64", "PCM_16"),
    "nist": lambda: _plain("NIST", "PCM_16"),
    "mp3": lambda: _plain("MP3", "MPEG_LAYER_III"),
    "ogg": lambda: _plain("OGG", "VORBIS", 2),
    "opus": lambda: _coded("ogg", "libopus", "stereo"),
    "m4a": lambda: _coded("mp4", "aac", "mono"),
    "m4a8": lambda: _coded("mp4", "aac", "7.1"),
    "aac": lambda: _coded("adts", "aac", "stereo"),
    "webm": lambda: _coded("webm", "libopus", "mono"),
    "mka": lambda: _coded("matroska", "aac", "5.1"),
    "mov8": lambda: _coded("mov", "pcm_s16le", "7.1"),
    "avi": lambda: _coded("avi", "pcm_s16le", "stereo"),
}
TABLES = ("csv", "xlsx", "manifest")
ARCHIVES = ("zip", "zip-of-parts")
ROWS = [(f"{i}.wav", f'turn on the "{i}", please', 1, 2.5) for i in range(5)]
SHEET = Sheet("list", ("file", "reference", "simulated", "note"), ROWS)
# When it was written: with that, no number would mean the same file tomorrow.
WRITTEN_AT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")  # in a workbook
PEAK_WRITTEN_AT = re.compile(rb"(?<=PEAK.{8}).{4}", re.DOTALL)  # in a WAV of floating numbers


def main(kinds: list[str], first: int, n: int, folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    audio.DECODE_SECONDS = 10  # or the files that hang would take the night
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    died: list[str] = []  # not wrong: the child process is there for them
    slowest = (0.0, "")
    for kind in kinds:
        for number in range(first, first + n):
            (folder / "now").write_text(f"{kind} {number}")
            own = folder / "own"
            own.mkdir()
            path = own / f"file.{kind.split('-')[0]}"
            path.write_bytes(damaged(kind, number))
            signal.alarm(FILE_SECONDS)
            start = time.perf_counter()
            outcome = read(kind, number, path)
            signal.alarm(0)
            slowest = max(slowest, (round(time.perf_counter() - start, 2), f"{kind} {number}"))
            outcomes[outcome.split(":")[0]] += 1
            if outcome.startswith("wrong"):
                wrong.append(f"{kind} {number} {outcome}")
            if outcome == "decoder died":
                died.append(f"{kind} {number}")
            _remove(own)
    print(json.dumps({"outcomes": outcomes, "wrong": wrong, "died": died, "slowest": slowest}))


def read(kind: str, number: int, path: Path) -> str:
    """What comes of the file: read, refused, decoder died, or "wrong: ..." where our code let something through."""
    try:
        _reader(kind)(number, path)
    except (AudioError, TableError, ManifestError, ArchiveError) as error:
        sentence = str(error)
        if "\n" in sentence or not sentence.endswith((".", ").")) or len(sentence) > 2_500:
            return f"wrong: no sentence: {sentence[:200]!r}"
        return "decoder died" if "could not be decoded" in sentence else "refused"
    except Exception as error:
        return f"wrong: {type(error).__name__}: {error}"
    return "read"


def _reader(kind: str) -> Callable[[int, Path], object]:
    if kind == "manifest":
        return lambda _, path: read_manifest(path)
    if kind in TABLES:
        return lambda _, path: match([], read_references(path))
    if kind in ARCHIVES:
        return lambda _, path: gather([Sent("file.zip", path)], path.parent, Limits(20, 100_000, 500_000))
    return lambda number, path: audio_seconds(path) if number % 8 == 0 else load_audio(path)


def damaged(kind: str, number: int) -> bytes:
    """The file of this number: always the same, but for the serial number that libsndfile draws for an ogg."""
    rng = random.Random(f"{kind} {number}")
    if kind == "xlsx" and rng.random() < 0.7 or kind == "zip-of-parts":
        return _packed(_with_a_damaged_part(_parts(kind), rng), rng)
    content = bytearray(whole(kind))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice(DAMAGES)(content, rng)
    return bytes(content)


@cache
def whole(kind: str) -> bytes:
    """An undamaged file."""
    if kind in AUDIO:
        return AUDIO[kind]()
    if kind in ("csv", "manifest"):
        return csv_bytes(SHEET)
    return _packed(_parts(kind), None if kind == "xlsx" else random.Random(0))


def _flip_bits(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 3, 20))):
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _cut(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content) + 1) :]


def _edit_a_number(content: bytearray, rng: random.Random) -> None:
    """Where the numbers stand: near the beginning, or in formats with their index at the end, near that."""
    size = rng.choice((1, 2, 4, 8))
    near = rng.randrange(min(len(content), 256) + 1)
    at = near if rng.random() < 0.6 else max(0, len(content) - rng.randrange(1, 2048))
    extreme = (0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), rng.getrandbits(8 * size))
    content[at : at + size] = rng.choice(extreme).to_bytes(size, rng.choice(("big", "little")))


def _move_a_piece(content: bytearray, rng: random.Random) -> None:
    """Repeat, leave out or overwrite a piece."""
    start, length = rng.randrange(len(content) + 1), rng.randrange(1, 200)
    piece = content[start : start + length]
    at = rng.randrange(len(content) + 1)
    content[at : at + rng.choice((0, length))] = rng.choice((piece, b"", rng.randbytes(length), b"\0" * length))


def _edit_a_letter(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 6)):
        if content:
            content[rng.randrange(len(content))] = rng.choice(b"<>\"'/&=,;\t\r\n0123456789abcXYZ\x00\xff-")


DAMAGES = (_flip_bits, _cut, _edit_a_number, _edit_a_number, _move_a_piece, _edit_a_letter)


def _with_a_damaged_part(parts: dict[str, bytes], rng: random.Random) -> dict[str, bytes]:
    parts = dict(parts)
    name = rng.choice(list(parts))
    content = bytearray(parts.pop(name))
    if rng.random() < 0.85:
        rng.choice((*DAMAGES, _edit_a_letter, _edit_a_letter))(content, rng)
        parts[rng.choice((name, name, name, f"../{name}", name * 300, ""))[:60_000]] = bytes(content)
    return parts


@cache
def _parts(kind: str) -> dict[str, bytes]:
    if kind == "xlsx":
        with zipfile.ZipFile(io.BytesIO(xlsx_bytes([SHEET]))) as archive:
            return {name: WRITTEN_AT.sub(b"2026-01-01T00:00:00Z", archive.read(name)) for name in archive.namelist()}
    return {f"visit {i}/{i}.wav": whole("wav")[: 500 * i] for i in range(1, 6)}


def _packed(parts: dict[str, bytes], rng: random.Random | None) -> bytes:
    """Without `rng` each is deflated, as in a workbook."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, rng.choice((0, 8, 8, 8, 12, 14)) if rng else 8)
    return target.getvalue()


def _sound(n_channels: int, rate: int) -> np.ndarray:  # (n_samples, n_channels)
    t = np.arange(round(0.3 * rate)) / rate
    return np.repeat((0.3 * np.sin(2 * np.pi * 300 * t)).astype(np.float32)[:, None], n_channels, axis=1)


def _plain(container: str, coding: str, n_channels: int = 1) -> bytes:
    target = io.BytesIO()
    soundfile.write(target, _sound(n_channels, 16_000), 16_000, format=container, subtype=coding)
    return PEAK_WRITTEN_AT.sub(bytes(4), target.getvalue())


def _coded(container: str, codec: str, layout: str) -> bytes:
    target, rate = io.BytesIO(), 48_000
    samples = _sound(av.AudioLayout(layout).nb_channels, rate)
    write_coded(target, container, codec, samples, rate, layout, fflags="bitexact")  # without random serial numbers
    return target.getvalue()


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


if __name__ == "__main__":
    main(sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
