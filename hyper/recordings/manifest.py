"""The manifest: a CSV that lists recordings with what was meant and who spoke."""

from __future__ import annotations

import csv
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyper.recordings.limits import shown
from hyper.recordings.tables import unnamed, without_apostrophe
from hyper.recordings.whole_files import whole_file

# Accepted names of a column, the written one first.
FILE_COLUMNS = ("file", "path")
REFERENCE_COLUMNS = ("reference", "text", "what was meant")  # the last one in tables that the app saved
OPTIONAL_COLUMNS = (
    "speaker", "cohort", "severity", "voice", "domain", "corpus", "licence", "phones", "age", "note", "verbatim",
    "outcome", "doubt", "chosen_with", "pair",
)  # fmt: skip
# Kinds that the code tells apart, however they are written: `Typical` is no disorder. Others stay as written (ALS).
KINDS = {"typical", "stuttering", "dysarthria", "parkinsons", "mixed", "dysphonia", "mild", "moderate", "severe"}
TYPICAL = "typical"
# What lists call the cohort of people without a disorder, in small letters or not; all are read as `typical`.
TYPICAL_NAMES = frozenset(
    (TYPICAL, "control", "controls", "hc", "healthy", "healthy control", "healthy controls", "normal")
)
COHORT_NAMES = {"parkinsons": "Parkinson's", TYPICAL: "typical speech"}  # for people; others are as they are named
ORIGINAL_COLUMN = "original"
SIMULATED_VALUES = {
    "1": True, "true": True, "yes": True, "simulated": True,  # the last one in tables that the app saved
    "0": False, "false": False, "no": False, "": False,
}  # fmt: skip
# What is put behind a typical speaker's name where they are turned into somebody else: "-dysamo3x0" by `simulate`
# (disorder, severity, seed, number), "-dysam0" by earlier ones, and what corpora of simulated speech put there.
_TURNED_INTO = re.compile(r"-(?:[a-z]{1,4}(?:mi|mo|se)\d+x\d+|(?:stut|dysa|park|mixe|dysp)[ms]\d+|libristutter)$")
SYNTHETIC = "synthetic"  # the corpus of what `make-speech` makes
_ONE_WOMAN = {"festival:cmu_us_slt_arctic_hts": "flite:slt"}  # the same recordings made both voices
ADULT_AGE = 16  # years; the vocal tract of a younger speaker is still growing


class ManifestError(ValueError):
    """The manifest cannot be used; the message says which line or column and what is wanted."""


@dataclass(frozen=True)
class ManifestRow:
    """One recording. Text columns that are absent or empty are ""."""

    file: str  # as written in the manifest
    path: Path  # where that is on this machine
    reference: str = ""  # the words that were meant
    speaker: str = ""
    cohort: str = ""  # typical, or the name of a disorder
    severity: str = ""  # mild, moderate, severe
    simulated: bool = False  # whether a simulator made it atypical
    voice: str = ""
    domain: str = ""  # command, open, word
    corpus: str = ""
    licence: str = ""
    phones: str = ""  # "symbol:start:end:word ..." in seconds
    age: str = ""  # years
    note: str = ""  # whatever whoever made the list wants to find again
    verbatim: str = ""  # every sound that was said, repetitions included
    outcome: str = ""  # of an example: gain, tie, harm or right, with the pair that it was chosen with
    doubt: str = ""  # of an example: the gravest reason why its result is not reliable, as `REASONS` names it
    chosen_with: str = ""  # of an example: what is to be known of that pair
    pair: str = ""  # and its weights, as `pair_of` tells them
    original: Path | None = None  # where the recording is that a simulator changed; written relative to the manifest

    @property
    def age_group(self) -> str:
        """child (under 16) or adult; "" where the age is no number of years, such as Common Voice's "twenties"."""
        if not self.age.replace(".", "", 1).isdecimal():
            return ""
        return "child" if float(self.age) < ADULT_AGE else "adult"


def source_speaker(row: ManifestRow) -> str:
    """The typical speaker behind a simulated patient, by the patient's name; any other speaker is their own.

    So are simulated speakers of other origin, whose names say nothing that is known here.
    """
    return _TURNED_INTO.sub("", row.speaker) if row.simulated else row.speaker


def counted_voice(row: ManifestRow) -> str:
    """Who is drawn as one for an interval: the person who is heard, or a synthesiser's voice, whoever it was made into.

    Speakers that are made of one voice by another pitch and pace fail together.
    """
    if row.corpus == SYNTHETIC and row.voice:
        return _ONE_WOMAN.get(row.voice, row.voice)
    return source_speaker(row)


def read_manifest(path: str | Path) -> list[ManifestRow]:
    """All rows of the manifest; recordings are looked for relative to the manifest's folder."""
    path = Path(path)
    _check_is_csv(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:  # spreadsheets put a byte order mark in front
            rows = _rows(path, csv.DictReader(lines, strict=True))
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} is not a comma-separated text file in UTF-8 ({error}).") from error
    if not rows:
        raise ManifestError(f"{path} lists no recordings; it needs one line for each below the column names.")
    return rows


