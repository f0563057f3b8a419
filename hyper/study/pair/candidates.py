"""What may be adapted: hypernetworks tried shortly; the one that validation speakers gain most from is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.config import whole_stacks
from hyper.study.methods.method import Method, Workshop, for_updates, validation_loss
from hyper.study.methods.specs import DECODER, HYPERNET_RATE, N_LEARNED, W1, hypernet
from hyper.study.pair.options import PairError
from hyper.training.adaptation.loop import DivergedError

TRIAL_SHARE = 0.2  # of the updates that each trial gets
TRIAL, FINAL = "trial", "final"  # folders of runs

_WEIGHS: dict[str, Any] = {
    "rank": N_LEARNED,
    "generated": "coefficients",
    "dropout": 0.2,
}  # as the bundled hypernetwork
CANDIDATES = (
    Method("decoder-w1", "LoRA of rank 1 for W1 of the decoder, as in the paper", hypernet((W1,)), HYPERNET_RATE),
    Method("decoder", "16 learned updates of the decoder, weighed", hypernet(DECODER, **_WEIGHS), HYPERNET_RATE),
    Method(
        "encoder-decoder",
        "16 learned updates of encoder and decoder, weighed",
        hypernet(whole_stacks(["encoder", "decoder"]), **_WEIGHS),
        HYPERNET_RATE,
        trains_encoder=True,
    ),
)


def trial_updates(updates: int) -> int:
    """Of each trial."""
    return max(1, round(TRIAL_SHARE * updates))


def tried(workshop: Workshop, candidate: Method, updates: int) -> str:
    """Its trial; one that diverges is told, and the others go on."""
    try:
        return fit(workshop, candidate, updates, TRIAL)
    except DivergedError as error:
        return f"{candidate.title}: left out. {error}"


def fit(workshop: Workshop, candidate: Method, updates: int, run: str) -> str:
    """One run, resumed where it was stopped; returns its loss on validation speakers beside the base's."""
    candidate.fit(workshop, candidate.store(workshop), for_updates(workshop.settings, updates), run, None)
    last = _entries(workshop, candidate, run)[-1]
    losses = [
        f"{kind} {last[f'{kind}_base']:.3f} to {last[f'{kind}_adapted']:.3f}"
        for kind in ("atypical", "typical")
        if f"{kind}_adapted" in last
    ]
    return f"{candidate.title}: loss on validation speakers, base to adapted, in nats a token: {', '.join(losses)}"


def trained(workshop: Workshop, candidate: Method, updates: int) -> PersonalizedAsr:
    """The base with the candidate, wholly trained."""
    settings = for_updates(workshop.settings, updates)
    return candidate.fit(workshop, candidate.store(workshop), settings, FINAL, None).asr


def best(workshop: Workshop, updates: int) -> str:
    """Name of the candidate whose trial of so many updates ended with the lowest loss on validation speakers.

    Errors: PairError where no trial came to its end.
    """
    ended = [each.name for each in CANDIDATES if _entries(workshop, each, TRIAL)[-1]["step"] == updates]
    if not ended:
        raise PairError("Training diverged in every trial; please check the recordings and what they say.")
    return min(ended, key=lambda name: validation_loss(workshop.folder / name / TRIAL))


def named(name: str) -> Method:
    """The candidate of that name."""
    return next(each for each in CANDIDATES if each.name == name)


def log_of(workshop: Workshop, candidate: Method) -> list[Mapping[str, float]]:
    """The entries of its whole training."""
    return _entries(workshop, candidate, FINAL)


def _entries(workshop: Workshop, candidate: Method, run: str) -> list[Mapping[str, float]]:
    lines = (workshop.folder / candidate.name / run / "log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
