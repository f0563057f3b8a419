"""Recordings of phrases as the Project Euphonia app keeps them.

Layout: google/project-euphonia-app, lib/src/repos/phrase.dart: data/INDEX/phrase.txt beside recording.wav in its store,
prompt INDEX .wav on a device; that an index counts the lines of phrases.txt from 0 is not confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, Utterance, text_of


def read(folder: Path) -> Iterator[Utterance]:
    """Every phrase that was recorded; one folder of phrases is one person's."""
    for phrase in sorted(folder.rglob("data/*/phrase.txt")):
        person = phrase.absolute().parents[2].name
        yield Utterance(phrase.with_name("recording.wav"), text_of(phrase).strip(), person, domain="open")
    for phrases in sorted(folder.rglob("phrases.txt")):
        for index, text in enumerate(text_of(phrases).splitlines()):
            path = phrases.with_name(f"prompt{index}.wav")
            if path.is_file():  # nobody reads all the phrases
                yield Utterance(path, text.strip(), phrases.absolute().parent.name, domain="open")


CORPUS = Corpus(
    name="euphonia",
    title="Project Euphonia app: phrases that one person read",
    licence="",
    consent="the person's own recordings; ask them",
    fields="reference, speaker (the folder)",
    looked_for=("data/*/phrase.txt|phrases.txt", "recording.wav|prompt*.wav"),
    read=read,
    is_format=True,
)
