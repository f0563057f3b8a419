"""Simulated atypical speech: typical speech, its phones and a speaker's profile give what that speaker might say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hyper.simulate.dysphonia import disordered_voice
from hyper.simulate.phones import Phone, format_phones, is_silence, is_stop, parse_phones
from hyper.simulate.pitch import SAMPLE_RATE
from hyper.simulate.profile import (
    ALL_COHORTS,
    COHORTS,
    HELD_OUT_COHORTS,
    SEVERITIES,
    DysarthriaProfile,
    DysphoniaProfile,
    MixedProfile,
    ParkinsonsProfile,
    Profile,
    StutteringProfile,
    draw_profile,
)
from hyper.simulate.room import room_noise, speech_level
from hyper.simulate.spectrum import change_spectrum
from hyper.simulate.stuttering import Event, stutter
from hyper.simulate.timing import hurried_and_weak, slow_and_halting
from hyper.simulate.voice import NO_CHANGE, say

__all__ = [
    "ALL_COHORTS",
    "COHORTS",
    "HELD_OUT_COHORTS",
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


@dataclass(frozen=True)
class Simulated:
    """A simulated utterance."""

    waveform: np.ndarray  # (n_samples,) float32 in [-1, 1], 16 kHz
    events: tuple[Event, ...]  # moments of stuttering, in order; empty where the profile does not stutter


def simulate(waveform: np.ndarray, phones: Sequence[Phone], profile: Profile, seed: int) -> Simulated:
    """Say a typical utterance as the profile's speaker would; the same seed gives the same samples.

    waveform: (n_samples,) float in [-1, 1], 16 kHz mono.
    """
    waveform, phones = _checked(waveform, phones)
    rng = np.random.default_rng(seed)
    events: Sequence[Event] = ()
    if isinstance(profile, StutteringProfile):
        said, events = _stuttered(waveform, phones, profile, rng)
    elif isinstance(profile, DysarthriaProfile | ParkinsonsProfile):
        said, _ = _motor(waveform, phones, profile, rng)
        said = _in_its_room(said, waveform, profile, rng)
    elif isinstance(profile, MixedProfile):
        said, events = _stuttered(*_motor(waveform, phones, profile.motor, rng), profile.stuttering, rng)
        said = _in_its_room(said, waveform, profile.motor, rng)
    elif isinstance(profile, DysphoniaProfile):
        said = disordered_voice(waveform, profile, rng)
    else:
        raise ValueError(f"A profile must come from draw_profile, but this one is a {type(profile).__name__}.")
    return Simulated(_within_range(said.astype(np.float32)), tuple(events))


def _stuttered(
    waveform: np.ndarray, phones: Sequence[Phone], profile: StutteringProfile, rng: np.random.Generator
) -> tuple[np.ndarray, list[Event]]:  # (n_samples_out,) and the moments of stuttering in it
    spans, events = stutter(phones, len(waveform) / SAMPLE_RATE, profile, rng)
    return say(waveform, spans, NO_CHANGE, rng), events


def _motor(
    waveform: np.ndarray,  # (n_samples,)
    phones: Sequence[Phone],
    profile: DysarthriaProfile | ParkinsonsProfile,
    rng: np.random.Generator,
) -> tuple[np.ndarray, list[Phone]]:  # (n_samples_out,) and the phones with their times in it
    """What a motor disorder makes of timing, voice, articulation and loudness."""
    n_seconds = len(waveform) / SAMPLE_RATE
    if isinstance(profile, DysarthriaProfile):
        spans, moved = slow_and_halting(phones, n_seconds, profile, rng)
    else:
        spans, moved = hurried_and_weak(phones, n_seconds, profile, rng)
    said = change_spectrum(say(waveform, spans, profile.voice, rng), moved, profile.spectrum, rng)
    return (_soft(said, moved, profile) if isinstance(profile, ParkinsonsProfile) else said), moved


def _soft(said: np.ndarray, phones: Sequence[Phone], profile: ParkinsonsProfile) -> np.ndarray:
    sounding = [phone for phone in phones if not is_silence(phone.symbol)]
    ends = np.array([sounding[0].start, sounding[-1].end]) * SAMPLE_RATE
    loss_db = np.interp(np.arange(len(said)), ends, [profile.loudness_db, profile.loudness_db + profile.fade_db])
    return said * 10 ** (-loss_db / 20)


def _in_its_room(
    said: np.ndarray,  # (n_samples_out,)
    typical: np.ndarray,  # (n_samples,) the typical speech it was
    motor: DysarthriaProfile | ParkinsonsProfile,
    rng: np.random.Generator,
) -> np.ndarray:  # (n_samples_out,)
    """Parkinson's speech is heard in a room: the loss of level tells because the room's noise stays."""
    if isinstance(motor, ParkinsonsProfile):
        noise_level = speech_level(typical) * 10 ** (-motor.room_snr_db / 20)
        said = said + room_noise(len(said), noise_level, rng)
    return said


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


def _within_range(waveform: np.ndarray) -> np.ndarray:
    peak = float(np.abs(waveform).max())
    return waveform * np.float32(_PEAK / peak) if peak > _PEAK else waveform
