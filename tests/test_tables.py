"""Tables from files that others made, and files that no spreadsheet computes with, read back by other programs."""

from __future__ import annotations

import csv
import io
import random
import re
import time
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from hyper.recordings import tables
from hyper.recordings.limits import MAX_TEXT
from hyper.recordings.tables import (
    MAX_CELL_CHARACTERS,
    MAX_LINES,
    MAX_TABLE_BYTES,
    Sheet,
    TableError,
    csv_bytes,
    read_table,
    xlsx_bytes,
)

ATTACKS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]


def written(tmp_path: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ('file,what was meant\na.wav,"yes, please"\n', "utf-8"),
        ("file;what was meant\r\na.wav;yes, please\r\n", "utf-8-sig"),
        ("file\twhat was meant\na.wav\tyes, please\n", "utf-8"),
    ],
)
def test_commas_semicolons_and_tabs_are_read_alike(tmp_path, content, encoding):
    table = read_table(written(tmp_path, "list.csv", content, encoding))
    assert table.columns == ("file", "what was meant")
    assert [(line.number, line.values) for line in table.lines] == [
        (2, {"file": "a.wav", "what was meant": "yes, please"})
    ]


def test_windows_letters_are_understood(tmp_path):
    table = read_table(written(tmp_path, "list.csv", "file;meant\nMüller.wav;schön\n", "cp1252"))
    assert table.lines[0].values == {"file": "Müller.wav", "meant": "schön"}


def test_windows_letters_of_turkish_are_understood(tmp_path):
    table = read_table(written(tmp_path, "list.csv", "file;meant\nİğne.wav;ışığı aç şimdi\n", "cp1254"))
    assert table.lines[0].values == {"file": "İğne.wav", "meant": "ışığı aç şimdi"}


@pytest.mark.parametrize("first", ["sep=;", "SEP=;\r", '"sep=;"'])
def test_a_first_line_for_excel_names_the_delimiter(tmp_path, first):
    table = read_table(written(tmp_path, "list.csv", f"{first}\nfile;what, exactly, was meant\na.wav;yes, please\n"))
    assert table.columns == ("file", "what, exactly, was meant")
    assert [(line.number, [*line.values.values()]) for line in table.lines] == [(3, ["a.wav", "yes, please"])]


def test_line_numbers_are_those_of_the_file_and_empty_lines_are_left_out(tmp_path):
    table = read_table(written(tmp_path, "list.csv", 'file,note\na.wav,"two\nlines"\n,\n\nb.wav\n'))
    assert [(line.number, line.values) for line in table.lines] == [
        (3, {"file": "a.wav", "note": "two\nlines"}),
        (6, {"file": "b.wav", "note": ""}),
    ]


def test_the_first_sheet_of_an_xlsx_is_read_as_text(tmp_path):
    book = openpyxl.Workbook()
    for line in (["file", "what was meant", "simulated"], ["a.wav", "seven", 1], [7, None, 2.5], [None, None, None]):
        book.active.append(line)
    book.create_sheet("other").append(["no"])
    book.save(tmp_path / "list.xlsx")
    table = read_table(tmp_path / "list.xlsx")
    assert [line.values for line in table.lines] == [
        {"file": "a.wav", "what was meant": "seven", "simulated": "1"},
        {"file": "7", "what was meant": "", "simulated": "2.5"},
    ]


def test_a_date_of_an_xlsx_reads_as_a_day_and_is_known_for_one(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["file", "note", "at"])
    book.active.append(["2026-03-03", datetime(2026, 3, 3), datetime(2026, 3, 3, 9, 30)])
    book.save(tmp_path / "list.xlsx")
    (line,) = read_table(tmp_path / "list.xlsx").lines
    assert line.values == {"file": "2026-03-03", "note": "2026-03-03", "at": "2026-03-03 09:30:00"}
    assert line.dates == {"note", "at"}


def test_columns_without_a_name_are_called_by_their_places(tmp_path):
    book = openpyxl.Workbook()
    for cells in (
        ["file", None, None],
        ["a.wav", "turn it on", None],
        ["b.wav", "call my sister", datetime(2026, 3, 3)],
    ):
        book.active.append(cells)
    book.active.cell(1, 28).value = "note"
    book.active.cell(3, 27).value = "here"
    book.save(tmp_path / "list.xlsx")
    table = read_table(tmp_path / "list.xlsx")
    letters = [f"column {letters} (without a name)" for letters in ("B", "C", "AA")]
    assert table.columns == ("file", *letters, "note")
    assert [table.lines[1].values[name] for name in letters] == ["call my sister", "2026-03-03", "here"]


