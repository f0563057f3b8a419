"""Recordings to train on, to choose by and to test on; no speaker is in two of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hyper.metrics.intervals import MIN_SPEAKERS
from hyper.recordings.manifest import TYPICAL, ManifestRow, read_manifest, source_speaker, write_manifest
from hyper.study.pair.options import PairError

PARTS = ("train", "validation", "test")
HELD_SHARE = 0.15  # of the speakers, for validation and for the test each
LEAST_PATIENTS = 6  # three to train on, one to choose by, two to test on
LEAST_TYPICAL = 3  # from here on one is in the test
ENOUGH_PATIENTS = 3 * MIN_SPEAKERS  # from here on the test has an interval

Parts = Mapping[str, Sequence[ManifestRow]]  # by name


def split(rows: Sequence[ManifestRow], all_become_patients: bool, seed: int) -> dict[str, list[ManifestRow]]:
    """Deal out the speakers, patients and others apart, cohorts alike; the same seed deals alike.

    Errors: PairError where there are too few patients.
    """
    cohorts: dict[str, str] = {}  # of each speaker the first that is not typical
    for row in rows:
        speaker = source_speaker(row)
        if cohorts.get(speaker, TYPICAL) == TYPICAL:
            cohorts[speaker] = row.cohort
    patients = {s: c for s, c in cohorts.items() if all_become_patients or c != TYPICAL}
    if len(patients) < LEAST_PATIENTS:
        who = "speakers" if all_become_patients else "speakers whose speech is not typical"
        raise PairError(
            f"Only {len(patients)} {who} have recordings that can be used, but {LEAST_PATIENTS} or more are wanted, "
            f"since none may be in training and test at once ({ENOUGH_PATIENTS} or more give the test an interval); "
            "please add speakers, or name them in the `speaker` column or by a folder for each."
        )
    rng = np.random.default_rng(seed)
    part_of = _dealt(patients, rng) | _dealt({s: c for s, c in cohorts.items() if s not in patients}, rng)
    parts: dict[str, list[ManifestRow]] = {name: [] for name in PARTS}
    for row in rows:
        parts[part_of[source_speaker(row)]].append(row)
    return parts


def sizes(n_speakers: int) -> tuple[int, int]:
    """How many are tested on, and how many validated on: 15 % each, but enough for an interval where there are."""
    share = round(HELD_SHARE * n_speakers)
    return max(share, min(MIN_SPEAKERS, n_speakers // 3)), max(share, min(MIN_SPEAKERS, n_speakers // 4))


def _dealt(cohorts: Mapping[str, str], rng: np.random.Generator) -> dict[str, str]:
    """The part of each speaker; along the order every cohort is spread evenly, from a place drawn by chance."""
    by_cohort: dict[str, list[str]] = defaultdict(list)
    for speaker in sorted(cohorts):
        by_cohort[cohorts[speaker]].append(speaker)
    placed: list[tuple[float, str]] = []
    for own in by_cohort.values():
        start = rng.random()
        placed += [((k + start) / len(own), speaker) for k, speaker in enumerate(rng.permutation(own).tolist())]
    order = [speaker for _, speaker in sorted(placed)]
    n_test, n_validation = sizes(len(order))
    every = {name: "train" for name in order}
    places = np.linspace(0, len(order), n_test + n_validation, endpoint=False).astype(int)
    held = rng.permutation(n_test + n_validation)
    return every | {order[place]: "test" if i < n_test else "validation" for place, i in zip(places, held, strict=True)}


def write_parts(parts: Parts, folder: Path) -> None:
    """A manifest for each."""
    for name, rows in parts.items():
        write_manifest(folder / f"{name}.csv", rows)


def read_parts(folder: Path) -> dict[str, list[ManifestRow]]:
    """What was written."""
    return {name: read_manifest(folder / f"{name}.csv") for name in PARTS}


def with_patients(parts: Parts, simulated: Sequence[ManifestRow]) -> dict[str, list[ManifestRow]]:
    """Each part with the simulated patients that its speakers became."""
    speakers = {row.speaker: name for name, rows in parts.items() for row in rows}
    joined = {name: list(rows) for name, rows in parts.items()}
    for row in simulated:
        joined[speakers[source_speaker(row)]].append(replace(row, file=row.path.absolute().as_posix()))
    return joined


def parts_text(parts: Parts, all_become_patients: bool) -> str:
    """How many recordings and speakers each holds, and whether the test can have an interval."""
    lines = []
    for name, rows in parts.items():
        speakers = {source_speaker(row) for row in rows}
        n_typical = len(speakers - {source_speaker(row) for row in rows if row.cohort != TYPICAL})
        told = f"{len(rows):,} recordings of {len(speakers):,} speakers, {n_typical:,} of them typical"
        lines.append(f"{name:<11} {told}")
    has_typical = {name: any(row.cohort == TYPICAL for row in rows) for name, rows in parts.items()}
    if has_typical["train"] and not has_typical["test"]:
        wanted = f"with {LEAST_TYPICAL} or more one would be tested on"
        lines.append(f"whether adapting harms typical speech will not be known: its speakers are too few; {wanted}")
    tested = {row.speaker for row in parts["test"] if all_become_patients or row.cohort != TYPICAL}
    if len(tested) < MIN_SPEAKERS:
        wanted = f"with {MIN_SPEAKERS} or more its figures would have an interval"
        lines.append(f"the test has {len(tested)} patients; {wanted} ({ENOUGH_PATIENTS} patients in all)")
    return "\n".join(lines)
