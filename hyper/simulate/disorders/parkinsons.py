"""Parkinson's, hypokinetic dysarthria: soft, fading, hurried speech in a hoarse monotone, heard in a room.

Logemann and others 1978; Fox and Ramig 1997: speech 2-4 dB softer as a group and more, by our choice, in severe
speakers; fading within an utterance (seen in some tasks and speakers, not in all studies), small F0 range, hoarse and
breathy voice, tremor of 4-7 Hz, weak consonants. Short rushes are classical, while the mean rate was found unchanged or
lowered.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.disorder import Disorder, Profile, Simulated, taken
from hyper.simulate.phones import Phone, is_consonant, is_silence, words_of
from hyper.simulate.psola import Span
from hyper.simulate.room import ratio, room_noise, speech_level
from hyper.simulate.spectrum import SpectralChange, change_spectrum
from hyper.simulate.timing import play_phones
from hyper.simulate.voice import TREMOR_HZ, VoiceChange, say_spans

RANGES = {
    "loudness_db": ((2.0, 4.0), (4.0, 6.0), (6.0, 9.0)),
    "fade_db": ((1.0, 2.5), (2.5, 4.5), (4.5, 7.0)),
    "room_snr_db": ((31.0, 37.0), (31.0, 37.0), (31.0, 37.0)),
    "rush_speed": ((1.10, 1.20), (1.20, 1.38), (1.38, 1.60)),
    "rush_share": ((0.2, 0.4), (0.3, 0.6), (0.5, 0.8)),
    "consonant_db": ((1.0, 2.0), (2.0, 4.0), (4.0, 6.0)),
    "f0_range": ((0.70, 0.85), (0.40, 0.60), (0.15, 0.35)),
    "tremor_depth": ((0.0, 0.01), (0.01, 0.025), (0.02, 0.05)),
    "jitter": ((0.005, 0.010), (0.010, 0.018), (0.018, 0.03)),
    "shimmer_db": ((0.2, 0.5), (0.5, 0.9), (0.9, 1.4)),
    "blur_ms": ((4.0, 8.0), (10.0, 16.0), (18.0, 26.0)),
    "vowel_space": ((0.88, 0.98), (0.74, 0.86), (0.60, 0.72)),
    "nasal_db": ((0.0, 1.0), (0.0, 2.0), (1.0, 3.0)),
    "hnr_db": ((18.0, 22.0), (14.0, 17.0), (10.0, 13.0)),
    "tilt_db": ((0.2, 0.5), (0.5, 1.0), (1.0, 1.6)),
}


@dataclass(frozen=True)
class ParkinsonsProfile(Profile):
    loudness_db: float  # loss of level
    fade_db: float  # further loss from the first to the last sound of an utterance
    room_snr_db: float  # typical speech over the noise of the room
    rush_speed: float  # rate within a rush, 1 is typical
    rush_share: float  # of the words spoken in a rush
    consonant_db: float  # loss of level of consonants against vowels
    voice: VoiceChange
    spectrum: SpectralChange


def draw(severity: str, values: dict[str, float], rng: np.random.Generator) -> ParkinsonsProfile:
    """A speaker with these values and a tremor of some rate."""
    values["tremor_hz"] = float(rng.uniform(*TREMOR_HZ))
    voice, spectrum = taken(VoiceChange, values), taken(SpectralChange, values)
    return ParkinsonsProfile(severity, voice=voice, spectrum=spectrum, **values)


def articulate(
    waveform: np.ndarray, phones: Sequence[Phone], profile: ParkinsonsProfile, rng: np.random.Generator
) -> tuple[np.ndarray, list[Phone]]:  # (n_samples_out,) and the phones with their times in it
    """What the disorder makes of timing, voice, articulation and loudness; the room is not in it yet."""
    spans, moved = hurried_and_weak(phones, len(waveform) / SAMPLE_RATE, profile, rng)
    said = change_spectrum(say_spans(waveform, spans, profile.voice, rng), moved, profile.spectrum, rng)
    sounding = [phone for phone in moved if not is_silence(phone.symbol)]
    ends = np.array([sounding[0].start, sounding[-1].end]) * SAMPLE_RATE
    loss_db = np.interp(np.arange(len(said)), ends, [profile.loudness_db, profile.loudness_db + profile.fade_db])
    return said * 10 ** (-loss_db / 20), moved


def in_its_room(
    said: np.ndarray,  # (n_samples_out,)
    typical: np.ndarray,  # (n_samples,) the typical speech it was
    profile: ParkinsonsProfile,
    rng: np.random.Generator,
) -> np.ndarray:  # (n_samples_out,)
    """The speech in a room: the loss of level tells because the room's noise stays."""
    noise_level = speech_level(typical) * ratio(-profile.room_snr_db)
    return said + room_noise(len(said), noise_level, rng)


def say(
    waveform: np.ndarray, phones: Sequence[Phone], profile: ParkinsonsProfile, rng: np.random.Generator
) -> Simulated:
    """The utterance as this speaker says it."""
    said, _ = articulate(waveform, phones, profile, rng)
    return Simulated(in_its_room(said, waveform, profile, rng))


def hurried_and_weak(
    phones: Sequence[Phone], n_seconds: float, profile: ParkinsonsProfile, rng: np.random.Generator
) -> tuple[list[Span], list[Phone]]:
    """Runs of words rushed, each gathering pace, and consonants weaker than vowels."""
    stretch, gain = np.ones(len(phones)), np.ones(len(phones))
    words = words_of(phones)
    for first, last in _rushes(len(words), profile.rush_share, rng):
        inside = [i for word in words[first:last] for i in word]
        # From half of the hurry to all of it over the first half of the rush: festination gathers pace.
        ramp = np.minimum(np.linspace(0.5, 1.5, len(inside)), 1)
        stretch[inside] = 1 / (1 + (profile.rush_speed - 1) * ramp)
    for i, phone in enumerate(phones):
        if is_consonant(phone.symbol):
            gain[i] = 10 ** (-profile.consonant_db / 20)
    return play_phones(phones, n_seconds, stretch, gain, np.zeros(len(phones)))


def _rushes(n_words: int, share: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Word ranges that are rushed: `share` of the words, in one run or, in long utterances, in runs of about four."""
    count = max(round(share * n_words), 1)
    runs = max(round(count / 4), 1)
    edges = np.linspace(0, n_words, runs + 1).round().astype(int)
    ranges = []
    for low, high in itertools.pairwise(edges):
        length = min(max(round(count / runs), 1), high - low)
        first = int(rng.integers(low, high - length + 1))
        ranges.append((first, first + length))
    return ranges


DISORDER = Disorder(name="parkinsons", profile=ParkinsonsProfile, ranges=RANGES, draw=draw, say=say, seed=2)
