"""Sessions of several dates from tables that were saved: what each row got wrong in each, in order of time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

from hyper.metrics.normalize import ENGLISH
from hyper.metrics.word_errors import WordErrors, pooled, word_errors
from hyper.recordings.limits import check_text, shown
from hyper.recordings.tables import MAX_TABLE_BYTES, read_table
from hyper.reports.html import TEXTS_ID
from hyper.reports.table import ERROR_COLUMNS
from hyper.reports.timed_text import RowName

DATE = re.compile(r"(20\d\d)[-_. ]?(\d\d)[-_. ]?(\d\d)")
COLUMNS = ("what was meant", "base", "adapted")  # of a saved table; in JSON the first is called "reference"
ROWS: tuple[RowName, ...] = get_args(RowName)
FEWEST, MOST = 2, 50
# Of all files together. Aligning takes the product of two texts' lengths: at most about 7 s, of the longest texts.
MOST_RECORDINGS, MOST_CHARACTERS = 5_000, 2_000_000


AS_TRAINED = 1.0  # the strength of what does not say it: tables and reports on many have no other


class SessionError(ValueError):
    """The files cannot be compared over time; the message says which, and why."""


@dataclass(frozen=True)
class Texts:
    """One recording of a saved table."""

    reference: str | None  # None or "" where it is not known
    base: str | None  # None where it could not be used
    adapted: str | None  # None without a hypernetwork
    is_simulated: bool = False
    counted: Mapping[RowName, WordErrors] = field(default_factory=dict)  # by row, of words that a table leaves out

    @property
    def texts(self) -> tuple[str, ...]:
        """Those that there are."""
        return tuple(filter(None, (self.reference, self.base, self.adapted)))

    def errors(self, row: RowName, language: str) -> WordErrors:
        """Counted anew, so that every file is counted alike."""
        return self.counted.get(row) or word_errors(self.reference or "", getattr(self, row) or "", language)


@dataclass(frozen=True)
class Session:
    """All recordings of one file that have a reference."""

    name: str  # of the file
    day: date | None  # as the name says; None where it says none
    n_recordings: int
    base: WordErrors
    adapted: WordErrors | None  # None where a recording has no adapted transcript
    n_simulated: int = 0  # recordings that a program made
    strength: float = AS_TRAINED  # of the adaptation

    @property
    def label(self) -> str:
        """The day, or the name of a file that says none."""
        return f"{self.day.day} {self.day:%b %Y}" if self.day else Path(self.name).stem


def read_sessions(files: Sequence[tuple[str, Path]], language: str = ENGLISH) -> list[Session]:
    """(name, path) of each file; sessions without a date come last, in the order of their names.

    `language` is that of files which do not say it: only the JSON of `evaluate` does.

    Errors: `SessionError`, `TableError`, `TextError`.
    """
    if not FEWEST <= len(files) <= MOST:
        raise SessionError(f"Comparing takes {FEWEST} to {MOST} files, one for each session; {len(files)} came.")
    read = []
    n_recordings = n_characters = 0
    for name, path in files:
        recordings, own_language, strength = _recordings(name, path, language)
        n_recordings += len(recordings)
        n_characters += sum(len(text) for each in recordings for text in each.texts)
        if n_recordings > MOST_RECORDINGS or n_characters > MOST_CHARACTERS:
            raise SessionError(
                f"These files hold more than {MOST_RECORDINGS:,} recordings or {MOST_CHARACTERS:,} characters "
                "together; please give fewer or smaller ones."
            )
        read.append((name, recordings, own_language, strength))
    sessions = [_session(*each) for each in read]
    return sorted(sessions, key=lambda session: (session.day is None, session.day or date.min, session.name))


def _recordings(name: str, path: Path, language: str) -> tuple[list[Texts], str, float]:
    """Those of one file that can be counted, the language that they are in, and how strongly they were adapted."""
    strength = AS_TRAINED
    if Path(name).suffix.lower() in (".json", ".html"):
        recordings, language, strength = _of_json(name, path, language)
    else:
        recordings = list(_of_table(name, path, language))
    recordings = [each for each in recordings if each.reference and each.base is not None]
    for text in (text for each in recordings for text in each.texts):
        check_text(text, f"A text in {shown(name)}")
    if not recordings:
        raise SessionError(f"{shown(name)} holds no recording with what was meant, so there is nothing to count in it.")
    return recordings, language, strength


def _session(name: str, recordings: Sequence[Texts], language: str, strength: float) -> Session:
    """The errors of one file."""
    has_adapted = all(each.adapted is not None for each in recordings)
    return Session(
        name,
        _day(name),
        len(recordings),
        pooled(each.errors("base", language) for each in recordings),
        pooled(each.errors("adapted", language) for each in recordings) if has_adapted else None,
        sum(each.is_simulated for each in recordings),
        strength,
    )


def _of_table(name: str, path: Path, language: str) -> Iterable[Texts]:
    """The lines of a CSV or XLSX that the page has saved, without those that could not be used."""
    table = read_table(path, name)
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise SessionError(
            f"{table.name} is not a table that was saved here: the column `{missing[0]}` is missing; please give the "
            "CSV or XLSX as it was saved under Keep it."
        )
    is_adapted = any(line.values["adapted"] or line.values.get("adapted WER") for line in table.lines)
    for line in table.lines:
        if not line.values.get("problem"):
            reference, base, adapted = (line.values[column] for column in COLUMNS)
            counted = {row: errors for row in ROWS if (errors := _counted(line.values, row, reference, language))}
            is_simulated = line.values.get("simulated", "") not in ("", "0")
            yield Texts(reference, base, adapted if is_adapted else None, is_simulated, counted)


def _counted(values: Mapping[str, str], row: RowName, reference: str, language: str) -> WordErrors | None:
    """What a table says of words that it leaves out since nobody spoke; None where it shows words or has no counts."""
    try:
        wrong = [int(values[f"{row} {kind}"]) for kind in ERROR_COLUMNS[1:]]
    except (KeyError, ValueError):
        return None
    substituted, deleted, inserted = wrong
    hits = word_errors(reference, "", language).n_reference - substituted - deleted
    return None if values[row] or hits < 0 or min(wrong) < 0 else WordErrors(hits, substituted, deleted, inserted)


def _of_json(name: str, path: Path, language: str) -> tuple[list[Texts], str, float]:
    """The utterances of `evaluate --json` or of an HTML report, or the one of `compare --json`; and their language and
    strength, where these are said.
    """
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise SessionError(f"{shown(name)} is larger than {MAX_TABLE_BYTES // 10**6} MB; please give the CSV instead.")
    try:
        text = path.read_text(encoding="utf-8")
        record = json.loads(_in_report(text) if Path(name).suffix.lower() == ".html" else text)
        utterances = record.get("utterances", [record])
        texts = [
            Texts(_text(each["reference"]), _text(each["base"]), _text(each["adapted"]), each.get("simulated") is True)
            for each in utterances
        ]
        return texts, _text(record.get("language", language)) or language, float(record.get("strength", AS_TRAINED))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SessionError(
            f"{shown(name)} is not a report that was saved here, nor of `evaluate --json` or `compare --json`; please "
            "give one of these."
        ) from error


class _Texts(HTMLParser):
    """Finds the element of a report that holds its texts."""

    found = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Any element; only the first with the name counts."""
        if dict(attrs).get("id") == TEXTS_ID:
            self.found = self.found or dict(attrs).get("value") or ""


def _in_report(page: str) -> str:
    """The JSON in an HTML report; "" where there is none."""
    texts = _Texts()
    texts.feed(page)
    return texts.found


def _text(value: str | None) -> str | None:
    """The value, which must not be anything else."""
    if not isinstance(value, str | None):
        raise TypeError(f"{value!r} is no text")
    return value


def _day(name: str) -> date | None:
    """The first date in a file's name, as 2030-02-03 or 20300203."""
    for found in DATE.finditer(name):
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            continue
    return None
