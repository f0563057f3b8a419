"""Frozen settings, JSON in and out; unknown and missing keys are refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

GENERATORS = ("mlp", "linear")
GENERATED = ("both", "a", "b", "coefficients", "nothing")


# Each target: where the layer lies in a transformers' Whisper layer.
_ATTENTION = {f"{p}_proj": f"self_attn.{p}_proj" for p in ("q", "k", "v", "out")}
_CROSS = {f"cross_{p}_proj": f"encoder_attn.{p}_proj" for p in ("q", "k", "v", "out")}
_IN_LAYER = {"fc1": "fc1", "fc2": "fc2", **_ATTENTION}
TARGETS = {
    **{f"encoder.{name}": path for name, path in _IN_LAYER.items()},
    **{f"decoder.{name}": path for name, path in {**_IN_LAYER, **_CROSS}.items()},
}


def whole_stacks(targets: Sequence[str]) -> tuple[str, ...]:
    """The targets, with "encoder" and "decoder" standing for every kind of layer in them."""
    stacks = ("encoder", "decoder")
    found = [t for name in targets for t in (TARGETS if name in stacks else [name]) if name in (t, t.split(".")[0])]
    return tuple(dict.fromkeys(found))


_WHOLE = {frozenset(whole_stacks([stack])): f"every matrix of the {stack}" for stack in ("encoder", "decoder")} | {
    frozenset(TARGETS): "every matrix of encoder and decoder"
}


class ConfigError(ValueError):
    """The settings cannot be used; the message names the key."""


@dataclass(frozen=True)
class HypernetConfig:
    """All that is needed to build a hypernetwork, and to tell which base it was trained for."""

    base_model: str  # for people: the name of the base
    base_fingerprint: str  # for the program: `Backbone.body_fingerprint` of the base
    d_model: int
    d_ffn: int
    n_encoder_layers: int
    n_decoder_layers: int
    n_mixes: int = 4  # mixes of encoder layers that the embedding is made of
    targets: tuple[str, ...] = ("decoder.fc1",)  # the paper's W1, arXiv:2406.04240
    rank: int = 1
    alpha: float = 1.0
    generator: str = "mlp"
    d_hidden: int = 256
    dropout: float = 0.1  # of the embedding, in training
    generated: str = "both"  # what is written for an utterance: both factors, one, or a number for each learned update

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", tuple(self.targets))
        for key in ("d_model", "d_ffn", "n_encoder_layers", "n_decoder_layers", "n_mixes", "rank", "d_hidden"):
            value = getattr(self, key)
            if type(value) is not int or value < 1:  # a bool is an int too
                raise ConfigError(f"`{key}` is {value!r}, but it must be a whole number of at least 1.")
        for key, kind in (("base_model", str), ("base_fingerprint", str), ("alpha", float), ("dropout", float)):
            value = getattr(self, key)
            if not isinstance(value, (int, float) if kind is float else kind):
                raise ConfigError(f"`{key}` is {value!r}, but it must be a {'number' if kind is float else 'text'}.")
        if self.generator not in GENERATORS:
            raise ConfigError(f"`generator` is {self.generator!r}, but it must be one of {', '.join(GENERATORS)}.")
        if self.generated not in GENERATED:
            raise ConfigError(f"`generated` is {self.generated!r}, but it must be one of {', '.join(GENERATED)}.")
        if not self.targets:
            raise ConfigError("`targets` is empty, but at least one layer type must be adapted.")
        if unknown := [target for target in self.targets if target not in list(TARGETS)]:
            raise ConfigError(f"There is no layer type {unknown[0]!r} to adapt; choose among {', '.join(TARGETS)}.")
        if not 0 < self.alpha < math.inf:  # NaN as well
            raise ConfigError(f"`alpha` is {self.alpha!r}, but it must be above 0 and have an end.")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"`dropout` is {self.dropout!r}, but it must be at least 0 and below 1.")

    @property
    def scaling(self) -> float:
        """The factor of b @ a: alpha / rank, as in LoRA, arXiv:2106.09685, section 4.1."""
        return self.alpha / self.rank

    @property
    def written(self) -> str:
        """What is written for an utterance, in words."""
        where = _WHOLE.get(frozenset(self.targets), ", ".join(self.targets))
        updates = f"{self.rank} learned updates of rank 1"
        return {
            "both": f"LoRA of rank {self.rank} for {where}",
            "a": f"one factor (a) of LoRA of rank {self.rank} for {where}",
            "b": f"one factor (b) of LoRA of rank {self.rank} for {where}",
            "coefficients": f"how strongly each of {updates} is applied in {where}",
            "nothing": f"nothing: one LoRA of rank {self.rank} for {where}, the same for everybody",
        }[self.generated]

    def save(self, path: Path) -> None:
        """Write every setting as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> HypernetConfig:
        """Read what `save` wrote."""
        return cls.from_json(json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> HypernetConfig:
        """Build from JSON that has every key and no other."""
        if not isinstance(settings, dict) or not isinstance(settings.get("targets", []), list):
            raise ConfigError("The hypernetwork's settings must be a JSON object, and `targets` in it a list.")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(settings) - known):
            raise ConfigError(f"Unknown key `{unknown[0]}` in the hypernetwork's settings; known are {sorted(known)}.")
        if missing := sorted(known - set(settings)):
            raise ConfigError(f"The hypernetwork's settings lack the key `{missing[0]}`.")
        return cls(**settings)
