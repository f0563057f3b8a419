"""Stuttering: where an utterance is stuttered, and how each moment of it is laid out in time.

Mild is commonly below 5 % of syllables stuttered; where moderate ends and severe begins differs between sources (10 to
20 %), and our 10 % is the low end. The SSI-4 (Riley 2009) has no such bands: it adds scores for the share of syllables,
the three longest moments and physical concomitants. Kinds after Johnson (1961) and Wingate (1964). How many of each
kind differs between speakers: a Dirichlet draw, our choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.disorder import Disorder, Event, Profile, Simulated
from hyper.simulate.phones import (
    Phone,
    Syllable,
    is_consonant,
    is_nasal,
    is_stop,
    is_vowel,
    neutral_rank,
    syllables_of,
    words_of,
)
from hyper.simulate.psola import Span
from hyper.simulate.voice import NO_CHANGE, say_spans

RANGES = {
    "share": ((0.02, 0.05), (0.05, 0.10), (0.10, 0.25)),
    "extra_iterations": ((1.0, 1.5), (1.5, 2.5), (2.5, 4.0)),
    "moment_seconds": ((0.25, 0.45), (0.45, 0.9), (0.9, 1.8)),
}
_KIND_SHARES = {  # means of the draw; our own choice
    "sound_repetition": 0.22,
    "syllable_repetition": 0.15,
    "word_repetition": 0.12,
    "prolongation": 0.18,
    "block": 0.13,
    "tense_block": 0.08,
    "interjection": 0.12,
}
STUTTER_KINDS = tuple(_KIND_SHARES)
_KIND_CONCENTRATION = 6.0  # low: speakers differ much
_SPREAD = 0.35  # standard deviation of log moment length within a speaker; our own choice
_WORD_REPEAT_SYLLABLES = 2  # longer words are hardly ever repeated whole


@dataclass(frozen=True)
class StutteringProfile(Profile):
    share: float  # of syllables stuttered
    kind_shares: tuple[float, ...]  # in the order of STUTTER_KINDS, summing to 1
    extra_iterations: float  # mean number of times a sound, syllable or word is said too often
    moment_seconds: float  # median length of a prolongation or block


def draw(severity: str, values: dict[str, float], rng: np.random.Generator) -> StutteringProfile:
    """A speaker with these values and shares of the kinds of their own."""
    shares = rng.dirichlet(np.array(list(_KIND_SHARES.values())) * _KIND_CONCENTRATION)
    return StutteringProfile(severity, kind_shares=tuple(float(share) for share in shares), **values)


def say(
    waveform: np.ndarray, phones: Sequence[Phone], profile: StutteringProfile, rng: np.random.Generator
) -> Simulated:
    """The utterance as this speaker says it: fluent but for its moments of stuttering."""
    layout = _Layout(phones, profile, rng)
    syllables = syllables_of(phones)
    for index in _stuttered(syllables, phones, profile.share, rng):
        kind = _draw_kind(syllables[index], syllables, phones, profile, rng)
        layout.play_to(max(phones[syllables[index].first].start, layout.cursor))
        _MAKERS[kind](layout, syllables[index], kind)
    layout.play_to(len(waveform) / SAMPLE_RATE)
    return Simulated(say_spans(waveform, layout.spans, NO_CHANGE, rng), tuple(layout.events))


class _Layout:
    """What is being stuttered by whom, spans laid so far, and the events among them."""

    def __init__(self, phones: Sequence[Phone], profile: StutteringProfile, rng: np.random.Generator) -> None:
        self.phones, self.profile, self.rng = phones, profile, rng
        self.spans: list[Span] = []
        self.events: list[Event] = []
        self.now = 0.0  # seconds of output
        self.cursor = 0.0  # seconds of the source played so far

    def add(self, span: Span) -> None:
        if span.seconds > 0:
            self.spans.append(span)
            self.now += span.seconds

    def play_to(self, time: float) -> None:
        self.add(Span(self.cursor, time, time - self.cursor))
        self.cursor = max(self.cursor, time)

    def rest(self, seconds: float) -> None:
        self.add(Span(self.cursor, self.cursor, seconds, kind="rest"))

    def moment(self) -> float:
        """How long a prolongation or block lasts, seconds."""
        return float(self.profile.moment_seconds * np.exp(_SPREAD * self.rng.standard_normal()))


def _stuttered(
    syllables: Sequence[Syllable], phones: Sequence[Phone], share: float, rng: np.random.Generator
) -> list[int]:
    """Which syllables are stuttered: `share` of them on average, and at least one.

    An utterance without a moment of stuttering would be typical speech under a wrong label, so short ones carry one
    even where the share alone would give none (our own choice). Word onsets, the first word, long words and
    consonants draw more of them (Brown 1945); the weights are our own choice.
    """
    expected = share * len(syllables)
    count = max(int(expected + rng.random()), 1)
    length = {phones[word[0]].word: len(word) for word in words_of(phones)}
    weight = np.array(
        [
            (1.0 if s.is_word_onset else 0.15)
            * (2.0 if i == 0 else 1.0)
            * (1.5 if length[s.word] >= 5 else 1.0)
            * (1.5 if is_consonant(phones[s.first].symbol) else 1.0)
            for i, s in enumerate(syllables)
        ]
    )
    chosen = rng.choice(len(syllables), size=min(count, len(syllables)), replace=False, p=weight / weight.sum())
    return sorted(int(i) for i in chosen)


def _draw_kind(
    syllable: Syllable,
    syllables: Sequence[Syllable],
    phones: Sequence[Phone],
    profile: StutteringProfile,
    rng: np.random.Generator,
) -> str:
    """A kind of event that this syllable allows, by the speaker's shares."""
    first = phones[syllable.first].symbol
    short_word = sum(s.word == syllable.word for s in syllables) <= _WORD_REPEAT_SYLLABLES
    allowed = {
        "sound_repetition": is_consonant(first),
        "word_repetition": syllable.is_word_onset and short_word,
        "prolongation": not is_stop(first),
        "interjection": syllable.is_word_onset and _neutral_vowel(phones) is not None,
    }
    weight = np.array(
        [
            (share + 1e-3) * allowed.get(kind, True)  # the small number: some kind must remain
            for kind, share in zip(STUTTER_KINDS, profile.kind_shares, strict=True)
        ]
    )
    return STUTTER_KINDS[int(rng.choice(len(weight), p=weight / weight.sum()))]


