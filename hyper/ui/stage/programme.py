"""Which recordings are presented: the examples, or the files and folders that a presenter names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.compare.example_sets import manifest_of, manifests
from hyper.recordings.corpus import text_of
from hyper.recordings.manifest import ManifestError
from hyper.recordings.matching import AUDIO_ENDINGS
from hyper.ui.examples import Example, in_order, read_examples

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr

MANIFEST = "manifest.csv"


def programme(places: Sequence[str | Path], bundled: Path) -> Callable[[PersonalizedAsr], list[Example]]:
    """What is presented with a model: the recordings of the places, or else the examples that belong to it.

    `bundled` is the manifest of the bundled pair's. Errors: `ManifestError` at once, before a model is loaded.
    """
    if places:
        named = read_programme(places)
        return lambda _: named
    sets = {manifest: read_programme([manifest]) for manifest in manifests(bundled).values()}
    return lambda asr: sets[manifest_of(asr, bundled)]


def read_programme(places: Sequence[str | Path]) -> list[Example]:
    """The recordings of each place in turn: a folder's manifest or else its files by name, a manifest, or one file.

    Errors: `ManifestError` where there is nothing to present at a place.
    """
    return [example for place in places for example in _of_place(Path(place))]


def _of_place(place: Path) -> list[Example]:
    if place.is_dir():
        if (place / MANIFEST).is_file():
            return _listed(place / MANIFEST)
        files = sorted(file for file in place.iterdir() if file.suffix.lower() in AUDIO_ENDINGS)
        if not files:
            raise ManifestError(f"{place} holds neither a {MANIFEST} nor recordings to present.")
        return [_own(file) for file in files]
    if not place.is_file():
        raise ManifestError(f"There is nothing to present at {place}; name recordings, a folder of them or a manifest.")
    return _listed(place) if place.suffix.lower() == ".csv" else [_own(place)]


def _listed(manifest: Path) -> list[Example]:
    """As they are listed; where it is known what adapting does to them, as on the page: one that gains comes first."""
    examples = read_examples(manifest)
    return in_order(examples) if any(each.outcome for each in examples) else examples


def _own(file: Path) -> Example:
    """A recording without a manifest: called by its name, and meant is what a text file of that name says."""
    text = file.with_suffix(".txt")
    meant = " ".join(text_of(text).split()) if text.is_file() else ""
    return Example(file, meant, file.stem.replace("_", " "), licence="")