@pytest.mark.parametrize("title", ["Visits of <p1>", None])
def test_a_title_above_the_columns_of_an_xlsx_is_told(tmp_path, title):
    book = openpyxl.Workbook()
    for cells in ([title], [], ["file", "what was meant"], ["a.wav", "turn it on"]):
        book.active.append(cells)
    book.save(tmp_path / "list.xlsx")
    with pytest.raises(TableError) as caught:
        read_table(tmp_path / "list.xlsx")
    assert str(caught.value) == (
        "list.xlsx, line 3: more values than columns. Line 1 must name the columns, but it holds: "
        f"{title or '(nothing)'}. Please delete what is above the column names, or name all columns."
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("list.pdf", b"%PDF", "list.pdf is not a table; please give a CSV or an XLSX file."),
        ("list.csv", b"", "list.csv is empty; its first line must name the columns."),
        ("list.csv", b"\xff\xfe\x00\x00f\x00", "list.csv is not a text file; please save the table as CSV"),
        ("list.csv", b"file,note\na.wav,yes,please\n", "list.csv, line 2: more values than columns"),
        (
            "list.csv",
            b'file,text\na.wav,so\nb.wav,"hello\nc.wav,bye\n',
            "list.csv cannot be read as CSV, near line 3 (unexpected end of data); please check its quotation marks.",
        ),
        ("list.csv", b'file\n"' + 200_000 * b"a", "list.csv cannot be read as CSV, near line 2"),
        ("list.xlsx", b"PK no", "list.xlsx cannot be read as XLSX; please save the table again, or as CSV."),
    ],
)
def test_what_is_no_table_is_said_in_a_sentence(tmp_path, name, content, words):
    with pytest.raises(TableError, match=re.escape(words)):
        read_table(written(tmp_path, name, content))


def test_a_zip_that_is_no_workbook_and_one_that_is_broken(tmp_path):
    for name, parts in (("a.xlsx", {"x.txt": "no"}), ("b.xlsx", {"xl/workbook.xml": "<broken"})):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for part, content in parts.items():
                archive.writestr(part, content)
        with pytest.raises(TableError, match=f"{name} cannot be read as XLSX"):
            read_table(tmp_path / name)


def test_tables_that_fill_the_memory_are_refused_before_they_do(tmp_path):
    with pytest.raises(TableError, match="large.csv is larger than 10 MB"):
        read_table(written(tmp_path, "large.csv", bytes(MAX_TABLE_BYTES + 1)))
    with pytest.raises(TableError, match="long.csv has more than 10,000 lines"):
        read_table(written(tmp_path, "long.csv", "file\n" + "a.wav\n" * (MAX_LINES + 1)))
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", bytes(60_000_000))
    assert (tmp_path / "bomb.xlsx").stat().st_size < 100_000
    with pytest.raises(TableError, match="bomb.xlsx unpacks to more than 50 MB"):
        read_table(tmp_path / "bomb.xlsx")


def test_too_many_columns_and_too_long_cells_are_refused(tmp_path):
    wide = "file" + "," * 2_000_000 + "x\n" + "a.wav" + "," * 2_000_000 + "x\n"
    start = time.process_time()
    with pytest.raises(TableError, match="wide.csv has more than 100 columns; please leave out what belongs to no"):
        read_table(written(tmp_path, "wide.csv", wide))
    empty = read_table(written(tmp_path, "empty.csv", "file" + "," * 2_000_000 + "\na.wav" + "," * 2_000_000 + "\n"))
    assert time.process_time() - start < 10
    assert empty.lines[0].values["file"] == "a.wav" and empty.columns == ("file",)
    with pytest.raises(TableError, match="long.csv, line 2: a cell holds 20,001 characters, but the limit is 20,000"):
        read_table(written(tmp_path, "long.csv", "file,text\na.wav," + "x" * (MAX_TEXT + 1)))


