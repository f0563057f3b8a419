"""What a Whisper's own settings say of languages and of the tokens that a transcript starts after."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import WhisperTokenizer

NO_SPEECH_TOKENS = ("<|nospeech|>", "<|nocaptions|>")  # the second in models from 2022
MULTILINGUAL_TOKENS = 51_865  # of the first multilingual Whispers; later ones have more, those for English alone fewer
LANGUAGE = re.compile(r"<\|[a-z]{2,3}\|>")


def complete(generation: Any, tokenizer: WhisperTokenizer, n_tokens: int) -> bool:
    """Take from the tokenizer what a multilingual model's settings lack of the prompt: older fine-tunes name nothing.

    False where the tokenizer lacks it too: without language and task such a model may translate, or write nonsense.
    """
    wanted = ("lang_to_id", "task_to_id", "no_timestamps_token_id")
    is_english = n_tokens < MULTILINGUAL_TOKENS or getattr(generation, "is_multilingual", None) is False
    if is_english or all(getattr(generation, name, None) for name in wanted):
        return True
    ids = tokenizer.added_tokens_encoder
    found: tuple[Any, ...] = (
        {name: i for name, i in ids.items() if LANGUAGE.fullmatch(name)},
        {task: ids[f"<|{task}|>"] for task in ("transcribe",) if f"<|{task}|>" in ids},
        ids.get("<|notimestamps|>"),
    )
    for name, value in zip(wanted, found, strict=True):
        setattr(generation, name, getattr(generation, name, None) or value)
    return all(getattr(generation, name) for name in wanted)


def is_multilingual(generation: Any) -> bool:
    """Whether the prompt chooses the language; settings from 2022 do not say it, but list the languages."""
    has_languages = bool(getattr(generation, "lang_to_id", None))
    return has_languages and bool(getattr(generation, "is_multilingual", True))


def languages(generation: Any) -> tuple[str, ...]:
    """Codes of the languages that the model can be asked for."""
    if not is_multilingual(generation):
        return ("en",)
    return tuple(token.strip("<|>") for token in generation.lang_to_id)


def prompt_tokens(generation: Any, language: str) -> tuple[int, ...]:
    """Start, language, task and "no time stamps"; a model for English alone has neither language nor task."""
    start = generation.decoder_start_token_id
    if is_multilingual(generation):
        return (
            start,
            generation.lang_to_id[f"<|{language}|>"],
            generation.task_to_id["transcribe"],
            generation.no_timestamps_token_id,
        )
    forced = getattr(generation, "forced_decoder_ids", None) or []
    tokens = tuple(token for _, token in forced if token is not None)
    no_timestamps = getattr(generation, "no_timestamps_token_id", None)
    if not tokens and no_timestamps is not None:
        tokens = (no_timestamps,)
    return (start, *tokens)


def no_speech_token(tokenizer: WhisperTokenizer) -> int | None:
    """The token whose probability at the start says that nobody speaks; None if the model has none."""
    ids = [tokenizer.added_tokens_encoder.get(name) for name in NO_SPEECH_TOKENS]
    return next((i for i in ids if i is not None), None)
