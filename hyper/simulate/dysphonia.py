"""Dysphonia: a disordered voice over timing, articulation and words that are left as they were."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from hyper.simulate.pitch import SAMPLE_RATE, find_marks
from hyper.simulate.profile import DysphoniaProfile
from hyper.simulate.psola import Alternation, Span, lay_out, resynthesise
from hyper.simulate.room import background
from hyper.simulate.spectrum import whispered
from hyper.simulate.voice import f0_factor

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


def disordered_voice(
    waveform: np.ndarray,  # (n_samples,)
    profile: DysphoniaProfile,
    rng: np.random.Generator,
) -> np.ndarray:  # (n_samples,) float32
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
    return _broken(sound, breath, background(waveform, n_samples, rng), types)


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
