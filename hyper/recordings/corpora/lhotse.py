"""Lhotse manifests: recordings and supervisions, as JSON Lines, packed or not.

Layout: docs/corpus.rst of lhotse-speech/lhotse.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hyper.recordings.corpus import Corpus, CorpusError, Utterance, json_lines

TOLERANCE = 0.05  # seconds by which a supervision may miss the ends of a recording that it covers


def read(folder: Path) -> Iterator[Utterance]:
    """Every supervision; `custom` may add cohort, severity, verbatim, age and note."""
    recordings = {
        record["id"]: record for path in sorted(folder.rglob("*recordings*.jsonl*")) for record in json_lines(path)
    }
    for path in sorted(folder.rglob("*supervisions*.jsonl*")):
        for line in json_lines(path):
            recording = recordings.get(line["recording_id"])
            if recording is None:
                raise CorpusError(f"{path} speaks of the recording {line['recording_id']}, which no manifest lists.")
            start, end = float(line["start"]), float(line["start"]) + float(line["duration"])
            is_whole = start < TOLERANCE and end > recording["duration"] - TOLERANCE
            custom = line.get("custom") or {}
            extra = {key: str(custom.get(key) or "") for key in ("cohort", "severity", "verbatim", "age", "note")}
            yield Utterance(
                _source(folder, recording),
                line.get("text") or "",
                line.get("speaker") or "",
                start=None if is_whole else start,
                end=None if is_whole else end,
                seconds=end - start,
                **extra,
            )


def _source(folder: Path, recording: dict[str, Any]) -> Path:
    """The file of a recording; relative paths count from the folder or from where one is."""
    (source, *others) = recording["sources"]
    if source["type"] != "file" or others:
        raise CorpusError(
            f"The recording {recording['id']} is not one file on this machine; please save it as one with Lhotse."
        )
    below = folder / source["source"]  # an absolute path stays as it is
    return below if below.is_file() else Path(source["source"])


CORPUS = Corpus(
    name="lhotse",
    title="Lhotse manifests",
    licence="",
    consent="the list does not say; ask whoever made it",
    fields="reference, speaker; cohort, severity, verbatim, age, note from custom; pieces by supervisions",
    looked_for=("*recordings*.jsonl*", "*supervisions*.jsonl*"),
    read=read,
    is_format=True,
)
