"""Tables as files: a CSV or XLSX that somebody made, read; and CSV and XLSX that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.recordings.limits import MAX_TEXT, TableError, shown
from hyper.recordings.sandbox import SANDBOX, NotStarted, OutOfTime, Refused, Unreadable

if TYPE_CHECKING:
    from openpyxl.cell import Cell as OpenpyxlCell

Cell = str | int | float | None  # None is an empty cell
Row = tuple[int, list[str], Sequence[int]]  # line number, cells, and which of them are dates

MAX_TABLE_BYTES = 10_000_000  # of a file; a line for each of a thousand recordings takes a hundredth of this
MAX_UNPACKED_BYTES = 50_000_000  # of all the parts of an XLSX, which is a zip archive
TABLE_ENDINGS = (".csv", ".xlsx")
MAX_LINES = 10_000
MAX_COLUMNS = 100
XLSX_SECONDS = 20  # wall clock; a table of as many lines as are taken needs two
MAX_CELL_CHARACTERS = 32_767  # Excel's own limit
DELIMITERS = ",;\t"  # a spreadsheet that writes decimal commas separates by semicolons
SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?\s*', re.IGNORECASE)  # a first line by which Excel knows the delimiter
CSV_ENCODINGS = ("utf-8-sig", "cp1252")  # what Excel writes: Unicode with a mark in front, or Windows' Latin letters
# Iceland's letters in cp1252 are Turkish ones in cp1254, and all else that both have is the same.
TURKISH_ENCODING, TURKISH_OR_ICELANDIC = "cp1254", frozenset("þðýÞÐÝ")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # owasp.org/www-community/attacks/CSV_Injection
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # XML 1.0 has no place for them


@dataclass(frozen=True)
class Line:
    """One line of a table below the column names."""

    number: int  # as a spreadsheet counts it
    values: dict[str, str]  # column name, as it is written: text without spaces around it
    dates: frozenset[str] = frozenset()  # columns in which an XLSX holds a day and no text


@dataclass(frozen=True)
class Table:
    """A table that was read."""

    name: str  # of its file
    columns: tuple[str, ...]  # one without a name is called by its place, and left out where it is empty
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Sheet:
    """A table to write; every line has a cell for each column."""

    title: str
    columns: Sequence[str]
    lines: Sequence[Sequence[Cell]]


def read_table(path: str | Path, name: str | None = None) -> Table:
    """A CSV or the first sheet of an XLSX, every cell as text.

    A CSV has commas, semicolons or tabs between its values, and is in UTF-8 or in Windows' Latin or Turkish letters.
    Lines without any text are left out. Errors: `TableError`.
    """
    path = Path(path)
    name = name or path.name
    ending = Path(name).suffix.lower()
    name = shown(name)
    if ending not in TABLE_ENDINGS:
        raise TableError(f"{name} is not a table; please give a CSV or an XLSX file.")
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise TableError(f"{name} is larger than {MAX_TABLE_BYTES // 10**6} MB; please leave out what is no list.")
    rows = list(islice(_xlsx_rows(path, name) if ending == ".xlsx" else _csv_rows(path, name), MAX_LINES + 1))
    if len(rows) > MAX_LINES:
        raise TableError(f"{name} has more than {MAX_LINES:,} lines; please leave out what belongs to no recording.")
    if not rows:
        raise TableError(f"{name} is empty; its first line must name the columns.")
    (_, titles, _), *others = rows
    columns = [title or unnamed(i) for i, title in enumerate(titles)]
    lines = tuple(
        Line(
            number,
            dict(zip(columns, _cells(name, number, titles, cells), strict=True)),
            frozenset(columns[i] for i in dates if i < len(columns)),
        )
        for number, cells, dates in others
        if any(cells)
    )
    pairs = zip(titles, columns, strict=True)
    used = tuple(column for title, column in pairs if title or any(line.values[column] for line in lines))
    return Table(name, used, tuple(replace(line, values={c: line.values[c] for c in used}) for line in lines))


def unnamed(place: int) -> str:
    """What a column without a name is called: by its letters in a spreadsheet."""
    letters = chr(ord("A") + place % 26)
    return f"column {chr(ord('A') + place // 26 - 1) if place >= 26 else ''}{letters} (without a name)"


def csv_bytes(sheet: Sheet) -> bytes:
    """The table as CSV in UTF-8 with a byte order mark. An apostrophe keeps a text from being taken for a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(sheet.columns)
    writer.writerows([_harmless(cell) for cell in line] for line in sheet.lines)
    return text.getvalue().encode("utf-8-sig")


