"""What the alternatives train: layers put into the model, or its own weights. The door to PEFT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from hyper.model.backbone import Backbone
from hyper.training.adaptation.adaptation import Adaptation
from hyper.training.adaptation.losses import TaughtLoss
from hyper.training.adaptation.states import StateBatch
from hyper.training.speed import choose_attention

BOTTLENECK = 2  # of residual adapters: 4 d_model numbers a layer, where LoRA of rank 1 on fc1 has 5


class AdaptationError(ValueError):
    """A rival cannot be trained here; the message says what is missing."""


class ModelAdaptation(Adaptation):
    """Trainable parameters that sit in the model itself; what else it holds stays frozen."""

    def __init__(self, backbone: Backbone, trained: Mapping[str, nn.Parameter], language: str) -> None:
        super().__init__()
        backbone.model.requires_grad_(False)
        for parameter in trained.values():
            parameter.requires_grad_(True)
        # Names may not hold dots here; the parameters stay those of the model.
        self.trained = nn.ParameterDict({name.replace(".", "/"): parameter for name, parameter in trained.items()})
        self._loss = TaughtLoss(backbone, language)

    def forward(self, batch: StateBatch) -> Tensor:
        """Summed over the tokens of a batch, in nats."""
        return self._loss(self.states(batch), batch)

    def n_tokens(self, batch: StateBatch) -> int:
        """How many that sum is over."""
        return self._loss.n_tokens(batch)

    def states(self, batch: StateBatch) -> Tensor:
        """What the decoder reads, (batch, n_states, d_model)."""
        return batch.states


class EncodingAdaptation(ModelAdaptation):
    """The same where the encoder is trained too; its batches hold log-mel (`LogMelStore`)."""

    def __init__(self, backbone: Backbone, trained: Mapping[str, nn.Parameter], language: str) -> None:
        super().__init__(backbone, trained, language)
        self._backbone = backbone

    def states(self, batch: StateBatch) -> Tensor:
        """What the decoder reads, (batch, n_states, d_model), with gradients."""
        return self._backbone.encode_frames(batch.states)


class ResidualAdapter(nn.Module):
    """`x + up(gelu(down(x)))` behind a layer (Houlsby and others 2019); `up` starts at zero."""

    def __init__(self, d_model: int, bottleneck: int) -> None:
        super().__init__()
        self.down = nn.Linear(d_model, bottleneck, bias=False)
        self.up = nn.Linear(bottleneck, d_model, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:  # (batch, tokens, d_model), the same out
        return x + self.up(nn.functional.gelu(self.down(x)))


def private_copy(backbone: Backbone) -> Backbone:
    """A backbone with a model of its own, so that what is put in or trained there touches nobody else."""
    private = backbone.private_copy()
    choose_attention(private.model)
    return private


def put_in_lora(backbone: Backbone, targets: Sequence[str], rank: int, seed: int) -> dict[str, nn.Parameter]:
    """PEFT's LoRA in every layer of the targets; returns its weights. `b` starts at zero."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise AdaptationError("The LoRA rivals need PEFT, which the app does not: pip install peft.") from None
    torch.manual_seed(seed)
    names = [site.name for site in backbone.sites(tuple(targets))]
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=names), backbone.model)
    return {name: p for name, p in backbone.parameters().items() if "lora_" in name}


def put_in_adapters(backbone: Backbone, seed: int) -> dict[str, nn.Parameter]:
    """A residual adapter behind the last linear layer of every decoder layer; returns their weights."""
    torch.manual_seed(seed)
    for site in backbone.sites(("decoder.fc2",)):
        layer = backbone.layer(site)
        layer.register_module(
            "adapter", ResidualAdapter(backbone.d_model, BOTTLENECK).to(layer.get_parameter("weight"))
        )
        layer.register_forward_hook(lambda module, _, output: module.adapter(output))
    return {name: p for name, p in backbone.parameters().items() if ".adapter." in name}
