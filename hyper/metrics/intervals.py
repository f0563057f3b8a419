"""How sure a rate is: 95 % intervals by bootstrap over speakers.

Bootstrap for WER: Bisani and Ney, ICASSP 2004. Utterances of one speaker fail together, so speakers are drawn, not
utterances; whoever is drawn brings all their counts, which are pooled as in corpus WER. An interval says how far a
rate would move with other speakers of the same kind. It says nothing of another training run, nor of other kinds of
speakers. Where there are too few speakers, recordings can be drawn in their place: such an interval says how far the
rate would move with other recordings of the same people, and nothing of other people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np

N_DRAWS = 2_000  # the ends of an interval then move by about a twentieth of its width from seed to seed
LEVEL = 95  # per cent of the draws that an interval holds
MIN_SPEAKERS = 5  # fewer cannot stand for the speakers that were not recorded
_MOST_KEPT = 1_000  # speakers: their draws take 4 MB, and a quarter of a second to make again
_AT_ONCE = 250  # draws; those of 6,000 speakers take 12 MB
_SEED = 0  # one for all: the same counts give the same interval


@final
@dataclass(frozen=True)
class Interval:
    """The middle 95 % of the draws."""

    low: float
    high: float

    def to_json(self) -> list[float]:
        """`[low, high]`."""
        return [self.low, self.high]


def sum_by_speaker(
    speakers: Sequence[str],  # (n_utterances,) who spoke each
    counts: np.ndarray,  # (n_utterances, n_counts) whole numbers, or squared errors
) -> np.ndarray:  # (n_speakers, n_counts)
    """Counts of each speaker's utterances added up, speakers in alphabetical order.

    Errors: ValueError where the two do not belong to the same utterances.
    """
    if len(speakers) != len(counts):
        raise ValueError(f"There are {len(speakers)} speakers for {len(counts)} rows of counts; each row needs one.")
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    sums = np.zeros((len(names), np.shape(counts)[1]), dtype=np.result_type(counts, np.int64))
    np.add.at(sums, index, counts)
    return sums


def bootstrap_speakers(
    counts: np.ndarray,  # (n_speakers, n_counts) whole numbers, one row a speaker
    rate: Callable[[np.ndarray], np.ndarray],  # pooled counts (n_draws, n_counts) to (n_draws,), NaN where undefined
) -> Interval | None:
    """Percentile interval of a rate of pooled counts.

    Whatever is compared inside `rate` is compared on the same drawn speakers. None with fewer than five speakers, and
    where some draw has no rate (no error to reduce, no word).

    Errors: ValueError where the counts are not a matrix.
    """
    counts = np.asarray(counts)
    if counts.ndim != 2:
        raise ValueError(f"The counts have the shape {counts.shape}; a row for each speaker is needed.")
    if len(counts) < MIN_SPEAKERS:
        return None
    return _middle(rate(np.concatenate([draws @ counts for draws in _draws(len(counts))])))


def bootstrap_weights(
    speakers: Sequence[str],  # (n_utterances,) who spoke each
    statistic: Callable[[np.ndarray], np.ndarray],  # of weights (n_draws, n_utterances) to (n_draws,), NaN where
    # undefined; it is asked for some of the draws at a time
) -> Interval | None:
    """The same for what is no rate of pooled counts, as an area under a curve; each utterance weighs as often as its
    speaker was drawn."""
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    if len(names) < MIN_SPEAKERS:
        return None
    return _middle(np.concatenate([statistic(draws[:, index]) for draws in _draws(len(names))]))


def _middle(rates: np.ndarray) -> Interval | None:  # (n_draws,)
    """What lies between the ends of 95 % of the draws; None where one has no rate."""
    if not np.isfinite(rates).all():
        return None
    low, high = np.percentile(rates, [50 - LEVEL / 2, 50 + LEVEL / 2])
    return Interval(float(low), float(high))


def wer_interval(errors: np.ndarray, words: np.ndarray) -> Interval | None:
    """Interval of a WER from each speaker's errors and reference words, both (n_speakers,)."""
    return bootstrap_speakers(np.stack([errors, words], axis=1), lambda pooled: _ratio(pooled[:, 0], pooled[:, 1]))


def reduction_interval(base_errors: np.ndarray, adapted_errors: np.ndarray) -> Interval | None:
    """Interval of the relative WER reduction from each speaker's errors, both (n_speakers,), on the same utterances.

    The same utterances have the same reference words, which cancel.
    """
    counts = np.stack([base_errors, adapted_errors], axis=1)
    return bootstrap_speakers(counts, lambda pooled: _ratio(pooled[:, 0] - pooled[:, 1], pooled[:, 0]))


def difference_interval(
    first_errors: np.ndarray,  # (n_speakers,) of one system
    second_errors: np.ndarray,  # (n_speakers,) of the other, on the same utterances of the same speakers
    words: np.ndarray,  # (n_speakers,) reference words
) -> Interval | None:
    """Paired interval of the first system's WER minus the second's; one that leaves 0 out tells them apart."""
    counts = np.stack([first_errors, second_errors, words], axis=1)
    return bootstrap_speakers(counts, lambda pooled: _ratio(pooled[:, 0] - pooled[:, 1], pooled[:, 2]))


def _draws(n_speakers: int) -> Iterator[np.ndarray]:  # (_AT_ONCE, n_speakers) each, together N_DRAWS rows
    """How often each speaker is drawn, a part of the draws after the other: all of thousands would fill the memory."""
    if n_speakers > _MOST_KEPT:
        yield from _drawn(n_speakers)
    else:
        yield from (part.astype(np.int64) for part in _kept_draws(n_speakers))


@lru_cache(maxsize=16)  # a report has many groups of the same few sizes
def _kept_draws(n_speakers: int) -> tuple[np.ndarray, ...]:
    """The same, in a quarter of the memory: nobody is drawn more often than there are speakers."""
    return tuple(part.astype(np.uint16) for part in _drawn(n_speakers))


def _drawn(n_speakers: int) -> Iterator[np.ndarray]:
    """Drawing n speakers with replacement, as counts: a multinomial with equal chances."""
    rng = np.random.default_rng(_SEED)
    chances = np.full(n_speakers, 1 / n_speakers)
    for _ in range(N_DRAWS // _AT_ONCE):
        yield rng.multinomial(n_speakers, chances, size=_AT_ONCE)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """`top / bottom`, NaN where the bottom is 0."""
    return np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom != 0)
