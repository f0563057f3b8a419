"""The app's examples: a recording for each cohort and severity and three typical ones, by a rule fixed beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hyper.recordings.audio import save_audio
from hyper.recordings.manifest import ManifestRow, write_manifest
from hyper.simulate import COHORTS, SEVERITIES, draw_profile, simulate
from hyper.speech.engines import Flite
from hyper.speech.make import LICENCE, finish
from hyper.speech.speakers import Speaker, draw_speaker
from hyper.speech.texts import sentences

SEED = 2026
MIN_WORDS = 5  # shorter commands leave simulated stuttering nothing to happen in
N_TYPICAL = 3
VOICES = ("rms", "slt", "awb")  # flite's voices nearest to a person; slt is in no training set


@dataclass(frozen=True)
class Example:
    """One recording to make."""

    name: str
    cohort: str
    severity: str


def make_examples(out: Path) -> list[ManifestRow]:
    """Write the recordings and their manifest."""
    out.mkdir(parents=True, exist_ok=True)
    flite, texts = Flite(), example_texts()
    rows = [_make(out, i, example, next(texts), flite) for i, example in enumerate(examples())]
    write_manifest(out / "manifest.csv", rows)
    return rows


def _make(out: Path, i: int, example: Example, text: str, flite: Flite) -> ManifestRow:
    """The i-th example: spoken, and simulated where it is atypical."""
    speaker = _speaker(i)
    waveform, phones = finish(flite.speak(text, speaker.voice, 1 / speaker.rate), speaker)
    atypical = example.cohort != "typical"
    if atypical:
        waveform = simulate(waveform, phones, draw_profile(example.cohort, example.severity, SEED + i), i).waveform
    path = out / f"{example.name}.wav"
    save_audio(path, waveform)
    return ManifestRow(
        file=path.name,
        path=path,
        reference=text,
        speaker=f"example{i:02d}",
        cohort=example.cohort,
        severity=example.severity,
        simulated=atypical,
        voice=speaker.voice_name,
        domain="command",
        corpus="synthetic",
        licence=LICENCE,
    )


def _speaker(i: int) -> Speaker:
    drawn = draw_speaker("known", 300_000 + SEED + i)  # of no split: those draw below 300,000
    rate = float(np.clip(drawn.rate, 0.85, 1.1))
    return replace(drawn, engine="flite", voice=VOICES[i % len(VOICES)], rate=rate, warp=1.0)


def examples() -> list[Example]:
    """Every cohort at every severity, then the typical ones."""
    atypical = [Example(f"{cohort}_{severity}", cohort, severity) for cohort in COHORTS for severity in SEVERITIES]
    return [*atypical, *(Example(f"typical_{i}", "typical", "") for i in range(1, N_TYPICAL + 1))]


def example_texts() -> Iterator[str]:
    """Commands of the test split of at least `MIN_WORDS` words, in the order the seed draws them, none twice."""
    seen: set[str] = set()
    for text in sentences("command", "test", np.random.default_rng(SEED), []):
        if len(text.split()) >= MIN_WORDS and text not in seen:
            seen.add(text)
            yield text
