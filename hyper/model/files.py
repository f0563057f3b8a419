"""A model's name to the folder that holds its files."""

from __future__ import annotations

import json
import os
import re
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

BUNDLED = "bundled"
_PACKAGE = Path(__file__).parents[1]
_INSTALLED_ASSETS = _PACKAGE / "assets"  # where a wheel puts them
ASSETS = _INSTALLED_ASSETS if _INSTALLED_ASSETS.is_dir() else _PACKAGE.parent / "assets"
BUNDLED_FOLDER = ASSETS / "whisper-mini"
HUB_SECONDS = 7.0  # how long the hub may take to answer at all; downloads take as long as they need
HUB_FILES = ["*.json", "*.txt", "model.safetensors", "model-*.safetensors"]  # no pickles, no second format
NEEDED_FILES = ("config.json", "generation_config.json")
FEATURES_FILE = "preprocessor_config.json"
PROCESSOR_FILE = "processor_config.json"  # holds the same as one of its parts where transformers 5 saved a processor
WEIGHTS_FILES = ("model.safetensors", "model.safetensors.index.json")
TOKENIZER_FILES = (("tokenizer.json",), ("vocab.json", "merges.txt"))  # the one or the others
FIRST_LINE = 200  # characters of a library's own message; some name all that they know
ADAPTER_FILE = "adapter_config.json"  # where it lies, transformers loads what it names in place of the folder's weights


class BackboneError(ValueError):
    """The Whisper model cannot be had or cannot do this; the message says what to do."""


def find_folder(name_or_folder: str) -> tuple[Path, str]:
    """The folder with the model's files, and the model's name for people; a hub model is downloaded once."""
    if name_or_folder == BUNDLED:
        return BUNDLED_FOLDER, BUNDLED_FOLDER.name
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        return folder, folder.resolve().name
    check_hub_name(name_or_folder)
    return cached_folder(name_or_folder) or _download(name_or_folder), name_or_folder


def is_hub_name(name: str) -> bool:
    """Whether a hub model could be named so; the hub's own client would raise over other names."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # a lazy export

    with suppress(HFValidationError):
        validate_repo_id(name)
        return "/" in name
    return False


def check_hub_name(name: str) -> None:
    """Raise unless this could be the name of a hub model."""
    if not is_hub_name(name):
        raise BackboneError(
            f"There is no folder {name}; give a Whisper's folder, a hub name such as openai/whisper-small, "
            f"or {BUNDLED}."
        )


def cached_folder(hub_name: str, cache: Path | None = None) -> Path | None:
    """Where a hub model lies on this machine; None where it was not downloaded in full. `cache` is the hub's folder."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(hub_name, "config.json", cache_dir=cache)
    if not isinstance(config, str):  # None, or a mark that the hub has no such file
        return None
    folder = Path(config).parent
    return folder if not (_missing_files(folder) or _missing_parts(folder)) else None


def downloaded_bytes(hub_name: str, cache: Path | None = None) -> int:
    """How much of a hub model lies on this machine, while it is downloaded too. `cache` is the hub's folder."""
    from huggingface_hub import constants

    blobs = Path(cache or constants.HF_HUB_CACHE) / f"models--{hub_name.replace('/', '--')}" / "blobs"
    n_bytes = 0
    for file in blobs.glob("*"):
        with suppress(OSError):  # one that is complete gets another name meanwhile
            n_bytes += file.stat().st_size
    return n_bytes


def hub_parameters(hub_name: str) -> int | None:
    """How many parameters a hub model has, as the hub counts them; None where it does not say.

    Errors: `BackboneError` within `HUB_SECONDS` where the hub does not answer.
    """
    counted = _ask_hub(hub_name).safetensors
    return counted.total if counted is not None else None


