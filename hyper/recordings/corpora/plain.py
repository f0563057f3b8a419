"""A plain folder of recordings, each with its text in a .txt file of the same name beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import RECORDING, Corpus, Utterance, recordings_in, text_of


def read(folder: Path) -> Iterator[Utterance]:
    """Every recording; the folder in which it lies, below the one that was named, is its speaker."""
    for path in recordings_in(folder):
        text = path.with_suffix(".txt")
        within = path.relative_to(folder).parts[:-1]
        yield Utterance(
            path,
            reference=" ".join(text_of(text).split()) if text.is_file() else "",
            speaker=within[0] if within else "",
        )


CORPUS = Corpus(
    name="plain",
    title="Folder of recordings beside .txt files",
    licence="",
    consent="the files do not say; ask the speakers",
    fields="reference; speaker where each has a folder",
    looked_for=(RECORDING, "*.txt"),
    read=read,
    is_format=True,
)
