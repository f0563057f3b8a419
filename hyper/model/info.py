"""What is known of a model before it is loaded: its size, its memory, its card, what it was measured at."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from safetensors import SafetensorError, safe_open

from hyper.model.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from hyper.model.config import ConfigError, HypernetConfig
from hyper.model.device import choose_device, choose_dtype
from hyper.model.files import (
    ASSETS,
    BUNDLED,
    BUNDLED_FOLDER,
    BackboneError,
    cached_folder,
    check_folder,
    check_hub_name,
    find_folder,
    hub_parameters,
    read_features,
    read_settings,
    weights_files,
)

CARD_FILE = "README.md"
SCORECARD_FILE = ASSETS / "results" / "scorecard.json"
HYPERNET_BYTES = 4  # a number; hypernetworks stay in float32 on every device


@dataclass(frozen=True)
class MemoryCost:
    """What a base and its hypernetwork take once they are loaded; decoding comes on top."""

    parameters: int  # of both
    n_bytes: int
    free_bytes: int  # on the device, now
    dtype: str  # of the base

    @property
    def fits(self) -> bool:
        """Whether there is room for it now."""
        return self.n_bytes <= self.free_bytes


@dataclass(frozen=True)
class BaseInfo:
    """A Whisper's folder, by its settings and the heads of its weights."""

    parameters: int
    encoder_layers: int
    decoder_layers: int
    d_model: int
    window_seconds: float
    n_languages: int  # 1 where it knows English alone
    trained_on: tuple[str, ...]  # lines of its card


@dataclass(frozen=True)
class HypernetInfo:
    """A hypernetwork's folder."""

    name: str
    base_model: str
    base_fingerprint: str
    writes: str  # for an utterance, in words
    parameters: int
    trained_on: tuple[str, ...]


@dataclass(frozen=True)
class MeasuredSet:
    """One line of the scorecard."""

    title: str
    n_utterances: int
    base_wer: float | None  # a fraction
    adapted_wer: float | None


def n_parameters(weights_file: Path) -> int:
    """How many numbers a safetensors file holds, by its head alone. Errors: `BackboneError` where it is none."""
    try:
        with safe_open(weights_file, "np") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    except SafetensorError as error:
        raise BackboneError(f"{weights_file} is not a safetensors file; please copy the folder again.") from error


def base_info(folder: Path) -> BaseInfo:
    """A Whisper's folder. Errors: `BackboneError` where it is none."""
    check_folder(folder)
    config, generation = (read_settings(folder / name) for name in ("config.json", "generation_config.json"))
    features = read_features(folder)
    try:
        return BaseInfo(
            parameters=sum(map(n_parameters, weights_files(folder))),
            encoder_layers=config["encoder_layers"],
            decoder_layers=config["decoder_layers"],
            d_model=config["d_model"],
            window_seconds=features["chunk_length"],
            n_languages=max(1, len(generation.get("lang_to_id") or ())),
            trained_on=card_section(folder, "Trained on"),
        )
    except KeyError as error:
        raise BackboneError(f"The settings in {folder} lack {error}; please copy the folder again.") from error


def parameters_of(name_or_folder: str) -> int | None:
    """How many parameters a base has, nothing downloaded; None where the hub does not say.

    Errors: `BackboneError` where there is no such base, or the hub does not answer.
    """
    folder = local_folder(name_or_folder)
    if folder is None:
        return hub_parameters(name_or_folder)
    check_folder(folder)
    return sum(map(n_parameters, weights_files(folder)))


def local_folder(name_or_folder: str) -> Path | None:
    """Where the base's files lie on this machine; None where they would have to be downloaded.

    Errors: `BackboneError` where it is neither a folder nor what a hub model could be named.
    """
    if name_or_folder == BUNDLED:
        return BUNDLED_FOLDER
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        return folder
    check_hub_name(name_or_folder)
    return cached_folder(name_or_folder)


