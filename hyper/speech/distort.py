"""The same recordings through other rooms, microphones and telephones: no disorder, but what recordings suffer from.

Training hears them so that a hypernetwork leaves a bad recording alone. `far_off`, which only tests hear, is made in
another way and goes further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.blocks import in_blocks
from hyper.recordings.limits import SAMPLE_RATE, AudioError
from hyper.recordings.manifest import ManifestRow, write_manifest
from hyper.recordings.parallel import parallel
from hyper.simulate.room import at_peak, ratio, room_noise, speech_level

IN_A_ROOM, ON_A_TELEPHONE, IN_NOISE = 0.5, 0.25, 0.7  # shares of the recordings
ROOM_SECONDS = (0.15, 0.6)  # time for 60 dB
ROOM_DB = (-12.0, 3.0)  # reflections against the direct sound
REFLECTIONS_PER_SECOND = 1500
MICROPHONE_DB = 6.0  # either way, at six places of the spectrum
NOISE_DB = (-35.0, -5.0)  # against the speech
PEAK_DBFS = (-40.0, -1.0)
TELEPHONE_RATE = 8000
MU = 255  # of G.711
_CHUNK = 100  # recordings a worker takes at a time


class DistortError(ValueError):
    """Nothing can be written; the message says why."""


def distort_manifest(
    rows: Sequence[ManifestRow], out: Path, limit: int | None, seed: int, n_workers: int
) -> list[ManifestRow]:
    """Write each recording (a seeded choice of `limit`) as it might have been recorded elsewhere, and `manifest.csv`.

    All else stays as it was, phone times too; recordings that cannot be used are left out. Errors: DistortError where
    that is all of them.
    """
    if limit is not None and limit < len(rows):
        chosen = np.random.default_rng(seed).choice(len(rows), size=limit, replace=False)
        rows = [rows[i] for i in sorted(chosen)]
    jobs = [(row, f"{i // 1000:03d}/{i:06d}.wav", (seed, i)) for i, row in enumerate(rows)]
    for folder in {(out / file).parent for _, file, _ in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
    tasks = [(out.resolve(), chunk) for chunk in in_blocks(jobs, _CHUNK)]
    written = [row for chunk in parallel(_distort_chunk, tasks, n_workers, "distorting") for row in chunk]
    if not written:
        raise DistortError(f"None of {len(jobs):,} recordings can be used; check the paths in the manifest.")
    write_manifest(out / "manifest.csv", written)
    return written


def _distort_chunk(task: tuple[Path, Sequence[tuple[ManifestRow, str, tuple[int, int]]]]) -> list[ManifestRow]:
    out, jobs = task
    written = []
    for row, file, seed in jobs:
        try:
            waveform = load_audio(row.path)
        except AudioError:  # silent or broken clips are in every corpus; the command prints how many were written
            continue
        save_audio(out / file, distorted(waveform, np.random.default_rng(seed)))
        written.append(replace(row, file=file, path=out / file))
    return written


def distorted(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:  # both (n_samples,) 16 kHz
    """A room, a microphone, noise or a telephone drawn for one recording; it keeps its length and its timing."""
    heard = waveform.astype(np.float64)
    if rng.random() < IN_A_ROOM:
        heard = _in_a_room(heard, rng)
    heard = _through_a_microphone(heard, rng)
    if rng.random() < IN_NOISE:
        heard = heard + room_noise(len(heard), speech_level(heard) * ratio(rng.uniform(*NOISE_DB)), rng)
    if rng.random() < ON_A_TELEPHONE:
        heard = _on_a_telephone(heard, rng)
    return at_peak(heard, rng.uniform(*PEAK_DBFS))


def _in_a_room(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sparse reflections of either sign that decay by 60 dB, duller than the direct sound (velvet noise)."""
    seconds = rng.uniform(*ROOM_SECONDS)
    n = int(seconds * SAMPLE_RATE)
    reflections = np.zeros(n)
    at = rng.integers(1, n, size=max(int(seconds * REFLECTIONS_PER_SECOND), 1))
    reflections[at] = rng.choice([-1.0, 1.0], size=len(at)) * 10 ** (-3 * at / n)
    reflections = sosfilt(butter(1, rng.uniform(1500, 6000), fs=SAMPLE_RATE, output="sos"), reflections)
    reflections *= ratio(rng.uniform(*ROOM_DB)) / np.sqrt((reflections**2).sum())
    reflections[0] += 1  # the direct sound
    return fftconvolve(waveform, reflections)[: len(waveform)]


def _through_a_microphone(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A smooth response, some decibels up and down over the whole spectrum."""
    spectrum = np.fft.rfft(waveform)
    places = np.linspace(0, len(spectrum) - 1, 6)
    gains_db = np.interp(np.arange(len(spectrum)), places, rng.uniform(-MICROPHONE_DB, MICROPHONE_DB, 6))
    return np.fft.irfft(spectrum * 10 ** (gains_db / 20), len(waveform))


def _on_a_telephone(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Eight thousand samples a second of eight bits on a logarithmic scale, and nothing below some 300 Hz."""
    lowest = rng.uniform(100, 400)
    narrow = resample_poly(waveform, 1, SAMPLE_RATE // TELEPHONE_RATE)
    narrow = sosfilt(butter(2, lowest, "highpass", fs=TELEPHONE_RATE, output="sos"), narrow)
    loud = max(float(np.abs(narrow).max()), 1e-9)
    compressed = np.sign(narrow) * np.log1p(MU * np.abs(narrow) / loud) / np.log1p(MU)
    coarse = np.round(compressed * 127) / 127
    expanded = np.sign(coarse) * np.expm1(np.abs(coarse) * np.log1p(MU)) / MU * loud
    wide = resample_poly(expanded, SAMPLE_RATE // TELEPHONE_RATE, 1)
    return np.pad(wide, (0, max(len(waveform) - len(wide), 0)))[: len(waveform)]
