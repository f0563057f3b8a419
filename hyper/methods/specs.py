"""The methods that are compared: what each trains, how many numbers it adapts, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hyper.backbone import Backbone
from hyper.checkpoint import config_for
from hyper.manifest import ManifestRow
from hyper.methods.adaptations import (
    EncodingAdaptation,
    ModelAdaptation,
    all_weights,
    decoder_weights,
    put_in_adapters,
    put_in_lora,
)
from hyper.training.loop import Adaptation
from hyper.training.train_hypernet import HypernetAdaptation

TARGETS = ("decoder.fc1",)  # the paper's W1
RANK = 1  # the budget of every LoRA here: that of the hypernetwork


@dataclass(frozen=True)
class Method:
    """One row of the table."""

    name: str
    title: str
    build: Callable[[Backbone, str, int], Adaptation]  # of a private backbone, a language and a seed
    learning_rate: float  # the middle of the rates that are tried
    key: Callable[[ManifestRow], str]  # recordings with the same key share one trained adaptation
    needs_label: bool = False  # whether the key is something that no recogniser is told
    trains_encoder: bool = False


def _everybody(_row: ManifestRow) -> str:
    return "all"


def _cohort(row: ManifestRow) -> str:
    return row.cohort


def _speaker(row: ManifestRow) -> str:
    return row.speaker


def _hypernet(generator: str) -> Callable[[Backbone, str, int], Adaptation]:
    def build(backbone: Backbone, language: str, seed: int) -> Adaptation:
        config = config_for(
            backbone,
            n_mixes=min(4, backbone.n_encoder_layers + 1),
            targets=TARGETS,
            rank=RANK,
            alpha=float(RANK),
            generator=generator,
        )
        return HypernetAdaptation(backbone, config, language, seed)

    return build


def _lora(backbone: Backbone, language: str, seed: int) -> Adaptation:
    return ModelAdaptation(backbone, put_in_lora(backbone, TARGETS, RANK, seed), language)


def _adapters(backbone: Backbone, language: str, seed: int) -> Adaptation:
    return ModelAdaptation(backbone, put_in_adapters(backbone, seed), language)


def _decoder(backbone: Backbone, language: str, _seed: int) -> Adaptation:
    return ModelAdaptation(backbone, decoder_weights(backbone), language)


def _full(backbone: Backbone, language: str, _seed: int) -> Adaptation:
    return EncodingAdaptation(backbone, all_weights(backbone), language)


METHODS = (
    Method("full", "full fine-tuning", _full, 3e-4, _everybody, trains_encoder=True),
    Method("decoder", "decoder fine-tuning", _decoder, 5e-4, _everybody),
    Method("lora-global", "one LoRA for all", _lora, 4e-3, _everybody),
    Method("lora-cohort", "LoRA per cohort, label given", _lora, 4e-3, _cohort, needs_label=True),
    Method("lora-speaker", "LoRA per speaker, enrolled", _lora, 4e-3, _speaker, needs_label=True),
    Method("adapters", "residual adapters", _adapters, 4e-3, _everybody),
    Method("hypernet-linear", "hypernetwork, linear", _hypernet("linear"), 2e-3, _everybody),
    Method("hypernet-mlp", "hypernetwork, MLP", _hypernet("mlp"), 2e-3, _everybody),
)


def method(name: str) -> Method:
    """The method of that name."""
    return next(each for each in METHODS if each.name == name)
