"""Dysphonia: a disordered voice over timing, articulation and words that are left as they were.

Held out: a disorder of another kind than those that training hears. After adductor spasmodic dysphonia. Voice breaks,
aperiodic stretches and shifts of F0 are its marks (Sapienza, Walton and Murry 2000); breaks within words last some tens
of milliseconds, and more than four in a sentence of twenty words speak for it (Roy and others 2008). Creak is two to
four times as common as in typical voices; tremor comes with it in a quarter or so. Alternating periods give
subharmonics (Titze 1995, voices of type 2). Roughness, breathiness and strain are what listeners rate (GRBAS: Hirano
1981). Typical voices have a jitter near 0.5 % (1.04 % is a common limit), a shimmer near 0.2 dB and, on a sustained
[a], an HNR near 20 dB by Praat's method, hoarse ones much less; other methods give other figures. How far each goes by
severity is our own choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.disorder import Disorder, Profile, Simulated, taken
from hyper.simulate.phones import Phone
from hyper.simulate.pitch_marks import find_marks
from hyper.simulate.psola import Alternation, Span, lay_out, resynthesise
from hyper.simulate.room import background
from hyper.simulate.spectrum import whispered
from hyper.simulate.voice import TREMOR_HZ, VoiceChange, f0_factor

RANGES = {
    "hnr_db": ((11.0, 14.0), (6.0, 9.0), (1.0, 4.0)),
    "breaks_per_second": ((0.1, 0.4), (0.6, 1.2), (1.6, 2.6)),
    "break_ms": ((50.0, 70.0), (70.0, 100.0), (100.0, 140.0)),
    "strangled_share": ((0.4, 0.9), (0.4, 0.9), (0.4, 0.9)),
    "diplophonic_share": ((0.03, 0.08), (0.10, 0.18), (0.20, 0.30)),
    "alternate_db": ((1.5, 3.0), (3.0, 5.0), (5.0, 8.0)),
    "alternate_period": ((0.01, 0.03), (0.03, 0.06), (0.06, 0.10)),
    "creaky_share": ((0.03, 0.06), (0.08, 0.14), (0.15, 0.22)),
    "f0_range": ((0.80, 0.95), (0.60, 0.80), (0.40, 0.60)),
    "tremor_depth": ((0.0, 0.005), (0.0, 0.015), (0.0, 0.03)),
    "jitter": ((0.010, 0.018), (0.018, 0.035), (0.035, 0.06)),
    "shimmer_db": ((0.4, 0.8), (0.8, 1.3), (1.3, 2.0)),
}

MODAL, DIPLOPHONIC, CREAKY, STRANGLED, APHONIC = range(5)  # what the voice does at a sample

# Our own choices, all of them.
_SPREAD = 0.3  # standard deviation of log length of a break or episode within a speaker
_DIPLOPHONIC_SECONDS = 0.15  # median length of a diplophonic episode: a vowel or so
_CREAKY_SECONDS = 0.12  # median length of a creaky episode
_CREAK = 0.5  # of the usual F0: the octave below, where creak is usually found
_MODAL_SECONDS = 0.04  # of ordinary voice between two episodes, so that two breaks are not one longer one
_MAX_SHARE = 0.9  # of voiced time that episodes may take; what would be more is shortened
_STRANGLED_DB = -30.0  # level in a strangled break against the voice
_APHONIC_DB = -10.0  # level of the breath in an aphonic break against the voice
_EDGE = SAMPLE_RATE // 100  # samples: voice goes and comes within 10 ms


@dataclass(frozen=True)
class DysphoniaProfile(Profile):
    hnr_db: float  # voice over breath noise wherever there is voice; jitter and shimmer lower what is measured
    breaks_per_second: float  # voice breaks in a second of voiced speech
    break_ms: float  # median length of a break
    strangled_share: float  # of the breaks, squeezed to near silence; in the others breath goes on without voice
    diplophonic_share: float  # of voiced time in which periods alternate
    alternate_db: float  # level of every second period below the others there
    alternate_period: float  # change of length from period to period there, as a share of the period
    creaky_share: float  # of voiced time at about half of F0
    voice: VoiceChange


def draw(severity: str, values: dict[str, float], rng: np.random.Generator) -> DysphoniaProfile:
    """A speaker with these values and a tremor of some rate."""
    values["tremor_hz"] = float(rng.uniform(*TREMOR_HZ))
    return DysphoniaProfile(severity, voice=taken(VoiceChange, values), **values)


def say(
    waveform: np.ndarray, _phones: Sequence[Phone], profile: DysphoniaProfile, rng: np.random.Generator
) -> Simulated:
    """The same utterance in the profile's voice: rough, breathy, breaking; what is voiceless stays as it was."""
    n_samples = len(waveform)
    marks = find_marks(waveform)
    timeline = lay_out([Span(0.0, n_samples / SAMPLE_RATE, n_samples / SAMPLE_RATE)])
    voiced = np.interp(np.arange(n_samples), marks.position, marks.voiced.astype(float)) > 0.5
    types = voice_types(voiced, profile, rng)
    factor = f0_factor(marks, timeline, profile.voice, rng) * np.where(types == CREAKY, _CREAK, 1.0)
    alternation = Alternation(types == DIPLOPHONIC, profile.alternate_db, profile.alternate_period)
    voice = profile.voice
    said = resynthesise(waveform, marks, timeline, factor, voice.jitter, voice.shimmer_db, rng, alternation)
    breath = whispered(waveform, rng)
    voicing = _softly(voiced)
    sound = (1 - voicing) * waveform + voicing * _breathy(said, breath, profile.hnr_db)
    return Simulated(_broken(sound, breath, background(waveform, n_samples, rng), types))