def xlsx_bytes(sheets: Sequence[Sheet]) -> bytes:
    """The tables as the sheets of one XLSX. Every text is stored as text, never as a formula."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.active)
    for sheet in sheets:
        page = book.create_sheet(sheet.title)
        page.freeze_panes = "A2"
        for i, line in enumerate([sheet.columns, *sheet.lines], start=1):
            for j, value in enumerate(line, start=1):
                cell = page.cell(i, j)
                cell.alignment = Alignment(vertical="top", wrap_text=True)
                cell.font = Font(bold=i == 1)
                _fill(cell, value)
        for j, width in enumerate(_widths(sheet), start=1):
            page.column_dimensions[get_column_letter(j)].width = width
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _fill(cell: OpenpyxlCell, value: Cell) -> None:
    """Put the value in; a text as a text."""
    if not isinstance(value, str):
        cell.value = value
        return
    cell.value = NOT_IN_XML.sub("", value)[:MAX_CELL_CHARACTERS]
    cell.data_type = "s"  # openpyxl makes a formula of whatever begins with "="
    cell.quotePrefix = value.startswith(FORMULA_STARTS)  # and it stays a text when somebody edits it


def _widths(sheet: Sheet) -> list[int]:
    """Column widths in characters: as wide as the widest cell, but a text breaks into lines."""
    columns = zip(sheet.columns, *sheet.lines, strict=True)
    return [min(40, max(len(str(cell)) for cell in column if cell is not None) + 2) for column in columns]


def _harmless(cell: Cell) -> Cell:
    """A text that a spreadsheet would compute gets an apostrophe in front; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def without_apostrophe(text: str) -> str:
    """As it was before a CSV was kept from being taken for a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def _cells(name: str, number: int, columns: Sequence[str], cells: Sequence[str]) -> list[str]:
    """The cells of a line, one for each column."""
    if any(cells[len(columns) :]):
        if name.lower().endswith(".xlsx"):  # most often there is a title above the columns
            raise TableError(
                f"{name}, line {number}: more values than columns. Line 1 must name the columns, but it holds: "
                f"{shown(', '.join(filter(None, columns))) or '(nothing)'}. Please delete what is above the column "
                "names, or name all columns."
            )
        raise TableError(f"{name}, line {number}: more values than columns; texts with commas need quotes.")
    return [*map(without_apostrophe, cells), *[""] * len(columns)][: len(columns)]


def checked_line(name: str, number: int, cells: list[str]) -> list[str]:
    """The cells of a line without the empty ones behind the last column. Errors: `TableError`."""
    if any(cells[MAX_COLUMNS:]):
        raise TableError(f"{name} has more than {MAX_COLUMNS} columns; please leave out what belongs to no recording.")
    cells = cells[:MAX_COLUMNS]
    longest = max(map(len, cells), default=0)
    if longest > MAX_TEXT:
        raise TableError(
            f"{name}, line {number}: a cell holds {longest:,} characters, but the limit is {MAX_TEXT:,}; "
            "please shorten it."
        )
    return cells


def _csv_rows(path: Path, name: str) -> Iterator[Row]:
    """Each line."""
    text = _decoded(path, name)
    first_line, _, others = text.partition("\n")
    delimiter, done = max(DELIMITERS, key=first_line.count), 0
    if separator := SEPARATOR_LINE.fullmatch(first_line):
        text, delimiter, done = others, separator[1], 1
    n_before = done
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            done = n_before + reader.line_num
            if cells:
                yield done, checked_line(name, done, [cell.strip() for cell in cells]), ()
    except csv.Error as error:
        raise TableError(
            f"{name} cannot be read as CSV, near line {done + 1} ({error}); please check its quotation marks."
        ) from error


def _decoded(path: Path, name: str) -> str:
    content = path.read_bytes()
    for encoding in CSV_ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return _as_turkish(content, text) if encoding == CSV_ENCODINGS[-1] else text
    raise TableError(f"{name} is not a text file; please save the table as CSV (UTF-8) or XLSX.")


def _as_turkish(content: bytes, text: str) -> str:
    """The same in Turkish letters, where there are letters that are more likely those."""
    return content.decode(TURKISH_ENCODING, errors="replace") if TURKISH_OR_ICELANDIC.intersection(text) else text


def _xlsx_rows(path: Path, name: str) -> Iterator[Row]:
    """Each line of the first sheet."""
    try:
        rows = SANDBOX.call("sheet", XLSX_SECONDS, path=str(path.absolute()), name=name)
    except (Refused, NotStarted) as error:
        raise TableError(str(error)) from error
    except OutOfTime as error:
        raise TableError(f"{name} takes more than {XLSX_SECONDS} s to read; please save it as CSV.") from error
    except Unreadable as error:
        raise TableError(f"{name} cannot be read as XLSX; please save the table again, or as CSV.") from error
    yield from json.loads(rows)
