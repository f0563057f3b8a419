"""The methods that are compared: what each trains, how many numbers it adapts, and for whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for
from hyper.model.config import HypernetConfig, whole_stacks
from hyper.model.hypernet import HyperNetwork
from hyper.model.lora import LoraSite
from hyper.recordings.manifest import ManifestRow
from hyper.study.methods.adaptations import (
    EncodingAdaptation,
    ModelAdaptation,
    put_in_adapters,
    put_in_lora,
)
from hyper.training.adaptation.hypernet_adaptation import EncodingHypernetAdaptation, HypernetAdaptation, adapts_encoder
from hyper.training.adaptation.loop import Adaptation

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from hyper.study.methods.train_method import Workshop
    from hyper.training.adaptation.states import Store

TARGETS = ("decoder.fc1",)  # the paper's W1
RANK = 1  # the budget of every LoRA on it: that of the paper's form of the hypernetwork
DECODER = whole_stacks(["decoder"])
N_LEARNED = 16  # learned updates of rank 1 of each matrix that the shipped hypernetwork weighs, and its rival has
# The middle of the rates that are tried.
LORA_RATE, WIDE_RATE, HYPERNET_RATE, FULL_RATE = 4e-3, 2e-3, 2e-3, 3e-4

Builder = Callable[[Backbone, str, int], Adaptation]  # of a private backbone, a language and a seed
Maker = Callable[[HypernetConfig, tuple[LoraSite, ...]], HyperNetwork]


class Listener(Protocol):
    """What hears an utterance for the hypernetwork in the place of Whisper's own encoder."""

    def embed(self, workshop: Workshop, rows: Sequence[ManifestRow]) -> Tensor:
        """(n_rows, d_embedding) float32, one a recording; what is kept in the workshop's folder is not done again."""


@dataclass(frozen=True)
class Method:
    """One row of the table."""

    name: str
    title: str
    build: Builder
    learning_rate: float  # the middle of the rates that are tried
    key: Callable[[ManifestRow], str]  # recordings with the same key share one trained adaptation
    needs_label: bool = False  # whether the key is something that no recogniser is told
    trains_encoder: bool = False
    rate_of: Method | None = None  # whose trials choose the learning rate; None is its own
    recordings: Callable[[Store, float], np.ndarray] | None = None  # positions to train on, of a store and the share
    # of speakers that are held for validation; None is all
    listener: Listener | None = None  # None is Whisper's own encoder


def everybody(_row: ManifestRow) -> str:
    """One adaptation for all."""
    return "all"


def _cohort(row: ManifestRow) -> str:
    return row.cohort


def _speaker(row: ManifestRow) -> str:
    return row.speaker


def hypernet(
    targets: Sequence[str] = TARGETS, rank: int = RANK, make: Maker = HyperNetwork, **settings: Any
) -> Builder:
    """Builds a hypernetwork's training; `settings` are further ones of `HypernetConfig`."""
    return partial(_hypernet, tuple(targets), rank, make, settings)


def _hypernet(
    targets: tuple[str, ...],
    rank: int,
    make: Maker,
    settings: dict[str, Any],
    backbone: Backbone,
    language: str,
    seed: int,
) -> Adaptation:
    defaults = {"n_mixes": min(4, backbone.n_encoder_layers + 1)}
    config = config_for(backbone, targets=targets, rank=rank, alpha=float(rank), **defaults | settings)
    kind = EncodingHypernetAdaptation if adapts_encoder(targets) else HypernetAdaptation
    return kind(backbone, config, language, seed, make)


def lora(targets: Sequence[str] = TARGETS, rank: int = RANK) -> Builder:
    """Builds the training of one LoRA for all utterances."""
    return partial(_lora, tuple(targets), rank)


def _lora(targets: tuple[str, ...], rank: int, backbone: Backbone, language: str, seed: int) -> Adaptation:
    kind = EncodingAdaptation if adapts_encoder(targets) else ModelAdaptation
    return kind(backbone, put_in_lora(backbone, targets, rank, seed), language)


def _adapters(backbone: Backbone, language: str, seed: int) -> Adaptation:
    return ModelAdaptation(backbone, put_in_adapters(backbone, seed), language)


def _decoder(backbone: Backbone, language: str, _seed: int) -> Adaptation:
    return ModelAdaptation(backbone, backbone.parameters("decoder"), language)


def full(backbone: Backbone, language: str, _seed: int) -> Adaptation:
    """The training of all weights."""
    return EncodingAdaptation(backbone, backbone.parameters(), language)


METHODS = (
    Method("full", "full fine-tuning", full, FULL_RATE, everybody, trains_encoder=True),
    Method("decoder", "decoder fine-tuning", _decoder, 5e-4, everybody),
    Method("lora-global", "one LoRA for all", lora(), LORA_RATE, everybody),
    Method("lora-cohort", "LoRA per cohort, label given", lora(), LORA_RATE, _cohort, needs_label=True),
    Method("lora-speaker", "LoRA per speaker, enrolled", lora(), LORA_RATE, _speaker, needs_label=True),
    Method("lora-wide", "one LoRA for all, rank 16, whole decoder", lora(DECODER, N_LEARNED), WIDE_RATE, everybody),
    Method("adapters", "residual adapters", _adapters, LORA_RATE, everybody),
    Method("hypernet-linear", "hypernetwork, linear", hypernet(generator="linear"), HYPERNET_RATE, everybody),
    Method("hypernet-mlp", "hypernetwork, MLP", hypernet(generator="mlp"), HYPERNET_RATE, everybody),
    Method(
        "hypernet-shared",
        "hypernetwork, weighs learned updates of the whole decoder",
        hypernet(DECODER, N_LEARNED, generated="coefficients", dropout=0.2),
        HYPERNET_RATE,
        everybody,
    ),
)


def method(name: str) -> Method:
    """The method of that name."""
    return next(each for each in METHODS if each.name == name)
