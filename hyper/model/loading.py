"""A folder of Hugging Face's to model, feature extractor and tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from hyper.model.files import BackboneError, first_line

if TYPE_CHECKING:
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer


def load_parts(
    folder: Path,
) -> tuple[WhisperForConditionalGeneration, WhisperFeatureExtractor, WhisperTokenizer]:
    """What a Whisper is made of. Errors: `BackboneError` where the folder is damaged."""
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # a bar that flickers for some milliseconds in every command's output
    try:
        return (
            WhisperForConditionalGeneration.from_pretrained(folder, dtype="auto", use_safetensors=True),
            WhisperFeatureExtractor.from_pretrained(folder),
            WhisperTokenizer.from_pretrained(folder),
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise BackboneError(f"The Whisper in {folder} cannot be loaded ({first_line(error)}).") from error
