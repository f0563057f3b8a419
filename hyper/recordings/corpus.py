"""What a corpus is: how it is recognised in a folder, what it says of each recording, and on which terms it comes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyper.recordings.matching import AUDIO_ENDINGS

RECORDING = "a recording"  # of any format


class CorpusError(ValueError):
    """The folder cannot become a manifest; the message says what was looked for or what to do."""


@dataclass(frozen=True)
class Utterance:
    """One recording, or a piece of one, as its corpus describes it. What the corpus does not say is ""."""

    path: Path  # of the recording, which need not be there
    reference: str = ""  # the words that were meant
    speaker: str = ""  # as the corpus calls them
    cohort: str = ""  # typical, or what the speaker has
    severity: str = ""  # mild, moderate, severe
    verbatim: str = ""  # every sound that was said
    domain: str = ""  # command, open, word
    age: str = ""  # years
    note: str = ""
    start: float | None = None  # seconds; None where the recording is this utterance and nothing else
    end: float | None = None
    seconds: float | None = None  # where the corpus says how long the recording is
    left_out: str = ""  # why nothing can be done with it, to follow a number: "12 without times"


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """One corpus, or one way to list recordings, as its file in `hyper/recordings/corpora/` declares it."""

    name: str
    title: str
    licence: str  # goes into the manifest; "" where the list does not say
    consent: str  # how one comes by it, and what its speakers agreed to
    fields: str  # what it says of a recording, beside its file
    looked_for: tuple[str, ...]  # patterns of files that must all be there, or RECORDING; "|" where one will do
    read: Callable[[Path], Iterator[Utterance]]
    is_format: bool = False  # a way to list recordings of any origin
    has_texts: bool = True
    simulated: bool = False
    speakers_of: str = ""  # the corpus whose speakers these are, where they are another's

    def recognises(self, folder: Path) -> bool:
        """Whether the folder holds everything that is looked for."""
        return all(any(_holds(folder, pattern) for pattern in each.split("|")) for each in self.looked_for)

    @property
    def layout(self) -> str:
        """What is looked for, as part of a sentence."""
        return " with ".join(each.replace("|", " or ") for each in self.looked_for)


def _holds(folder: Path, pattern: str) -> bool:
    """Whether a file of that kind lies there, or in a folder within."""
    if pattern == RECORDING:
        return any(path.suffix.lower() in AUDIO_ENDINGS for path in folder.rglob("*"))
    return any(True for _ in folder.rglob(pattern))


def recordings_in(folder: Path) -> list[Path]:
    """Every audio file of the folder and those within it, by name."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_ENDINGS)


def text_of(path: Path) -> str:
    """A text file in UTF-8, or in the Latin letters of older ones."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def pairs(path: Path) -> dict[str, str]:
    """The lines of a text file whose first word names what the rest is about."""
    lines = (line.split(maxsplit=1) for line in text_of(path).split("\n"))
    return {words[0]: words[1].strip() if len(words) > 1 else "" for words in lines if words}


def records(path: Path) -> Iterator[dict[str, str]]:
    """The lines of a CSV, or of a TSV without quotes, by column name.

    Errors: CorpusError where it is no table, such as one in which a quotation mark is never closed.
    """
    lines = io.StringIO(text_of(path), newline="")  # a text in quotes may go on in the next line
    tabs = path.suffix == ".tsv"
    how: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {}
    try:
        for record in csv.DictReader(lines, **how):
            yield {name.strip(): (value or "").strip() for name, value in record.items() if name}
    except csv.Error as error:
        raise CorpusError(
            f"{path} cannot be read as a table ({error}); look for a quotation mark that is not closed, or export it "
            "again."
        ) from error


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, packed with gzip or not.

    Errors: CorpusError where it is damaged or holds something else.
    """
    content = path.read_bytes()
    try:
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
        objects = [json.loads(line) for line in text.split("\n") if line.strip()]
        if not all(isinstance(each, dict) for each in objects):
            raise ValueError("a line is JSON, but no object")
    except (ValueError, RecursionError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise CorpusError(f"{path} is not JSON, one object a line; please export it again.") from error
    yield from objects