def _rows(path: Path, reader: csv.DictReader[str]) -> list[ManifestRow]:
    """Each line below the column names, checked; told is which cohorts are read as typical."""
    rows, cohorts, filled, done = [], list[str](), set[str](), 0
    try:
        written = reader.fieldnames or ()
        columns = tuple(
            name.strip().lower() or unnamed(i) for i, name in enumerate(written)
        )  # "file, Reference" is how people write it
        reader.fieldnames = columns
        nameless = [name for name, as_written in zip(columns, written, strict=True) if not as_written.strip()]
        file_column = first_present(FILE_COLUMNS, columns)
        if file_column is None:
            raise ManifestError(
                f"{path} has the columns {', '.join(written) or '(none)'}; it needs `file` or `path`, with commas "
                "between the columns."
            )
        reference_column = first_present(REFERENCE_COLUMNS, columns)
        done = reader.line_num
        for record in reader:
            rows.append(manifest_row(path, reader.line_num, record, file_column, reference_column))
            cohorts.append(record.get("cohort") or "")
            filled |= {name for name in nameless if (record[name] or "").strip()}
            done = reader.line_num
    except csv.Error as error:
        raise ManifestError(
            f"{path} cannot be read as CSV, near line {done + 1} ({error}); please check its quotation marks."
        ) from error
    tell_typical_names(path, cohorts)
    for name in sorted(filled):
        print(f"{path}: {name} is left out, though it holds texts.", file=sys.stderr, flush=True)
    return rows


def _check_is_csv(path: Path) -> None:
    """Errors: ManifestError where nothing lies there, or what is no CSV by its name."""
    if path.is_dir():
        raise ManifestError(
            f"There is no manifest at {path}: it is a folder. Name the CSV in it that lists the recordings, or write "
            f"one with `python -m hyper corpus auto {path} --out manifest.csv`."
        )
    if not path.is_file():
        raise ManifestError(f"There is no manifest at {path}; please check its name and folder.")
    if path.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise ManifestError(f"{path} is a spreadsheet; please save it as CSV in UTF-8 and name that file.")


def check_is_new(path: Path) -> None:
    """Errors: ManifestError where a file lies there, which may be somebody's own list."""
    if path.exists():
        raise ManifestError(f"{path} is there already; choose another --out, or delete it.")


def write_manifest(path: str | Path, rows: Sequence[ManifestRow]) -> None:
    """Write the columns that any row fills; `file` is written as the row has it. It is there in whole or not at all."""
    path = Path(path)
    names = (*OPTIONAL_COLUMNS, ORIGINAL_COLUMN)
    used = [name for name in names if any(getattr(row, name) for row in rows)]
    columns = [FILE_COLUMNS[0], REFERENCE_COLUMNS[0], *used, "simulated"]
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.parent.resolve()  # ".." leads out of where a linked folder really is
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_written(row, name, folder) for name in columns])


def _written(row: ManifestRow, column: str, folder: Path) -> str | int:
    if column == ORIGINAL_COLUMN:
        return os.path.relpath(row.original, folder) if row.original else ""
    value: str | bool = getattr(row, column)
    return int(value) if isinstance(value, bool) else value


def check_speakers(rows: Sequence[ManifestRow], why: str) -> None:
    """Where recordings of nobody would be taken for those of one person. Errors: `ManifestError`, with `why` it is
    asked."""
    if nameless := [row.file for row in rows if not row.speaker]:
        raise ManifestError(
            f"{len(nameless):,} of {len(rows):,} recordings name no speaker, the first is {nameless[0]}; please fill "
            f"in the column `speaker`, since {why}."
        )


def first_present(names: Iterable[str], columns: Sequence[str]) -> str | None:
    """The first of `names` that is a column."""
    return next((name for name in names if name in columns), None)


def kind(written: str) -> str:
    """A cohort or severity as the code names it; one that it does not know stays as written."""
    return written.lower() if written.lower() in KINDS else written


def cohort_of(written: str) -> str:
    """A cohort as the code names it: `typical` for every name of people without a disorder."""
    return TYPICAL if written.lower() in TYPICAL_NAMES else kind(written)


def is_typical(row: ManifestRow) -> bool:
    """Whether nobody says that a disorder is heard in it."""
    return cohort_of(row.cohort) in ("", TYPICAL)


def typical_names(cohorts: Iterable[str]) -> tuple[str, ...]:
    """Those of these cohorts, each once and as it is written, that are read as typical and called otherwise."""
    other = dict.fromkeys(name.strip() for name in cohorts)
    return tuple(name for name in other if name.lower() != TYPICAL and cohort_of(name) == TYPICAL)


def tell_typical_names(place: Path, cohorts: Iterable[str]) -> None:
    """One line, where there are such: what nobody is told of nobody can put right."""
    if names := typical_names(cohorts):
        print(f"{place}: the cohort {', '.join(names)} is read as {TYPICAL}.", file=sys.stderr, flush=True)


KIND_COLUMNS = {"cohort": cohort_of, "severity": kind}


def manifest_row(
    manifest: Path, line: int, record: dict[str, str | None], file_column: str, reference_column: str | None
) -> ManifestRow:
    """One line of the manifest, checked; errors name it as the manifest's path is written."""
    if None in record:
        raise ManifestError(f"{manifest}, line {line}: more values than columns; texts with commas need quotes.")
    values = {name: without_apostrophe((value or "").strip()) for name, value in record.items()}
    if not values[file_column]:
        raise ManifestError(f"{manifest}, line {line}: `{file_column}` is empty; each line names a recording.")
    values |= {name: read(values[name]) for name, read in KIND_COLUMNS.items() if name in values}
    simulated = values.get("simulated", "").lower()
    if simulated not in SIMULATED_VALUES:
        raise ManifestError(f"{manifest}, line {line}: `simulated` is {shown(simulated)!r}; it must be 0 or 1.")
    return ManifestRow(
        file=values[file_column],
        path=manifest.parent / values[file_column],
        reference=values[reference_column] if reference_column else "",
        simulated=SIMULATED_VALUES[simulated],
        original=(manifest.parent / original).resolve() if (original := values.get(ORIGINAL_COLUMN)) else None,
        **{name: values.get(name, "") for name in OPTIONAL_COLUMNS},
    )
