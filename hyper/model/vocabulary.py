"""What a Whisper writes: the tokens before a transcript, those it never writes, and words from tokens and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hyper.model.files import BackboneError
from hyper.model.prompt import is_multilingual, languages, no_speech_token, prompt_tokens

if TYPE_CHECKING:
    from transformers import WhisperTokenizer


class Vocabulary:
    """The words and tokens of one Whisper, all by its own settings."""

    def __init__(self, name: str, tokenizer: WhisperTokenizer, config: Any, generation: Any) -> None:
        """`config` is the model's, `generation` what it says of writing; `name` is for people."""
        self.name, self.tokenizer = name, tokenizer
        self._config, self._generation = config, generation

    @property
    def n_tokens(self) -> int:
        """Size of the vocabulary."""
        return self._config.vocab_size

    @property
    def is_multilingual(self) -> bool:
        """Whether the prompt chooses the language."""
        return is_multilingual(self._generation)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages it can be asked for."""
        return languages(self._generation)

    def prompt(self, language: str = "en") -> tuple[int, ...]:
        """The tokens that every transcript starts after."""
        if language not in self.languages:
            known = "English only" if not self.is_multilingual else ", ".join(self.languages)
            raise BackboneError(f"{self.name} does not know the language {language!r}; it knows {known}.")
        return prompt_tokens(self._generation, language)

    @property
    def suppressed(self) -> tuple[int, ...]:
        """Tokens that are never written, by this model's own settings."""
        return tuple(getattr(self._generation, "suppress_tokens", None) or ())

    @property
    def begin_suppressed(self) -> tuple[int, ...]:
        """Tokens that are not written first."""
        return tuple(getattr(self._generation, "begin_suppress_tokens", None) or ())

    @property
    def end_token(self) -> int:
        """The token that ends a transcript."""
        return int(self._config.eos_token_id)

    @cached_property
    def no_speech_token(self) -> int | None:
        """The token whose probability at the start says that nobody speaks; None if the model has none."""
        return no_speech_token(self.tokenizer)

    @property
    def max_target_positions(self) -> int:
        """Prompt and transcript together, in tokens."""
        return self._config.max_target_positions

    def to_text(self, tokens: Sequence[int]) -> str:
        """The words of a transcript, special tokens left out."""
        text = self.tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text.strip()

    def to_tokens(self, text: str) -> list[int]:
        """What the decoder is taught to write for a reference: no prompt, no end; a space in front, as Whisper has."""
        return self.tokenizer.encode(" " + text.strip(), add_special_tokens=False)
