"""The one transcript normaliser."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer


def normalise(text: str) -> str:
    """Lower case, no punctuation, no fillers, one spelling, digits for number words: Whisper's English rules."""
    return _whisper_normaliser()(text).strip()


@cache
def _whisper_normaliser() -> EnglishTextNormalizer:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer  # a second to import

    # transformers has the rules; OpenAI's British-to-American spelling table comes with whisper-normalizer, as data.
    spellings = files("whisper_normalizer") / "normalizers" / "english.json"
    return EnglishTextNormalizer(json.loads(spellings.read_text(encoding="utf-8")))
