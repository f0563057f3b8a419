"""Slow, hurried and halting speech: phones laid out anew in time, without a sound said twice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from hyper.simulate.phones import Phone, is_consonant, is_vowel, syllables_of, words_of
from hyper.simulate.profile import DysarthriaProfile, ParkinsonsProfile
from hyper.simulate.psola import Span

_VOWEL_STRETCH = 1.1  # vowels lengthen somewhat more than consonants when speech slows; our own choice
_CONSONANT_STRETCH = 0.9


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
    return _spans(phones, n_seconds, stretch, np.ones(len(phones)), pauses)


def hurried_and_weak(
    phones: Sequence[Phone], n_seconds: float, profile: ParkinsonsProfile, rng: np.random.Generator
) -> tuple[list[Span], list[Phone]]:
    """Runs of words rushed, each faster toward its end, and consonants weaker than vowels."""
    stretch, gain = np.ones(len(phones)), np.ones(len(phones))
    words = words_of(phones)
    for first, last in _rushes(len(words), profile.rush_share, rng):
        inside = [i for word in words[first:last] for i in word]
        # From typical to full speed over the first half of the rush: festination gathers pace.
        ramp = np.minimum(np.linspace(0.5, 1.5, len(inside)), 1)
        stretch[inside] = 1 / (1 + (profile.rush_speed - 1) * ramp)
    for i, phone in enumerate(phones):
        if is_consonant(phone.symbol):
            gain[i] = 10 ** (-profile.consonant_db / 20)
    return _spans(phones, n_seconds, stretch, gain, np.zeros(len(phones)))


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


def _spans(
    phones: Sequence[Phone], n_seconds: float, stretch: np.ndarray, gain: np.ndarray, pauses: np.ndarray
) -> tuple[list[Span], list[Phone]]:
    """Spans that play phone after phone, and the phones with their times in the output; gaps keep their length."""
    spans: list[Span] = []
    moved: list[Phone] = []
    cursor = now = 0.0

    def add(span: Span) -> None:
        nonlocal now
        if span.seconds > 0:
            spans.append(span)
            now += span.seconds

    for i, phone in enumerate(phones):
        start = max(phone.start, cursor)
        add(Span(cursor, start, start - cursor))
        began = now
        add(Span(start, phone.end, (phone.end - start) * float(stretch[i]), gain=float(gain[i])))
        moved.append(Phone(phone.symbol, began, now, phone.word))
        cursor = max(phone.end, start)
        add(Span(cursor, cursor, float(pauses[i]), kind="rest"))
    add(Span(cursor, n_seconds, n_seconds - cursor))
    return spans, moved