def voice_types(
    voiced: np.ndarray,  # (n_samples,) bool
    profile: DysphoniaProfile,
    rng: np.random.Generator,
) -> np.ndarray:  # (n_samples,) int, MODAL where there is no voice
    """What the voice does at each sample: episodes in a drawn order, strewn over the voiced time alone.

    An episode that meets a voiceless sound goes on behind it, as a spasm does.
    """
    where = np.flatnonzero(voiced)
    kinds = rng.permutation(np.array(_episodes(len(where) / SAMPLE_RATE, profile, rng), dtype=int))
    medians = np.zeros(5)  # seconds, by kind
    medians[[DIPLOPHONIC, CREAKY]] = _DIPLOPHONIC_SECONDS, _CREAKY_SECONDS
    medians[[STRANGLED, APHONIC]] = profile.break_ms / 1000
    lengths = SAMPLE_RATE * medians[kinds] * np.exp(_SPREAD * rng.standard_normal(len(kinds)))  # samples
    lengths *= min(1.0, _MAX_SHARE * len(where) / max(lengths.sum(), 1.0))
    modal = len(where) - lengths.sum()  # samples left between the episodes
    least = min(_MODAL_SECONDS * SAMPLE_RATE, modal / (len(kinds) + 1))
    gaps = least + rng.dirichlet(np.ones(len(kinds) + 1)) * (modal - least * (len(kinds) + 1))
    starts = np.cumsum(gaps[:-1]) + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])[: len(kinds)]
    types = np.full(len(voiced), MODAL)
    for kind, start, length in zip(kinds, starts, lengths, strict=True):
        types[where[round(start) : round(start + length)]] = kind
    return types


def _episodes(voiced_seconds: float, profile: DysphoniaProfile, rng: np.random.Generator) -> list[int]:
    """The kinds of all episodes of an utterance; each number is right on average, whatever the length."""

    def about(number: float) -> int:
        return int(number + rng.random())

    n_breaks = about(profile.breaks_per_second * voiced_seconds)
    n_strangled = min(about(profile.strangled_share * n_breaks), n_breaks)
    n_diplophonic = about(profile.diplophonic_share * voiced_seconds / _DIPLOPHONIC_SECONDS)
    n_creaky = about(profile.creaky_share * voiced_seconds / _CREAKY_SECONDS)
    return (
        [STRANGLED] * n_strangled
        + [APHONIC] * (n_breaks - n_strangled)
        + [DIPLOPHONIC] * n_diplophonic
        + [CREAKY] * n_creaky
    )


def _softly(mask: np.ndarray) -> np.ndarray:
    """(n_samples,) float32 of a bool mask, its edges made ramps of 10 ms."""
    return uniform_filter1d(mask.astype(np.float32), _EDGE)


def _breathy(said: np.ndarray, breath: np.ndarray, hnr_db: float) -> np.ndarray:
    """Voice and breath in the ratio of `hnr_db`, together as loud as the voice was."""
    noise = 1 / (1 + 10 ** (hnr_db / 10))  # share of the power
    return np.sqrt(1 - noise) * said + np.sqrt(noise) * breath


def _broken(sound: np.ndarray, breath: np.ndarray, quiet: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Breath alone in aphonic breaks; in strangled ones next to nothing over the recording's background."""
    strangled, aphonic = _softly(types == STRANGLED), _softly(types == APHONIC)
    kept = 1 - aphonic - strangled * (1 - 10 ** (_STRANGLED_DB / 20))
    return (kept * sound + aphonic * 10 ** (_APHONIC_DB / 20) * breath + strangled * quiet).astype(np.float32)


DISORDER = Disorder(
    name="dysphonia", profile=DysphoniaProfile, ranges=RANGES, draw=draw, say=say, held_out=True, seed=4
)
