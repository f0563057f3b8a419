"""Small statistics of the experiments: areas under curves, ridge probes across speakers, rank correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from hyper.metrics.intervals import Interval, bootstrap_speakers

N_FOLDS = 5
PENALTIES = np.logspace(-2, 6, 17)  # of the ridge, that are tried
_SEED = 0


def area_under_curve(
    values: np.ndarray,  # (n,) high where the label is expected
    labels: np.ndarray,  # (n,) bool
    weights: np.ndarray | None = None,  # (n,)
) -> float | None:
    """Chance that a labelled one has the higher value, ties counting half; None where all or none are labelled."""
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, float)
    _, place = np.unique(values, return_inverse=True)
    labelled = np.bincount(place, weights * labels)
    others = np.bincount(place, weights * ~labels)
    if not labelled.sum() or not others.sum():
        return None
    below = np.cumsum(others) - others
    return float((labelled * (below + others / 2)).sum() / (labelled.sum() * others.sum()))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:  # (..., n) each; (...) out
    """Spearman's, along the last axis; NaN where one of them is constant."""
    a, b = (rankdata(np.atleast_1d(each), axis=-1) for each in (first, second))
    a, b = (each - each.mean(axis=-1, keepdims=True) for each in (a, b))
    scale = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    return np.divide((a * b).sum(axis=-1), scale, out=np.full(scale.shape, np.nan), where=scale > 0)


def folds(speakers: Sequence[str]) -> list[np.ndarray]:
    """(n,) bool for each fold: its test recordings. A speaker is in one fold; all are in some."""
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    place = np.random.default_rng(_SEED).permutation(len(names)) % min(N_FOLDS, len(names))
    return [place[index] == fold for fold in range(place.max() + 1)]


class Ridge:
    """Linear regression with a quadratic penalty: that which does best on speakers who are left out.

    Recordings of one speaker are alike. A penalty chosen by leaving out recordings learns the speakers by heart.
    """

    def __init__(
        self,
        inputs: np.ndarray,  # (n, n_inputs)
        targets: np.ndarray,  # (n, n_targets)
        speakers: Sequence[str],  # (n,)
    ) -> None:
        left = np.zeros(len(PENALTIES))
        for is_test in folds(speakers):
            if is_test.all():  # one speaker: nobody to leave out, and the first penalty is as good as any
                continue
            path = _RidgePath(inputs[~is_test], targets[~is_test])
            left += [((targets[is_test] - path.predict(inputs[is_test], each)) ** 2).sum() for each in PENALTIES]
        self._path, self.penalty = _RidgePath(inputs, targets), float(PENALTIES[int(np.argmin(left))])

    def predict(self, inputs: np.ndarray) -> np.ndarray:  # (n, n_inputs) -> (n, n_targets)
        """With the penalty that was chosen."""
        return self._path.predict(inputs, self.penalty)


