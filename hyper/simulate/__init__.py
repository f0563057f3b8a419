"""Simulated atypical speech: typical speech, its phones and a speaker's profile give what that speaker might say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from hyper.simulate.phones import Phone, format_phones, is_silence, is_stop, parse_phones
from hyper.simulate.pitch import SAMPLE_RATE, PitchMarks, find_marks
from hyper.simulate.profile import (
    COHORTS,
    SEVERITIES,
    DysarthriaProfile,
    ParkinsonsProfile,
    Profile,
    StutteringProfile,
    VoiceChange,
    draw_profile,
)
from hyper.simulate.psola import Span, Timeline, lay_out, resynthesise
from hyper.simulate.room import background, room_noise, speech_level
from hyper.simulate.spectrum import change_spectrum
from hyper.simulate.stuttering import Event, stutter
from hyper.simulate.timing import hurried_and_weak, slow_and_halting

__all__ = [
    "COHORTS",
    "SEVERITIES",
    "Event",
    "Phone",
    "Profile",
    "Simulated",
    "draw_profile",
    "format_phones",
    "parse_phones",
    "simulate",
]

_PEAK = 0.99
_NO_CHANGE = VoiceChange(f0_range=1.0, tremor_hz=5.0, tremor_depth=0.0, jitter=0.0, shimmer_db=0.0)


@dataclass(frozen=True)
class Simulated:
    """A simulated utterance."""

    waveform: np.ndarray  # (n_samples,) float32 in [-1, 1], 16 kHz
    events: tuple[Event, ...]  # moments of stuttering, in order; empty for the other cohorts


def simulate(waveform: np.ndarray, phones: Sequence[Phone], profile: Profile, seed: int) -> Simulated:
    """Say a typical utterance as the profile's speaker would; the same seed gives the same samples.

    waveform: (n_samples,) float in [-1, 1], 16 kHz mono.
    """
    waveform, phones = _checked(waveform, phones)
    rng = np.random.default_rng(seed)
    n_seconds = len(waveform) / SAMPLE_RATE
    if isinstance(profile, StutteringProfile):
        spans, events = stutter(phones, n_seconds, profile, rng)
        return Simulated(_within_range(_say(waveform, spans, _NO_CHANGE, rng)), tuple(events))
    if isinstance(profile, DysarthriaProfile):
        spans, moved = slow_and_halting(phones, n_seconds, profile, rng)
        said = _say(waveform, spans, profile.voice, rng)
        return Simulated(_within_range(change_spectrum(said, moved, profile.spectrum, rng)), ())
    if isinstance(profile, ParkinsonsProfile):
        return Simulated(_parkinsons(waveform, phones, n_seconds, profile, rng), ())
    raise ValueError(f"A profile must come from draw_profile, but this one is a {type(profile).__name__}.")


def _parkinsons(
    waveform: np.ndarray,  # (n_samples,)
    phones: Sequence[Phone],
    n_seconds: float,
    profile: ParkinsonsProfile,
    rng: np.random.Generator,
) -> np.ndarray:  # (n_samples_out,)
    """Soft speech in a room: the loss of level tells because the room's noise stays."""
    spans, moved = hurried_and_weak(phones, n_seconds, profile, rng)
    said = change_spectrum(_say(waveform, spans, profile.voice, rng), moved, profile.spectrum, rng)
    sounding = [phone for phone in moved if not is_silence(phone.symbol)]
    ends = np.array([sounding[0].start, sounding[-1].end]) * SAMPLE_RATE
    loss_db = np.interp(np.arange(len(said)), ends, [profile.loudness_db, profile.loudness_db + profile.fade_db])
    noise_level = speech_level(waveform) * 10 ** (-profile.room_snr_db / 20)
    soft = said * 10 ** (-loss_db / 20) + room_noise(len(said), noise_level, rng)
    return _within_range(soft.astype(np.float32))


