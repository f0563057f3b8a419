"""What a method got wrong, utterance by utterance: small enough to keep, enough for every table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from hyper.metrics.word_errors import word_errors
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.whole_files import write_whole

if TYPE_CHECKING:
    from hyper.compare.transcript import Transcript


class ScoresError(ValueError):
    """Recordings cannot be counted; the message says how many."""


Chooser = Callable[[ManifestRow], bool]


@dataclass(frozen=True)
class Scores:
    """Counts for the recordings of one held-out set, in the order of its rows."""

    errors: np.ndarray  # (n_utterances,) word errors
    words: np.ndarray  # (n_utterances,) reference words
    loops: np.ndarray  # (n_utterances,) whether the decode was stopped in a loop
    insertions: np.ndarray  # (n_utterances,) words with no counterpart in the reference
    confidence: np.ndarray  # (n_utterances,) geometric mean probability of the tokens; 0 where none was written

    def save(self, file: Path) -> None:
        """Keep the counts as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps({name: array.tolist() for name, array in vars(self).items()}))

    @classmethod
    def load(cls, file: Path) -> Scores:
        """Read what `save` wrote."""
        return cls(**{name: np.array(values) for name, values in json.loads(file.read_text()).items()})

    def chosen(self, rows: Sequence[ManifestRow], wanted: Chooser) -> Scores:
        """Those of the recordings that are wanted."""
        index = np.array([wanted(row) for row in rows], dtype=bool)
        return Scores(*(array[index] for array in vars(self).values()))

    @classmethod
    def joined(cls, parts: Sequence[Scores]) -> Scores:
        """The recordings of all parts, in their order."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*(vars(p).values() for p in parts), strict=True)))

    @property
    def wer(self) -> float:
        """Pooled word error rate."""
        return float(self.errors.sum() / self.words.sum())


_FIELDS = tuple(field.name for field in fields(Scores))


def scores_of(
    written: Sequence[tuple[ManifestRow, Transcript]], rows: Sequence[ManifestRow], otherwise: Scores | None
) -> Scores:
    """Counts of what was written for each recording; those of the rows without a transcript count as `otherwise` has
    them.

    Errors: ScoresError where a recording has no count at all.
    """
    found: dict[Path, tuple[int | float, ...]] = {}
    for row, transcript in written:
        errors = word_errors(row.reference, transcript.text)
        is_loop, confidence = transcript.stopped == "repetition", _confidence(transcript)
        found[row.path] = (errors.n_errors, errors.n_reference, is_loop, errors.insertions, confidence)
    missing = [row.file for row in rows if row.path not in found]
    if missing and otherwise is None:
        raise ScoresError(f"{len(missing)} recordings were not scored, the first is {missing[0]}; can it be read?")
    counts = [
        found.get(row.path) or tuple(array[i] for array in vars(otherwise).values()) for i, row in enumerate(rows)
    ]
    return Scores(*map(np.array, zip(*counts, strict=True)))


def _confidence(transcript: Transcript) -> float:
    return math.exp(fmean(transcript.log_probs)) if transcript.log_probs else 0.0


def over_seeds(scores: Mapping[int, Scores]) -> Scores:
    """Counts of all seeds added up, so that the pooled WER is the mean over the seeds; the confidence is the mean."""
    each = list(scores.values())
    sums = {name: sum(vars(s)[name].astype(float if name == "confidence" else int) for s in each) for name in _FIELDS}
    return Scores(**sums | {"confidence": sums["confidence"] / len(each)})
