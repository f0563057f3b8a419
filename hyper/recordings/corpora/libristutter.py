"""LibriStutter: LibriSpeech with stutters put in by a program.

Layout: loaders in public repositories read LibriStutter Audio/SPEAKER/CHAPTER/UTTERANCE.flac and, below LibriStutter
Annotations, a CSV of word, start, end and type, in which a stutter's word is STUTTER.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, CorpusError, Utterance, text_of

TYPES = {"1": "filler", "2": "sound repetition", "3": "word repetition", "4": "phrase repetition", "5": "prolongation"}


def read(folder: Path) -> Iterator[Utterance]:
    """Every annotated recording; what a stutter sounds like is not written down, so there is no verbatim text."""
    for path in sorted(folder.rglob("LibriStutter Annotations/*/*/*.csv")):
        chapter = path.parent
        audio = path.parents[3] / "LibriStutter Audio" / chapter.parent.name / chapter.name / f"{path.stem}.flac"
        lines = [line for line in csv.reader(text_of(path).splitlines()) if line]
        if any(len(line) < 4 for line in lines):
            raise CorpusError(f"{path} must have four values a line: word, start, end, type of stutter.")
        stutters = Counter(TYPES[line[3].strip()] for line in lines if line[3].strip() in TYPES)
        yield Utterance(
            audio,
            reference=" ".join(line[0].strip().lower() for line in lines if line[0].strip() != "STUTTER"),
            speaker=chapter.parent.name,
            cohort="stuttering",
            domain="open",
            note=", ".join(f"{number} {kind}" for kind, number in sorted(stutters.items())),
        )


CORPUS = Corpus(
    name="libristutter",
    title="LibriStutter, English: LibriSpeech with simulated stutters",
    licence="see its page at Borealis; made from LibriSpeech (CC BY 4.0)",
    consent="open download; a program put the stutters in, so the manifest says simulated",
    fields="reference, speaker, cohort, simulated; kinds of stutters as note",
    looked_for=("LibriStutter Annotations/*/*/*.csv",),
    read=read,
    simulated=True,
    speakers_of="librispeech",
)
