"""Names of the languages that multilingual Whispers know."""

from __future__ import annotations

# Written in Latin letters, of which Whisper's tokens hold several. Other scripts take up to three tokens a letter.
IN_LATIN_LETTERS = frozenset(
    "af az bs ca cs cy da de en es et eu fi fo fr gl ha haw hr ht hu id is it jw la lb ln lt lv mg mi ms mt nl nn no "
    "oc pl pt ro sk sl sn so sq su sv sw tk tl tr uz yo".split()
)


def language_names() -> dict[str, str]:
    """English names of the languages that multilingual Whispers know, by code; English first, then by name."""
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    return {code: name.title() for code, name in sorted(LANGUAGES.items(), key=lambda each: (each[0] != "en", each[1]))}
