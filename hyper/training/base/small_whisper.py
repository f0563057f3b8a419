"""A small Whisper from nothing: configuration, tokenizer, initial weights, heads that only training needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import ByteLevelBPETokenizer
from torch import Tensor, nn
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)

from hyper.recordings.limits import SAMPLE_RATE
from hyper.speech.phone_set import PHONES
from hyper.training.base.features import MelSettings

WINDOW_SECONDS = 10
HOP_LENGTH = 320  # samples: 20 ms, half of Whisper's resolution and half of its cost
N_MELS = 80
LABELS_PER_STATE = 2  # the second convolution halves the frames, so a state covers two of them
CHARACTERS = " 'abcdefghijklmnopqrstuvwxyz"  # CTC's alphabet, after its blank
# What is written and not said: signs that are said, such as &, stay, and so does what stands between digits.
_PUNCTUATION = re.compile(r"_|[^\w\s'&%@+=$€£°](?!(?<=\d.)\d)")
_SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|nospeech|>", "<|notimestamps|>")


@dataclass(frozen=True)
class BaseSize:
    """How large the base is; all else is fixed by what it is for."""

    d_model: int = 192
    encoder_layers: int = 4
    decoder_layers: int = 4
    vocabulary: int = 512  # byte-pair tokens without the special ones
    max_tokens: int = 128  # of one window: 10 s of fast speech are about 90

    def __post_init__(self) -> None:
        if self.d_model < 64 or self.d_model % 64:
            raise StartError(f"`d_model` is {self.d_model}, but it must be a multiple of 64.")
        if min(self.encoder_layers, self.decoder_layers) < 1:
            raise StartError("A base needs at least one encoder layer and one decoder layer.")


class StartError(ValueError):
    """A base cannot be trained on from here; the message says what came and what is wanted."""


def size_of(folder: Path) -> BaseSize:
    """Size of a base that `train-base` wrote. Errors: StartError for any other folder."""
    if not (folder / "config.json").exists():
        raise StartError(f"{folder} holds no model to go on from; name a folder that train-base wrote.")
    config = WhisperConfig.from_pretrained(folder)
    frames = WINDOW_SECONDS * SAMPLE_RATE // (HOP_LENGTH * LABELS_PER_STATE)
    if (config.max_source_positions, config.num_mel_bins) != (frames, N_MELS):
        raise StartError(
            f"{folder} holds a Whisper of {config.max_source_positions} encoder positions and {config.num_mel_bins} "
            f"mel bands; train-base goes on only from its own bases, which have {frames} and {N_MELS}."
        )
    return BaseSize(
        config.d_model,
        config.encoder_layers,
        config.decoder_layers,
        config.vocab_size - len(_SPECIAL),
        config.max_target_positions,
    )


def train_tokenizer(texts: Iterable[str], size: int, folder: Path) -> WhisperTokenizer:
    """Byte-level BPE on the training texts in Whisper's format, special tokens last as Whisper has them."""
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator((" " + text for text in texts), vocab_size=size, min_frequency=2)
    folder.mkdir(parents=True, exist_ok=True)
    bpe.save_model(str(folder))
    tokenizer = WhisperTokenizer.from_pretrained(folder, errors="replace")
    tokenizer.add_special_tokens({"additional_special_tokens": list(_SPECIAL[1:])})
    tokenizer.save_pretrained(folder)
    return tokenizer


def load_tokenizer(folder: Path) -> WhisperTokenizer:
    """What `train_tokenizer` wrote."""
    return WhisperTokenizer.from_pretrained(folder)


