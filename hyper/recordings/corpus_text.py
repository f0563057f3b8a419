"""A corpus made a manifest from where it lies, and what is said of it on a terminal."""

from __future__ import annotations

import itertools
import textwrap
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from hyper.recordings.corpora import CORPORA, find_corpus
from hyper.recordings.corpora.audiofolder import download
from hyper.recordings.corpus import Corpus, CorpusError
from hyper.recordings.corpus_manifest import Converted, convert, left_out_in_words
from hyper.recordings.counts import count
from hyper.recordings.manifest import check_is_new

COLUMNS = (14, 32, 42, 32)  # characters


def list_corpora() -> str:
    """Every corpus that is known."""
    return corpora_text(CORPORA.values())


def convert_corpus(
    name: str,
    folder: str | None,  # of the corpus, or the data set of the hub to fetch
    out: Path | None,
    cut: Path | None,
    without_text: bool,
    into: Path | None,  # where to fetch it to
) -> str:
    """Write the manifest; returns what is in it.

    Errors: CorpusError where something is not named, or not there; ManifestError where the manifest is.
    """
    if folder is None or out is None:
        raise CorpusError("Please name the folder of the corpus, and the manifest to write with --out.")
    check_is_new(out)
    place = corpus_folder(name, folder, into)
    corpus = find_corpus(name, place)
    converted = convert(corpus, place, out, cut, without_text)
    return f"{_summary(corpus, converted)}\nwrote {out}"


def corpus_folder(name: str, folder: str, into: Path | None) -> Path:
    """The folder of the corpus, fetched from the hub if that was asked for."""
    if into:
        if name != "audiofolder":
            raise CorpusError("--download fetches a data set of the hub, which is an audiofolder.")
        download(folder, into)
        return into
    if not Path(folder).is_dir():
        raise CorpusError(f"There is no folder {folder}; a data set of the hub is fetched only with --download.")
    return Path(folder)


def corpora_text(corpora: Iterable[Corpus]) -> str:
    """A corpus a paragraph, in columns that fit a terminal."""
    cells = [("name", "what it is", "licence; access and consent", "what it gives")]
    cells += [
        (each.name, each.title, "; ".join(filter(None, (each.licence, each.consent))), each.fields) for each in corpora
    ]
    lines = []
    for row in cells:
        columns = [textwrap.wrap(cell, width - 2) for cell, width in zip(row, COLUMNS, strict=True)]
        for parts in itertools.zip_longest(*columns, fillvalue=""):
            lines.append("".join(map(str.ljust, parts, COLUMNS)).rstrip())
    return "\n".join(lines)


def _summary(corpus: Corpus, converted: Converted) -> str:
    groups: dict[str, list[str]] = defaultdict(list)
    for row in converted.rows:
        groups[row.cohort or "(no cohort)"].append(row.speaker)
    speakers = {row.speaker for row in converted.rows} - {""}
    hours = "length not measured" if converted.seconds is None else f"{converted.seconds / 3600:.2f} h"
    lines = [
        f"{corpus.name}: {corpus.title}",
        f"{count(len(converted.rows), 'recording')}, {count(len(speakers), 'named speaker')}, {hours}",
        *(
            f"  {name}: {count(len(own), 'recording')} of {count(len({*own} - {''}), 'speaker')}"
            for name, own in sorted(groups.items())
        ),
        *([f"left out: {left_out_in_words(converted.left_out)}"] if converted.left_out else []),
        f"licence: {corpus.licence or 'not said by the list'}",
        f"consent: {corpus.consent}",
    ]
    return "\n".join(lines)
