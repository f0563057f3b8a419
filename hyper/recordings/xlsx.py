"""The cells of an XLSX as text. It runs in the child process of `sandbox`: openpyxl trusts what it reads."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path

from hyper.recordings.limits import TableError
from hyper.recordings.tables import MAX_COLUMNS, MAX_LINES, MAX_TABLE_BYTES, MAX_UNPACKED_BYTES, Row, checked_line


def first_sheet(path: Path, name: str) -> list[Row]:
    """Each line of the first sheet, and one line more than the limit."""
    from openpyxl import load_workbook

    with zipfile.ZipFile(path) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MAX_UNPACKED_BYTES:
        raise TableError(f"{name} unpacks to more than {MAX_UNPACKED_BYTES // 10**6} MB; please save it anew.")
    page = load_workbook(path, read_only=True, data_only=True).worksheets[0]
    page.reset_dimensions()  # what the sheet says of its size may be false, and every line would be made as wide
    rows: list[Row] = []
    n_characters = 0
    for number, values in enumerate(islice(page.iter_rows(values_only=True), MAX_LINES + 1), start=1):
        taken = [*values[:MAX_COLUMNS], *filter(None, values[MAX_COLUMNS:])]  # a far cell makes its whole line wide
        cells = checked_line(name, number, [_cell_text(value) for value in taken])
        n_characters += sum(map(len, cells))
        if n_characters > MAX_TABLE_BYTES:  # a text that is stored once may stand in many cells
            raise TableError(
                f"{name} holds more than {MAX_TABLE_BYTES // 10**6} million characters; please shorten it."
            )
        rows.append((number, cells, [i for i, value in enumerate(taken) if isinstance(value, date)]))
    return rows


def _cell_text(cell: object) -> str:
    """A cell as it reads: 3.0 is "3", a day has no time, nothing is ""."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time.min:
        return cell.date().isoformat()
    return str(cell).strip()