def make_config(size: BaseSize, tokenizer: WhisperTokenizer) -> WhisperConfig:
    """Whisper's configuration of this size; an English-only model, as `*.en` are."""
    ids: list[Any] = [tokenizer.convert_tokens_to_ids(name) for name in _SPECIAL[:2]]
    end, start = ids
    return WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=N_MELS,
        d_model=size.d_model,
        encoder_layers=size.encoder_layers,
        decoder_layers=size.decoder_layers,
        encoder_attention_heads=max(1, size.d_model // 64),
        decoder_attention_heads=max(1, size.d_model // 64),
        encoder_ffn_dim=4 * size.d_model,
        decoder_ffn_dim=4 * size.d_model,
        max_source_positions=WINDOW_SECONDS * SAMPLE_RATE // (HOP_LENGTH * LABELS_PER_STATE),
        max_target_positions=size.max_tokens,
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        suppress_tokens=[],
        begin_suppress_tokens=[end],
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
    )


def make_model(size: BaseSize, tokenizer: WhisperTokenizer) -> WhisperForConditionalGeneration:
    """A Whisper of this size before its training, English only."""
    model = WhisperForConditionalGeneration(make_config(size, tokenizer))
    initialise(model)
    model.generation_config = make_generation_config(size, tokenizer)
    return model


def start_model(folder: Path) -> WhisperForConditionalGeneration:
    """A base that `train-base` wrote."""
    return WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)  # stored in half precision


def prompt_of(model: WhisperForConditionalGeneration) -> tuple[int, int]:
    """What every transcript of such a base starts after."""
    generation: Any = model.generation_config
    return (generation.decoder_start_token_id, generation.no_timestamps_token_id)


def make_generation_config(size: BaseSize, tokenizer: WhisperTokenizer) -> GenerationConfig:
    """Greedy decoding after `<|startoftranscript|><|notimestamps|>`, special tokens never written."""
    end, start, nospeech, notimestamps = (tokenizer.convert_tokens_to_ids(name) for name in _SPECIAL)
    return GenerationConfig(
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        suppress_tokens=[start, nospeech, notimestamps],
        begin_suppress_tokens=[end],
        forced_decoder_ids=[[1, notimestamps]],
        no_timestamps_token_id=notimestamps,
        is_multilingual=False,
        max_length=size.max_tokens,
    )


def make_feature_extractor() -> WhisperFeatureExtractor:
    """Whisper's log-mel with a 20 ms hop and a 10 s window."""
    return WhisperFeatureExtractor(feature_size=N_MELS, hop_length=HOP_LENGTH, chunk_length=WINDOW_SECONDS, n_fft=400)


def mel_settings(extractor: WhisperFeatureExtractor) -> MelSettings:
    """The extractor's numbers for `log10_mel`."""
    return MelSettings(
        extractor.n_fft,
        extractor.hop_length,
        extractor.nb_max_frames,
        extractor.mel_filters,
        extractor.sampling_rate,
    )


def initialise(model: WhisperForConditionalGeneration) -> None:
    """Start from torch's own initialisation: transformers' is meant for fine-tuning and starves learning from scratch.

    Its convolution output (std 0.05) drowns in the sinusoidal positions (std 0.65); so convolutions × 2 and
    positions × 0.3.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d):
            module.reset_parameters()
    encoder, decoder = model.model.encoder, model.model.decoder
    with torch.no_grad():
        for convolution in (encoder.conv1, encoder.conv2):
            convolution.weight.mul_(2.0)
        encoder.embed_positions.weight.mul_(0.3)
        nn.init.normal_(decoder.embed_tokens.weight, std=model.config.d_model**-0.5)
        nn.init.normal_(decoder.embed_positions.weight, std=0.02)
    model.tie_weights()


class ListeningHeads(nn.Module):
    """Phones by frame and characters by CTC, read off the encoder.

    Without them an hour of training on two cores teaches only a language model.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.phones = nn.Linear(d_model, LABELS_PER_STATE * len(PHONES))
        self.characters = nn.Linear(d_model, 1 + len(CHARACTERS))

    def phone_logits(self, states: Tensor) -> Tensor:
        """(batch, n_states, d_model) → (batch, n_frames, n_phones), two frames a state."""
        return self.phones(states).unflatten(2, (LABELS_PER_STATE, len(PHONES))).flatten(1, 2)


def plain_text(text: str) -> str:
    """What a base learns to write: lower case, no punctuation but apostrophes and what stands between digits.

    "Well—I'm OK, 3.5!" is "well i'm ok 3.5".
    """
    return " ".join(_PUNCTUATION.sub(" ", text.lower().replace("’", "'")).split())


def characters_of(text: str) -> list[int]:
    """CTC targets of a plain text, 1-based; 0 is the blank."""
    return [1 + CHARACTERS.index(character) for character in text if character in CHARACTERS]
