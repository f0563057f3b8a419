"""Which examples belong to a pair: those in a folder of its base's name beside the bundled pair's, or these."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr

# Of the base that a set was chosen with, where its token embedding is not the one that was published under its name.
LEARNED_EMBEDDING = "Chosen with a model whose token embedding was learned here, not OpenAI's."


def made_for(asr: PersonalizedAsr) -> str:
    """The base that the pair's hypernetwork was trained for, as it names it; without one, the base itself."""
    return asr.hypernet.config.base_model if asr.hypernet else asr.base_model


def pair_of(asr: PersonalizedAsr) -> str:
    """What tells these very weights, the token embedding included, from all other pairs; "" without a hypernetwork."""
    return f"{asr.fingerprint} {asr.fingerprints[1]}" if asr.fingerprints else ""


def folder_of(base: str) -> str:
    """The name of the folder of a base's own examples, such as whisper-tiny.en for openai/whisper-tiny.en."""
    return base.rpartition("/")[2]


def manifests(bundled: Path) -> dict[str, Path]:
    """The bundled pair's manifest as "", and those of bases that have examples of their own, by their folders."""
    return {"": bundled, **{path.parent.name: path for path in sorted(bundled.parent.glob(f"*/{bundled.name}"))}}


def manifest_of(asr: PersonalizedAsr, bundled: Path) -> Path:
    """The manifest of the examples that belong to a pair; `bundled` where it has none of its own."""
    return manifests(bundled).get(folder_of(made_for(asr)), bundled)
