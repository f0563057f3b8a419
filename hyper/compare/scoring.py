"""The one loop that transcribes and scores many recordings, a few at a time; whoever runs it may watch and stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from hyper.compare.evaluation import Evaluation
from hyper.compare.guards import Heard
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.row import Row, check_references, make_row
from hyper.compare.transcript import Pair, Transcript
from hyper.compare.utterance import Failure, ScoredUtterance
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import SAMPLE_RATE, AudioError, TextError
from hyper.recordings.manifest import ManifestRow

BATCHES_AT_ONCE = 4  # so many are sorted by length together; few enough for a bar that moves
Transcribe = Callable[[Sequence[np.ndarray]], list[Pair]]
PART_SECONDS = 1200  # of audio in memory at a time, as waveforms 77 MB; and one recording more


def score_manifest(
    asr: PersonalizedAsr,
    rows: Sequence[ManifestRow],
    *,
    batch_size: int = 16,
    language: str = "en",
    progress: bool = False,
) -> Evaluation:
    """Transcribe every recording and count its errors; one that cannot be read is listed and the others go on."""
    from tqdm import tqdm

    evaluation = no_scores_yet(asr, language)
    with tqdm(total=len(rows), unit="recording", disable=not progress) as bar:
        for evaluation in score_parts(asr, rows, batch_size=batch_size, language=language):
            bar.update(evaluation.n_done - bar.n)
    return evaluation


def score_parts(
    asr: PersonalizedAsr,
    rows: Sequence[ManifestRow],
    *,
    batch_size: int = 16,
    batches_at_once: int = BATCHES_AT_ONCE,
    part_seconds: float | None = None,  # of audio in memory; else PART_SECONDS
    language: str = "en",
    transcribe: Transcribe | None = None,  # in place of the model's own way
) -> Iterator[Evaluation]:
    """The evaluation as it grows: all that is done after each part, so that whoever stops has it.

    The model is held only while a batch is computed: between batches others use it.
    """
    transcribe = transcribe or partial(asr.transcribe_pairs, batch_size=batch_size, language=language)
    evaluation = no_scores_yet(asr, language)
    utterances: list[ScoredUtterance] = []
    failures: list[Failure] = []
    for readable in _parts(rows, batch_size * batches_at_once, part_seconds or PART_SECONDS, failures):
        waveforms = [waveform for _, waveform in readable]
        pairs = transcribe(waveforms)
        utterances += [
            score_pair(asr, row, waveform, pair, language)
            for (row, waveform), pair in zip(readable, pairs, strict=True)
        ]
        yield replace(evaluation, utterances=tuple(utterances), failures=tuple(failures))


def no_scores_yet(asr: PersonalizedAsr, language: str) -> Evaluation:
    """The evaluation of nothing."""
    return Evaluation(asr.base_model, asr.hypernetwork, asr.device, (), (), language, asr.fingerprint)


def _parts(
    rows: Sequence[ManifestRow], most: int, part_seconds: float, failures: list[Failure]
) -> Iterator[list[tuple[ManifestRow, np.ndarray]]]:
    """Recordings that can be used, each (n_samples,), a part at a time; the others are added to `failures`.

    A part ends after `most` rows of the manifest, or when it is long enough.
    """
    readable: list[tuple[ManifestRow, np.ndarray]] = []
    n_rows, seconds = 0, 0.0
    for row in rows:
        n_rows += 1
        try:
            check_references(row.reference, row.verbatim)
            waveform = load_audio(row.path)
        except (AudioError, TextError) as error:
            failures.append(Failure(row, str(error)))
        else:
            readable.append((row, waveform))
            seconds += len(waveform) / SAMPLE_RATE
        if n_rows == most or seconds >= part_seconds:
            yield readable
            readable, n_rows, seconds = [], 0, 0.0
    if n_rows:
        yield readable


def score_pair(
    asr: PersonalizedAsr, row: ManifestRow, waveform: np.ndarray, pair: Pair, language: str
) -> ScoredUtterance:
    """The transcripts with what speaks against them, and with their errors where the row has a reference."""

    heard = Heard(waveform)

    def row_of(transcript: Transcript) -> Row:
        return make_row(transcript, heard, row.reference, row.verbatim, language=language)

    base, adapted = row_of(pair.base), None if pair.adapted is None else row_of(pair.adapted)
    return ScoredUtterance(
        recording=row,
        base=base,
        adapted=adapted,
        layers=pair.layers,
        seconds=len(waveform) / SAMPLE_RATE,
        preferred=asr.prefers(pair, len(waveform), language),
        doubts=asr.doubts(base, adapted, pair.embedding, language=language),
    )
