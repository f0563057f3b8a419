"""Kaldi data folders: wav.scp, text and, where there are any, utt2spk and segments.

Layout: kaldi-asr.org/doc/data_prep.html.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, CorpusError, Utterance, pairs


def read(folder: Path) -> Iterator[Utterance]:
    """Every utterance of every data folder; relative paths count from the data folder or from where one is."""
    for table in sorted(folder.rglob("wav.scp")):
        data = table.parent
        if _is_share(data):
            continue
        recordings = {name: _recording(table, name, entry) for name, entry in pairs(table).items()}
        texts, speakers, segments = (
            pairs(data / name) if (data / name).is_file() else {} for name in ("text", "utt2spk", "segments")
        )
        for name in segments or recordings:
            recording, start, end = _segment(data, name, segments[name]) if segments else (name, None, None)
            if recording not in recordings:
                raise CorpusError(f"{data / 'segments'} cuts {name} from {recording}, which wav.scp does not list.")
            yield Utterance(recordings[recording], texts.get(name, ""), speakers.get(name, ""), start=start, end=end)


def _is_share(data: Path) -> bool:
    """Whether it is split2/1 of a data folder, or split2utt/1: what one of Kaldi's jobs takes, listed above already."""
    split = data.parent
    return re.fullmatch(r"split\d+(utt)?", split.name) is not None and (split.parent / "wav.scp").is_file()


def _recording(table: Path, name: str, entry: str) -> Path:
    if entry.endswith("|"):
        raise CorpusError(
            f"{table} gets {name} from a command ({entry}), and commands out of a list are not run here; "
            "please write the recordings to files and name those."
        )
    beside = table.parent / entry  # an absolute path stays as it is
    return beside if beside.is_file() else Path(entry)


def _segment(data: Path, name: str, entry: str) -> tuple[str, float, float]:
    """Recording, start and end in seconds; an end of -1 is that of the recording."""
    try:
        recording, start, end = entry.split()
        begins, ends = float(start), math.inf if float(end) == -1 else float(end)
        if not 0 <= begins < ends:
            raise ValueError
    except ValueError as error:
        raise CorpusError(f"{data / 'segments'}: {name} needs a recording, a start and an end in seconds.") from error
    return recording, begins, ends


CORPUS = Corpus(
    name="kaldi",
    title="Kaldi data folder",
    licence="",
    consent="the list does not say; ask whoever made it",
    fields="reference, speaker; pieces by segments",
    looked_for=("wav.scp", "text"),
    read=read,
    is_format=True,
)
