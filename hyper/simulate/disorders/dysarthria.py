"""Dysarthria: slow, halting, imprecise and nasal speech in a breathy monotone.

Darley, Aronson and Brown (1969): slow rate, imprecise consonants, hypernasality, breathy voice, monopitch, long or
irregular intervals; severe speakers at about half the typical rate. The vowel space shrinks (Turner, Tjaden and Weismer
1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.disorder import Disorder, Profile, Simulated, taken
from hyper.simulate.phones import Phone, is_consonant, is_vowel, syllables_of, words_of
from hyper.simulate.psola import Span
from hyper.simulate.spectrum import SpectralChange, change_spectrum
from hyper.simulate.timing import play_phones
from hyper.simulate.voice import TREMOR_HZ, VoiceChange, say_spans

RANGES = {
    "rate": ((0.83, 0.92), (0.67, 0.80), (0.50, 0.65)),
    "irregularity": ((0.03, 0.06), (0.08, 0.14), (0.15, 0.25)),
    "pause_share": ((0.03, 0.10), (0.15, 0.35), (0.4, 0.7)),
    "pause_seconds": ((0.08, 0.15), (0.15, 0.30), (0.25, 0.50)),
    "f0_range": ((0.70, 0.90), (0.40, 0.65), (0.15, 0.35)),
    "tremor_depth": ((0.0, 0.003), (0.003, 0.008), (0.005, 0.015)),
    "jitter": ((0.004, 0.008), (0.008, 0.015), (0.015, 0.03)),
    "shimmer_db": ((0.2, 0.4), (0.4, 0.7), (0.7, 1.2)),
    "blur_ms": ((8.0, 14.0), (18.0, 26.0), (30.0, 42.0)),
    "vowel_space": ((0.80, 0.95), (0.60, 0.75), (0.40, 0.55)),
    "nasal_db": ((2.0, 3.5), (4.0, 6.0), (6.5, 9.0)),
    "hnr_db": ((19.0, 23.0), (15.0, 18.0), (10.0, 14.0)),
    "tilt_db": ((0.2, 0.5), (0.5, 1.0), (1.0, 1.8)),
}
_VOWEL_STRETCH = 1.1  # vowels lengthen somewhat more than consonants when speech slows; our own choice
_CONSONANT_STRETCH = 0.9


@dataclass(frozen=True)
class DysarthriaProfile(Profile):
    rate: float  # speech rate as a share of the typical one, pauses left out
    irregularity: float  # standard deviation of log syllable length
    pause_share: float  # of word ends followed by a pause
    pause_seconds: float  # mean length of such a pause
    voice: VoiceChange
    spectrum: SpectralChange


def draw(severity: str, values: dict[str, float], rng: np.random.Generator) -> DysarthriaProfile:
    """A speaker with these values and a tremor of some rate."""
    values["tremor_hz"] = float(rng.uniform(*TREMOR_HZ))
    voice, spectrum = taken(VoiceChange, values), taken(SpectralChange, values)
    return DysarthriaProfile(severity, voice=voice, spectrum=spectrum, **values)


def articulate(
    waveform: np.ndarray, phones: Sequence[Phone], profile: DysarthriaProfile, rng: np.random.Generator
) -> tuple[np.ndarray, list[Phone]]:  # (n_samples_out,) and the phones with their times in it
    """What the disorder makes of timing, voice and articulation."""
    spans, moved = slow_and_halting(phones, len(waveform) / SAMPLE_RATE, profile, rng)
    return change_spectrum(say_spans(waveform, spans, profile.voice, rng), moved, profile.spectrum, rng), moved


def say(
    waveform: np.ndarray, phones: Sequence[Phone], profile: DysarthriaProfile, rng: np.random.Generator
) -> Simulated:
    """The utterance as this speaker says it."""
    return Simulated(articulate(waveform, phones, profile, rng)[0])


def slow_and_halting(
    phones: Sequence[Phone], n_seconds: float, profile: DysarthriaProfile, rng: np.random.Generator
) -> tuple[list[Span], list[Phone]]:
    """Every sound longer, syllables unevenly so, and pauses after some words."""
    stretch = np.full(len(phones), 1 / profile.rate)
    for syllable in syllables_of(phones):
        stretch[syllable.first : syllable.last + 1] *= np.exp(profile.irregularity * rng.standard_normal())
    for i, phone in enumerate(phones):
        if is_vowel(phone.symbol):
            stretch[i] *= _VOWEL_STRETCH
        elif is_consonant(phone.symbol):
            stretch[i] *= _CONSONANT_STRETCH
    pauses = np.zeros(len(phones))
    for word in words_of(phones)[:-1]:
        if rng.random() < profile.pause_share:
            pauses[word[-1]] = profile.pause_seconds * rng.uniform(0.5, 1.5)
    return play_phones(phones, n_seconds, stretch, np.ones(len(phones)), pauses)


DISORDER = Disorder(name="dysarthria", profile=DysarthriaProfile, ranges=RANGES, draw=draw, say=say, seed=1)