def sheet_xlsx(path: Path, rows: str, dimension: str = "A1:B2", shared: str = "") -> Path:
    """A workbook whose sheet is written by hand."""
    book = openpyxl.Workbook()
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    spreadsheet = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    parts["xl/worksheets/sheet1.xml"] = (
        f'<worksheet {spreadsheet}><dimension ref="{dimension}"/><sheetData>{rows}</sheetData></worksheet>'
    ).encode()
    if shared:
        parts["xl/sharedStrings.xml"] = f"<sst {spreadsheet}>{shared}</sst>".encode()
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
        override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
        parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(b"</Types>", override.encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def inline(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def table_of(*rows: str) -> str:
    return "".join(f'<row r="{i}">{row}</row>' for i, row in enumerate(rows, start=1))


def test_what_a_sheet_says_of_its_size_costs_nothing(tmp_path):
    rows = table_of(inline("A1", "file"), *[inline(f"A{i}", "a.wav") for i in range(2, 5000)])
    table = read_table(sheet_xlsx(tmp_path / "a.xlsx", rows, dimension="A1:XFD1048576"))
    assert len(table.lines) == 4998 and table.columns == ("file",)


def test_a_cell_far_off_is_refused(tmp_path):
    """On the old way a thousand of them took 1.3 GB."""
    far = sheet_xlsx(tmp_path / "a.xlsx", table_of(inline("A1", "file"), inline("A2", "a.wav") + inline("XFD2", "x")))
    with pytest.raises(TableError, match="a.xlsx has more than 100 columns"):
        read_table(far)
    low = sheet_xlsx(
        tmp_path / "b.xlsx", f'{table_of(inline("A1", "file"))}<row r="1048576">{inline("A1048576", "x")}</row>'
    )
    with pytest.raises(TableError, match="b.xlsx has more than 10,000 lines"):
        read_table(low)


def test_a_text_that_stands_in_many_cells_counts_each_time(tmp_path):
    shared = f"<si><t>{'x' * 10_000}</t></si>"
    rows = table_of(*('<c t="s"><v>0</v></c>' * 50 for _ in range(100)))
    path = sheet_xlsx(tmp_path / "a.xlsx", rows, shared=shared)
    assert path.stat().st_size < 10_000
    with pytest.raises(TableError, match=r"a\.xlsx holds more than 10 million characters; please shorten it\."):
        read_table(path)


def test_a_sheet_that_takes_too_long_is_said(tmp_path, monkeypatch):
    path = sheet_xlsx(tmp_path / "a.xlsx", table_of(inline("A1", "file")))
    monkeypatch.setattr(tables, "XLSX_SECONDS", 0.001)
    with pytest.raises(TableError, match=r"a.xlsx takes more than 0.001 s to read; please save it as CSV\."):
        read_table(path)


def test_no_hostile_workbook_ends_in_more_than_a_sentence(tmp_path):
    """Parts left out, cut, or with letters changed: half of them ended in a stack trace."""
    content = xlsx_bytes([Sheet("list", ("file", "n"), [("a.wav", 1), ("b.wav", 2.5)])])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}
    rng, refused = random.Random(0), 0
    for _ in range(60):
        parts = dict(whole)
        name = rng.choice(list(parts))
        part = bytearray(parts.pop(name))
        way = rng.randrange(3)
        if way == 1:
            parts[name] = bytes(part[: rng.randrange(len(part))])
        elif way == 2:
            for _ in range(5):
                part[rng.randrange(len(part))] = rng.choice(b'<>"/&=0123456789abcXYZ\x00\xff-')
            parts[name] = bytes(part)
        with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
            for each, inside in parts.items():
                archive.writestr(each, inside)
        try:
            read_table(tmp_path / "a.xlsx")
        except TableError:
            refused += 1
    assert 20 < refused < 60


def test_a_csv_holds_no_formula_and_numbers_stay_numbers():
    content = csv_bytes(Sheet("s", ("text", "number"), [(attack, -0.5) for attack in ATTACKS] + [("plain", None)]))
    assert content.startswith(b"\xef\xbb\xbf")  # or Excel reads its umlauts wrong
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert header == ["text", "number"]
    assert lines == [[f"'{attack}", "-0.5"] for attack in ATTACKS] + [["plain", ""]]


def test_an_xlsx_holds_the_same_texts_and_no_formula():
    texts = [*ATTACKS[:4], "<script>", "a\x00b", "x" * 40_000]
    content = xlsx_bytes([Sheet("recordings", ("text", "number"), [(text, 0.25) for text in texts])])
    cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells] == [*ATTACKS[:4], "<script>", "ab", "x" * MAX_CELL_CHARACTERS]
    assert [cell.quotePrefix for cell in cells] == [True] * 4 + [False] * 3
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


def test_what_is_written_is_read_again(tmp_path):
    sheet = Sheet("list", ("file", "note"), [("a.wav", "first; second"), ("b.wav", 'said "yes"')])
    for name, content in (("list.csv", csv_bytes(sheet)), ("list.xlsx", xlsx_bytes([sheet]))):
        table = read_table(written(tmp_path, name, content))
        assert [tuple(line.values.values()) for line in table.lines] == sheet.lines
