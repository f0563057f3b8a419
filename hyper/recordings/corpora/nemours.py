"""Nemours: nonsense sentences of eleven men with dysarthria.

Layout: only the folder SPEECH/SENT and word labels are described in public (ICSLP 1996, asel.udel.edu); the place and
ending of the labels, speakers as the first two letters of a file, and JP as the typical speaker are not confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, Utterance, recordings_in, text_of

LABEL_ENDINGS = (".txt", ".TXT", ".wrd", ".WRD", ".lab", ".LAB")
SILENCES = {"#", "h#", "sil", "pau", "sp", "_"}
TYPICAL = "JP"


def read(folder: Path) -> Iterator[Utterance]:
    """Every sentence with the text or the word labels beside it."""
    for path in recordings_in(folder):
        if "SENT" not in path.relative_to(folder.parent).parts:
            continue
        labels = next((each for ending in LABEL_ENDINGS if (each := path.with_suffix(ending)).is_file()), None)
        speaker = path.stem[:2].upper()
        yield Utterance(
            path,
            reference=_sentence(labels) if labels else "",
            speaker=speaker,
            cohort="typical" if speaker == TYPICAL else "dysarthria",
            domain="open",
        )


def _sentence(path: Path) -> str:
    """A line of text, or labels whose last word on each line is the word: "0 4100 The"."""
    text = text_of(path)
    if path.suffix.lower() == ".txt":
        return " ".join(text.split())
    labels = [line for line in text.splitlines() if line.strip() and (line[:1].isdecimal() or line[:1] == " ")]
    words = [line.split()[-1] for line in labels]
    return " ".join(word for word in words if word.lower() not in SILENCES)


CORPUS = Corpus(
    name="nemours",
    title="Nemours, English: sentences of 11 men with dysarthria",
    licence="Nemours terms (not published)",
    consent="no public distributor is known; ask whoever lends the disc what its speakers agreed to",
    fields="reference, speaker, cohort, domain",
    looked_for=("SENT/**/*.wav|SENT/**/*.WAV",),
    read=read,
)
