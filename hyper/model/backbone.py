"""All that touches the Whisper model: features, encoder states, decoder steps, layers."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from hyper.model.config import TARGETS
from hyper.model.decoder import StepDecoder
from hyper.model.delivered import check_delivered
from hyper.model.device import choose_device, choose_dtype
from hyper.model.files import BackboneError, check_folder, find_folder, tensors_to
from hyper.model.fingerprint import body_fingerprint, fingerprint
from hyper.model.layers import Product
from hyper.model.loading import load_parts
from hyper.model.lora import AppliedLora, LoraSite, LoraWeights, apply_lora
from hyper.model.passes import (
    alignment_heads,
    decoder_hidden,
    encode_frames,
    encoder_states,
    states_from,
)
from hyper.model.quantized import check_bits, full_weight, quantise
from hyper.model.vocabulary import Vocabulary
from hyper.recordings.limits import SAMPLE_RATE

if TYPE_CHECKING:
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer

FIXED_POSITIONS = "model.encoder.embed_positions.weight"
SAMPLES_PER_FRAME_STATES = 2  # the encoder's second convolution has stride 2: two mel frames make one state
HEARD_SECONDS = 0.8  # a shorter recording lies in the middle of so much: cut close to its word, it is misheard
CHEAP_WINDOW_SECONDS = 10  # windows up to this long are always encoded whole
WINDOW_STEP_SECONDS = 2  # few shapes
WINDOW_MARGIN_SECONDS = 0.6  # of silence behind the speech: without any, Whisper cuts the last word off


class Backbone(Vocabulary):
    """A frozen Whisper with all its own settings: window, prompt, suppressed tokens; its vocabulary included."""

    def __init__(
        self,
        model: WhisperForConditionalGeneration,
        extractor: WhisperFeatureExtractor,
        tokenizer: WhisperTokenizer,
        name: str,
        device: torch.device,
        dtype: torch.dtype,
        bits: int | None = None,  # of each weight of a linear layer; None: as `dtype`
    ) -> None:
        super().__init__(name, tokenizer, model.config, model.generation_config)
        self.bits = bits
        self.fingerprint = fingerprint(model)  # of the stored weights, before they are cast
        self.body_fingerprint = body_fingerprint(model)  # what a hypernetwork belongs to
        self.n_parameters = sum(p.numel() for p in model.parameters())  # tied ones once; packed ones would count less
        if bits is not None:
            quantise(model, bits, dtype)
        self.model: Any = cast(Any, model)  # transformers' types do not know what its own calls give
        self.model.to(device=device, dtype=dtype).eval().requires_grad_(False)
        self.device, self.dtype = device, dtype
        self.extractor = extractor
        self.lock = threading.RLock()  # hooks sit on the model: one thread at a time
        # Silence costs a CPU as much as speech; on a GPU one shape for all recordings is worth more.
        self.cuts_window = device.type == "cpu" and self.window_seconds > CHEAP_WINDOW_SECONDS

    @classmethod
    def load(
        cls,
        name_or_folder: str | Path,
        device: str | None = None,
        dtype: torch.dtype | None = None,
        bits: int | None = None,
    ) -> Backbone:
        """Load the bundled model, a Hugging Face folder, or a hub name such as openai/whisper-small."""
        torch_device = choose_device(device)
        if bits is not None:
            check_bits(bits, torch_device)
        folder, name = find_folder(str(name_or_folder))
        check_delivered(folder, BackboneError)
        check_folder(folder)
        model, extractor, tokenizer = load_parts(folder)
        return cls(model, extractor, tokenizer, name, torch_device, dtype or choose_dtype(torch_device), bits)

    def private_copy(self) -> Backbone:
        """The same with a model of its own, so that what is put in or trained there touches nobody else."""
        return self.with_model(copy.deepcopy(self.model).eval())

    def with_model(self, model: nn.Module) -> Backbone:
        """The same around another model of this architecture."""
        other = copy.copy(self)
        other.model = model
        return other

    def save(self, folder: Path, changed: Mapping[LoraSite, Tensor]) -> None:
        """Write the ordinary Hugging Face folder, with these weights (d_out, d_in) in place of its own."""
        if self.bits is not None:
            raise BackboneError(f"A base in {self.bits} bits cannot be written as a folder; leave --bits out.")
        weights = self.model.state_dict() | {f"{site.name}.weight": weight for site, weight in changed.items()}
        with tensors_to(folder):
            self.model.save_pretrained(folder, state_dict=weights)
        self.extractor.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    @property
    def window_seconds(self) -> float:
        """What the encoder sees at once."""
        return self.extractor.n_samples / self.extractor.sampling_rate

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

    def window_samples(self, n_samples: int) -> int:
        """How many samples a recording is padded to: the whole window, or no more of it than the recording needs."""
        if not self.cuts_window:
            return self.extractor.n_samples
        step = WINDOW_STEP_SECONDS * SAMPLE_RATE
        needed = self._heard_samples(n_samples) + round(WINDOW_MARGIN_SECONDS * SAMPLE_RATE)
        return min(step * -(-needed // step), self.extractor.n_samples)

    def silence_before(self, n_samples: int) -> int:
        """Samples of silence that a recording is heard after: none, unless it is shorter than `HEARD_SECONDS`."""
        return max(round(HEARD_SECONDS * SAMPLE_RATE) - n_samples, 0) // 2

    def _heard_samples(self, n_samples: int) -> int:
        """The recording and the silence before it."""
        return self.silence_before(n_samples) + n_samples

    def log_mel(
        self,
        waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
        window: int | None = None,  # samples, as `window_samples` says; the whole window where None
    ) -> Tensor:
        """Log-mel (batch, n_mels, n_frames), each after its `silence_before` and padded to the window."""
        placed = [np.pad(waveform, (self.silence_before(len(waveform)), 0)) for waveform in waveforms]
        features = self.extractor(
            placed, sampling_rate=SAMPLE_RATE, max_length=window, return_tensors="pt", device=str(self.device)
        )  # its own window where None
        return features.input_features

    @torch.inference_mode()
    def encode(self, log_mel: Tensor, applied: AppliedLora | None = None) -> Tensor:  # (batch, n_mels, n_frames)
        """Encoder states (n_encoder_layers + 1, batch, n_states, d_model), with the updates that are in force.

        The input to the first layer, then the output of each; the last with the final layer norm, as the decoder
        reads it.
        """
        return torch.stack(encoder_states(self.model, log_mel.to(self.device, self.dtype), applied))

    @torch.inference_mode()
    def encode_again(self, embedded: Tensor, applied: AppliedLora | None) -> Tensor:  # (batch, n_states, d_model)
        """The last of the states that `encode` gives, (batch, n_states, d_model), from the first of them."""
        return states_from(self.model, embedded, applied)[-1]

    def encode_frames(self, log_mel: Tensor) -> Tensor:  # (batch, n_mels, n_frames), even and at most the window
        """What the decoder reads, (batch, n_frames // 2, d_model), with gradients; the window need not be full."""
        return encode_frames(self.model, log_mel.to(self.device, self.dtype))

    def decoder(
        self,
        states: Tensor,  # (rows / copies, n_states, d_model)
        max_tokens: int,  # prompt and transcript together
        applied: AppliedLora | None = None,
        copies: int = 1,
        follows: bool = False,  # what the heads that follow the speech read at each step
    ) -> StepDecoder:
        """The decoder, about to read the first token of each row, with the updates that `adapted` has in force."""
        decoder, states = self.model.model.decoder, states.to(self.device, self.dtype)
        heads = alignment_heads(self.model) if follows else ()
        return StepDecoder(decoder, states, max_tokens, applied, copies, heads)

    def scores(self, hidden: Tensor, of: Tensor | None = None) -> Tensor:  # (..., d_model) -> (..., n) float32
        """Logits of the next token: of the whole vocabulary, or of some tokens, (n,)."""
        if of is None:
            return Product(self.model.proj_out, None)(hidden).float()
        return nn.functional.linear(hidden, self.model.proj_out.weight[of]).float()

    def hidden(
        self,
        states: Tensor,  # (rows, n_states, d_model)
        tokens: Tensor,  # (rows, n_tokens), prompt and all
        at: Tensor,  # (rows, n_tokens) bool: after which of them
    ) -> Tensor:  # (n_at, d_model)
        """What the next tokens are read from at some places, all at once and with gradients."""
        return decoder_hidden(self.model, states.to(self.device, self.dtype), tokens.to(self.device))[at]

    def followed_bytes(self, n_tokens: int, n_states: int) -> int:
        """What a row of a decoder that `follows` takes."""
        return len(alignment_heads(self.model)) * n_tokens * n_states * torch.float32.itemsize

    @property
    def samples_per_state(self) -> int:
        """How far apart the encoder states are."""
        return SAMPLES_PER_FRAME_STATES * self.extractor.hop_length

    def n_speech_states(self, n_samples: int) -> int:
        """Encoder states from the first to where the recording ends; the rest cover padding."""
        heard = self._heard_samples(n_samples)
        return min(max(1, -(-heard // self.samples_per_state)), self._config.max_source_positions)

    def speech_frames(self, n_samples: int) -> slice:
        """The log-mel frames that cover the recording."""
        hop = self.extractor.hop_length
        last = min(max(1, -(-self._heard_samples(n_samples) // hop)), self.extractor.nb_max_frames)
        return slice(self.silence_before(n_samples) // hop, last)

    def sites(self, targets: Sequence[str]) -> tuple[LoraSite, ...]:
        """Where the linear layers of these kinds are, target by target, from the first layer to the last."""
        sites = []
        for target in targets:
            if target not in TARGETS:
                raise BackboneError(f"There is no layer type {target!r} to adapt; choose among {', '.join(TARGETS)}.")
            stack = target.split(".")[0]
            n_layers = self.n_encoder_layers if stack == "encoder" else self.n_decoder_layers
            for layer in range(n_layers):
                name = f"model.{stack}.layers.{layer}.{TARGETS[target]}"
                linear = self.model.get_submodule(name)
                sites.append(LoraSite(name, target, layer, linear.in_features, linear.out_features))
        return tuple(sites)

    def site_weight(self, site: LoraSite) -> Tensor:
        """The weight (d_out, d_in) that the site's update is added to."""
        return full_weight(self.layer(site))

    def layer(self, site: LoraSite) -> nn.Module:
        """The linear layer at the site, or what was put in its place."""
        return self.model.get_submodule(site.name)

    def adapted(self, lora: LoraWeights, stack: str = "") -> AbstractContextManager[AppliedLora | None]:
        """`apply_lora` at the weights' own sites: inside `with`, row i of a batch runs with row i of the weights.

        Only "encoder" or "decoder" may be about to run; None where nothing of it is adapted.
        """
        lora = lora.in_stack(stack) if stack else lora
        if not lora.sites:
            return nullcontext()
        return apply_lora([self.layer(site) for site in lora.sites], lora.moved(self.device, self.dtype))

    def parameters(self, stack: str = "") -> dict[str, nn.Parameter]:
        """What could be trained, by name, of "encoder", "decoder" (with the token embedding) or both."""
        found = self.model.named_parameters()
        return {name: p for name, p in found if name != FIXED_POSITIONS and name.startswith(f"model.{stack}")}