def _checked(waveform: np.ndarray, phones: Sequence[Phone]) -> tuple[np.ndarray, list[Phone]]:
    """The waveform as float32 and the phones in order within it; a sentence for whoever passed something else."""
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or waveform.dtype.kind != "f":
        raise ValueError(f"The waveform is {waveform.dtype} of shape {waveform.shape}, but mono floats are needed.")
    if not np.isfinite(waveform).all():
        raise ValueError("The waveform holds values that are not finite; repair or drop this recording.")
    n_seconds = len(waveform) / SAMPLE_RATE
    inside = [Phone(p.symbol, max(p.start, 0.0), min(p.end, n_seconds), p.word) for p in phones]
    inside = sorted((p for p in inside if p.end > p.start), key=lambda p: p.start)
    if all(is_silence(p.symbol) for p in inside):
        raise ValueError(f"No phones lie within the {n_seconds:.2f} s of the recording; pass the phones of its speech.")
    return waveform.astype(np.float32), _snapped(waveform, inside)


def _snapped(waveform: np.ndarray, phones: Sequence[Phone]) -> list[Phone]:
    """Move the start of each stop to the quietest point near its label, its closure: a cut there is not heard."""
    moved = list(phones)
    energy = np.concatenate([[0.0], np.cumsum(waveform.astype(np.float64) ** 2)])
    for i, phone in enumerate(phones):
        if not is_stop(phone.symbol):
            continue
        low = max(phone.start - 0.015, moved[i - 1].start + 0.01 if i else 0.0)
        high = phone.start + min(0.6 * phone.seconds, 0.06)
        points = np.arange(round(low * SAMPLE_RATE), round(high * SAMPLE_RATE), 16)  # every millisecond
        if len(points) == 0:
            continue
        low_edge, high_edge = (np.clip(points + step, 0, len(waveform)) for step in (-40, 40))  # 5 ms around
        around = energy[high_edge] - energy[low_edge]
        start = float(points[around.argmin()]) / SAMPLE_RATE
        moved[i] = Phone(phone.symbol, start, phone.end, phone.word)
        if i and moved[i - 1].end >= min(start, phone.start) - 0.01:
            before = moved[i - 1]
            moved[i - 1] = Phone(before.symbol, before.start, start, before.word)
    return moved


def _say(waveform: np.ndarray, spans: Sequence[Span], voice: VoiceChange, rng: np.random.Generator) -> np.ndarray:
    """Play the spans in a changed voice, rests filled with the recording's own background."""
    marks = find_marks(waveform)
    timeline = lay_out(spans)
    f0_factor = _f0_factor(marks, timeline, voice, rng)
    said = resynthesise(waveform, marks, timeline, f0_factor, voice.jitter, voice.shimmer_db, rng)
    if any(span.kind == "rest" for span in spans):
        resting = uniform_filter1d((timeline.gain == 0).astype(np.float32), SAMPLE_RATE // 50)  # 20 ms: no edge to hear
        said = said + resting * background(waveform, len(said), rng)
    return said


def _f0_factor(marks: PitchMarks, timeline: Timeline, voice: VoiceChange, rng: np.random.Generator) -> np.ndarray:
    """(n_out,) factor that narrows F0 toward its mean and lets it tremble."""
    period = np.where(marks.voiced, marks.period, SAMPLE_RATE / marks.mean_f0)  # samples
    period = np.interp(timeline.source, marks.position, period)  # (n_out,)
    narrowed = (period * marks.mean_f0 / SAMPLE_RATE) ** (1 - voice.f0_range)
    time = np.arange(len(timeline.source)) / SAMPLE_RATE
    tremor = np.sin(2 * np.pi * (voice.tremor_hz * time + rng.random()))
    return narrowed * (1 + voice.tremor_depth * tremor)


def _within_range(waveform: np.ndarray) -> np.ndarray:
    peak = float(np.abs(waveform).max())
    return waveform * np.float32(_PEAK / peak) if peak > _PEAK else waveform
