"""LibriSpeech: sentences from audiobooks.

Layout: openslr.org/12, SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt beside a FLAC of each utterance.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, Utterance, pairs


def read(folder: Path) -> Iterator[Utterance]:
    """Every utterance, in small letters: the corpus has capitals only, which nobody should learn to write."""
    for transcripts in sorted(folder.rglob("*.trans.txt")):
        for name, text in pairs(transcripts).items():
            path = transcripts.with_name(f"{name}.flac")
            yield Utterance(path, text.lower(), name.split("-")[0], cohort="typical", domain="open")


CORPUS = Corpus(
    name="librispeech",
    title="LibriSpeech, English: audiobooks read by volunteers",
    licence="CC BY 4.0",
    consent="open download; readings that their readers gave to the public domain",
    fields="reference, speaker; cohort typical is assumed",
    looked_for=("*.trans.txt",),
    read=read,
)
