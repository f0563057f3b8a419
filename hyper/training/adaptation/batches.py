"""Which recordings an update is made of, and which speakers are never trained on."""

from __future__ import annotations

import math
from collections.abc import Set

import numpy as np

from hyper.training.adaptation.states import Store

_BUCKETS = 6  # groups of like length that batches are drawn from
_SPLIT_SEED = 0  # of the validation speakers: the same for every seed of a training, so that runs can be compared


def split_speakers(
    store: Store, validation_share: float, held: Set[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Positions to train on and to validate on; a voice is in one of them, whatever patients it was turned into.

    `held` are the people to validate on (`Store.people`); drawn where None.
    """
    held = _drawn(store, validation_share) if held is None else held
    is_held = np.array([person in held for person in store.people])
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def _drawn(store: Store, validation_share: float) -> set[str]:
    """People to validate on, among them one who is heard with a disorder and one without, where two of each are."""
    speakers = sorted(set(store.people))
    if len(speakers) < 2 or not validation_share:
        return set()
    rng = np.random.default_rng(_SPLIT_SEED)
    n_held = max(1, round(len(speakers) * validation_share))
    held = set(rng.choice(speakers, size=n_held, replace=False).tolist())
    is_typical = [cohort == "typical" for cohort in store.cohorts]
    for kind in (False, True):
        heard = sorted({person for person, typical in zip(store.people, is_typical, strict=True) if typical == kind})
        if len(heard) > 1 and held.isdisjoint(heard):
            held.add(str(rng.choice(heard)))
    return held


class Sampler:
    """Batches of like length; over many of them a fixed share is typical speech, and cohorts come equally often."""

    def __init__(self, store: Store, members: np.ndarray, typical_share: float, size: int) -> None:
        cohorts = np.array([store.cohorts[i] for i in members])
        names = sorted(set(cohorts))
        atypical = [name for name in names if name != "typical"]
        share = {name: (1 - typical_share * ("typical" in names)) / len(atypical) for name in atypical}
        share["typical"] = typical_share if atypical else 1.0
        weights = np.array([share[cohort] / np.sum(cohorts == cohort) for cohort in cohorts])
        order = np.argsort(store.lengths[members], kind="stable")
        n_groups = min(_BUCKETS, math.ceil(len(members) / size))
        self._groups = [members[part] for part in np.array_split(order, n_groups)]
        self._weights = [weights[part] for part in np.array_split(order, n_groups)]
        self._shares = np.array([w.sum() for w in self._weights])
        self._size = size

    def batch(self, rng: np.random.Generator) -> np.ndarray:
        """(batch,) positions in the store."""
        group = rng.choice(len(self._groups), p=self._shares / self._shares.sum())
        weights = self._weights[group]
        return rng.choice(self._groups[group], size=self._size, p=weights / weights.sum())
