"""The one transcript normaliser: Whisper's own for each language."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

ENGLISH = "en"
# Written without spaces: each character counts as a word, as in the evaluation of arXiv:2212.04356, appendix C.
UNSPACED = ("zh", "yue", "ja", "th", "lo", "my")
EACH_CHARACTER = "This language is written without spaces, so each character counts as a word."
BY_ENGLISH_RULES = (
    "Words counted in what was meant: {n}. A number counts as one word, a contraction such as “it's” as two, a filler "
    "such as “um” not at all."
)
BY_BASIC_RULES = "Words counted in what was meant: {n}. A word with an apostrophe or a hyphen in it counts as two."
# Whisper's basic rules make a space of each vowel sign, and words of the pieces. Its languages of such scripts, without
# those counted by characters:
SIGNS_STAY = "Unlike there, vowel signs do not split words."
WITH_SIGNS = (
    "ar", "as", "bn", "bo", "fa", "gu", "he", "hi", "km", "kn", "ml", "mr", "ne", "pa", "ps", "sa", "sd", "si", "ta",
    "te", "ur", "yi",
)  # fmt: skip
OWN_SIGNS = (range(0x0900, 0x10A0), range(0x1780, 0x1800))  # Devanagari to Sinhala, Thai, Lao, Tibetan, Burmese; Khmer
LEFT_OUT_SIGNS = (range(0x0591, 0x05C8), range(0x0610, 0x06EE))  # Hebrew and Arabic: mostly left out in writing, too
# Unicode's clusters, which the rules take for letters, end before some.
LOOSE_SIGN = re.compile(r"\s(?=[\u102b-\u103e])")
# What programs write in place of what the rules know.
APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ＇", "'"))
DOTS = re.compile(r"…|\.{2,}")  # for the rules a word, where none but themselves follows
# Joiners of letters are seen, and stay.
UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# What Whisper's rules leave out: words in brackets, and fillers.
BRACKETED = ((re.compile(r"[<\[][^>\]]*[>\]]"), ">]"), (re.compile(r"\(([^)]+?)\)"), ")"))  # pattern, closing ones
FILLERS = re.compile(r"\b(hmm|mm|mhm|mmm|uh|um)\b")
SPACES = re.compile(r"\s+")
UNCLOSED = str.maketrans("<[(", "{{{")  # the rules make a space of any of them
LONG_NUMBER = re.compile(r"([0-9]{1000})(?=[0-9])")  # Python reads no number of more than 4,300 digits


def normalise(text: str, language: str = ENGLISH) -> str:
    """Whisper's English rules: lower case, no punctuation, no fillers, one spelling, digits for number words.

    For every other language its basic rules, lower case without punctuation; spaces between all characters where the
    language is written without any. Two things differ. Vowel signs belong to the letter before them, where the basic
    rules put a space; those of Arabic and Hebrew are left out. And what programs write on their own is read as what
    people type: curly apostrophes as straight ones, dots in a row as a pause, invisible characters not at all.
    """
    text = _as_typed(text)
    if language == ENGLISH:
        return _english()(_easy(FILLERS.sub("", _without_brackets(text)))).strip()
    is_unspaced = language in UNSPACED
    text = _basic(is_unspaced)(_easy(_without_brackets(text))).strip()
    return LOOSE_SIGN.sub("", text) if is_unspaced else text


def words_of(text: str, language: str = ENGLISH) -> list[str]:
    """The words as they were written; each character where the language is written without spaces."""
    return (normalise(text, language) if language in UNSPACED else text).split()


def counting(language: str) -> str:
    """How words of this language are counted, in a sentence for people."""
    if language == ENGLISH:
        return "after Whisper's English normaliser: lower case, no punctuation, numbers as digits"
    what = SIGNS_STAY if language in WITH_SIGNS else counting_note(language)
    return f"after Whisper's basic normaliser: lower case, no punctuation. {what}".strip()


def counting_note(language: str) -> str:
    """What must be known to read the rates; "" where words are words."""
    return EACH_CHARACTER if language in UNSPACED else ""


def other_count(text: str, n_counted: int, language: str) -> str:
    """Why so many words of a text were counted, where it is written in more or fewer; else ""."""
    if n_counted == len(words_of(text, language)):
        return ""
    return (BY_ENGLISH_RULES if language == ENGLISH else BY_BASIC_RULES).format(n=n_counted)


def _as_typed(text: str) -> str:
    """With the signs that people type in place of those that programs make of them."""
    return DOTS.sub(" ", UNSEEN.sub("", text).translate(APOSTROPHES))


def _without_brackets(text: str) -> str:
    """In lower case, without what stands in brackets."""
    text = text.lower()
    for pattern, closing in BRACKETED:
        end = max(map(text.rfind, closing)) + 1  # behind it nothing closes
        text = pattern.sub("", text[:end]) + text[end:]
    return text.translate(UNCLOSED)


def _easy(text: str) -> str:
    """A text for which the rules give the same, and which they read once from left to right.

    For each bracket that is never closed they would search the whole rest of the text, and for each of many spaces the
    others.
    """
    return SPACES.sub(" ", text)


@cache
def _english() -> EnglishTextNormalizer:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer  # a second to import

    # transformers has the rules; OpenAI's British-to-American spelling table comes with whisper-normalizer, as data.
    spellings = files("whisper_normalizer") / "normalizers" / "english.json"
    normaliser: Any = EnglishTextNormalizer(json.loads(spellings.read_text(encoding="utf-8")))
    normaliser.standardize_numbers = _of_readable_numbers(normaliser.standardize_numbers)
    return normaliser


@cache
def _basic(is_unspaced: bool) -> BasicTextNormalizer:
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer

    normaliser: Any = BasicTextNormalizer(split_letters=is_unspaced)
    normaliser.clean = _without_symbols
    return normaliser


def _without_symbols(text: str) -> str:
    """The basic rules' own step, a space for each symbol, but not for vowel signs."""
    return "".join(map(_or_space, unicodedata.normalize("NFKC", text)))


def _or_space(character: str) -> str:
    """What is left of a character: itself, a space, or nothing."""
    kind = unicodedata.category(character)
    if kind[0] not in "MSP" or (kind[0] == "M" and _is_in(character, OWN_SIGNS)):
        return character
    return "" if kind[0] == "M" and _is_in(character, LEFT_OUT_SIGNS) else " "


def _is_in(character: str, blocks: tuple[range, ...]) -> bool:
    return any(ord(character) in block for block in blocks)


def _of_readable_numbers(standardise: Callable[[str], str]) -> Callable[[str], str]:
    """The rules for numbers, which get those of absurd length in parts."""
    return lambda text: standardise(LONG_NUMBER.sub(r"\1 ", text))
