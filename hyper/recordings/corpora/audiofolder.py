"""Hugging Face AudioFolder, and data sets of the hub where one asks for them by name.

Layout: huggingface.co/docs/datasets/audio_dataset: metadata.csv or metadata.jsonl with a column file_name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hyper.recordings.corpus import Corpus, CorpusError, Utterance, json_lines, records
from hyper.recordings.manifest import first_present
from hyper.recordings.whole_files import write_whole

TEXTS = ("transcription", "text", "sentence", "transcript", "reference", "normalized_text", "raw_text")
SPEAKERS = ("speaker", "speaker_id", "client_id")
SAME = ("cohort", "severity", "verbatim", "domain", "age", "note")  # columns that are called as in a manifest


def read(folder: Path) -> Iterator[Utterance]:
    """Every line of every metadata file."""
    for table in sorted([*folder.rglob("metadata.csv"), *folder.rglob("metadata.jsonl")]):
        for record in records(table) if table.suffix == ".csv" else json_lines(table):
            values = {name: "" if value is None else str(value) for name, value in record.items()}
            file = first_present(("file_name", "audio_file_name"), tuple(values))
            if file is None:
                raise CorpusError(f"{table} has the columns {', '.join(values)}; one must be called file_name.")
            same: dict[str, Any] = {name: values.get(name, "") for name in SAME}
            text, speaker = (first_present(names, tuple(values)) for names in (TEXTS, SPEAKERS))
            yield Utterance(
                table.parent / values[file],
                reference=values[text] if text else "",
                speaker=values[speaker] if speaker else "",
                **same,
            )


def download(name: str, folder: Path) -> None:
    """Fetch a data set of the hub with `datasets` and write it as an AudioFolder."""
    try:
        from datasets import Audio, load_dataset
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise CorpusError(
            "A data set of the hub is read with the package datasets[audio], which is not installed; install it, or "
            "download the data set as files yourself and name their folder."
        ) from error
    try:
        parts = load_dataset(name)
    except (ValueError, DatasetsError) as error:  # the cause says more than "an error occurred"
        raise CorpusError(f"{name} cannot be fetched from the hub: {error.__cause__ or error}") from error
    lines = []
    for part, examples in parts.items():
        column = next((each for each, kind in examples.features.items() if isinstance(kind, Audio)), None)
        if column is None:
            raise CorpusError(f"{name} has the columns {', '.join(examples.features)}; none of them is sound.")
        (folder / part).mkdir(parents=True, exist_ok=True)
        for i, example in enumerate(examples.cast_column(column, Audio(decode=False))):
            sound = example.pop(column)
            file = Path(part) / f"{i:07d}{Path(sound['path'] or '').suffix or '.wav'}"
            write_whole(folder / file, sound["bytes"] or Path(sound["path"]).read_bytes())
            lines.append(json.dumps(example | {"file_name": file.as_posix()}, ensure_ascii=False, default=str))
    write_whole(folder / "metadata.jsonl", "\n".join(lines) + "\n")


CORPUS = Corpus(
    name="audiofolder",
    title="Hugging Face AudioFolder, or a data set of the hub",
    licence="",
    consent="its card on the hub says, if anything does",
    fields="reference, speaker, and columns called as in a manifest",
    looked_for=("metadata.csv|metadata.jsonl",),
    read=read,
    is_format=True,
)
