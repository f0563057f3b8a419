"""SEP-28k: three-second clips of podcasts with labels of stuttering, and no transcripts.

Layout: apple/ml-stuttering-events-dataset, whose extract_clips.py writes clips/SHOW/EPISODE/SHOW_EPISODE_CLIP.wav from
SEP-28k_labels.csv or fluencybank_labels.csv; each label counts how many of three listeners heard it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, Utterance, recordings_in, records

STUTTERS = ("Prolongation", "Block", "SoundRep", "WordRep", "Interjection")
UNUSABLE = ("PoorAudioQuality", "Music", "NoSpeech")
MAJORITY = 2  # of three listeners


def read(folder: Path) -> Iterator[Utterance]:
    """Every labelled clip. Who speaks is not said, so that an episode is the nearest thing to a speaker."""
    clips = {path.stem: path for path in recordings_in(folder)}
    for table in sorted(folder.rglob("*_labels.csv")):
        for record in records(table):
            episode = f"{record['Show']}_{record['EpId']}"
            name = f"{episode}_{record['ClipId']}"
            path = clips.get(name, folder / "clips" / record["Show"] / record["EpId"] / f"{name}.wav")
            if any(_heard(record, label) for label in UNUSABLE):
                yield Utterance(path, left_out="with music, poor sound or no speech")
                continue
            heard = [f"{label} {record[label]}" for label in STUTTERS if _heard(record, label)]
            yield Utterance(
                path, speaker=episode, cohort="stuttering" if heard else "", domain="open", note=", ".join(heard)
            )


def _heard(record: dict[str, str], label: str) -> bool:
    """Whether most listeners heard it."""
    return int(record.get(label) or 0) >= MAJORITY


CORPUS = Corpus(
    name="sep28k",
    title="SEP-28k, English: labels of stuttering on podcast clips, no transcripts",
    licence="CC BY-NC 4.0 (labels); the sound belongs to the podcasts",
    consent="labels are open, sound comes from the podcasts; no commercial use",
    fields="cohort and labels (as note) of clips; episode as speaker; no reference",
    looked_for=("SEP-28k_labels.csv|fluencybank_labels.csv",),
    read=read,
    has_texts=False,
)
