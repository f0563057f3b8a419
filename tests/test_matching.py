"""Recordings and lines find each other by name, and whatever does not is said."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from hyper.recordings.archive import Place, Recording
from hyper.recordings.manifest import ManifestError, ManifestRow
from hyper.recordings.matching import Matching, References, match, read_references
from hyper.recordings.tables import csv_bytes
from hyper.reports.table import recordings_sheet
from tests.test_clinic_report import evaluation, utterance


def matched(recordings: list[Recording], lines: list[tuple[int, ManifestRow]]) -> Matching:
    return match(recordings, References(tuple(lines)))


def recordings(*names: str) -> list[Recording]:
    return [Recording(name, Path("/disk") / str(i), Place(i, None)) for i, name in enumerate(names)]


def lines(*files: str) -> list[tuple[int, ManifestRow]]:
    return [(i, ManifestRow(file, Path(file), f"words of line {i}", note="n")) for i, file in enumerate(files, start=2)]


@pytest.mark.parametrize("column", ["file", "what was meant"])
def test_a_day_that_excel_made_of_what_was_meant_is_refused(tmp_path, column):
    book = openpyxl.Workbook()
    book.active.append(["file", "what was meant", "note"])
    day = datetime(2026, 3, 3)
    book.active.append([day if column == "file" else "a.wav", day if column != "file" else "march third", day])
    book.save(tmp_path / "list.xlsx")
    with pytest.raises(ManifestError, match=f"line 2: `{column}` is a date; please format the column as text"):
        read_references(tmp_path / "list.xlsx")
    book.active["A2"], book.active["B2"] = "a.wav", "march third"
    book.save(tmp_path / "list.xlsx")
    assert read_references(tmp_path / "list.xlsx").lines[0][1].note == "2026-03-03"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a.wav", "a.wav"),
        ("A.WAV", "a.wav"),
        ("a", "a.wav"),
        ("a.wav", "a"),
        ("a.wav", "a.m4a"),  # sent in another format
        ("a.wav", "visit/a.wav"),
        ("data\\visit\\a.wav", "visit/a.wav"),
        ("./visit/a", "a.MP3"),
        ("visit.1", "visit.1.wav"),
        ("Müller.wav", "Mu\u0308ller.wav"),  # as a Mac writes it
        (" a.wav ", "a.wav"),
    ],
)
def test_names_that_mean_the_same(written, name):
    matching = matched(recordings(name), lines(written))
    assert matching.rows == (ManifestRow(name, Path("/disk/0"), "words of line 2", note="n"),)
    assert (matching.listed, matching.without_line, matching.without_recording, matching.ambiguous) == (
        frozenset({name}), (), (), (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "name"), [("a.wav", "ab.wav"), ("x/a.wav", "y/a.wav"), ("visit.1", "visit.2.wav"), ("/", "a.wav")]
)
def test_names_that_do_not(written, name):
    matching = matched(recordings(name), lines(written))
    assert matching.rows[0].reference == "" and matching.listed == frozenset()
    assert matching.without_line == (name,)
    assert matching.without_recording == (f"line 2: {written}",)


def test_the_fullest_agreement_counts():
    names = ("1.wav", "b/1.wav", "b/1.mp3")
    matching = matched(recordings(*names), lines("b/1.mp3", "1.wav", "b/1.wav"))
    assert [row.reference for row in matching.rows] == ["words of line 3", "words of line 4", "words of line 2"]
    assert matching.ambiguous == ()


def test_a_line_that_could_be_two_recordings_is_said_and_given_to_neither():
    matching = matched(recordings("x/a.wav", "y/a.wav", "b.wav"), lines("a.wav", "b.wav"))
    assert [row.reference for row in matching.rows] == ["", "", "words of line 3"]
    assert matching.ambiguous == ("Line 2 (a.wav) could be x/a.wav, y/a.wav; please write the name in full.",)
    assert matching.without_line == ("x/a.wav", "y/a.wav") and matching.without_recording == ()


def test_two_lines_for_one_recording_are_said_and_neither_counts():
    matching = matched(recordings("a.wav"), lines("a.wav", "A"))
    assert matching.rows[0].reference == ""
    assert matching.ambiguous == ("Lines 2 and 3 all mean a.wav; please keep one of them.",)


def test_without_a_list_nothing_is_left_over():
    matching = matched(recordings("a.wav", "b.wav"), [])
    assert [row.file for row in matching.rows] == ["a.wav", "b.wav"]
    assert (matching.without_line, matching.without_recording, matching.ambiguous) == ((), (), ())


@pytest.mark.parametrize(
    "header",
    ["file,reference,speaker,note,simulated", "path,text,speaker,note,simulated",
     "Recording,What was meant,Patient,Remarks,Simulated", "FILE_NAME,sentence,who,Comment,simulated"],
)  # fmt: skip
def test_columns_go_by_plain_names_too(tmp_path, header):
    (tmp_path / "l.csv").write_text(f"{header}\na.wav,turn it on,p1,tired,1\n")
    assert read_references(tmp_path / "l.csv").lines == (
        (2, ManifestRow("a.wav", Path("a.wav"), "turn it on", speaker="p1", note="tired", simulated=True)),
    )


def test_a_list_of_names_alone_is_a_list(tmp_path):
    (tmp_path / "l.csv").write_text("file\na.wav\n")
    read = read_references(tmp_path / "l.csv")
    assert read.lines[0][1].reference == "" and read.unknown_columns == ()


@pytest.mark.parametrize(
    ("content", "unknown", "has_meant"),
    [
        ("file;Zieltext;Sprecher;Alter;\na.wav;Licht an;p1;;\n", ("Zieltext", "Sprecher"), False),
        ("File;MEANT;Sprecher\na.wav;on;p1\n", ("Sprecher",), True),
        ("file,,note,\na.wav,on,n,\nb.wav,,,\n", ("column B (without a name)",), False),
        (",file,meant,\n0,a.wav,on,x\n", ("column A (without a name)", "column D (without a name)"), True),
        ("path,text,sentence,original,chosen_with,Comment\na.wav,on,off,b.wav,x,y\n", (), True),
    ],
)
def test_columns_that_nobody_knows_are_told(tmp_path, content, unknown, has_meant):
    (tmp_path / "l.csv").write_text(content)
    read = read_references(tmp_path / "l.csv")
    matching = match(recordings("a.wav"), read)
    assert (read.unknown_columns, read.has_meant) == (unknown, has_meant)
    assert (matching.unknown_columns, matching.has_meant) == (unknown, has_meant)


def test_cohorts_that_are_read_as_typical_are_known(tmp_path):
    (tmp_path / "l.csv").write_text("file,Cohort\na.wav,Control\nb.wav,typical\nc.wav,ALS\n")
    read = read_references(tmp_path / "l.csv")
    assert [row.cohort for _, row in read.lines] == ["typical", "typical", "ALS"]
    assert match(recordings("a.wav"), read).typical_names == read.typical_names == ("Control",)


def test_a_table_that_was_saved_here_is_a_list_whose_columns_are_known(tmp_path):
    saved = csv_bytes(recordings_sheet(evaluation(utterance("a.wav", "turn it off", "turn it of", "turn it off"))))
    (tmp_path / "l.csv").write_bytes(saved)
    assert read_references(tmp_path / "l.csv").unknown_columns == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "name,words\na,b\n",
            "list.csv has the columns name, words; one must be called `file` and name the recordings. "
            "Also understood are `what was meant`, `speaker`, `note` and `simulated`.",
        ),
        ("file,text\n", "list.csv lists no recordings; it needs one line for each below the column names."),
        ("file,text\n,b\n", "list.csv, line 2: `file` is empty; each line names a recording."),
        ("file,simulated\na.wav,maybe\n", "list.csv, line 2: `simulated` is 'maybe'; it must be 0 or 1."),
    ],
)
def test_lists_that_cannot_be_used_are_said(tmp_path, content, words):
    (tmp_path / "1f.csv").write_text(content)
    with pytest.raises(ManifestError) as caught:
        read_references(tmp_path / "1f.csv", "list.csv")
    assert str(caught.value) == words


def test_a_long_list_over_many_recordings_is_matched_fast_and_said_briefly():
    many = recordings(*(f"{i}/1.wav" for i in range(300)))
    start = time.process_time()
    matching = matched(many, lines(*["1.wav"] * 3000, *(f"{i % 300}/1" for i in range(3000))))
    assert time.process_time() - start < 10
    assert matching.ambiguous[0] == (
        "Line 2 (1.wav) could be 0/1.wav, 1/1.wav, 2/1.wav, 3/1.wav, 4/1.wav, 5/1.wav, 6/1.wav, 7/1.wav, 8/1.wav, "
        "9/1.wav and 290 more; please write the name in full."
    )
    assert max(map(len, matching.ambiguous)) < 1000
    near = matched(recordings(*(f"{i}.wav" for i in range(300))), lines(*(f"{i}.mp3" for i in range(10_000))))
    assert len(near.listed) == 300 and len(near.without_recording) == 9_700


def test_a_sentence_stays_on_one_line(tmp_path):
    """A quotation mark too many makes one name of several lines."""
    (tmp_path / "l.csv").write_text('"name,text\na.wav,""yes"",\nb.wav",no\n')
    with pytest.raises(ManifestError, match='has the columns name,text a.wav,"yes", b.wav, no; one must be called'):
        read_references(tmp_path / "l.csv")


def test_a_sentence_repeats_no_long_value(tmp_path):
    (tmp_path / "l.csv").write_text(f"file,simulated\na.wav,{'maybe' * 3000}\n")
    with pytest.raises(ManifestError) as caught:
        read_references(tmp_path / "l.csv")
    assert len(str(caught.value)) < 250
    (tmp_path / "l.csv").write_text(",".join("x" * 3000 for _ in range(90)) + "\na\n")
    with pytest.raises(ManifestError, match="and 80 more; one must be called `file`") as caught:
        read_references(tmp_path / "l.csv")
    assert len(str(caught.value)) < 1500


def test_of_a_long_name_in_a_list_the_beginning_is_told():
    long = "x" * 20_000
    references = [(4, ManifestRow(f"{long}.wav", Path())), (5, ManifestRow("b" * 5_000, Path()))]
    matching = matched([Recording("a.wav", Path("a.wav"), Place(0, None))], references)
    assert all(len(each) < 300 for each in matching.without_recording) and len(matching.without_recording) == 2
