"""Atypical speech from typical: every speaker of a manifest becomes one or more simulated patients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.blocks import in_blocks, on_ray
from hyper.recordings.limits import AudioError, shown
from hyper.recordings.manifest import ManifestRow, check_speakers, is_typical, write_manifest
from hyper.recordings.parallel import parallel
from hyper.simulate import ALL_COHORTS, SEVERITIES, draw_profile, simulate
from hyper.simulate.phones import PhonesError, parse_phones
from hyper.simulate.ways import CHOICES, PHONES, WAYS, draw_way, simulate_way, ways_of

_CHUNK = 100  # recordings a worker takes at a time
_MOST_PATIENTS = 101  # of one speaker: their seeds follow one another, then come those of the next speaker


class SimulationError(ValueError):
    """The manifest cannot be simulated; the message says what is missing, unknown or of no use."""


@dataclass(frozen=True)
class Patient:
    """One simulated speaker: a typical speaker with a cohort, a severity and the seed of a profile."""

    name: str
    cohort: str
    severity: str
    profile_seed: int


@dataclass(frozen=True)
class Job:
    """One recording to be simulated."""

    row: ManifestRow
    patient: Patient
    file: str
    seed: int
    way: str
    note: str


def assign_patients(
    speakers: Sequence[str], n_each: int, cohorts: Sequence[str], seed: int
) -> dict[str, list[Patient]]:
    """Every speaker becomes `n_each` patients; cohorts and severities are dealt out evenly, profiles drawn by the seed.

    One speaker's patients follow one another in the deal, so that with few each they differ in cohort. The last part of
    their names, which `manifest.source_speaker` takes off, is four letters of the cohort (dysarthria, not dysphonia),
    two of the severity (mild, not moderate), the seed and a number: patients of another seed are other people.

    Errors: SimulationError for so many patients of one speaker that they would be those of the next.
    """
    if n_each > _MOST_PATIENTS:
        raise SimulationError(
            f"Each speaker would become {n_each} patients, but at most {_MOST_PATIENTS} of one can be told apart; give "
            "fewer --patients, or another --seed for more."
        )
    cells = [(cohort, severity) for severity in SEVERITIES for cohort in cohorts]
    order = np.random.default_rng([seed, len(speakers)]).permutation(len(speakers))
    patients: dict[str, list[Patient]] = {}
    for place, i in enumerate(order):
        dealt = [cells[(place * n_each + k) % len(cells)] for k in range(n_each)]
        patients[speakers[i]] = [
            Patient(
                f"{speakers[i]}-{cohort[:4]}{severity[:2]}{seed}x{k}",
                cohort,
                severity,
                seed * 1_000_003 + int(i) * _MOST_PATIENTS + k,
            )
            for k, (cohort, severity) in enumerate(dealt)
        ]
    return patients


def simulate_manifest(
    rows: Sequence[ManifestRow],
    out: Path,
    *,
    cohorts: Sequence[str],
    seed: int,
    n_workers: int,
    n_patients: int = 1,  # of each speaker
    limit: int | None = None,
    ways: str = PHONES,
    on_cluster: bool = False,  # of Ray, instead of in `n_workers` processes
) -> list[ManifestRow]:
    """Write one simulated recording for each row (a seeded choice of `limit` rows), and `manifest.csv`.

    The reference stays what the speaker meant to say. Each patient speaks in one of the `ways`, named in the note;
    recordings without phone times in one that needs none.
    Recordings that cannot be simulated are left out, and said. Errors: SimulationError for a cohort or ways that nobody
    simulates, where phone times are missing, where speech is not typical, and where no recording can be simulated;
    ManifestError where it is not said who speaks.
    """
    check_speakers(rows, "each speaker becomes a patient")
    _check_typical(rows)
    unknown = [cohort for cohort in cohorts if cohort not in ALL_COHORTS]
    if unknown:
        raise SimulationError(f"There is no simulator for {unknown[0]!r}; there are {', '.join(ALL_COHORTS)}.")
    _check_ways(rows, cohorts, ways)
    jobs = planned_jobs(rows, n_patients, cohorts, limit, seed, ways)
    for folder in {(out / job.file).parent for job in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
    tasks = [(out.resolve(), chunk) for chunk in in_blocks(jobs, _CHUNK)]
    if on_cluster:
        read = [job.row.path for job in jobs]
        chunks: Iterable[list[ManifestRow]] = on_ray(_simulator, tasks, out / "blocks", "simulating", read=read)
    else:
        chunks = parallel(_simulate_chunk, tasks, n_workers, "simulating")
    written = [row for chunk in chunks for row in chunk]
    _tell_left_out(jobs, written)
    write_manifest(out / "manifest.csv", written)
    return written


def _tell_left_out(jobs: Sequence[Job], written: Sequence[ManifestRow]) -> None:
    """Print what was left out. Errors: SimulationError where that is everything."""
    files = {row.file for row in written}
    left_out = [job.row.file for job in jobs if job.file not in files]
    why = f"the first is {left_out[0]}: silent, broken, or without phone times inside" if left_out else ""
    if not written:
        raise SimulationError(
            f"None of {len(jobs):,} recordings can be simulated, {why}; check them and their `phones`."
        )
    if left_out:
        print(f"left out {len(left_out):,} of {len(jobs):,} recordings, {why}", flush=True)


def planned_jobs(
    rows: Sequence[ManifestRow], n_patients: int, cohorts: Sequence[str], limit: int | None, seed: int, ways: str
) -> list[Job]:
    """What `simulate_manifest` will simulate, with the same draws; nothing is read."""
    rng = np.random.default_rng(seed)
    if limit is not None and limit < len(rows):
        rows = [rows[i] for i in sorted(rng.choice(len(rows), size=limit, replace=False))]
    patients = assign_patients(sorted({row.speaker for row in rows}), n_patients, cohorts, seed)
    jobs = []
    for i, row in enumerate(rows):
        patient = patients[row.speaker][int(rng.integers(n_patients))]
        file, way = f"{i // 1000:03d}/{i:06d}.wav", _way_of(row, patient, ways)
        note = row.note if ways == PHONES else f"way: {way}"
        jobs.append(Job(row, patient, file, seed * 10_000_019 + i, way, note))
    return jobs


def _check_typical(rows: Sequence[ManifestRow]) -> None:
    """Errors: SimulationError where some are of patients: a simulator knows typical speech alone."""
    if patients := [row for row in rows if not is_typical(row)]:
        raise SimulationError(
            f"{len(patients):,} of {len(rows):,} recordings are no typical speech, the first is {patients[0].file} "
            f"({shown(patients[0].cohort)}); patients are made of typical speech alone, so please list only that."
        )


def _check_ways(rows: Sequence[ManifestRow], cohorts: Sequence[str], ways: str) -> None:
    """Errors: SimulationError where no way makes a cohort, or none can for want of phone times."""
    without = [row.file for row in rows if not row.phones]
    for cohort in cohorts:
        names = ways_of(cohort, ways)
        if not names:
            able = [way for way in (*CHOICES, PHONES, *WAYS) if ways_of(cohort, way)]
            raise SimulationError(
                f"No way {ways!r} makes {cohort}; give --ways one of {', '.join(able)}, or --cohorts without {cohort}."
            )
        if without and names == (PHONES,):
            raise SimulationError(
                f"{len(without)} recordings have no phone times, the first is {without[0]}; "
                "`python -m hyper align` finds them."
            )


def _way_of(row: ManifestRow, patient: Patient, ways: str) -> str:
    names = ways_of(patient.cohort, ways)
    return draw_way([name for name in names if row.phones or name != PHONES], patient.profile_seed)


def said(job: Job, waveform: np.ndarray) -> np.ndarray:  # (n_samples,) -> (n_samples_out,)
    """The recording as the patient says it."""
    who = job.patient
    if job.way != PHONES:
        return simulate_way(job.way, waveform, who.cohort, who.severity, who.profile_seed, job.seed)
    profile = draw_profile(who.cohort, who.severity, who.profile_seed)
    return simulate(waveform, parse_phones(job.row.phones), profile, job.seed).waveform


def _simulator() -> Callable[[tuple[Path, Sequence[Job]]], list[ManifestRow]]:
    return _simulate_chunk


def _simulate_chunk(task: tuple[Path, Sequence[Job]]) -> list[ManifestRow]:
    out, jobs = task
    rows = []
    for job in jobs:
        try:
            waveform = said(job, load_audio(job.row.path))
        except (AudioError, PhonesError):  # such are in every corpus, and end no long run; `_tell_left_out` counts them
            continue
        save_audio(out / job.file, waveform)
        rows.append(
            replace(
                job.row,
                file=job.file,
                path=out / job.file,
                speaker=job.patient.name,
                cohort=job.patient.cohort,
                severity=job.patient.severity,
                simulated=True,
                original=job.row.path.resolve(),
                phones="",
                note=job.note,
            )
        )
    return rows
