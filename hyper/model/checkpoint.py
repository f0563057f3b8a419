"""A hypernetwork's folder: settings and weights, strict both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from hyper.model.backbone import Backbone
from hyper.model.config import HypernetConfig
from hyper.model.delivered import check_delivered, seal
from hyper.model.files import BackboneError, first_line, read_settings, tensors_to
from hyper.model.hypernet import HyperNetwork
from hyper.model.loading import impossible
from hyper.model.lora import LoraSite

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"


class CheckpointError(ValueError):
    """The hypernetwork's folder cannot be used; the message says why."""


def config_for(backbone: Backbone, **settings: Any) -> HypernetConfig:
    """Settings of a hypernetwork for this base: its name, fingerprint and sizes, and the settings given."""
    return HypernetConfig(
        base_model=backbone.name,
        base_fingerprint=backbone.body_fingerprint,
        d_model=backbone.d_model,
        d_ffn=backbone.d_ffn,
        n_encoder_layers=backbone.n_encoder_layers,
        n_decoder_layers=backbone.n_decoder_layers,
        **settings,
    )


def save_hypernet(hypernet: HyperNetwork, folder: str | Path) -> None:
    """Write settings and weights into the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    hypernet.config.save(folder / CONFIG_FILE)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in hypernet.state_dict().items()}
    with tensors_to(folder / WEIGHTS_FILE):
        save_file(weights, folder / WEIGHTS_FILE)
    seal(folder)


def load_hypernet(folder: str | Path, backbone: Backbone) -> HyperNetwork:
    """Read what `save_hypernet` wrote, for the base that it was trained with and no other."""
    folder = Path(folder).expanduser()
    check_delivered(folder, CheckpointError)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder} is not a hypernetwork: it has no {name}; please check the folder's name.")
    try:
        config = HypernetConfig.load(folder / CONFIG_FILE)
        weights = load_file(folder / WEIGHTS_FILE)
    except (ValueError, SafetensorError) as error:  # ValueError: settings that are wrong, no JSON, no text
        raise CheckpointError(
            f"The hypernetwork in {folder} cannot be read ({first_line(error)}); please copy the folder again."
        ) from error
    if config.base_fingerprint != backbone.body_fingerprint:
        raise CheckpointError(
            f"The hypernetwork in {folder} was trained for {config.base_model} (weights {config.base_fingerprint}), "
            f"but the base is {backbone.name} (weights {backbone.body_fingerprint}); please load two that belong "
            "together."
        )
    sites = backbone.sites(config.targets)
    _check_fit(config, sites, weights, folder)
    hypernet = HyperNetwork(config, sites)
    hypernet.load_state_dict(weights)
    return hypernet.eval().requires_grad_(False)


def find_hypernet(body_fingerprint: str, folders: Iterable[Path]) -> Path | None:
    """The first of the folders that holds a hypernetwork for the base with this `Backbone.body_fingerprint`."""
    for folder in folders:
        config = folder / CONFIG_FILE
        if config.is_file():
            try:
                settings = read_settings(config)  # of a base, say, which has other settings
            except BackboneError as error:
                raise CheckpointError(str(error)) from error
            if settings.get("base_fingerprint") == body_fingerprint:
                return folder
    return None


def _check_fit(config: HypernetConfig, sites: Sequence[LoraSite], weights: Mapping[str, Tensor], folder: Path) -> None:
    """Raise unless the settings ask for these tensors, of numbers, in these shapes."""
    try:
        with torch.device("meta"):  # damaged settings may ask for more than there is memory for
            wanted = HyperNetwork(config, sites).state_dict()
    except (RuntimeError, TypeError) as error:  # sizes beyond what any tensor can have
        raise CheckpointError(f"The settings in {folder} ask for more numbers than a tensor can hold.") from error
    _check_names(weights.keys(), wanted.keys(), folder)
    for name, tensor in weights.items():
        if tensor.shape != wanted[name].shape:
            shapes = f"{tuple(tensor.shape)}, but its settings ask for {tuple(wanted[name].shape)}"
            raise CheckpointError(f"The weights in {folder} do not fit its settings: {name} is {shapes}.")
    if damaged := impossible(weights):
        raise CheckpointError(
            f"The weights in {folder} are damaged: {damaged} has a number that no weight has; please copy the folder "
            "again."
        )


def _check_names(found: Iterable[str], wanted: Iterable[str], folder: Path) -> None:
    if missing := sorted(set(wanted) - set(found)):
        raise CheckpointError(f"The weights in {folder} lack {missing[0]!r}, which its settings ask for.")
    if unknown := sorted(set(found) - set(wanted)):
        raise CheckpointError(f"The weights in {folder} have {unknown[0]!r}, which its settings do not ask for.")
