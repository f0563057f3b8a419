"""Simulated patients made of the typical speakers of each part; those of the test by ways that training never hears."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hyper.recordings.audio import load_audio
from hyper.recordings.limits import SAMPLE_RATE, AudioError
from hyper.recordings.manifest import ManifestRow, read_manifest
from hyper.simulate import COHORTS
from hyper.simulate.ways import simulate_way, ways_of
from hyper.speech.simulate_manifest import simulate_manifest
from hyper.study.pair.parts import PARTS, Parts

HEARD, UNHEARD = "simulated", "simulated-test"  # folders
_SAMPLED = 4  # recordings that say how long simulating takes
_BYTES_PER_SECOND = 2 * SAMPLE_RATE  # 16-bit samples


@dataclass(frozen=True)
class SimulationCost:
    """Of a second of typical speech."""

    seconds: float  # of work
    lengthening: float  # seconds of simulated speech
    n_bytes: int = _BYTES_PER_SECOND


def simulation_cost(rows: Sequence[ManifestRow]) -> SimulationCost:
    """Measured on a few of the recordings, each in every way that needs no phone times; nothing is written."""
    spent = said = heard = 0.0
    for i, row in enumerate(rows[:_SAMPLED]):
        try:
            waveform = load_audio(row.path)
        except AudioError:
            continue
        for cohort in COHORTS:
            way, started = ways_of(cohort, "train")[-1], time.perf_counter()
            patient: np.ndarray = simulate_way(way, waveform, cohort, "moderate", i, i)
            spent += time.perf_counter() - started
            said, heard = said + len(patient) / SAMPLE_RATE, heard + len(waveform) / SAMPLE_RATE
    return SimulationCost(spent / heard, said / heard) if heard else SimulationCost(0.0, 1.0)


def make_patients(parts: Parts, folder: Path, seed: int, n_workers: int) -> str:
    """Every typical recording said by a simulated patient; returns how many there are."""
    heard = [row for name in PARTS if name != "test" for row in parts[name]]
    written = simulate_manifest(heard, folder / HEARD, 1, COHORTS, None, seed, n_workers, "train")
    written += simulate_manifest(parts["test"], folder / UNHEARD, 1, COHORTS, None, seed, n_workers, "held-out")
    n_patients = len({row.speaker for row in written})
    return f"{len(written):,} simulated recordings of {n_patients:,} simulated patients, no real one among them"


def simulated_rows(folder: Path) -> list[ManifestRow]:
    """What `make_patients` wrote."""
    return [row for name in (HEARD, UNHEARD) for row in read_manifest(folder / name / "manifest.csv")]
