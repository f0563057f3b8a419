"""EasyCall: Italian telephone commands of people with dysarthria, and of others.

Layout: a public data module takes speaker, session and text from names such as f06_03_Mali.wav. Not confirmed: that
controls are fc and mc, and a table of TOM scores with the columns speaker and TOM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, Utterance, recordings_in, records

NAME = re.compile(r"(?P<speaker>[fm]c?\d+)_(?P<session>\d+)_(?P<text>.+)", re.I)
SEVERITIES = {"1": "mild", "2": "moderate", "3": "moderate", "4": "severe", "5": "severe"}  # by TOM score


def read(folder: Path) -> Iterator[Utterance]:
    """Every recording whose name holds its text."""
    scores = _scores(folder)
    for path in recordings_in(folder):
        name = NAME.fullmatch(path.stem)
        if name is None:
            continue
        speaker = name["speaker"].lower()
        score = scores.get(speaker, "")
        yield Utterance(
            path,
            reference=" ".join(name["text"].replace("_", " ").split()),
            speaker=speaker,
            cohort="typical" if speaker[1] == "c" else "dysarthria",
            severity=SEVERITIES.get(score, ""),
            domain="command",
            note=f"TOM {score}" if score else "",
        )


def _scores(folder: Path) -> dict[str, str]:
    """The TOM score of each speaker, where a table beside the recordings has it."""
    scores: dict[str, str] = {}
    for path in folder.rglob("*.csv"):
        for record in records(path):
            values = {name.lower(): value for name, value in record.items()}
            if values.get("tom"):
                scores[values.get("speaker", "").lower()] = values["tom"].removesuffix(".0")
    return scores


CORPUS = Corpus(
    name="easycall",
    title="EasyCall, Italian: commands of 31 speakers with dysarthria, 24 without",
    licence="CC BY-NC 2.0 (as a copy on the hub says)",
    consent="by a form of the University of Ferrara; no commercial use",
    fields="reference, speaker, cohort, domain; severity where a CSV has the columns speaker and TOM",
    looked_for=("[fm][0-9][0-9]_[0-9]*_*.wav|[fm]c[0-9][0-9]_[0-9]*_*.wav",),
    read=read,
)
