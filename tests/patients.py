"""Invented words by simulated patients of each cohort and typical speakers, for studies in miniature."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hyper.recordings.audio import save_audio
from hyper.recordings.manifest import ManifestRow, write_manifest
from hyper.simulate import COHORTS, SEVERITIES
from tests.spoken import WORDS, say

N_EACH = 2  # recordings of a speaker


def write_patients(folder: Path, n_speakers: int, seed: int, cohorts: tuple[str, ...] = ("typical", *COHORTS)) -> Path:
    """`n_speakers` of each cohort, severities in turn; the path of the manifest comes back."""
    rng = np.random.default_rng(seed)
    rows = []
    for place in range(n_speakers * len(cohorts) * N_EACH):
        speaker = place // N_EACH
        cohort = cohorts[speaker % len(cohorts)]
        text = " ".join(rng.choice(list(WORDS), size=2))
        waveform, phones = say(text, 100 * seed + place)
        save_audio(folder / f"{place}.wav", waveform)
        row = ManifestRow(f"{place}.wav", folder, text, f"{cohort[:4]}{seed}{speaker}", cohort, phones=phones)
        if cohort != "typical":
            row = replace(row, severity=SEVERITIES[speaker // len(cohorts) % 3], simulated=True)
        rows.append(row)
    write_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"
