"""The arms of experiments: hypernetworks and LoRA that differ from the methods in one thing each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hyper.recordings.manifest import TYPICAL
from hyper.study.methods.method import Method, positions
from hyper.study.methods.specs import HYPERNET_RATE, LORA_RATE, W1, hypernet, lora, method_named
from hyper.training.adaptation.batches import split_speakers
from hyper.training.adaptation.hypernet_adaptation import adapts_encoder
from hyper.training.adaptation.states import Store

WEIGHING = method_named("hypernet-shared")
STANDARD = method_named("hypernet-mlp")  # the paper's form: rank 1 on W1; all recordings
LINEAR = method_named("hypernet-linear")
ONE_LORA = method_named("lora-global")
FULL = method_named("full")

Chooser = Callable[[Store, float], np.ndarray]  # as `Method.recordings`

_ORDER_SEED = 0  # of the patients of ever larger subsets: the same for all arms, so that they are nested


def hypernet_arm(name: str, title: str, layer_types: Sequence[str] = (W1,), **settings: Any) -> Method:
    """A hypernetwork with other layers, rank or settings; the learning rate is tried for the standard one."""
    build, in_encoder = hypernet(layer_types, **settings), adapts_encoder(layer_types)
    return Method(name, title, build, HYPERNET_RATE, trains_encoder=in_encoder, rate_of=STANDARD)


def lora_arm(name: str, title: str, layer_types: Sequence[str]) -> Method:
    """One LoRA for all with other layers; the learning rate is tried for the standard one."""
    build, in_encoder = lora(layer_types), adapts_encoder(layer_types)
    return Method(name, title, build, LORA_RATE, trains_encoder=in_encoder, rate_of=ONE_LORA)


def alone(layer_type: str) -> tuple[Method, Method]:
    """The hypernetwork and the LoRA that adapt this kind of matrix only, rank 1; those of W1 are the standard ones."""
    if layer_type == W1:
        return STANDARD, ONE_LORA
    title = layer_type.replace(".", " ")
    own = hypernet_arm(f"hypernet-{layer_type}", f"hypernetwork, {title}", (layer_type,))
    return own, lora_arm(f"lora-{layer_type}", f"LoRA, {title}", (layer_type,))


def trained_on(arm: Method, name: str, title: str, recordings: Chooser) -> Method:
    """The same arm taught by a part of the recordings, with the learning rate of all."""
    return replace(arm, name=name, title=title, recordings=recordings, rate_of=arm.rate_of or arm)


def of_cohorts(cohorts: Sequence[str]) -> Chooser:
    """Recordings of these cohorts and typical ones."""
    return lambda store, _validation_share: positions(store.cohorts, {*cohorts, TYPICAL})


def of_patients(n: int) -> Chooser:
    """Recordings of n simulated patients, as many of each cohort as can be, and all typical ones.

    The patients of a smaller number are among those of a larger one. Validation speakers stay and do not count.
    """

    def choose(store: Store, validation_share: float) -> np.ndarray:
        training, validation = split_speakers(store, validation_share)
        chosen = set(patients_in_order(store, training)[:n])
        is_in = [store.cohorts[i] == TYPICAL or store.speakers[i] in chosen for i in training]
        return np.sort(np.concatenate([training[np.array(is_in)], validation]))

    return choose


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
