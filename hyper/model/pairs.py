"""Which hub models a hypernetwork in assets/ belongs to, and the best pair that is ready on this machine."""

from __future__ import annotations

from pathlib import Path

from hyper.model.files import ASSETS, BUNDLED, BUNDLED_FOLDER, cached_folder, is_hub_name
from hyper.model.info import hypernets_in


def hub_bases(assets: Path = ASSETS) -> list[str]:
    """The hub models that hypernetworks in this folder were trained for; whether one fits is seen when it is loaded."""
    return [info.base_model for info in hypernets_in(assets) if is_hub_name(info.base_model)]


def other_forms(assets: Path = ASSETS) -> list[Path]:
    """The hypernetworks for the bundled base beside the one that is taken where none is named."""
    return [assets / info.name for info in hypernets_in(assets) if info.base_model == BUNDLED_FOLDER.name][1:]


def best_base(assets: Path = ASSETS, cache: Path | None = None) -> str:
    """A real Whisper that was downloaded and for which a hypernetwork is here, or else the bundled one.

    Nothing but the hub's cache is looked into, by default the user's own.
    """
    return next((name for name in hub_bases(assets) if cached_folder(name, cache)), BUNDLED)
