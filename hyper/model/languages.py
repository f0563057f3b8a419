"""Names of the languages that multilingual Whispers know."""

from __future__ import annotations


def language_names() -> dict[str, str]:
    """English names of the languages that multilingual Whispers know, by code; English first, then by name."""
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    return {code: name.title() for code, name in sorted(LANGUAGES.items(), key=lambda each: (each[0] != "en", each[1]))}
