"""Simulated patients made of the typical speakers of each part; those of the test by ways that training never hears."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.limits import SAMPLE_RATE, AudioError
from hyper.recordings.manifest import ManifestRow, read_manifest
from hyper.simulate import COHORTS
from hyper.simulate.phones import PhonesError
from hyper.speech.simulate_manifest import Job, planned_jobs, said, simulate_manifest
from hyper.study.pair.parts import PARTS, Parts

HEARD, UNHEARD = "simulated", "simulated-test"  # folders
_SAMPLED = 12  # patients' recordings that say how long simulating takes, and what it makes longer
_LONGEST = 2  # typical recordings of each disorder and severity that the longest patients are looked for among
_BYTES_PER_SECOND = 2 * SAMPLE_RATE  # 16-bit samples


@dataclass(frozen=True)
class SimulationCost:
    """Of a second of typical speech."""

    seconds: float  # of work
    lengthening: float  # seconds of simulated speech
    n_bytes: int = _BYTES_PER_SECOND


def simulation_cost(parts: Parts, seed: int) -> SimulationCost:
    """Measured on a few of the recordings, each said by the patient that it will be given to; nothing is written."""
    jobs = _jobs(parts, seed)
    spent = said_seconds = heard = 0.0
    for job in jobs[:: max(1, len(jobs) // _SAMPLED)][:_SAMPLED]:
        try:
            waveform = load_audio(job.row.path)
            started = time.perf_counter()
            patient = said(job, waveform)
        except (AudioError, PhonesError):
            continue
        spent += time.perf_counter() - started
        said_seconds, heard = said_seconds + len(patient) / SAMPLE_RATE, heard + len(waveform) / SAMPLE_RATE
    return SimulationCost(spent / heard, said_seconds / heard) if heard else SimulationCost(0.0, 1.0)


def longest_patients(
    parts: Parts, lengths: Mapping[str, float], window_seconds: float, seed: int, folder: Path
) -> list[ManifestRow]:
    """What a training will hear that is longest: the longest recordings of each disorder and severity, simulated.

    `lengths` are seconds by file. One that would be longer than the window ends with it: training leaves it out, but
    another may come as near.
    """
    jobs: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for job in sorted(_jobs(parts, seed), key=lambda job: lengths[job.row.file]):
        jobs[job.patient.cohort, job.patient.severity].append(job)
    rows: list[ManifestRow] = []
    for job in (job for own in jobs.values() for job in own[-_LONGEST:]):
        try:
            waveform = said(job, load_audio(job.row.path))
        except (AudioError, PhonesError):
            continue
        path = folder / f"{len(rows)}.wav"
        save_audio(path, waveform[: round(window_seconds * SAMPLE_RATE)])
        rows.append(replace(job.row, file=str(path), path=path, speaker=job.patient.name, cohort=job.patient.cohort))
    return rows


def _heard(parts: Parts) -> list[ManifestRow]:
    """Of the typical recordings those whose patients training or choosing hears."""
    return [row for name in PARTS if name != "test" for row in parts[name]]


def _jobs(parts: Parts, seed: int) -> list[Job]:
    return planned_jobs(_heard(parts), 1, COHORTS, None, seed, "train")


def make_patients(parts: Parts, folder: Path, seed: int, n_workers: int) -> str:
    """Every typical recording said by a simulated patient; returns how many there are."""
    written = simulate_manifest(
        _heard(parts), folder / HEARD, cohorts=COHORTS, seed=seed, n_workers=n_workers, ways="train"
    )
    other = seed + 1  # else patients of both with the same place in the deal would draw the same values
    written += simulate_manifest(
        parts["test"], folder / UNHEARD, cohorts=COHORTS, seed=other, n_workers=n_workers, ways="held-out"
    )
    n_patients = len({row.speaker for row in written})
    return f"{len(written):,} simulated recordings of {n_patients:,} simulated patients, no real one among them"


def simulated_rows(folder: Path) -> list[ManifestRow]:
    """What `make_patients` wrote."""
    return [row for name in (HEARD, UNHEARD) for row in read_manifest(folder / name / "manifest.csv")]