class _RidgePath:
    """The regression at every penalty, from one decomposition of the standardised inputs."""

    def __init__(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        self._centre, self._scale = inputs.mean(axis=0), inputs.std(axis=0)
        self._scale[self._scale < 1e-9] = 1.0
        self._mean = targets.mean(axis=0)
        u, self._s, self._vt = np.linalg.svd(self._standardised(inputs), full_matrices=False)
        self._projected = u.T @ (targets - self._mean)  # (rank, n_targets)

    def _standardised(self, inputs: np.ndarray) -> np.ndarray:
        return (inputs - self._centre) / self._scale

    def predict(self, inputs: np.ndarray, penalty: float) -> np.ndarray:  # (n, n_inputs) -> (n, n_targets)
        weights = self._vt.T @ (self._projected * (self._s / (self._s**2 + penalty))[:, None])
        return self._standardised(inputs) @ weights + self._mean


@dataclass(frozen=True)
class Probe:
    """How well something is read off on speakers that the probe was not fitted on."""

    value: float  # balanced accuracy, or R²
    interval: Interval | None
    chance: float  # the same with shuffled labels

    def to_json(self) -> dict:
        return {"value": self.value, "interval": self.interval and self.interval.to_json(), "shuffled": self.chance}


def probe_classes(inputs: np.ndarray, labels: Sequence[str], speakers: Sequence[str]) -> Probe:
    """Balanced accuracy of a ridge classifier."""
    labels = np.asarray(labels)
    counts = _right_by_speaker(inputs, labels, speakers)
    chance = _right_by_speaker(inputs, shuffled_by_speaker(labels, speakers), speakers)
    return Probe(
        float(_balanced(counts.sum(axis=0)[None])[0]),
        bootstrap_speakers(counts, _balanced),
        float(_balanced(chance.sum(axis=0)[None])[0]),
    )


def _right_by_speaker(inputs: np.ndarray, labels: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """(n_speakers, 2 n_classes): recordings of each class that were read rightly, and all of the class."""
    classes = np.unique(labels)
    one_hot = (labels[:, None] == classes).astype(float)
    guess = classes[predict_across(inputs, one_hot, speakers).argmax(axis=1)]
    return _summed(np.concatenate([one_hot * (guess == labels)[:, None], one_hot], axis=1), speakers)


def _balanced(pooled: np.ndarray) -> np.ndarray:  # (n_draws, 2 n_classes) -> (n_draws,)
    right, all_of = np.split(pooled, 2, axis=1)
    shares = np.divide(right, all_of, out=np.full(right.shape, np.nan), where=all_of > 0)
    return shares.mean(axis=1)


def probe_values(inputs: np.ndarray, values: np.ndarray, speakers: Sequence[str]) -> Probe:
    """R² of a ridge regression, against the training folds' mean."""
    counts = squares_by_speaker(inputs, values[:, None], speakers)
    order = np.random.default_rng(_SEED).permutation(len(values))
    chance = squares_by_speaker(inputs, values[order, None], speakers)
    return Probe(
        float(explained(counts.sum(axis=0)[None])[0]),
        bootstrap_speakers(counts, explained),
        float(explained(chance.sum(axis=0)[None])[0]),
    )


def squares_by_speaker(
    inputs: np.ndarray, targets: np.ndarray, speakers: Sequence[str]
) -> np.ndarray:  # (n_speakers, 2) squared errors left, and squared distances from the training folds' mean
    """Of predictions on held-out speakers, summed over the targets."""
    left = ((targets - predict_across(inputs, targets, speakers)) ** 2).sum(axis=1)
    total = ((targets - predict_across(np.zeros((len(targets), 1)), targets, speakers)) ** 2).sum(axis=1)
    return _summed(np.stack([left, total], axis=1), speakers)


def explained(pooled: np.ndarray) -> np.ndarray:  # (n_draws, 2) -> (n_draws,)
    """R² of pooled squares."""
    return np.divide(
        pooled[:, 1] - pooled[:, 0], pooled[:, 1], out=np.full(len(pooled), np.nan), where=pooled[:, 1] > 0
    )


def predict_across(inputs: np.ndarray, targets: np.ndarray, speakers: Sequence[str]) -> np.ndarray:  # like targets
    """Each recording's targets by a ridge that was fitted on the speakers of the other folds."""
    predicted = np.empty(targets.shape)
    for is_test in folds(speakers):
        ridge = Ridge(inputs[~is_test], targets[~is_test], np.asarray(speakers)[~is_test])
        predicted[is_test] = ridge.predict(inputs[is_test])
    return predicted


def shuffled_by_speaker(labels: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """Labels dealt anew: each speaker gets those of another, so that recordings of one still share theirs."""
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    order = np.random.default_rng(_SEED).permutation(len(names))
    own = [labels[index == i] for i in range(len(names))]
    dealt = labels.copy()
    for i, other in enumerate(order):
        places = np.flatnonzero(index == i)
        dealt[places] = np.resize(own[other], len(places))
    return dealt


def _summed(values: np.ndarray, speakers: Sequence[str]) -> np.ndarray:  # (n, k) -> (n_speakers, k)
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, index, values)
    return sums
