"""The one loop that transcribes and scores many recordings, a few at a time; whoever runs it may watch and stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from hyper.compare.evaluation import Evaluation
from hyper.compare.row import make_row
from hyper.compare.utterance import Failure, ScoredUtterance
from hyper.recordings.audio import SAMPLE_RATE, AudioError, load_audio
from hyper.recordings.manifest import ManifestRow

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.compare.transcript import Pair

ONLY_ONE = "It is the only usable recording of its speaker, so there is no other to adapt to."
BATCHES_AT_ONCE = 4  # so many are sorted by length together; few enough for a bar that moves
PART_SECONDS = 1200  # of audio in memory at a time, as waveforms 77 MB; and one recording more


def score_manifest(
    asr: PersonalizedAsr,
    rows: Sequence[ManifestRow],
    *,
    batch_size: int = 16,
    language: str = "en",
    progress: bool = False,
    by_others: bool = False,
) -> Evaluation:
    """Transcribe every recording and count its errors; one that cannot be read is listed and the others go on.

    `by_others` adapts to the speaker's other recordings (`statistics_of_others`), not to the recording itself.
    """
    from tqdm import tqdm

    given, alone = None, ()
    if by_others:
        given = statistics_of_others(asr, rows)
        alone = tuple(Failure(row, ONLY_ONE) for row in rows if given.get(row.path, row) is None)
        rows = [row for row in rows if given.get(row.path, row) is not None]
    evaluation = no_scores_yet(asr, language)
    with tqdm(total=len(rows), unit="recording", disable=not progress) as bar:
        for evaluation in score_parts(asr, rows, batch_size=batch_size, language=language, given=given):
            bar.update(evaluation.n_done - bar.n)
    return replace(evaluation, failures=evaluation.failures + alone)


def statistics_of_others(asr: PersonalizedAsr, rows: Sequence[ManifestRow]) -> dict[Path, Tensor | None]:
    """For each recording that can be read the mean over the other recordings of its speaker, each counting once.

    (n_layers + 1, 3, d_model) each, what a hypernetwork reads; None where there is no other. Rows without a speaker
    have none.
    """
    read: dict[Path, Tensor] = {}
    for part in _parts(rows, BATCHES_AT_ONCE, []):
        if part:
            own = asr.statistics([waveform for _, waveform in part])
            read |= zip((row.path for row, _ in part), own, strict=True)
    by_speaker: dict[str, list[Path]] = {}
    for path, speaker in {row.path: row.speaker for row in rows}.items():  # each recording once
        if path in read and speaker:
            by_speaker.setdefault(speaker, []).append(path)
    found: dict[Path, Tensor | None] = dict.fromkeys(read)
    for paths in by_speaker.values():
        total = sum(read[path] for path in paths)
        found |= {path: (total - read[path]) / (len(paths) - 1) for path in paths if len(paths) > 1}
    return found


def score_parts(
    asr: PersonalizedAsr,
    rows: Sequence[ManifestRow],
    *,
    batch_size: int = 16,
    batches_at_once: int = BATCHES_AT_ONCE,
    language: str = "en",
    given: Mapping[Path, Tensor] | None = None,
) -> Iterator[Evaluation]:
    """The evaluation as it grows: all that is done after each part, so that whoever stops has it.

    `given` is what the hypernetwork reads of each recording that can be read, in place of its own statistics.

    The model is held only while a batch is computed: between batches others use it.
    """
    evaluation = no_scores_yet(asr, language)
    utterances: list[ScoredUtterance] = []
    failures: list[Failure] = []
    for readable in _parts(rows, batch_size * batches_at_once, failures):
        waveforms = [waveform for _, waveform in readable]
        read = torch.stack([given[row.path] for row, _ in readable]) if given and readable else None
        pairs = asr.transcribe_pairs(waveforms, batch_size, language=language, given=read)
        utterances += [_scored(row, waveform, pair) for (row, waveform), pair in zip(readable, pairs, strict=True)]
        yield replace(evaluation, utterances=tuple(utterances), failures=tuple(failures))


def no_scores_yet(asr: PersonalizedAsr, language: str) -> Evaluation:
    """The evaluation of nothing."""
    return Evaluation(asr.base_model, asr.hypernetwork, asr.device, (), (), language, asr.fingerprint)


def _parts(
    rows: Sequence[ManifestRow], most: int, failures: list[Failure]
) -> Iterator[list[tuple[ManifestRow, np.ndarray]]]:
    """Recordings that can be used, each (n_samples,), a part at a time; the others are added to `failures`.

    A part ends after `most` rows of the manifest, or when it is long enough.
    """
    readable: list[tuple[ManifestRow, np.ndarray]] = []
    n_rows, seconds = 0, 0.0
    for row in rows:
        n_rows += 1
        try:
            waveform = load_audio(row.path)
        except AudioError as error:
            failures.append(Failure(row, str(error)))
        else:
            readable.append((row, waveform))
            seconds += len(waveform) / SAMPLE_RATE
        if n_rows == most or seconds >= PART_SECONDS:
            yield readable
            readable, n_rows, seconds = [], 0, 0.0
    if n_rows:
        yield readable


def _scored(row: ManifestRow, waveform: np.ndarray, pair: Pair) -> ScoredUtterance:
    """The transcripts with what speaks against them, and with their errors where the row has a reference."""
    base, adapted = (
        transcript and make_row(transcript, waveform, row.reference, row.verbatim)
        for transcript in (pair.base, pair.adapted)
    )
    return ScoredUtterance(row, base, adapted, pair.layers, len(waveform) / SAMPLE_RATE)