def hypernet_info(folder: Path) -> HypernetInfo | None:
    """A hypernetwork's folder; None where it is none that this version reads."""
    try:
        config = HypernetConfig.load(folder / CONFIG_FILE)
        parameters = n_parameters(folder / WEIGHTS_FILE)
    except (ConfigError, OSError, ValueError):
        return None
    return HypernetInfo(
        folder.name,
        config.base_model,
        config.base_fingerprint,
        config.written,
        parameters,
        card_section(folder, "Trained on"),
    )


def hypernets_in(assets: Path) -> list[HypernetInfo]:
    """All hypernetworks in the folders of this folder."""
    found = (hypernet_info(folder) for folder in sorted(assets.glob("*/")))
    return [info for info in found if info is not None]


def card_section(folder: Path, title: str) -> tuple[str, ...]:
    """List items of one section of the folder's card; none where there is no such card or section."""
    card = folder / CARD_FILE
    if not card.is_file():
        return ()
    lines: list[str] = []
    inside = False
    for line in card.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("#"):
            inside = line.lstrip("# ").strip().lower() == title.lower()
        elif inside and line.startswith("- "):
            lines.append(line.removeprefix("- ").strip())
    return tuple(lines)


def measured_sets(scorecard: Path, base_fingerprint: str, hypernet_fingerprint: str) -> tuple[MeasuredSet, ...]:
    """The scorecard's sets, if it is of these weights; else none."""
    if not scorecard.is_file():
        return ()
    record = json.loads(scorecard.read_text(encoding="utf-8"))
    if (record["base_fingerprint"], record["hypernetwork_fingerprint"]) != (base_fingerprint, hypernet_fingerprint):
        return ()
    sets = []
    for each in record["sets"].values():
        group = next((group for group in each["groups"] if group["by"] == "all"), None)
        if group is not None:
            sets.append(MeasuredSet(each["title"], group["n_utterances"], group["base_wer"], group["adapted_wer"]))
    return tuple(sets)


def memory_cost(base_parameters: int, hypernet_parameters: int = 0, device: str | None = None) -> MemoryCost:
    """Numbers times their bytes on that device, beside what is free there."""
    torch_device = choose_device(device)
    dtype = choose_dtype(torch_device)
    n_bytes = base_parameters * dtype.itemsize + hypernet_parameters * HYPERNET_BYTES
    name = str(dtype).removeprefix("torch.")
    return MemoryCost(base_parameters + hypernet_parameters, n_bytes, free_bytes(torch_device), name)


def free_bytes(device: torch.device) -> int:
    """Memory that can be had without pushing other programs out."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def peak_bytes(device: torch.device) -> int:
    """The most memory that this process has held so far: on a GPU of its card, else of the machine."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource  # there is none on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def cost_of(name_or_folder: str, hypernet: str | Path | None = None, device: str | None = None) -> MemoryCost | None:
    """What loading these takes; None where the hub does not say how large the base is. Errors as `parameters_of`."""
    parameters = parameters_of(name_or_folder)
    if parameters is None:
        return None
    info = hypernet_info(Path(hypernet).expanduser()) if hypernet else None
    return memory_cost(parameters, info.parameters if info else 0, device)


def check_room(name_or_folder: str, hypernet: str | Path | None = None, device: str | None = None) -> None:
    """Raise `BackboneError` where the model would not fit: a program that runs out of memory takes the page with it.

    A hub model is downloaded first: its files tell how large it is.
    """
    folder, _ = find_folder(name_or_folder)
    cost = cost_of(str(folder), hypernet, device)
    if cost is not None and not cost.fits:
        raise BackboneError(
            f"{name_or_folder} takes {gigabytes(cost.n_bytes)} of memory, but only {gigabytes(cost.free_bytes)} are "
            "free; please choose a smaller model, or close other programs."
        )


def gigabytes(n_bytes: int) -> str:
    """Bytes for people: MB below one GB."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
