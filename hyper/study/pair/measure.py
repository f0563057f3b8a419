"""A few recordings encoded, decoded and trained on for two updates of each candidate, all of it in a passing folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.model.backbone import Backbone
from hyper.model.hypernet import HyperNetwork
from hyper.model.info import peak_bytes
from hyper.recordings.manifest import ManifestRow
from hyper.study.methods.method import Workshop, for_updates, positions
from hyper.study.pair.candidates import CANDIDATES
from hyper.training.adaptation.batches import Sampler
from hyper.training.adaptation.loop import AdaptationTrainer, AdaptationTraining
from hyper.training.adaptation.states import Store

_USUAL, _LONGEST = 16, 4  # recordings
# What a process on a CPU holds beyond this in a whole run: gaps that its heap gathers, as tiny.en's run had them
# (4.9 GB held, 3.0 measured; whisper-mini's 1.4 and 1.0), and the libraries of figures and intervals.
_GAPS, _LIBRARIES = 1.55, 250_000_000
_GROUPS = 6  # of like length, as the training loop draws its batches from


@dataclass(frozen=True)
class Measured:
    """What was found."""

    encoding: float  # seconds of work for a second of speech
    decoding: float  # the same, base and adapted
    updates: dict[str, float]  # seconds of an update of each candidate
    validating: dict[str, float]  # seconds that each takes for a recording of its validation
    parameters: dict[str, int]  # of each candidate
    peak_bytes: int


def measure(
    backbone: Backbone,
    rows: Sequence[ManifestRow],
    patients: Sequence[ManifestRow],  # simulated, the longest that are to be expected
    lengths: Mapping[str, float],  # seconds by file
    factor: float,  # by which batches will be longer than these recordings
    n_validated: int,  # recordings whose validation loss is computed at once
    settings: AdaptationTraining,
    folder: Path,
) -> Measured:
    """Time on recordings as long as a usual batch's, memory on the longest.

    Errors: LoopError where a batch does not fit.
    """
    usual = _usual(rows, lengths, factor)
    longest = sorted([*rows, *patients], key=lambda row: lengths[row.file])[-_LONGEST:]
    sample = list(dict.fromkeys([*usual, *longest]))
    workshop = Workshop(backbone, sample, (), folder, for_updates(settings, 1), frozenset())
    started = time.perf_counter()
    states = workshop.states
    encoding = (time.perf_counter() - started) / sum(lengths[row.file] for row in sample)
    places = [positions(states.paths, {str(row.path) for row in part}) for part in (usual, longest)]
    updates, validating, parameters = {}, {}, {}
    for candidate in CANDIDATES:
        store = candidate.store(workshop)
        _, trainer = candidate.begin(workshop, store, workshop.settings, "measured", None)
        trainer.check_memory()
        updates[candidate.name], _ = (_seconds(trainer, store, own, settings) for own in places)
        together = np.resize(places[1] if len(places[1]) else trainer.training, n_validated)
        validating[candidate.name] = trainer.seconds_of_validation(together) / n_validated
        parameters[candidate.name] = sum(p.numel() for p in trainer.adaptation.parameters())
    asr = PersonalizedAsr(backbone, cast(HyperNetwork, trainer.adaptation.hypernet), "untrained")
    started = time.perf_counter()
    score_manifest(asr, usual, language=settings.language)
    decoding = (time.perf_counter() - started) / sum(lengths[row.file] for row in usual)
    return Measured(
        encoding, decoding, updates, validating, parameters, _whole_run(peak_bytes(backbone.device), backbone)
    )


def _whole_run(measured: int, backbone: Backbone) -> int:
    """The most that a run will hold, of what was held so far; a card's memory is counted without gaps."""
    return measured if backbone.device.type == "cuda" else round(_GAPS * measured + _LIBRARIES)


def _usual(rows: Sequence[ManifestRow], lengths: Mapping[str, float], factor: float) -> list[ManifestRow]:
    """Recordings up to the length that batches from groups of like length are padded to on average."""
    by_length = sorted(rows, key=lambda row: lengths[row.file])
    seconds = np.array([lengths[row.file] for row in by_length])
    wanted = factor * np.mean([group[-1] for group in np.array_split(seconds, _GROUPS) if len(group)])
    end = max(_USUAL, int(np.searchsorted(seconds, wanted, side="right")))
    return by_length[max(0, end - _USUAL) : end]


def _seconds(trainer: AdaptationTrainer, store: Store, places: np.ndarray, settings: AdaptationTraining) -> float:
    """Of an update on the recordings at these places of the store; on any where none of them could be used."""
    members = places if len(places) else trainer.training
    return trainer.seconds_of_update(Sampler(store, members, settings.typical_share, settings.batch_size))
