"""The methods that are compared: what each trains, how many numbers it adapts, and for whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for
from hyper.model.config import HypernetConfig, whole_stacks
from hyper.model.hypernet import HyperNetwork
from hyper.model.lora import LoraSite
from hyper.study.methods.adaptations import (
    EncodingAdaptation,
    ModelAdaptation,
    put_in_adapters,
    put_in_lora,
)
from hyper.study.methods.method import Builder, Method, PerCohort, PerSpeaker
from hyper.training.adaptation.adaptation import Adaptation
from hyper.training.adaptation.hypernet_adaptation import EncodingHypernetAdaptation, HypernetAdaptation, adapts_encoder

W1 = "decoder.fc1"  # where the paper adapts
RANK = 1  # the budget of every LoRA on it: that of the paper's form of the hypernetwork
DECODER, ENCODER = whole_stacks(["decoder"]), whole_stacks(["encoder"])
BOTH = (*ENCODER, *DECODER)
N_LEARNED = 16  # learned updates of rank 1 of each matrix that the shipped hypernetwork weighs, and its rival has
# The middle of the rates that are tried.
LORA_RATE, WIDE_RATE, HYPERNET_RATE, FULL_RATE, DECODER_RATE = 4e-3, 2e-3, 2e-3, 3e-4, 5e-4

Maker = Callable[[HypernetConfig, tuple[LoraSite, ...]], HyperNetwork]


def hypernet(
    layer_types: Sequence[str] = (W1,), rank: int = RANK, make: Maker = HyperNetwork, **settings: Any
) -> Builder:
    """Builds a hypernetwork's training; `settings` are further ones of `HypernetConfig`."""

    def build(backbone: Backbone, language: str, seed: int) -> Adaptation:
        own = {"n_mixes": min(4, backbone.n_encoder_layers + 1)} | settings
        config = config_for(backbone, targets=tuple(layer_types), rank=rank, alpha=float(rank), **own)
        kind = EncodingHypernetAdaptation if adapts_encoder(layer_types) else HypernetAdaptation
        return kind(backbone, config, language, seed, make)

    return build


def lora(layer_types: Sequence[str] = (W1,), rank: int = RANK) -> Builder:
    """Builds the training of one LoRA for all utterances."""

    def build(backbone: Backbone, language: str, seed: int) -> Adaptation:
        kind = EncodingAdaptation if adapts_encoder(layer_types) else ModelAdaptation
        return kind(backbone, put_in_lora(backbone, layer_types, rank, seed), language)

    return build


def _adapters(backbone: Backbone, language: str, seed: int) -> Adaptation:
    return ModelAdaptation(backbone, put_in_adapters(backbone, seed), language)


def _decoder(backbone: Backbone, language: str, _seed: int) -> Adaptation:
    return ModelAdaptation(backbone, backbone.parameters("decoder"), language)


def _full(backbone: Backbone, language: str, _seed: int) -> Adaptation:
    return EncodingAdaptation(backbone, backbone.parameters(), language)


_LORA_ENCODER = Method(
    "lora-encoder",
    "one LoRA for all, rank 16, whole encoder",
    lora(ENCODER, N_LEARNED),
    WIDE_RATE,
    trains_encoder=True,
)

METHODS = (
    Method("full", "full fine-tuning", _full, FULL_RATE, trains_encoder=True),
    Method("decoder", "decoder fine-tuning", _decoder, DECODER_RATE),
    Method("lora-global", "one LoRA for all", lora(), LORA_RATE),
    PerCohort("lora-cohort", "LoRA per cohort, label given", lora(), LORA_RATE),
    PerSpeaker("lora-speaker", "LoRA per speaker, enrolled", lora(), LORA_RATE),
    Method("lora-wide", "one LoRA for all, rank 16, whole decoder", lora(DECODER, N_LEARNED), WIDE_RATE),
    Method("adapters", "residual adapters", _adapters, LORA_RATE),
    Method("hypernet-linear", "hypernetwork, linear", hypernet(generator="linear"), HYPERNET_RATE),
    Method("hypernet-mlp", "hypernetwork, MLP", hypernet(generator="mlp"), HYPERNET_RATE),
    Method(
        "hypernet-shared",
        "hypernetwork, weighs learned updates of the whole decoder",
        hypernet(DECODER, N_LEARNED, generated="coefficients", dropout=0.2),
        HYPERNET_RATE,
    ),
    _LORA_ENCODER,
    PerCohort(
        "lora-encoder-cohort",
        "LoRA per cohort, rank 16, whole encoder, label given",
        lora(ENCODER, N_LEARNED),
        WIDE_RATE,
        trains_encoder=True,
        rate_of=_LORA_ENCODER,
    ),
    Method(
        "hypernet-encoder",
        "hypernetwork, weighs learned updates of the whole encoder",
        hypernet(ENCODER, N_LEARNED, generated="coefficients", dropout=0.2),
        HYPERNET_RATE,
        trains_encoder=True,
    ),
    Method(
        "lora-both",
        "one LoRA for all, rank 16, whole encoder and decoder",
        lora(BOTH, N_LEARNED),
        WIDE_RATE,
        trains_encoder=True,
    ),
    Method(
        "hypernet-both",
        "hypernetwork, weighs learned updates of encoder and decoder",
        hypernet(BOTH, N_LEARNED, generated="coefficients", dropout=0.2),
        HYPERNET_RATE,
        trains_encoder=True,
    ),
)


def method_named(name: str) -> Method:
    """The method of that name."""
    return next(each for each in METHODS if each.name == name)
