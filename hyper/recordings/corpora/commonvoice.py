"""Common Voice: sentences that volunteers read.

Layout: its public releases, LANGUAGE/clips/ beside validated.tsv (or train, dev and test) and clip_durations.tsv.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, Utterance, records

SPEAKER_CHARACTERS = 16  # of a client_id of 128; 64 bits still tell everybody apart


def read(folder: Path) -> Iterator[Utterance]:
    """Every validated clip. That its reader is typical is assumed: Common Voice does not ask."""
    for clips in sorted(path for path in folder.rglob("clips") if path.is_dir()):
        lengths = clips.with_name("clip_durations.tsv")
        seconds = (
            {line["clip"]: float(line["duration[ms]"]) / 1000 for line in records(lengths)} if lengths.is_file() else {}
        )
        whole = clips.with_name("validated.tsv")
        parts = [clips.with_name(f"{part}.tsv") for part in ("train", "dev", "test")]
        for table in [whole] if whole.is_file() else [part for part in parts if part.is_file()]:
            for record in records(table):
                yield Utterance(
                    clips / record["path"],
                    reference=record["sentence"],
                    speaker=record["client_id"][:SPEAKER_CHARACTERS],
                    cohort="typical",
                    domain="open",
                    age=record.get("age", ""),
                    seconds=seconds.get(record["path"]),
                )


CORPUS = Corpus(
    name="commonvoice",
    title="Common Voice, many languages: sentences read by volunteers",
    licence="CC0 1.0",
    consent="open download; whoever takes it promises not to find out who the speakers are",
    fields="reference, speaker, age; cohort typical is assumed",
    looked_for=("clips/*.*", "validated.tsv|train.tsv|test.tsv"),
    read=read,
)
