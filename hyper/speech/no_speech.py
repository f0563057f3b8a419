"""Sounds in which nobody speaks: quiet rooms, noise, hum, chords, breath. Whatever is written of them was not said."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hyper.recordings.audio import save_audio
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.manifest import SYNTHETIC, ManifestRow, write_manifest
from hyper.simulate.room import at_peak
from hyper.speech.make import LICENCE

KINDS = ("room", "white noise", "pink noise", "hum", "chords", "breathing")
SECONDS = (1.0, 8.0)
PEAK_DBFS = (-30.0, -3.0)  # as loud as speech is recorded ...
ROOM_PEAK_DBFS = (-50.0, -35.0)  # ... but a quiet room is not; below -60 dBFS `load_audio` refuses it as silent
MAJOR_AND_MINOR = ((0, 4, 7), (0, 3, 7))  # semitones above the root
LOWEST_HZ = 20.0  # noise that falls with frequency has no end below


def make_no_speech(out: Path, n_recordings: int, seed: int) -> list[ManifestRow]:
    """Write recordings of every kind in turn, and `manifest.csv` without a reference; the domain is the kind."""
    rows = []
    for i in range(n_recordings):
        kind, file = KINDS[i % len(KINDS)], f"{i:03d}.wav"
        save_audio(out / file, no_speech(kind, np.random.default_rng([seed, i])))
        rows.append(ManifestRow(file, out / file, domain=kind, corpus=SYNTHETIC, licence=LICENCE))
    write_manifest(out / "manifest.csv", rows)
    return rows


def no_speech(kind: str, rng: np.random.Generator) -> np.ndarray:  # (n_samples,) float32 in [-1, 1], 16 kHz
    """One recording of 1 to 8 s.

    Errors: ValueError for a kind that does not exist.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no sound of the kind {kind!r}; there are {', '.join(KINDS)}.")
    n_samples = round(rng.uniform(*SECONDS) * SAMPLE_RATE)
    if kind == "hum":
        sound = _hum(n_samples, rng)
    elif kind == "chords":
        sound = _chords(n_samples, rng)
    elif kind == "breathing":
        sound = _breathing(n_samples, rng)
    else:
        decibels_an_octave = {"white noise": 0.0, "pink noise": -3.0, "room": -5.0}[kind]
        sound = _noise(n_samples, decibels_an_octave, rng)
    peak_dbfs = rng.uniform(*(ROOM_PEAK_DBFS if kind == "room" else PEAK_DBFS))
    return at_peak(sound, peak_dbfs)


def _noise(n_samples: int, decibels_an_octave: float, rng: np.random.Generator) -> np.ndarray:  # (n_samples,)
    """Gaussian noise whose spectrum has that slope."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    hertz = np.maximum(np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE), LOWEST_HZ)
    return np.fft.irfft(spectrum * (hertz / 1000) ** (decibels_an_octave / 6.02), n_samples)  # 6.02 dB: half as large


def _hum(n_samples: int, rng: np.random.Generator) -> np.ndarray:  # (n_samples,)
    """Mains hum with its harmonics, or a steady whistle; a little noise below."""
    fundamental = rng.choice([50.0, 60.0, rng.uniform(200, 2000)])
    tones = _tone(fundamental, n_samples, n_harmonics=int(rng.integers(1, 12)), rng=rng)
    return tones + 0.01 * np.abs(tones).max() * rng.standard_normal(n_samples)


def _chords(n_samples: int, rng: np.random.Generator) -> np.ndarray:  # (n_samples,)
    """Triads of struck strings, each half a second or a second long."""
    n_chord = round(rng.choice([0.5, 1.0]) * SAMPLE_RATE)
    decay = np.exp(-np.arange(n_chord) / (0.4 * n_chord))
    chords = []
    for _ in range(-(-n_samples // n_chord)):
        root = 110 * 2 ** (rng.integers(0, 24) / 12)  # Hz: two octaves from A2 up
        steps = MAJOR_AND_MINOR[rng.integers(len(MAJOR_AND_MINOR))]
        chords.append(decay * sum(_tone(root * 2 ** (step / 12), n_chord, 6, rng) for step in steps))
    return np.concatenate(chords)[:n_samples]


def _breathing(n_samples: int, rng: np.random.Generator) -> np.ndarray:  # (n_samples,)
    """Noise that swells with each breath in and out, 12 to 20 breaths a minute as adults at rest."""
    breaths_a_second = rng.uniform(12, 20) / 60
    seconds = np.arange(n_samples) / SAMPLE_RATE + rng.uniform(0, 1 / breaths_a_second)
    swell = np.sin(2 * np.pi * breaths_a_second * seconds) ** 2  # in and out: twice a breath
    return (swell + 0.01) * _noise(n_samples, -3.0, rng)


def _tone(hertz: float, n_samples: int, n_harmonics: int, rng: np.random.Generator) -> np.ndarray:  # (n_samples,)
    """A tone with harmonics that fall as 1 / n, below half the sample rate."""
    time = np.arange(n_samples) / SAMPLE_RATE
    numbers = [n for n in range(1, n_harmonics + 1) if n * hertz < SAMPLE_RATE / 2]
    waves = [np.sin(2 * np.pi * (n * hertz * time + rng.random())) / n for n in numbers]
    return sum(waves, np.zeros(n_samples))
