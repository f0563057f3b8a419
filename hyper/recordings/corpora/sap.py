"""Speech Accessibility Project: commands, sentences and talk of people with five conditions.

Layout and markup: the overview of the release of 2025-11-02 in a public repository, CONTRIBUTOR/CONTRIBUTOR.json beside
its recordings; the scale of the ratings is not confirmed, so a rating is kept as a note and decides no severity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hyper.recordings.corpus import Corpus, CorpusError, Utterance

UNUSABLE = set("nod nov bgn otv cut dis loa nrw".split())  # codes in place of a transcript
OBSTACLES = (
    (r"\[PII]", "in which something private was silenced"),
    (r"\{[uw]:", "not intelligible throughout"),
    (r"\{f:", "in another language"),
    (r"\(cs:", "in which somebody else speaks too"),
)


def read(folder: Path) -> Iterator[Utterance]:
    """Every recording of every contributor whose JSON lies in a folder of its name; other copies are skipped."""
    for path in sorted(folder.rglob("*-*-*-*-*.json")):
        if path.parent.name != path.stem:
            continue
        try:
            person = json.loads(path.read_bytes())
            for file in person["Files"]:
                yield _utterance(path.parent / file["Filename"], file, person)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorpusError(f"{path} is not the description of a contributor; please unpack it again.") from error


def _utterance(path: Path, file: dict[str, Any], person: dict[str, Any]) -> Utterance:
    prompt = file["Prompt"]
    transcript = prompt["Transcript"] or ""
    if transcript.strip("[] .").lower() in UNUSABLE:
        return Utterance(path, left_out="marked as unusable")
    for pattern, reason in OBSTACLES:
        if re.search(pattern, transcript):
            return Utterance(path, left_out=reason)
    etiology = person["Etiology"].lower()
    ratings = [
        each["Level"] for each in file.get("Ratings") or () if each["Dimension Description"] == "Intelligibility"
    ]
    return Utterance(
        path,
        reference=meant(transcript),
        verbatim=said(transcript),
        speaker=person["Contributor ID"],
        cohort="parkinsons" if "parkinson" in etiology else etiology,
        domain="command" if prompt.get("Category Description") == "Digital Assistant Commands" else "open",
        note=f"intelligibility rated {ratings[0]}" if ratings else "",
    )


def said(transcript: str) -> str:
    """Every sound: "(f-*) Find {g: my} ~TV" is "f Find my TV"."""
    text = re.sub(r"\{g:([^}]*)}", r"\1", re.sub(r"\[[^]]*]", " ", transcript))
    text = re.sub(r"-\*?\)", ")", text.replace("(ss:", "(")).replace("~", "")
    return " ".join(re.sub(r"[()]", " ", text).split())


def meant(transcript: str) -> str:
    """What was said, without fillers, repetitions and false starts, which stand in round brackets."""
    return said(re.sub(r"\((?!ss:)[^)]*\)", " ", transcript))


CORPUS = Corpus(
    name="sap",
    title="Speech Accessibility Project, English: Parkinson's, ALS, cerebral palsy, Down syndrome, stroke",
    licence="SAP data use agreement",
    consent="on application to the Beckman Institute; the agreement forbids passing recordings or transcripts on",
    fields="reference, verbatim, speaker, cohort, domain; rated intelligibility as note",
    looked_for=("*-*-*-*-*/*-*-*-*-*.json",),
    read=read,
)
