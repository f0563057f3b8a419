"""Whispers of the published shapes with random weights: what the real ones cost can be measured without their files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode
from transformers.models.whisper.tokenization_whisper import LANGUAGES

from hyper.model.backbone import Backbone
from hyper.model.device import choose_device, choose_dtype

N_WORDS = 50_257  # tokens before the special ones, in every multilingual Whisper
N_TIMESTAMPS = 1_501  # 0 to 30 s in steps of 20 ms
END, START = "<|endoftext|>", "<|startoftranscript|>"
TASKS = ("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>")
PROMPT_TOKENS = 4  # start, language, task, no timestamps
LOUD = 100.0  # of the end token in one position, beside positions of size 1: nothing else is heard there


@dataclass(frozen=True)
class WhisperShape:
    """What the published Whispers differ in."""

    name: str
    d_model: int
    n_heads: int
    encoder_layers: int
    decoder_layers: int
    n_mels: int = 80
    n_languages: int = 99
    is_tied: bool = True  # the output layer is the token embedding

    @property
    def n_tokens(self) -> int:
        """The vocabulary: words, end, start, languages, tasks, timestamps."""
        return N_WORDS + 2 + self.n_languages + len(TASKS) + N_TIMESTAMPS

    def narrow(self, d_head: int) -> WhisperShape:
        """The same with narrower heads: as many layers, heads, mel bands and tokens, and few weights."""
        return replace(self, d_model=d_head * self.n_heads)


# config.json of openai/whisper-* and of distil-whisper/distil-large-v3.
SHAPES = {
    shape.name: shape
    for shape in (
        WhisperShape("tiny", 384, 6, 4, 4),
        WhisperShape("base", 512, 8, 6, 6),
        WhisperShape("small", 768, 12, 12, 12),
        WhisperShape("medium", 1024, 16, 24, 24),
        WhisperShape("large-v3", 1280, 20, 32, 32, n_mels=128, n_languages=100),
        WhisperShape("large-v3-turbo", 1280, 20, 32, 4, n_mels=128, n_languages=100),
        WhisperShape("distil-large-v3", 1280, 20, 32, 2, n_mels=128, n_languages=100),
    )
}


def n_parameters(shape: WhisperShape) -> int:
    """How many weights such a Whisper has, tied ones once; nothing is made."""
    with torch.device("meta"):
        return sum(p.numel() for p in WhisperForConditionalGeneration(_config(shape)).parameters())


def random_backbone(
    shape: WhisperShape,
    device: str | None = None,
    dtype: torch.dtype | None = None,  # as `Backbone.load` would choose
    n_written: int | None = None,  # tokens after which every transcript ends; None leaves it to chance
) -> Backbone:
    """A Whisper of this shape that hears nothing, made where it is wanted: a large one is never held twice."""
    chosen = choose_device(device)
    dtype = dtype or choose_dtype(chosen)
    tokenizer = _tokenizer(shape)
    with torch.device("meta"):
        model: Any = cast(Any, WhisperForConditionalGeneration(_config(shape))).to(dtype)
    model = model.to_empty(device=chosen)
    model.tie_weights()
    randomise(model, seed=0)
    model.generation_config = _generation(shape, tokenizer)
    if n_written is not None:
        _end_after(model, n_written)
    extractor = WhisperFeatureExtractor(feature_size=shape.n_mels)
    return Backbone(model, extractor, tokenizer, f"{shape.name} with random weights", chosen, dtype)


@torch.no_grad()
def randomise(model: WhisperForConditionalGeneration, seed: int) -> None:
    """Weights large enough that transcripts differ from recording to recording, and some come to an end."""
    generator = torch.Generator(model.device).manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "layer_norm" in name:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            continue
        if parameter.dim() == 1:
            scale = 0.1
        elif "embed_tokens" in name or "proj_out" in name:  # scores with a standard deviation of 3
            scale = 3 / model.config.d_model**0.5
        else:  # positions as strong as the rest, or each token would ask for itself again
            scale = 1.0 if "embed_positions" in name else 2 / parameter[0].numel() ** 0.5
        parameter.normal_(0.0, scale, generator=generator)


@torch.no_grad()
def _end_after(model: WhisperForConditionalGeneration, n_written: int) -> None:
    """Put the end token into the position behind so many tokens, louder than all else."""
    end = model.proj_out.weight[model.config.eos_token_id]
    model.model.decoder.embed_positions.weight[PROMPT_TOKENS + n_written - 1] += LOUD * end


def _tokenizer(shape: WhisperShape) -> WhisperTokenizer:
    """Whisper's ids: bytes and invented words, then its special tokens in their order."""
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"Ġ{number}" for number in range(N_WORDS - len(letters)))]
    tokenizer = WhisperTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[])
    special = [START, *(f"<|{code}|>" for code in _languages(shape)), *TASKS]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([f"<|{0.02 * step:.2f}|>" for step in range(N_TIMESTAMPS)])
    return tokenizer


def _languages(shape: WhisperShape) -> list[str]:
    return list(LANGUAGES)[: shape.n_languages]


def _config(shape: WhisperShape) -> WhisperConfig:
    end, start = N_WORDS, N_WORDS + 1
    return WhisperConfig(
        vocab_size=shape.n_tokens,
        num_mel_bins=shape.n_mels,
        d_model=shape.d_model,
        encoder_layers=shape.encoder_layers,
        decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.n_heads,
        decoder_attention_heads=shape.n_heads,
        encoder_ffn_dim=4 * shape.d_model,
        decoder_ffn_dim=4 * shape.d_model,
        tie_word_embeddings=shape.is_tied,
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )


def _generation(shape: WhisperShape, tokenizer: WhisperTokenizer) -> GenerationConfig:
    """The published prompt; special tokens are never written, as trained models never write them."""
    ids: dict[str, Any] = {token: tokenizer.convert_tokens_to_ids(token) for token in (START, END, *TASKS)}
    return GenerationConfig(
        decoder_start_token_id=ids[START],
        bos_token_id=ids[END],
        eos_token_id=ids[END],
        pad_token_id=ids[END],
        suppress_tokens=list(range(ids[END] + 1, shape.n_tokens)),
        begin_suppress_tokens=[ids[END]],
        no_timestamps_token_id=ids["<|notimestamps|>"],
        is_multilingual=True,
        lang_to_id={f"<|{code}|>": tokenizer.convert_tokens_to_ids(f"<|{code}|>") for code in _languages(shape)},
        task_to_id={name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")},
        max_length=448,
    )
