"""Simulated atypical speech: typical speech, its phones and a speaker's profile give what that speaker might say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.disorder import SEVERITIES, Disorder, Event, Profile, Simulated
from hyper.simulate.disorders import DISORDERS
from hyper.simulate.phones import Phone, PhonesError, format_phones, is_silence, is_stop, parse_phones

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

ALL_COHORTS = tuple(DISORDERS)
COHORTS = tuple(name for name, disorder in DISORDERS.items() if not disorder.held_out)
HELD_OUT_COHORTS = tuple(name for name, disorder in DISORDERS.items() if disorder.held_out)  # for testing only

_PEAK = 0.99


def draw_profile(cohort: str, severity: str, seed: int) -> Profile:
    """One speaker of a cohort and severity; the same seed gives the same speaker.

    Errors: ValueError for a cohort that nobody simulates, and for an unknown severity.
    """
    if cohort not in DISORDERS:
        raise ValueError(f"Cohort {cohort!r} cannot be simulated; choose one of {', '.join(DISORDERS)}.")
    return DISORDERS[cohort].draw_profile(severity, seed)


def simulate(waveform: np.ndarray, phones: Sequence[Phone], profile: Profile, seed: int) -> Simulated:
    """Say a typical utterance as the profile's speaker would; the same seed gives the same samples.

    waveform: (n_samples,) float in [-1, 1], 16 kHz mono. Errors: ValueError where it is something else or not finite,
    and for a profile that `draw_profile` did not make; PhonesError where no phones of speech lie within it.
    """
    waveform, phones = _checked(waveform, phones)
    said = _disorder_of(profile).say(waveform, phones, profile, np.random.default_rng(seed))
    return replace(said, waveform=_within_range(said.waveform.astype(np.float32)))


def _disorder_of(profile: Profile) -> Disorder:
    for disorder in DISORDERS.values():
        if type(profile) is disorder.profile:  # a disorder's profile may extend another's
            return disorder
    raise ValueError(f"A profile must come from draw_profile, but this one is a {type(profile).__name__}.")


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
        raise PhonesError(
            f"No phones lie within the {n_seconds:.2f} s of the recording; pass the phones of its speech."
        )
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
