"""Small statistics of the experiments: areas under curves, ridge probes across speakers, rank correlation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import ConstantInputWarning, pearsonr, rankdata
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from hyper.metrics.intervals import Interval, bootstrap_speakers, sum_by_speaker

N_FOLDS = 5
PENALTIES = np.logspace(-2, 6, 17)  # of the ridge, that are tried
_SEED = 0


def area_under_curve(
    values: np.ndarray,  # (n,) high where the label is expected
    labels: np.ndarray,  # (n,) bool
) -> float | None:
    """Chance that a labelled one has the higher value, ties counting half; None where all or none are labelled."""
    return float(roc_auc_score(labels, values)) if 0 < labels.sum() < len(labels) else None


def weighted_areas(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:  # (n_draws, n) weights
    """The same for each row of weights, (n_draws,), from the pairs in the right order; NaN where there is no pair."""
    labelled, others = values[labels][:, None], values[~labels]
    in_order = (labelled > others) + 0.5 * (labelled == others)
    first, second = weights[:, labels].astype(float), weights[:, ~labels].astype(float)
    pairs = first.sum(axis=1) * second.sum(axis=1)
    return np.divide(((first @ in_order) * second).sum(axis=1), pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:  # (..., n) each; (...) out
    """Spearman's, along the last axis; NaN where one of them is constant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantInputWarning)
        return pearsonr(rankdata(first, axis=-1), rankdata(second, axis=-1), axis=-1).statistic


def folds(speakers: Sequence[str] | np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions to fit on and to test on, for each fold; a speaker is tested in one of them."""
    n_folds = min(N_FOLDS, len(set(speakers)))
    return list(GroupKFold(n_folds).split(np.zeros(len(speakers)), groups=speakers))


def fit_ridge(
    inputs: np.ndarray,  # (n, n_inputs)
    values: np.ndarray,  # (n, n_values)
    speakers: np.ndarray,  # (n,)
) -> Pipeline:
    """Linear regression with that quadratic penalty that does best on speakers who are left out.

    Recordings of one speaker are alike. A penalty chosen by leaving out recordings learns the speakers by heart.
    """
    ridge = RidgeCV(PENALTIES, scoring="neg_mean_squared_error", cv=folds(speakers))
    return make_pipeline(StandardScaler(), ridge).fit(inputs, values)


@dataclass(frozen=True)
class Probe:
    """How well something is read off on speakers that the probe was not fitted on."""

    value: float  # balanced accuracy, or R²
    interval: Interval | None
    chance: float  # the same with shuffled labels

    def to_json(self) -> dict[str, Any]:
        return {"value": self.value, "interval": self.interval and self.interval.to_json(), "shuffled": self.chance}


def probe_classes(inputs: np.ndarray, labels: Sequence[str], speakers: Sequence[str]) -> Probe:
    """Balanced accuracy of a ridge classifier."""
    classes, who = np.asarray(labels), np.asarray(speakers)
    counts = _right_by_speaker(inputs, classes, speakers)
    chance = _right_by_speaker(inputs, shuffled_by_speaker(classes, who), speakers)
    return Probe(rate_of_all(counts, _balanced), bootstrap_speakers(counts, _balanced), rate_of_all(chance, _balanced))


def probe_values(inputs: np.ndarray, values: np.ndarray, speakers: Sequence[str]) -> Probe:
    """R² of a ridge regression, against the training folds' mean."""
    counts = squares_by_speaker(inputs, values[:, None], speakers)
    order = np.random.default_rng(_SEED).permutation(len(values))
    chance = squares_by_speaker(inputs, values[order, None], speakers)
    return Probe(rate_of_all(counts, explained), bootstrap_speakers(counts, explained), rate_of_all(chance, explained))


def rate_of_all(counts: np.ndarray, rate: Callable[[np.ndarray], np.ndarray]) -> float:
    """The rate of all speakers' counts pooled."""
    return float(rate(counts.sum(axis=0)[None])[0])


def _right_by_speaker(inputs: np.ndarray, labels: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """(n_speakers, 2 n_classes): recordings of each class that were read rightly, and all of the class."""
    classes = np.unique(labels)
    one_hot = (labels[:, None] == classes).astype(float)
    guess = classes[predict_across(inputs, one_hot, speakers).argmax(axis=1)]
    return sum_by_speaker(speakers, np.concatenate([one_hot * (guess == labels)[:, None], one_hot], axis=1))


def _balanced(pooled: np.ndarray) -> np.ndarray:  # (n_draws, 2 n_classes) -> (n_draws,)
    right, all_of = np.split(pooled, 2, axis=1)
    shares = np.divide(right, all_of, out=np.full(right.shape, np.nan), where=all_of > 0)
    return shares.mean(axis=1)


def squares_by_speaker(
    inputs: np.ndarray, values: np.ndarray, speakers: Sequence[str]
) -> np.ndarray:  # (n_speakers, 2) squared errors left, and squared distances from the training folds' mean
    """Of predictions on held-out speakers, summed over the values."""
    left = ((values - predict_across(inputs, values, speakers)) ** 2).sum(axis=1)
    total = np.empty(len(values))
    for fitted, tested in folds(speakers):
        total[tested] = ((values[tested] - values[fitted].mean(axis=0)) ** 2).sum(axis=1)
    return sum_by_speaker(speakers, np.stack([left, total], axis=1))


def explained(pooled: np.ndarray) -> np.ndarray:  # (n_draws, 2) -> (n_draws,)
    """R² of pooled squares."""
    left, total = pooled.T
    return np.divide(total - left, total, out=np.full(len(pooled), np.nan), where=total > 0)


def predict_across(inputs: np.ndarray, values: np.ndarray, speakers: Sequence[str]) -> np.ndarray:  # like values
    """Each recording's values by a ridge that was fitted on the speakers of the other folds."""
    predicted, who = np.empty(values.shape), np.asarray(speakers)
    for fitted, tested in folds(speakers):
        ridge = fit_ridge(inputs[fitted], values[fitted], who[fitted])
        predicted[tested] = ridge.predict(inputs[tested]).reshape(len(tested), -1)
    return predicted


def shuffled_by_speaker(labels: np.ndarray, speakers: Sequence[str] | np.ndarray) -> np.ndarray:
    """Labels dealt anew: each speaker gets those of another, so that recordings of one still share theirs."""
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    order = np.random.default_rng(_SEED).permutation(len(names))
    own = [labels[index == i] for i in range(len(names))]
    dealt = labels.copy()
    for i, other in enumerate(order):
        places = np.flatnonzero(index == i)
        dealt[places] = np.resize(own[other], len(places))
    return dealt