def _repeat(layout: _Layout, syllable: Syllable, kind: str) -> None:
    """Say the start of the word once or several times too often, with short irregular gaps, before going on."""
    start, end = layout.cursor, _end_of_unit(syllable, layout.phones, kind)
    event_start = layout.now
    for _ in range(1 + int(layout.rng.poisson(layout.profile.extra_iterations - 1))):
        layout.add(Span(start, end, (end - start) * layout.rng.uniform(0.85, 1.05)))
        layout.rest(layout.rng.uniform(0.04, 0.15))
    layout.events.append(Event(kind, event_start, layout.now))


def _end_of_unit(syllable: Syllable, phones: Sequence[Phone], kind: str) -> float:
    """End of the part that is repeated, seconds of the source."""
    if kind == "word_repetition":
        return max(p.end for p in phones if p.word == syllable.word)
    if kind == "syllable_repetition":
        return phones[syllable.nucleus].end
    first, following = phones[syllable.first], phones[min(syllable.first + 1, len(phones) - 1)]
    onset_of_vowel = min(0.05, 0.4 * following.seconds) if is_vowel(following.symbol) else 0.0
    return first.end + onset_of_vowel  # the neutral scrap of vowel that makes "b-b-ball"


def _prolong(layout: _Layout, syllable: Syllable, kind: str) -> None:
    """Hold the first sound: its steady middle is passed to and fro, so that it lives rather than buzzes."""
    phone = layout.phones[syllable.first]
    start, end = phone.start + 0.35 * phone.seconds, phone.start + 0.7 * phone.seconds
    event_start = layout.now
    layout.play_to(max(end, layout.cursor))
    layout.add(Span(start, end, layout.moment(), kind="hold"))
    layout.events.append(Event(kind, event_start, layout.now))


def _block(layout: _Layout, syllable: Syllable, kind: str) -> None:
    """Stop before the sound; a tense block lets some creak of the strained larynx through."""
    event_start = layout.now
    seconds = layout.moment()
    if kind == "block":
        layout.rest(seconds)
    else:
        vowel = layout.phones[syllable.nucleus]
        middle = 0.5 * (vowel.start + vowel.end)
        layout.rest(0.3 * seconds)
        creak = layout.rng.uniform(0.3, 0.5)  # of the usual F0
        layout.add(Span(middle - 0.02, middle + 0.02, 0.4 * seconds, kind="hold", pitch=creak, gain=0.06))
        layout.rest(0.3 * seconds)
    layout.events.append(Event(kind, event_start, layout.now))


def _interject(layout: _Layout, _syllable: Syllable, kind: str) -> None:
    """Say "uh", or "um" where the utterance lends a nasal: the speaker's own most neutral vowel at a lower pitch."""
    phones, rng = layout.phones, layout.rng
    vowel = _neutral_vowel(phones)
    assert vowel is not None  # _draw_kind offers interjections only where there is one
    nasals = [p for p in phones if is_nasal(p.symbol) and p.seconds >= 0.03]
    layout.rest(rng.uniform(0.06, 0.2))
    event_start = layout.now
    pitch = rng.uniform(0.85, 0.95)
    inner = (vowel.start + 0.2 * vowel.seconds, vowel.start + 0.8 * vowel.seconds)
    layout.add(Span(*inner, rng.uniform(0.2, 0.4), kind="hold", pitch=pitch, gain=0.8))
    if nasals and rng.random() < 0.5:
        nasal = nasals[int(rng.integers(len(nasals)))]
        inner = (nasal.start + 0.3 * nasal.seconds, nasal.start + 0.7 * nasal.seconds)
        layout.add(Span(*inner, rng.uniform(0.12, 0.3), kind="hold", pitch=pitch, gain=0.8))
    layout.events.append(Event(kind, event_start, layout.now))
    layout.rest(rng.uniform(0.08, 0.25))


def _neutral_vowel(phones: Sequence[Phone]) -> Phone | None:
    """The vowel of the utterance that is nearest to "uh" and long enough to hold."""
    long = [phone for phone in phones if phone.seconds >= 0.04]
    ranked = [(rank, -phone.seconds, phone) for phone in long if (rank := neutral_rank(phone.symbol)) is not None]
    return min(ranked, key=lambda item: item[:2])[2] if ranked else None


_MAKERS = {
    "sound_repetition": _repeat,
    "syllable_repetition": _repeat,
    "word_repetition": _repeat,
    "prolongation": _prolong,
    "block": _block,
    "tense_block": _block,
    "interjection": _interject,
}

DISORDER = Disorder(name="stuttering", profile=StutteringProfile, ranges=RANGES, draw=draw, say=say, seed=0)
