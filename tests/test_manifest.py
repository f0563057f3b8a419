"""The manifest reader: both column namings, defaults, and a sentence for each mistake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_clinic_report import evaluation, utterance

from hyper.__main__ import main
from hyper.recordings.manifest import (
    KINDS,
    ManifestError,
    ManifestRow,
    counted_voice,
    read_manifest,
    source_speaker,
    write_manifest,
)
from hyper.recordings.matching import read_references
from hyper.recordings.tables import csv_bytes
from hyper.reports.table import recordings_sheet
from hyper.simulate import ALL_COHORTS, SEVERITIES


def manifest(folder: Path, text: str) -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("columns", ["path,text", "file,reference"])
def test_reads_both_column_namings(tmp_path, columns):
    (row,) = read_manifest(manifest(tmp_path, f"{columns}\nsub/a.wav,call my sister\n"))
    assert row == ManifestRow("sub/a.wav", tmp_path / "sub" / "a.wav", "call my sister")


@pytest.mark.parametrize("columns", ["file, reference, speaker", "File,Reference,Speaker", "PATH ,\tText, SPEAKER"])
def test_column_names_are_read_as_people_write_them(tmp_path, columns):
    (row,) = read_manifest(manifest(tmp_path, f"{columns}\na.wav,call my sister,s1\n"))
    assert (row.file, row.reference, row.speaker) == ("a.wav", "call my sister", "s1")


def test_quotation_marks_are_doubled_within_quotes_and_stand_alone_without(tmp_path):
    first, second = read_manifest(manifest(tmp_path, 'file,text\na.wav,"say ""yes"" now"\nb.wav,5" tall\n'))
    assert (first.reference, second.reference) == ('say "yes" now', '5" tall')


def test_reads_optional_columns_quotes_and_a_byte_order_mark(tmp_path):
    text = '\ufefffile,reference,cohort,severity,simulated,extra\na.wav,"yes, please",stuttering,mild,1,x\nb.wav,,,,,\n'
    first, second = read_manifest(manifest(tmp_path, text))
    assert (first.reference, first.cohort, first.severity, first.simulated) == (
        "yes, please",
        "stuttering",
        "mild",
        True,
    )
    assert (second.reference, second.cohort, second.simulated) == ("", "", False)


def test_kinds_of_speech_are_told_apart_however_they_are_written(tmp_path):
    table = "file,speaker,cohort,severity\na.wav,Anna,Typical,MILD\nb.wav,Ben,ALS,Stage II\n"
    anna, ben = read_manifest(manifest(tmp_path, table))
    assert (anna.cohort, anna.severity, anna.speaker) == ("typical", "mild", "Anna")
    assert (ben.cohort, ben.severity) == ("ALS", "Stage II")  # a report calls them what the list does


def test_people_without_a_disorder_are_typical_by_any_usual_name_and_that_is_told(tmp_path, capsys):
    cohorts = ["Control", "control", "HC", "healthy", "Typical", "ALS", "Control"]
    rows = read_manifest(manifest(tmp_path, "file,Cohort\n" + "".join(f"a.wav,{each}\n" for each in cohorts)))
    assert [row.cohort for row in rows] == ["typical"] * 5 + ["ALS", "typical"]
    told = f"{tmp_path / 'manifest.csv'}: the cohort Control, control, HC, healthy is read as typical.\n"
    assert capsys.readouterr().err == told
    read_manifest(manifest(tmp_path, "file,cohort,severity\na.wav,typical,\nb.wav,ALS,normal\n"))
    assert capsys.readouterr().err == ""


def test_a_column_without_a_name_that_holds_texts_is_told(tmp_path, capsys):
    (row,) = read_manifest(manifest(tmp_path, "file,,\na.wav,call my sister,\n"))
    told = f"{tmp_path / 'manifest.csv'}: column B (without a name) is left out, though it holds texts.\n"
    assert row.reference == "" and capsys.readouterr().err == told
    read_manifest(manifest(tmp_path, "file,reference,\na.wav,call my sister,\n"))
    assert capsys.readouterr().err == ""


def test_the_kinds_are_those_that_are_simulated_and_typical_speech():
    assert {"typical", *ALL_COHORTS, *SEVERITIES} == KINDS


@pytest.mark.parametrize(
    ("age", "group"), [("6", "child"), ("15", "child"), ("15.9", "child"), ("16", "adult"), ("61", "adult"),
                       ("", ""), ("twenties", ""), ("-", ""), ("1.2.3", "")]
)  # fmt: skip
def test_age_group(tmp_path, age, group):
    (row,) = read_manifest(manifest(tmp_path, f"file,age\na.wav,{age}\n"))
    assert (row.age, row.age_group) == (age, group)


def test_absolute_paths_stay(tmp_path):
    (row,) = read_manifest(manifest(tmp_path, "file\n/elsewhere/a.wav\n"))
    assert row.path == Path("/elsewhere/a.wav")


def test_written_manifest_reads_back(tmp_path):
    rows = [
        ManifestRow("a.wav", tmp_path / "a.wav", "yes, please", speaker="s1", simulated=True, phones="h:0.000:0.100:0"),
        ManifestRow("b.wav", tmp_path / "b.wav", "no"),
    ]
    write_manifest(tmp_path / "m.csv", rows)
    assert read_manifest(tmp_path / "m.csv") == rows
    assert (tmp_path / "m.csv").read_text().splitlines()[0] == "file,reference,speaker,phones,simulated"


@pytest.mark.parametrize(
    "command",
    [
        ["corpus", "auto", "{folder}", "--out", "{folder}/manifest.csv"],
        ["make-speech", "--out", "{folder}"],
        ["simulate", "{folder}/manifest.csv", "--out", "{folder}"],
        ["distort", "{folder}/manifest.csv", "--out", "{folder}"],
    ],
)
def test_no_command_writes_over_a_list_that_somebody_made(tmp_path, capsys, command):
    typed = manifest(tmp_path, "file,reference\na.wav,call my sister\n")
    assert main([each.format(folder=tmp_path) for each in command]) == 1
    assert f"{typed} is there already; choose another --out, or delete it." in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == [typed] and typed.read_text() == "file,reference\na.wav,call my sister\n"


def test_a_manifest_is_there_in_whole_or_not_at_all(tmp_path):
    path = manifest(tmp_path, "file\na.wav\n")
    with pytest.raises(UnicodeEncodeError):
        write_manifest(path, [ManifestRow("b.wav", tmp_path / "b.wav", "a name that is no text: \udcff")])
    assert [*tmp_path.iterdir()] == [path] and path.read_text() == "file\na.wav\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wav,text\na.wav,hi\n", "has the columns wav, text; it needs `file` or `path`"),
        ("file;text\na.wav;hi\n", "has the columns file;text; .* with commas between the columns"),
        ("", r"has the columns \(none\)"),
        ("file,text\n", "lists no recordings"),
        ("file,text\n,hi\n", "line 2: `file` is empty"),
        ("file,text\na.wav,yes, please\n", "line 2: more values than columns"),
        (
            'file,text\na.wav,hi\nb.wav,"hello\nc.wav,bye\n',
            r"near line 3 \(unexpected end of data\); please check",
        ),
        ('file,text\na.wav,"c" c call\n', "read as CSV, near line 2 .*; please check its quotation marks"),
        ("file,simulated\na.wav,maybe\n", "line 2: `simulated` is 'maybe'; it must be 0 or 1"),
    ],
)
def test_each_mistake_has_its_sentence(tmp_path, text, sentence):
    with pytest.raises(ManifestError, match=sentence):
        read_manifest(manifest(tmp_path, text))


def test_a_table_that_the_app_saved_is_a_manifest(tmp_path):
    path = manifest(tmp_path, "\ufeffnumber,file,what was meant,base\n1,a.wav,call my sister,call me\n")
    (row,) = read_manifest(path)
    assert (row.file, row.reference) == ("a.wav", "call my sister")


def test_a_table_of_simulated_recordings_and_odd_names_is_read_as_it_was_saved(tmp_path):
    found = evaluation(utterance("-1.wav", "+ so", "so", "so", simulated=True), utterance("b.wav", "so", "so", "so"))
    path = tmp_path / "saved.csv"
    path.write_bytes(csv_bytes(recordings_sheet(found)))
    first, second = read_manifest(path)
    assert (first.file, first.reference, first.simulated) == ("-1.wav", "+ so", True)
    assert (second.file, second.simulated) == ("b.wav", False)
    assert [row for _, row in read_references(path).lines] == [
        replace(row, path=Path("saved.csv").parent / row.file) for row in (first, second)
    ]


def test_missing_and_binary_manifests(tmp_path):
    with pytest.raises(ManifestError, match=r"There is no manifest at .*none\.csv; please check its name and folder"):
        read_manifest(tmp_path / "none.csv")
    with pytest.raises(ManifestError, match=f"it is a folder.* corpus auto {tmp_path} --out manifest.csv"):
        read_manifest(tmp_path)
    (tmp_path / "said.xlsx").write_bytes(b"PK")
    with pytest.raises(ManifestError, match=r"said\.xlsx is a spreadsheet; please save it as CSV in UTF-8"):
        read_manifest(tmp_path / "said.xlsx")
    (tmp_path / "binary.csv").write_bytes(b"RIFF\xff\xfe\x80\x00file")
    with pytest.raises(ManifestError, match="not a comma-separated text file in UTF-8"):
        read_manifest(tmp_path / "binary.csv")


def test_an_original_is_found_from_a_linked_folder(tmp_path):
    """The manifest's folder lies elsewhere than its path says, so that ".." leads elsewhere too."""
    (tmp_path / "disk" / "deep" / "out").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "disk" / "deep" / "out")
    original = tmp_path / "typical" / "a.wav"
    rows = [ManifestRow("a.wav", tmp_path / "out" / "a.wav", "yes", simulated=True, original=original)]
    write_manifest(tmp_path / "out" / "manifest.csv", rows)
    for way in ("out", "disk/deep/out"):
        (row,) = read_manifest(tmp_path / way / "manifest.csv")
        assert row.original == original.resolve()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("known00001-dysam0", "known00001"),  # as `simulate` named them once
        ("known00001-stuts12", "known00001"),
        ("clinic-7-parkmo3x2", "clinic-7"),  # as it names them
        ("s-dysami0x0", "s"),
        ("librispeech-84-libristutter", "librispeech-84"),
        ("sim-000", "sim-000"),  # of other origin: two people
        ("sim-004", "sim-004"),
        ("ua-F02", "ua-F02"),
        ("somebody", "somebody"),
    ],
)
def test_only_names_of_this_project_tell_who_is_behind(name, source):
    assert source_speaker(ManifestRow("a.wav", Path("a.wav"), speaker=name, simulated=True)) == source
    assert source_speaker(ManifestRow("a.wav", Path("a.wav"), speaker=name)) == name


def test_made_speakers_of_one_voice_are_drawn_together_and_people_by_who_is_heard() -> None:
    def voice(**columns: str) -> str:
        return counted_voice(ManifestRow("a.wav", Path("a.wav"), simulated=True, **columns))

    made = {"corpus": "synthetic", "voice": "espeak:zac"}
    assert voice(speaker="known1-dysamo3x0", **made) == voice(speaker="known2-stutmi3x0", **made) == "espeak:zac"
    woman = [voice(corpus="synthetic", voice=each) for each in ("festival:cmu_us_slt_arctic_hts", "flite:slt")]
    assert woman[0] == woman[1] != voice(corpus="synthetic", voice="festival:ked_diphone")
    assert voice(speaker="anna-dysamo3x0", corpus="fsdd") == "anna"
