"""All that touches the Whisper model: files, features, encoder states, prompts, tokens."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from hyper.model.config import TARGETS
from hyper.model.files import BackboneError, check_folder, find_folder, first_line
from hyper.model.lora import LoraSite
from hyper.recordings.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer

NO_SPEECH_TOKENS = ("<|nospeech|>", "<|nocaptions|>")  # the second in models from 2022
SAMPLES_PER_FRAME_STATES = 2  # the encoder's second convolution has stride 2: two mel frames make one state


class Backbone:
    """A frozen Whisper with all its own settings: window, prompt, suppressed tokens."""

    def __init__(
        self,
        model: WhisperForConditionalGeneration,
        extractor: WhisperFeatureExtractor,
        tokenizer: WhisperTokenizer,
        name: str,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint(model)  # of the stored weights, before they are cast
        self.model = model.to(device=device, dtype=dtype).eval().requires_grad_(False)
        self.device, self.dtype = device, dtype
        self.extractor, self.tokenizer = extractor, tokenizer
        self.lock = threading.RLock()  # hooks sit on the model: one thread at a time
        self._config, self._generation = model.config, model.generation_config

    @classmethod
    def load(cls, name_or_folder: str | Path, device: str | None = None, dtype: torch.dtype | None = None) -> Backbone:
        """Load the bundled model, a Hugging Face folder, or a hub name such as openai/whisper-small."""
        torch_device = choose_device(device)
        folder, name = find_folder(str(name_or_folder))
        check_folder(folder)
        from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # a bar that flickers for some milliseconds in every command's output

        try:
            model = WhisperForConditionalGeneration.from_pretrained(folder, dtype="auto", use_safetensors=True)
            extractor = WhisperFeatureExtractor.from_pretrained(folder)
            tokenizer = WhisperTokenizer.from_pretrained(folder)
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
            raise BackboneError(f"The Whisper in {folder} cannot be loaded ({first_line(error)}).") from error
        return cls(model, extractor, tokenizer, name, torch_device, dtype or choose_dtype(torch_device))

    @property
    def window_seconds(self) -> float:
        """What the encoder sees at once."""
        return self.extractor.n_samples / self.extractor.sampling_rate

    @cached_property
    def n_parameters(self) -> int:
        """All weights, tied ones once."""
        return sum(p.numel() for p in self.model.parameters())

    @property
    def d_model(self) -> int:
        """Width of the encoder states."""
        return self._config.d_model

    @property
    def d_ffn(self) -> int:
        """Width between `fc1` and `fc2` of a decoder layer."""
        return self._config.decoder_ffn_dim

    @property
    def n_encoder_layers(self) -> int:
        """Encoder layers."""
        return self._config.encoder_layers

    @property
    def n_decoder_layers(self) -> int:
        """Decoder layers."""
        return self._config.decoder_layers

    def log_mel(self, waveforms: Sequence[np.ndarray]) -> Tensor:  # each (n_samples,) 16 kHz
        """Log-mel (batch, n_mels, n_frames), padded to the window."""
        features = self.extractor(list(waveforms), sampling_rate=SAMPLE_RATE, return_tensors="pt")
        return features.input_features

    @torch.inference_mode()
    def encode(self, log_mel: Tensor) -> Tensor:  # (batch, n_mels, n_frames)
        """Encoder states (n_encoder_layers + 1, batch, n_states, d_model).

        The input to the first layer, then the output of each; the last with the final layer norm, as the decoder
        reads it.
        """
        inputs = log_mel.to(self.device, self.dtype)
        output = self.model.model.encoder(inputs, output_hidden_states=True)
        return torch.stack([*output.hidden_states[:-1], output.last_hidden_state])

    def n_speech_states(self, n_samples: int) -> int:
        """Encoder states that cover the recording; the rest cover padding."""
        samples_per_state = SAMPLES_PER_FRAME_STATES * self.extractor.hop_length
        return min(max(1, -(-n_samples // samples_per_state)), self._config.max_source_positions)

    def n_speech_frames(self, n_samples: int) -> int:
        """Log-mel frames that cover the recording."""
        return min(max(1, -(-n_samples // self.extractor.hop_length)), self.extractor.nb_max_frames)

    @cached_property
    def is_multilingual(self) -> bool:
        """Whether language and task are chosen by the prompt."""
        by_languages = bool(getattr(self._generation, "lang_to_id", None))
        return bool(getattr(self._generation, "is_multilingual", by_languages)) and by_languages

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages it can be asked for."""
        if not self.is_multilingual:
            return ("en",)
        return tuple(token.strip("<|>") for token in self._generation.lang_to_id)

    def prompt(self, language: str = "en", task: str = "transcribe") -> tuple[int, ...]:
        """The tokens that every transcript starts after."""
        if language not in self.languages:
            known = "English only" if not self.is_multilingual else ", ".join(self.languages)
            raise BackboneError(f"{self.name} does not know the language {language!r}; it knows {known}.")
        generation, start = self._generation, self._generation.decoder_start_token_id
        if not self.is_multilingual:
            if task != "transcribe":
                raise BackboneError(f"{self.name} is English only and cannot do {task!r}; choose 'transcribe'.")
            forced = getattr(generation, "forced_decoder_ids", None) or []
            no_timestamps = getattr(generation, "no_timestamps_token_id", None)
            tokens = [token for _, token in forced if token is not None]
            if not tokens and no_timestamps is not None:
                tokens = [no_timestamps]
            return (start, *tokens)
        if task not in generation.task_to_id:
            raise BackboneError(f"{self.name} cannot do {task!r}; choose {' or '.join(generation.task_to_id)}.")
        return (
            start,
            generation.lang_to_id[f"<|{language}|>"],
            generation.task_to_id[task],
            generation.no_timestamps_token_id,
        )

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
        ids = [self.tokenizer.added_tokens_encoder.get(name) for name in NO_SPEECH_TOKENS]
        return next((i for i in ids if i is not None), None)

    @property
    def max_target_positions(self) -> int:
        """Prompt and transcript together, in tokens."""
        return self._config.max_target_positions

    def to_text(self, tokens: Sequence[int]) -> str:
        """The words of a transcript, special tokens left out."""
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True).strip()

    def to_tokens(self, text: str) -> list[int]:
        """What the decoder is taught to write for a reference: no prompt, no end; a space in front, as Whisper has."""
        return self.tokenizer.encode(" " + text.strip(), add_special_tokens=False)

    def sites(self, targets: Sequence[str]) -> tuple[LoraSite, ...]:
        """The linear layers of these kinds, target by target, from the first layer to the last."""
        sites = []
        for target in targets:
            if target not in TARGETS:
                raise BackboneError(f"There is no layer type {target!r} to adapt; choose among {', '.join(TARGETS)}.")
            stack = target.split(".")[0]
            n_layers = self.n_encoder_layers if stack == "encoder" else self.n_decoder_layers
            for layer in range(n_layers):
                name = f"model.{stack}.layers.{layer}.{TARGETS[target]}"
                d_out, d_in = self.model.get_submodule(name).weight.shape
                sites.append(LoraSite(name, target, layer, d_in, d_out))
        return tuple(sites)

    def site_weight(self, site: LoraSite) -> Tensor:
        """The weight (d_out, d_in) that the site's update is added to."""
        return self.model.get_submodule(site.name).weight


def fingerprint(model: torch.nn.Module) -> str:
    """16 hex digits that tell these weights from all others: SHA-256 over the sorted names and their bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def choose_device(device: str | None) -> torch.device:
    """The device asked for, or CUDA where there is one."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise BackboneError(f"There is no device {device!r}; choose cpu, cuda or cuda:N.") from None
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise BackboneError(f"The device {device!r} was asked for, but torch sees no CUDA card; choose cpu.")
    return chosen


def choose_dtype(device: torch.device) -> torch.dtype:
    """float32 on CPU; on CUDA bfloat16 where the card computes in it, else float16."""
    if device.type != "cuda":
        return torch.float32
    has_bfloat16 = torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere
    return torch.bfloat16 if has_bfloat16 else torch.float16
