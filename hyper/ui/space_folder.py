"""The folder that is pushed to a Hugging Face Space: what the page needs, with the Space's card and versions."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from hyper.compare.export import whole_folder
from hyper.model.files import FEATURES_FILE, NEEDED_FILES
from hyper.model.info import SCORECARD_FILE
from hyper.model.pairs import hub_bases

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("app.py", "LICENSE", "hyper", "assets", "examples")
NOT_NEEDED = ("__pycache__", "results")  # caches, and the study's results, but for the scorecard
CARD = "Space.md"  # a Space reads its settings from the top of README.md
SPACE_TORCH = "2.11.0"  # the newest that ZeroGPU lists, huggingface/hub-docs, docs/hub/spaces-zerogpu.md
PRELOADED_FILES = (*NEEDED_FILES, FEATURES_FILE, "tokenizer.json", "tokenizer_config.json", "model.safetensors")
# The hub takes no file above 10 MB by plain git.
LFS_ATTRIBUTES = "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


def write_space(folder: Path) -> None:
    """Fill a new or empty folder; after an error none is left. `ExportError` where it holds something already."""
    with whole_folder(folder) as partial:
        for name in NEEDED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, partial / name, ignore=shutil.ignore_patterns(*NOT_NEEDED))
            else:
                shutil.copy(source, partial / name)
        measured = partial / SCORECARD_FILE.relative_to(ROOT)
        measured.parent.mkdir()
        shutil.copy(SCORECARD_FILE, measured)
        (partial / "README.md").write_text(space_card((ROOT / CARD).read_text(encoding="utf-8"), hub_bases()))
        (partial / "requirements.txt").write_text(space_requirements((ROOT / "requirements.txt").read_text()))
        (partial / ".gitattributes").write_text((ROOT / ".gitattributes").read_text() + LFS_ATTRIBUTES)


def space_card(card: str, adapting: Sequence[str]) -> str:
    """The card; the hub models for which a hypernetwork is delivered are there from the start, before the others."""
    models = "".join(f"  - {name}\n" for name in adapting)
    preloaded = "".join(f"  - {name} {','.join(PRELOADED_FILES)}\n" for name in adapting)
    card = re.sub(r"^models:\n", rf"\g<0>{models}", card, count=1, flags=re.MULTILINE)
    return re.sub(r"^preload_from_hub:\n", rf"\g<0>{preloaded}", card, count=1, flags=re.MULTILINE)


def space_requirements(requirements: str) -> str:
    """The same requirements with the torch that a shared GPU's host offers."""
    return re.sub(r"^torch==.*$", f"torch=={SPACE_TORCH}", requirements, flags=re.MULTILINE)
