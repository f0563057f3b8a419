"""The one transcript normaliser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

# What Whisper's rules leave out: words in brackets, and fillers.
BRACKETED = ((re.compile(r"[<\[][^>\]]*[>\]]"), ">]"), (re.compile(r"\(([^)]+?)\)"), ")"))  # pattern, closing ones
FILLERS = re.compile(r"\b(hmm|mm|mhm|mmm|uh|um)\b")
SPACES = re.compile(r"\s+")
UNCLOSED = str.maketrans("<[(", "{{{")  # the rules make a space of any of them
LONG_NUMBER = re.compile(r"([0-9]{1000})(?=[0-9])")  # Python reads no number of more than 4,300 digits


def normalise(text: str) -> str:
    """Lower case, no punctuation, no fillers, one spelling, digits for number words: Whisper's English rules."""
    return _whisper_normaliser()(_easy(text)).strip()


def _easy(text: str) -> str:
    """A text for which the rules give the same, and which they read once from left to right.

    For each bracket that is never closed they would search the whole rest of the text, and for each of many spaces the
    others.
    """
    text = text.lower()
    for pattern, closing in BRACKETED:
        end = max(map(text.rfind, closing)) + 1  # behind it nothing closes
        text = pattern.sub("", text[:end]) + text[end:]
    return SPACES.sub(" ", FILLERS.sub("", text.translate(UNCLOSED)))


@cache
def _whisper_normaliser() -> EnglishTextNormalizer:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer  # a second to import

    # transformers has the rules; OpenAI's British-to-American spelling table comes with whisper-normalizer, as data.
    spellings = files("whisper_normalizer") / "normalizers" / "english.json"
    normaliser = EnglishTextNormalizer(json.loads(spellings.read_text(encoding="utf-8")))
    normaliser.standardize_numbers = _of_readable_numbers(normaliser.standardize_numbers)
    return normaliser


def _of_readable_numbers(standardise: Callable[[str], str]) -> Callable[[str], str]:
    """The rules for numbers, which get those of absurd length in parts."""
    return lambda text: standardise(LONG_NUMBER.sub(r"\1 ", text))
