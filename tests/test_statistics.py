"""Intervals against cases worked out by hand and against scipy's bootstrap."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.stats

from hyper.metrics.intervals import (
    N_DRAWS,
    Interval,
    bootstrap_speakers,
    bootstrap_weights,
    difference_interval,
    reduction_interval,
    sum_by_speaker,
    wer_interval,
)


@pytest.fixture
def counts() -> np.ndarray:
    """(40, 3) base errors, adapted errors and words of speakers who differ in how much they say and how they fare."""
    rng = np.random.default_rng(1)
    words = rng.integers(20, 80, size=40)
    base = rng.binomial(words, rng.beta(2, 6, size=40))
    return np.stack([base, rng.binomial(base, 0.6), words], axis=1)


def test_one_bad_speaker_of_five_by_hand():
    """He is drawn k times of 5 with k ~ Binomial(5, 1/5): P(k <= 0) = 0.33, P(k <= 2) = 0.942, P(k <= 3) = 0.993."""
    errors, words = np.array([0, 0, 10, 0, 0]), np.full(5, 10)
    assert wer_interval(errors, words) == Interval(0.0, 3 / 5)


def test_pooling_weighs_speakers_by_their_words():
    """The same five, but he says as much as all others together: k times of 5 gives 4 k / (4 k + 5 - k)."""
    interval = wer_interval(np.array([0, 0, 40, 0, 0]), np.array([10, 10, 40, 10, 10]))
    assert (interval.low, interval.high) == (0.0, pytest.approx(12 / 14))  # k = 3


@pytest.mark.parametrize("which", ["wer", "reduction", "difference"])
def test_agrees_with_scipy(counts, which):
    base, adapted, words = counts.T
    ours, theirs = {
        "wer": (wer_interval(base, words), lambda b, a, w, axis: b.sum(axis) / w.sum(axis)),
        "reduction": (reduction_interval(base, adapted), lambda b, a, w, axis: 1 - a.sum(axis) / b.sum(axis)),
        "difference": (
            difference_interval(base, adapted, words),
            lambda b, a, w, axis: b.sum(axis) / w.sum(axis) - a.sum(axis) / w.sum(axis),
        ),
    }[which]
    result = scipy.stats.bootstrap(
        (base, adapted, words), theirs, paired=True, vectorized=True, method="percentile", n_resamples=20_000, rng=3
    ).confidence_interval
    width = result.high - result.low
    assert ours.low == pytest.approx(result.low, abs=0.08 * width)
    assert ours.high == pytest.approx(result.high, abs=0.08 * width)


def test_a_difference_is_paired(counts):
    """One error in ten words more by every speaker: the difference is 0.1 whoever is drawn, though the WERs vary."""
    base, _, words = counts.T
    interval = difference_interval(10 * base + words, 10 * base, 10 * words)
    assert (interval.low, interval.high) == (pytest.approx(0.1), pytest.approx(0.1))
    alone = wer_interval(base, words)
    assert alone.high - alone.low > 0.05
    halved = reduction_interval(2 * base, base)
    assert (halved.low, halved.high) == (0.5, 0.5)


def test_the_same_counts_give_the_same_interval(counts):
    base, _, words = counts.T
    first = wer_interval(base, words)
    assert first == wer_interval(base, words)
    assert first.to_json() == [first.low, first.high]


def test_none_where_there_is_no_interval():
    assert wer_interval(np.full(4, 1), np.full(4, 10)) is None  # four speakers
    assert wer_interval(np.zeros(5, int), np.zeros(5, int)) is None  # no word
    assert wer_interval(np.zeros(5, int), np.full(5, 10)) == Interval(0.0, 0.0)
    assert reduction_interval(np.array([3, 0, 0, 0, 0]), np.array([1, 0, 0, 0, 0])) is None  # draws without him


def test_counts_that_are_no_matrix_are_refused():
    with pytest.raises(ValueError, match=r"The counts have the shape \(6,\); a row for each speaker is needed"):
        bootstrap_speakers(np.ones(6), lambda pooled: pooled[:, 0])


def test_a_rate_sees_pooled_counts_of_all_draws(counts):
    shapes = []
    bootstrap_speakers(counts, lambda pooled: shapes.append(pooled.shape) or pooled[:, 0] / pooled[:, 2])
    assert shapes == [(N_DRAWS, 3)]


def test_counts_are_summed_by_speaker():
    counts = np.array([[1, 10], [2, 20], [4, 40]])
    assert sum_by_speaker(["b", "a", "b"], counts).tolist() == [[2, 20], [5, 50]]
    with pytest.raises(ValueError, match="There are 2 speakers for 3 rows of counts; each row needs one"):
        sum_by_speaker(["b", "a"], counts)


@pytest.mark.parametrize("n_speakers", [5, 1_000, 1_001, 1_500])
def test_draws_are_those_of_one_multinomial_and_large_ones_are_not_kept(n_speakers):
    """Every draw at once, as numpy makes them; what stays of them in memory is little."""
    chances = np.full(n_speakers, 1 / n_speakers)
    all_draws = np.random.default_rng(0).multinomial(n_speakers, chances, size=N_DRAWS)
    counts = np.random.default_rng(1).integers(1, 50, size=(n_speakers, 2))
    seen = []
    tracemalloc.start()
    bootstrap_speakers(counts, lambda pooled: seen.append(pooled) or pooled[:, 0] / pooled[:, 1])
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (seen[0] == all_draws @ counts).all()
    assert kept < 5e6 and most < 12e6  # bytes
    names = [f"{i:04}" for i in range(n_speakers)]
    seen = []
    bootstrap_weights(names, lambda weights: seen.append(weights) or weights[:, 0])
    assert (np.concatenate(seen) == all_draws).all()
