"""How somebody speaks, in numbers: pauses, as the level tells them, and words a minute, as the word times do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hyper.compare.word_times import WordTime
from hyper.metrics.normalize import ENGLISH, UNSPACED
from hyper.metrics.percent import percent
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.sound import HOP, LEVEL_WINDOW, SILENCE_DB, Sound

SHORTEST_PAUSE = 0.25  # seconds: shorter gaps are closures of the mouth (Goldman-Eisler, Psycholinguistics, 1968)
LOUD_PERCENTILE = 99  # of the levels, and how far below it nobody speaks: de Jong and Wempe, Behavior Research
BELOW_LOUD_DB = 25.0  # Methods 41, 2009
FEWEST_WORDS = 3  # fewer say little of how fast somebody speaks
HOW_MEASURED = (
    f"A pause is a stretch of {SHORTEST_PAUSE} s or more, between the first and the last sound, in which the level "
    f"stays {BELOW_LOUD_DB:.0f} dB below the loudest parts; in a noisy room pauses can go unnoticed. The speech rate "
    "counts the transcript's words from the first to the last, pauses included. Both are approximate: the model can "
    "miss words, and it estimates their times. Microphone, room and text change all of these figures, and none of them "
    "says anything about a person's health."
)

NO_SPACES = "not measured, as this language is written without spaces between words"


@dataclass(frozen=True)
class Pauses:
    """The pauses of one recording; what lies before the first and after the last sound is none."""

    seconds: tuple[float, ...]  # how long each is
    speaking_seconds: float  # from the first sound to the last, pauses included

    @property
    def share(self) -> float:
        """Of the time from the first sound to the last."""
        return sum(self.seconds) / self.speaking_seconds


def find_pauses(level: np.ndarray) -> Pauses | None:  # (n_frames,) dB, one every HOP samples; None without any sound
    """Stretches of SHORTEST_PAUSE or more, BELOW_LOUD_DB below the loudest parts, between sounds."""
    sounds = np.flatnonzero(_is_sound(level))
    if not len(sounds):
        return None
    gaps = np.diff(sounds) - 1  # frames between two frames of sound
    # A frame is quiet where all its samples are: n of them in a row cover (n - 1) hops and one window.
    lengths = ((gaps[gaps > 0] - 1) * HOP + LEVEL_WINDOW) / SAMPLE_RATE
    long = tuple(float(length) for length in lengths if length >= SHORTEST_PAUSE)
    return Pauses(long, float(sounds[-1] - sounds[0] + 1) * HOP / SAMPLE_RATE)


def _is_sound(level: np.ndarray) -> np.ndarray:  # (n_frames,) dB -> bool
    """Where somebody speaks, if nothing else is heard."""
    limit = np.percentile(level, LOUD_PERCENTILE) - BELOW_LOUD_DB
    return level > max(limit, SILENCE_DB)


def words_a_minute(words: Sequence[WordTime], language: str = ENGLISH) -> float | None:
    """Speech rate from the first word's start to the last one's end, pauses included; None for too few words.

    None also where the language is written without spaces, which would make a word of a sentence.
    """
    if language in UNSPACED or len(words) < FEWEST_WORDS or words[-1].end <= words[0].start:
        return None
    return 60 * len(words) / (words[-1].end - words[0].start)


def speaking_facts(sound: Sound, words: Sequence[WordTime], language: str = ENGLISH) -> dict[str, str]:
    """Pauses, speech rate, pitch and level, each in words; `words` are those of one transcript."""
    rate = words_a_minute(words, language)
    unknown = NO_SPACES if language in UNSPACED else "too few words to tell"
    return {
        "Pauses": _pauses_text(find_pauses(sound.level)),
        "Speech rate": unknown if rate is None else f"about {rate:.0f} words a minute (approximate)",
        "Pitch (F0)": _spread_text(sound.f0[~np.isnan(sound.f0)], "Hz") or "no voice was found",
        "Level": _spread_text(sound.level[_is_sound(sound.level)], "dB") or "silence",
    }


def _pauses_text(pauses: Pauses | None) -> str:
    if pauses is None or not pauses.seconds:
        return "none found"
    longest = f"{max(pauses.seconds):.1f} s"
    count = f"1, {longest} long" if len(pauses.seconds) == 1 else f"{len(pauses.seconds)}, the longest {longest}"
    return f"{count}; {percent(pauses.share, 0)} of the time from the first sound to the last"


def _spread_text(values: np.ndarray, unit: str) -> str:
    """Where most of the values lie; "" without any."""
    if not len(values):
        return ""
    low, middle, high = (f"{value:.0f}".replace("-", "−") for value in np.percentile(values, (5, 50, 95)))
    return f"median {middle} {unit}, mostly {low} to {high} {unit}"