def _ask_hub(hub_name: str) -> Any:
    """What the hub says of a model."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(HfApi().model_info(hub_name, timeout=HUB_SECONDS))
        except Exception as error:  # whatever it is, it is judged below, in the thread that waits
            answer.append(error)

    # A thread, since a name server that does not answer keeps a connection waiting past every time-out.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(HUB_SECONDS)
    if answer and isinstance(answer[0], RepositoryNotFoundError):
        raise BackboneError(f"The Hugging Face hub has no public model {hub_name}; please check the name.")
    if not answer or isinstance(answer[0], Exception):
        raise BackboneError(
            f"{hub_name} is not on this machine and the Hugging Face hub cannot be reached; connect to the network "
            f"once to download it, or use the {BUNDLED} model."
        )
    return answer[0]


def _download(hub_name: str) -> Path:
    from huggingface_hub import snapshot_download

    _ask_hub(hub_name)
    try:
        return Path(snapshot_download(hub_name, allow_patterns=HUB_FILES))
    except Exception as error:  # network, disk, rights: whichever it is, it is one sentence for the person who waits
        raise BackboneError(
            f"The download of {hub_name} broke off ({first_line(error)}); please try again, it goes on from there."
        ) from error


def first_line(error: Exception) -> str:
    """What an error says, short enough for a sentence."""
    return textwrap.shorten(str(error).strip().split("\n")[0], FIRST_LINE) or type(error).__name__


def _missing_files(folder: Path) -> list[str]:
    missing = [name for name in NEEDED_FILES if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in (FEATURES_FILE, PROCESSOR_FILE)):
        missing.append(FEATURES_FILE)
    if not any((folder / name).is_file() for name in WEIGHTS_FILES):
        missing.append(WEIGHTS_FILES[0])
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZER_FILES):
        missing.append(TOKENIZER_FILES[0][0])
    return missing


def _missing_parts(folder: Path) -> list[str]:
    """Files that the index of the weights names, where these are in several."""
    single, index = (folder / name for name in WEIGHTS_FILES)
    names = [] if single.is_file() else _named_in(index)
    return [name for name in names if not (folder / name).is_file()]


def _named_in(index: Path) -> list[str]:
    """The files that an index of weights names; none where it is no such index."""
    parts = read_settings(index).get("weight_map")
    return sorted(set(map(str, parts.values()))) if isinstance(parts, dict) else []


def read_settings(file: Path) -> dict[str, Any]:
    """A JSON object. Errors: `BackboneError` where it is none."""
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BackboneError(
            f"The {file.name} in {file.parent} is not valid JSON; please copy the folder again."
        ) from error
    if not isinstance(settings, dict):
        raise BackboneError(f"The {file.name} in {file.parent} holds no settings; please copy the folder again.")
    return settings


def read_features(folder: Path) -> dict[str, Any]:
    """The feature extractor's settings, where transformers reads them. Errors: `BackboneError` where there are none."""
    processor = folder / PROCESSOR_FILE
    nested = read_settings(processor).get("feature_extractor") if processor.is_file() else None
    if isinstance(nested, dict):
        return nested
    if not (folder / FEATURES_FILE).is_file():  # older processors' files hold no parts
        raise BackboneError(_lacking(folder, [FEATURES_FILE]))
    return read_settings(folder / FEATURES_FILE)


def _lacking(folder: Path, missing: Sequence[str]) -> str:
    return f"{folder} is not a Whisper in Hugging Face's format: it has no {', '.join(missing)}."


def weights_files(folder: Path) -> list[Path]:
    """The files of a Whisper's weights: one, or the parts that its index names.

    Errors: `BackboneError` where a part is no safetensors file of the folder: a pickle could run a program.
    """
    single, index = (folder / name for name in WEIGHTS_FILES)
    if single.is_file():
        return [single]
    names = _named_in(index) or [""]
    for name in names:
        if not re.fullmatch(r"[\w-][\w.-]*\.safetensors", name):
            raise BackboneError(
                f"The {index.name} in {folder} names {name!r}, but only safetensors files in the folder itself are "
                "read; please choose a model in that format."
            )
        if not (folder / name).is_file():
            raise BackboneError(f"{folder} lacks {name}, a part of its weights; please copy the folder again.")
    return [folder / name for name in names]


def check_folder(folder: Path) -> None:
    """Raise unless all files of a Whisper are there."""
    if missing := _missing_files(folder):
        raise BackboneError(_lacking(folder, missing))
    settings = {name: read_settings(folder / name) for name in NEEDED_FILES}
    read_features(folder)
    if (folder / ADAPTER_FILE).exists():
        raise BackboneError(
            f"{folder} holds a Whisper and an adapter ({ADAPTER_FILE}), and only one can be meant; please give the "
            "Whisper a folder of its own."
        )
    weights_files(folder)
    kind = settings["config.json"].get("model_type")
    if kind != "whisper":
        raise BackboneError(f"The model in {folder} is a {kind} model, not a Whisper; please choose a Whisper.")


@contextmanager
def tensors_to(path: Path) -> Iterator[None]:
    """An `OSError` where the disk refuses: safetensors tells it in words."""
    try:
        yield
    except SafetensorError as error:
        if (number := re.search(r"os error (\d+)", str(error))) is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
