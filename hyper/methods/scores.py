"""What a method got wrong, utterance by utterance: small enough to keep, enough for every table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hyper.manifest import ManifestRow
from hyper.report import Evaluation
from hyper.training.progress import write_whole

Chooser = Callable[[ManifestRow], bool]


@dataclass(frozen=True)
class Scores:
    """Counts for the recordings of one held-out set, in the order of its rows."""

    errors: np.ndarray  # (n_utterances,) word errors
    words: np.ndarray  # (n_utterances,) reference words
    loops: np.ndarray  # (n_utterances,) whether the decode was stopped in a loop

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
        return Scores(self.errors[index], self.words[index], self.loops[index])

    @property
    def wer(self) -> float:
        """Pooled word error rate."""
        return float(self.errors.sum() / self.words.sum())


def scores_of(evaluations: Sequence[Evaluation], rows: Sequence[ManifestRow], otherwise: Scores | None) -> Scores:
    """Counts of the adapted row, or of the base where there is no hypernetwork; recordings that were not scored, and
    those of the rows that no evaluation holds, count as `otherwise` has them.

    Errors: ValueError where a recording has no count at all.
    """
    found: dict[str, tuple[int, int, bool]] = {}
    for evaluation in evaluations:
        for utterance in evaluation.utterances:
            errors = utterance.adapted_errors or utterance.base_errors
            transcript = utterance.adapted or utterance.base
            found[utterance.row.file] = (errors.n_errors, errors.n_reference, transcript.stopped == "repetition")
    missing = [row.file for row in rows if row.file not in found]
    if missing and otherwise is None:
        raise ValueError(f"{len(missing)} recordings were not scored, the first is {missing[0]}.")
    counts = [
        found.get(row.file) or (otherwise.errors[i], otherwise.words[i], otherwise.loops[i])
        for i, row in enumerate(rows)
    ]
    errors, words, loops = zip(*counts, strict=True)
    return Scores(np.array(errors), np.array(words), np.array(loops))


def over_seeds(scores: Mapping[int, Scores]) -> Scores:
    """Counts of all seeds added up, so that the pooled WER is the mean over the seeds."""
    each = list(scores.values())
    return Scores(sum(s.errors for s in each), sum(s.words for s in each), sum(s.loops.astype(int) for s in each))
