"""The recordings of a manifest, of a folder that holds one, or of a corpus as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hyper.recordings.corpora import find_corpus
from hyper.recordings.corpus_manifest import convert
from hyper.recordings.manifest import TYPICAL, ManifestRow, cohort_of, read_manifest
from hyper.study.pair.options import PairError, PairOptions


@dataclass(frozen=True)
class Listed:
    """What lies at a place."""

    kind: str  # what the place is, in words
    rows: Sequence[ManifestRow]
    left_out: Counter[str]  # of a corpus, while it was read: reasons, to follow their numbers
    terms: str = ""  # licence and consent, where the place is a corpus


def read_place(place: Path, folder: Path, name: str) -> Listed:
    """Read the manifest, or the folder, going by its layout; pieces of longer recordings are cut into `folder`.

    Errors: PairError where nothing is there, ManifestError or CorpusError where it cannot be used.
    """
    manifest = place / "manifest.csv" if place.is_dir() else place
    if manifest.is_file():
        return Listed("a manifest", read_manifest(manifest), Counter())
    if not place.is_dir():
        raise PairError(f"There is no manifest and no folder at {place}; please check its name.")
    corpus = find_corpus("auto", place)
    folder.mkdir(parents=True, exist_ok=True)
    converted = convert(corpus, place, folder / f"{name}-as-it-comes.csv", cut=folder / f"{name}-pieces")
    terms = f"licence: {corpus.licence or 'not said by the list'}; consent: {corpus.consent}"
    return Listed(f"{corpus.name}: {corpus.title}", converted.rows, converted.left_out, terms)


def all_listed(options: PairOptions, folder: Path) -> Listed:
    """The recordings of --data and of --typical, each with its cohort and whole path; pieces are cut into `folder`.

    Errors: PairError where none is of a patient and none shall be made, or where some are and more shall be made.
    """
    listed = read_place(options.data, folder, "data")
    rows = [replace(row, cohort=row.cohort or cohort_of(options.cohort) or TYPICAL) for row in listed.rows]
    n_patients = sum(row.cohort != TYPICAL for row in rows)
    if options.simulate and n_patients:
        raise PairError(
            f"{n_patients:,} recordings of {options.data} are no typical speech; --simulate makes patients of typical "
            "speech alone, so please leave it out or list typical recordings only."
        )
    if not options.simulate and not n_patients:
        raise PairError(
            f"All {len(rows):,} recordings of {options.data} are typical speech, or their list names no cohort: say "
            "whose they are with --cohort NAME, or make patients of them with --simulate."
        )
    left_out = Counter(listed.left_out)
    if options.typical:
        more = read_place(options.typical, folder, "typical")
        typical = [replace(row, cohort=TYPICAL) for row in more.rows if row.cohort in ("", TYPICAL)]
        left_out += more.left_out + Counter({"of --typical that are no typical speech": len(more.rows) - len(typical)})
        rows += typical
    return Listed(listed.kind, [_whole(row) for row in rows], left_out, listed.terms)


def _whole(row: ManifestRow) -> ManifestRow:
    """Its recording named from the root on: the lists of the parts lie elsewhere."""
    path = row.path.absolute()
    return replace(row, file=path.as_posix(), path=path)
