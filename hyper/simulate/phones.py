"""What a phone is: its name, its place in time, its word; and the classes the simulators ask about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

SILENCES = frozenset({"_", "_:", "_!", "__", "_|", "pau", "sil", "sp", "h#", "#", ""})

# First letter of a vowel, in espeak-ng's mnemonics ("aI", "3:", "@L"), in flite's radio set ("aa", "er") and in IPA.
# In none of the three sets does a consonant start with one of these.
_VOWEL_LETTERS = frozenset("aAeEiIoOuUV@03" + "æɐɑɒɔəɚɛɜɝɪʊʌʉø")
_STOPS = frozenset({"p", "b", "t", "d", "k", "g", "?", "t#", "t2", "d#", "tS", "dZ", "ch", "jh", "ʔ", "ɡ", "tʃ", "dʒ"})
_NASALS = frozenset({"m", "n", "N", "ng", "m-", "n-", "em", "en", "ŋ"})
# Vowels near the middle of the vowel space: what "uh" and "um" are made of, the best first.
_CENTRAL = ("@", "ax", "3:", "3", "er", "ah", "V", "a#", "@2", "@5", "@L", "I2", "uh", "U", "ə", "ʌ", "ɜ")
_OPEN = ("aa", "A:", "A", "A@", "a", "aa:", "ae", "0", "O", "O:", "ao", "E", "eh", "ɑ", "æ", "ɔ", "ɛ")
_STRESS_MARKS = "',%=ˈˌ"


class PhonesError(ValueError):
    """The phones of a recording cannot be used; the message says which, or where they should lie."""


@dataclass(frozen=True)
class Phone:
    """One sound of an utterance."""

    symbol: str
    start: float  # seconds
    end: float  # seconds
    word: int  # index of the word in the text, -1 for silence

    @property
    def seconds(self) -> float:
        return self.end - self.start


def parse_phones(column: str) -> tuple[Phone, ...]:
    """Read a manifest's `phones` column: `symbol:start:end:word` separated by spaces; the symbol may hold colons.

    Errors: PhonesError where something else stands there.
    """
    phones = []
    for item in column.split():
        try:
            symbol, start, end, word = item.rsplit(":", 3)
            phones.append(Phone(symbol, float(start), float(end), int(word)))
        except ValueError as error:
            raise PhonesError(
                f"A phone reads {item!r}, but it must be symbol:start:end:word, such as aI:0.120:0.310:2."
            ) from error
    return tuple(phones)


def format_phones(phones: Sequence[Phone]) -> str:
    """Write phones as `parse_phones` reads them, times to a millisecond."""
    return " ".join(f"{phone.symbol or '_'}:{phone.start:.3f}:{phone.end:.3f}:{phone.word}" for phone in phones)


def _bare(symbol: str) -> str:
    return symbol.strip(_STRESS_MARKS)


def is_silence(symbol: str) -> bool:
    """Pauses, and symbols for no sound at all."""
    return _bare(symbol) in SILENCES


def is_vowel(symbol: str) -> bool:
    """By its first letter, so that diphthongs and long vowels are vowels."""
    return _bare(symbol)[:1] in _VOWEL_LETTERS and not is_silence(symbol)


def is_consonant(symbol: str) -> bool:
    """Every sound that is neither a vowel nor silence; a symbol nobody knows counts as a consonant."""
    return not is_silence(symbol) and not is_vowel(symbol)


def is_stop(symbol: str) -> bool:
    """Stops and affricates: sounds with a closure, which cannot be held."""
    return _bare(symbol) in _STOPS


def is_nasal(symbol: str) -> bool:
    """Sounds that are spoken through the nose, such as m and n."""
    return _bare(symbol) in _NASALS


def neutral_rank(symbol: str) -> int | None:
    """How fit a vowel is for "uh": 0 is schwa; None for vowels such as "ee" and for consonants."""
    choices = _CENTRAL + _OPEN
    return choices.index(_bare(symbol)) if _bare(symbol) in choices else None


@dataclass(frozen=True)
class Syllable:
    """Phones `first` to `last` of the utterance (both inside), the vowel at `nucleus`."""

    first: int
    nucleus: int
    last: int
    word: int
    is_word_onset: bool


def words_of(phones: Sequence[Phone]) -> list[list[int]]:
    """Indices of the sounding phones of each word, in order of speech."""
    words: list[list[int]] = []
    previous = None
    for index, phone in enumerate(phones):
        if is_silence(phone.symbol):
            continue
        if phone.word != previous:
            words.append([])
            previous = phone.word
        words[-1].append(index)
    return words


def syllables_of(phones: Sequence[Phone]) -> list[Syllable]:
    """One syllable per vowel; between two vowels of a word, the last consonant opens the later syllable.

    A word without a vowel ("shh") is one syllable whose nucleus is its longest phone.
    """
    syllables = []
    for word in words_of(phones):
        nuclei = [i for i in word if is_vowel(phones[i].symbol)] or [max(word, key=lambda i: phones[i].seconds)]
        firsts = [word[0]]
        for before, nucleus in itertools.pairwise(nuclei):
            between = [i for i in word if before < i < nucleus]  # sounding phones: a pause within a word opens nothing
            firsts.append(between[-1] if between else nucleus)
        lasts = [max(i for i in word if i < first) for first in firsts[1:]] + [word[-1]]
        for order, (first, nucleus, last) in enumerate(zip(firsts, nuclei, lasts, strict=True)):
            syllables.append(Syllable(first, nucleus, last, phones[first].word, order == 0))
    return syllables
