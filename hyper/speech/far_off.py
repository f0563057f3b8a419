"""Speech from the other end of a room: quiet, reverberant, noisy. Somebody speaks, so it has a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.manifest import ManifestRow, write_manifest
from hyper.simulate.room import at_peak, ratio, room_noise, speech_level

KIND = "far-off speech"
PEAK_DBFS = (-45.0, -30.0)  # near speech is recorded at -30 to -3; below -60 `load_audio` refuses it as silent
REVERBERATION_SECONDS = (0.4, 1.0)  # time for 60 dB, of living rooms and of halls
REVERBERANT_DB = (0.0, 9.0)  # above the direct sound: past the distance at which both are as loud
NOISE_DB = (-25.0, -10.0)  # against the speech


def make_far_off(rows: Sequence[ManifestRow], out: Path, seed: int) -> list[ManifestRow]:
    """Write each recording as it is heard from far off, and `manifest.csv`; the domain is the kind of sound."""
    written = []
    for i, row in enumerate(rows):
        file = f"{i:03d}.wav"
        save_audio(out / file, far_off(load_audio(row.path), np.random.default_rng([seed, i])))
        # The phones lie where they lay, but the reverberation runs past their ends.
        written.append(replace(row, file=file, path=out / file, domain=KIND, phones=""))
    write_manifest(out / "manifest.csv", written)
    return written


def far_off(
    waveform: np.ndarray, rng: np.random.Generator
) -> np.ndarray:  # both (n_samples,) 16 kHz; longer by the tail
    """The waveform through a room whose reflections are noise that decays exponentially (Polack 1988)."""
    n_tail = round(rng.uniform(*REVERBERATION_SECONDS) * SAMPLE_RATE)
    decay = 10 ** (-3 * np.arange(n_tail) / n_tail)  # 60 dB
    reflections = decay * rng.standard_normal(n_tail)
    reflections *= ratio(rng.uniform(*REVERBERANT_DB)) / np.sqrt((reflections**2).sum())
    reflections[0] += 1  # the direct sound
    heard = fftconvolve(waveform, reflections)
    heard += room_noise(len(heard), speech_level(heard) * ratio(rng.uniform(*NOISE_DB)), rng)
    return at_peak(heard, rng.uniform(*PEAK_DBFS))
