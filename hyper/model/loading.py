"""A folder of Hugging Face's to model, feature extractor and tokenizer; a damaged one is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from hyper.model.files import BackboneError, first_line
from hyper.model.prompt import complete
from hyper.recordings.limits import SAMPLE_RATE

if TYPE_CHECKING:
    from transformers import (
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

# What transformers says of tensors, and what that means. The output layer is the token embedding and not stored twice.
TENSOR_FAULTS = {
    "missing_keys": "lacks the tensor {}, which config.json asks for",
    "unexpected_keys": "has the tensor {}, which config.json does not ask for",
    "mismatched_keys": "has the tensor {} in another shape than config.json asks for",
}
NO_PROMPT = "neither generation_config.json nor the tokenizer names its languages, so it cannot be asked for one"
LARGEST_WEIGHT = 1e6  # trained ones stay below a thousand; one flipped bit of an exponent leads far beyond


def load_parts(
    folder: Path,
) -> tuple[WhisperForConditionalGeneration, WhisperFeatureExtractor, WhisperTokenizer]:
    """What a Whisper is made of, every tensor in its place and none over. Errors: `BackboneError`."""
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # a bar that flickers for some milliseconds in every command's output
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # its table of tensors that do not fit becomes one sentence below
    try:
        loaded: Any = WhisperForConditionalGeneration.from_pretrained(
            folder, dtype="auto", use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True
        )
        model, tensors = loaded
        extractor = WhisperFeatureExtractor.from_pretrained(folder)
        tokenizer = WhisperTokenizer.from_pretrained(folder)
        has_prompt = complete(model.generation_config, tokenizer, model.config.vocab_size)
        fault = tensor_fault(tensors) or ("" if has_prompt else NO_PROMPT) or fit_fault(model, extractor, tokenizer)
        extractor(np.zeros(SAMPLE_RATE // 10), sampling_rate=SAMPLE_RATE)  # wrong settings show when they are used
    except Exception as error:  # of damaged files the libraries raise whatever they stumble over
        raise BackboneError(
            f"The Whisper in {folder} cannot be loaded ({first_line(error)}); please copy the folder again."
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    if fault:
        raise BackboneError(f"The Whisper in {folder} is damaged: {fault}; please copy the folder again.")
    return model, extractor, tokenizer


def tensor_fault(found: Mapping[str, Any]) -> str:
    """What is wrong with the tensors of the file, by transformers' own account; empty where nothing is."""
    for kind, fault in TENSOR_FAULTS.items():
        names = sorted(each if isinstance(each, str) else each[0] for each in found[kind])
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            return "it " + fault.format(names[0] + more)
    return ""


def impossible(weights: Mapping[str, Tensor]) -> str | None:
    """The name of a tensor with a number that no weight has, or with none at all (NaN)."""
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not all(bound.abs() < LARGEST_WEIGHT for bound in tensor.aminmax()):
            return name
    return None


def fit_fault(
    model: WhisperForConditionalGeneration, extractor: WhisperFeatureExtractor, tokenizer: WhisperTokenizer
) -> str:
    """Where the files of one folder contradict each other; empty where they do not."""
    config: Any = model.config
    heard = (extractor.feature_size, extractor.nb_max_frames)
    if heard != (config.num_mel_bins, 2 * config.max_source_positions):
        return (
            f"its feature extractor makes {heard[0]} mel bands in {heard[1]} frames, but config.json wants "
            f"{config.num_mel_bins} in {2 * config.max_source_positions}"
        )
    if not config.eos_token_id < len(tokenizer) <= config.vocab_size:
        return f"its tokenizer has {len(tokenizer)} tokens, but config.json wants {config.vocab_size}"
    for token in named_tokens(model.generation_config):
        if not isinstance(token, int) or not 0 <= token < config.vocab_size:
            return f"generation_config.json names the token {token!r}, but there are {config.vocab_size}"
    if name := impossible(model.state_dict()):
        return f"its tensor {name} has a number that no weight has"
    return ""


def named_tokens(generation: Any) -> Iterator[Any]:
    """Every token that the prompt or the decoding takes from these settings."""
    yield generation.decoder_start_token_id
    for name in ("suppress_tokens", "begin_suppress_tokens"):
        yield from getattr(generation, name, None) or ()
    yield from (token for _, token in getattr(generation, "forced_decoder_ids", None) or () if token is not None)
    if languages := getattr(generation, "lang_to_id", None):
        yield from (*languages.values(), *generation.task_to_id.values(), generation.no_timestamps_token_id)
