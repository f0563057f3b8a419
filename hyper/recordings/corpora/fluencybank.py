"""FluencyBank Timestamped: talk of people who stutter, each word with its times and what kind of disfluency it is.

Layout: code in a public repository reads metadata.csv (segid, segstart, segend) and, in csvs/, SEGID.csv (word,
wordstart, wordend, fp, rp, rv, pw); SEGID is SPEAKER_NUMBER of a recording SPEAKER.wav, which comes apart from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpora.talkbank import SESSION
from hyper.recordings.corpus import Corpus, CorpusError, Utterance, recordings_in, records

KINDS = {"fp": "filled pause", "rp": "repetition", "rv": "revision", "pw": "partial word"}


def read(folder: Path) -> Iterator[Utterance]:
    """Every segment, as a piece of its speaker's recording; what was meant is the words that have no label."""
    media = {path.stem.lower(): path for path in recordings_in(folder)}
    for table in sorted(folder.rglob("metadata.csv")):
        lists = {path.stem: path for path in table.parent.rglob("csvs/**/*.csv")}
        for record in records(table):
            segment = record["segid"]
            if segment not in lists:
                raise CorpusError(f"{table} lists {segment}, but there is no {segment}.csv below {table.parent}/csvs.")
            session = segment.split("_")[0]
            words = list(records(lists[segment]))
            kinds = {i: [name for label, name in KINDS.items() if _has(word, label)] for i, word in enumerate(words)}
            yield Utterance(
                media.get(session.lower(), table.with_name(f"{session}.wav")),
                reference=" ".join(word["word"] for i, word in enumerate(words) if not kinds[i]),
                verbatim=" ".join(word["word"] for word in words),
                speaker=SESSION.sub(r"\1", session),
                cohort="stuttering",
                domain="open",
                note=", ".join(sorted({kind for own in kinds.values() for kind in own})),
                start=float(record["segstart"]),
                end=float(record["segend"]),
            )


def _has(word: dict[str, str], label: str) -> bool:
    return float(word[label] or 0) > 0


CORPUS = Corpus(
    name="fluencybank",
    title="FluencyBank Timestamped, English: interviews with adults who stutter",
    licence="TalkBank ground rules",
    consent="registration with TalkBank; the ground rules bind whoever has a copy",
    fields="reference, verbatim, speaker, cohort; kinds of disfluencies as note; pieces by times",
    looked_for=("metadata.csv", "csvs/*_*.csv|csvs/csvs/*_*.csv"),
    read=read,
)
