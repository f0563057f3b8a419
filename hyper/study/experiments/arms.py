"""The arms of experiments: hypernetworks and LoRA that differ from the methods in one thing each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from hyper.study.methods.specs import HYPERNET_RATE, LORA_RATE, Method, everybody, hypernet, lora, method
from hyper.study.methods.train_method import TYPICAL, positions
from hyper.training.adaptation.hypernet_adaptation import adapts_encoder
from hyper.training.adaptation.loop import split_speakers
from hyper.training.adaptation.states import Store

SHIPPED = method("hypernet-shared")
STANDARD = method("hypernet-mlp")  # the paper's form: rank 1 on W1; all recordings
ONE_LORA = method("lora-global")
FULL = method("full")
W1 = "decoder.fc1"

_ORDER_SEED = 0  # of the patients of ever larger subsets: the same for all arms, so that they are nested


def hypernet_arm(name: str, title: str, targets: Sequence[str] = (W1,), **settings: Any) -> Method:
    """A hypernetwork with other targets, rank or settings; the learning rate is tried for the standard one."""
    return Method(
        name,
        title,
        hypernet(targets, **settings),
        HYPERNET_RATE,
        everybody,
        trains_encoder=adapts_encoder(targets),
        rate_of=STANDARD,
    )


def lora_arm(name: str, title: str, targets: Sequence[str], rank: int = 1) -> Method:
    """One LoRA for all with other targets or rank; the learning rate is tried for the standard one."""
    build = lora(targets, rank)
    encoder = adapts_encoder(targets)
    return Method(name, title, build, LORA_RATE, everybody, trains_encoder=encoder, rate_of=ONE_LORA)


def alone(target: str) -> tuple[Method, Method]:
    """The hypernetwork and the LoRA that adapt this kind of matrix only, rank 1; those of W1 are the standard ones."""
    if target == W1:
        return STANDARD, ONE_LORA
    title = target.replace(".", " ")
    own = hypernet_arm(f"hypernet-{target}", f"hypernetwork, {title}", (target,))
    return own, lora_arm(f"lora-{target}", f"LoRA, {title}", (target,))


def trained_on(arm: Method, name: str, title: str, recordings: Callable[[Store, float], np.ndarray]) -> Method:
    """The same arm taught by a part of the recordings, with the learning rate of all."""
    return replace(arm, name=name, title=title, recordings=recordings, rate_of=arm.rate_of or arm)


def of_cohorts(cohorts: Sequence[str]) -> Callable[[Store, float], np.ndarray]:
    """Recordings of these cohorts and typical ones."""
    return partial(_of_cohorts, tuple(cohorts))


def _of_cohorts(cohorts: tuple[str, ...], store: Store, _validation_share: float) -> np.ndarray:
    return positions(store.cohorts, {*cohorts, TYPICAL})


def of_patients(n: int) -> Callable[[Store, float], np.ndarray]:
    """Recordings of n simulated patients, as many of each cohort as can be, and all typical ones.

    The patients of a smaller number are among those of a larger one. Validation speakers stay and do not count.
    """
    return partial(_of_patients, n)


def _of_patients(n: int, store: Store, validation_share: float) -> np.ndarray:
    training, validation = split_speakers(store, validation_share)
    chosen = set(patients_in_order(store, training)[:n])
    is_in = [store.cohorts[i] == TYPICAL or store.speakers[i] in chosen for i in training]
    return np.sort(np.concatenate([training[np.array(is_in)], validation]))


def patients_in_order(store: Store, training: np.ndarray) -> list[str]:
    """Speakers of atypical recordings, shuffled once, the cohorts in turn."""
    by_cohort: dict[str, set[str]] = {}
    for i in training:
        if store.cohorts[i] != TYPICAL:
            by_cohort.setdefault(store.cohorts[i], set()).add(store.speakers[i])
    rng = np.random.default_rng(_ORDER_SEED)
    shuffled = [rng.permutation(sorted(by_cohort[cohort])).tolist() for cohort in sorted(by_cohort)]
    longest = max(map(len, shuffled), default=0)
    dealt = [own[place] for place in range(longest) for own in shuffled if place < len(own)]
    return list(dict.fromkeys(dealt))  # a speaker of two cohorts counts once
