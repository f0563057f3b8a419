"""What making the pair will take on this device, measured on a few of its recordings before anything is spent."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.model.backbone import Backbone
from hyper.model.info import free_bytes, gigabytes, peak_bytes
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.whole_files import write_whole
from hyper.study.methods.method import Workshop
from hyper.study.pair.candidates import CANDIDATES, TRIAL_SHARE, for_updates, trial_updates
from hyper.study.pair.listed import TYPICAL
from hyper.study.pair.options import PairError, PairOptions
from hyper.study.pair.parts import Parts
from hyper.study.pair.patients import SimulationCost, simulation_cost
from hyper.study.pair.strength import MOST_ROWS, STRENGTHS
from hyper.training.adaptation.loop import AdaptationTraining, Sampler
from hyper.training.adaptation.states import FRAMES_PER_STATE, states_bytes

_SAMPLED = 16  # recordings
_GROUPS = 6  # of like length, as the training loop draws its batches from
_RUN_COPIES = 3 * 4  # bytes a parameter of a kept run: weights and two moments, in float32


@dataclass(frozen=True)
class Measured:
    """What was found on the sample."""

    encoding: float  # seconds of work for a second of speech
    decoding: float  # the same, base and adapted
    updates: dict[str, float]  # seconds of an update of each candidate
    parameters: dict[str, int]  # of each candidate
    peak_bytes: int


@dataclass(frozen=True)
class Plan:
    """What will be done, and what it is expected to take."""

    updates: int  # of the whole training
    seconds: dict[str, float]  # of each kind of work
    disk_bytes: int
    peak_bytes: int

    @property
    def total(self) -> float:
        """Seconds of everything."""
        return sum(self.seconds.values())

    def save(self, file: Path) -> None:
        """Keep it: a run that goes on does what it was begun with."""
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, file: Path) -> Plan:
        """Read what `save` wrote."""
        return cls(**json.loads(file.read_text()))


def make_plan(
    backbone: Backbone, parts: Parts, lengths: dict[str, float], settings: AdaptationTraining, options: PairOptions
) -> Plan:
    """Measure on a sample in a folder of its own, which is deleted; `lengths` are seconds by file.

    Errors: PairError where the disk has not enough room, or a batch does not fit the device.
    """
    cost = simulation_cost(parts["train"]) if options.simulate else None
    sample = _sample(parts["train"], lengths, 1 + cost.lengthening if cost else 1.0)
    with tempfile.TemporaryDirectory(prefix="hyper-pair-") as temporary:
        measured = _measure(backbone, sample, sum(lengths[row.file] for row in sample), settings, Path(temporary))
    slowest, all_tried = max(measured.updates.values()), sum(measured.updates.values())
    each = slowest + TRIAL_SHARE * all_tried  # seconds of an update of the training and of its part in the trials
    updates = options.updates if options.hours is None else max(1, int(3600 * options.hours / each))
    seconds = {
        **({"simulated patients": _speech(parts, lengths) * cost.seconds} if cost else {}),
        **_work(parts, lengths, measured, cost),
        "trials": trial_updates(updates) * all_tried,
        "training": updates * slowest,
    }
    plan = Plan(updates, seconds, _disk(backbone, parts, lengths, measured, cost), measured.peak_bytes)
    free = shutil.disk_usage(_existing(options.out)).free
    if plan.disk_bytes > free:
        raise PairError(
            f"Making the pair takes {gigabytes(plan.disk_bytes)} below {options.out}, but only {gigabytes(free)} are "
            "free; please name an --out with more room, or list fewer recordings."
        )
    return plan


def _sample(rows: Sequence[ManifestRow], lengths: dict[str, float], factor: float) -> list[ManifestRow]:
    """Recordings up to the length that batches of groups of like length are padded to on average.

    The `factor` is that by which the simulated patients' are longer, averaged with what they were made of.
    """
    by_length = sorted(rows, key=lambda row: lengths[row.file])
    sorted_seconds = np.array([lengths[row.file] for row in by_length])
    longest = [group[-1] for group in np.array_split(sorted_seconds, _GROUPS) if len(group)]
    wanted = np.mean(longest) * (factor / 2 if factor > 1 else 1.0)
    end = max(_SAMPLED, int(np.searchsorted(sorted_seconds, wanted, side="right")))
    return by_length[max(0, end - _SAMPLED) : end]


def _measure(
    backbone: Backbone, sample: Sequence[ManifestRow], speech: float, settings: AdaptationTraining, folder: Path
) -> Measured:
    """Encode, decode, and two updates of each candidate; `speech` is the sample's length in seconds."""
    workshop = Workshop(backbone, sample, (), folder, for_updates(settings, 1), frozenset())
    started = time.perf_counter()
    workshop.states()
    encoding = (time.perf_counter() - started) / speech
    updates, parameters = {}, {}
    try:
        for candidate in CANDIDATES:
            store = candidate.store(workshop)
            _, trainer = candidate.begin(workshop, store, workshop.settings, "measured", None)
            draw = Sampler(store, trainer.training, settings, settings.batch_size)
            updates[candidate.name] = trainer.seconds_of_update(draw)
            parameters[candidate.name] = sum(p.numel() for p in trainer.adaptation.parameters())
    except torch.OutOfMemoryError as error:
        raise PairError(
            f"A batch of {settings.batch_size} in {settings.accumulate} parts does not fit the memory of "
            f"{backbone.device}; please choose a smaller --batch-size, or more parts with --accumulate."
        ) from error
    asr = PersonalizedAsr(backbone, trainer.adaptation.hypernet, "untrained")
    started = time.perf_counter()
    score_manifest(asr, sample, language=settings.language)
    decoding = (time.perf_counter() - started) / speech
    return Measured(encoding, decoding, updates, parameters, peak_bytes(backbone.device))


def _work(parts: Parts, lengths: dict[str, float], measured: Measured, cost: SimulationCost | None) -> dict[str, float]:
    """Seconds of what is done once with each recording."""
    longer = 1 + cost.lengthening if cost else 1.0  # typical speech and the patients made of it
    train, validation, test = (longer * _length(rows, lengths) for rows in parts.values())
    n_rows = len(parts["validation"]) * (2 if cost else 1)
    swept = validation * min(1.0, MOST_ROWS / n_rows) * len(STRENGTHS) / 2  # two rows were measured
    return {
        "encoder states": measured.encoding * (train + validation),
        "strength, calibration, map, test": measured.decoding * (swept + validation + test),
    }


def _disk(
    backbone: Backbone, parts: Parts, lengths: dict[str, float], measured: Measured, cost: SimulationCost | None
) -> int:
    """Bytes of states, log-mel, simulated recordings and runs."""
    seconds = [lengths[row.file] for name in ("train", "validation") for row in parts[name]]
    if cost:
        seconds += [cost.lengthening * each for each in seconds]
    states = states_bytes(backbone, seconds)
    n_frames = sum(FRAMES_PER_STATE * backbone.n_speech_states(round(16_000 * each)) for each in seconds)
    log_mel = 2 * backbone.extractor.feature_size * n_frames  # float16
    runs = _RUN_COPIES * (sum(measured.parameters.values()) + max(measured.parameters.values()))
    made = round(cost.n_bytes * cost.lengthening * _speech(parts, lengths)) if cost else 0
    return states + log_mel + runs + made


def _length(rows: Sequence[ManifestRow], lengths: dict[str, float]) -> float:
    return sum(lengths[row.file] for row in rows)


def _speech(parts: Parts, lengths: dict[str, float]) -> float:
    """Seconds of all typical recordings, which become patients."""
    return sum(_length([row for row in rows if row.cohort == TYPICAL], lengths) for rows in parts.values())


def _existing(folder: Path) -> Path:
    """The folder, or the nearest around it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def plan_text(plan: Plan, backbone: Backbone, options: PairOptions) -> str:
    """The estimate, a line for each kind of work, then memory and disk."""
    free = free_bytes(backbone.device)
    disk = shutil.disk_usage(_existing(options.out)).free
    lines = [f"on {backbone.device}, {str(backbone.dtype).removeprefix('torch.')}, about:"]
    lines += [f"  {name:<34} {minutes(seconds)}" for name, seconds in plan.seconds.items()]
    lines += [
        f"  {'together':<34} {minutes(plan.total)}",
        f"  {len(CANDIDATES)} trials of {trial_updates(plan.updates):,} updates, then {plan.updates:,} updates of "
        f"{options.batch_size} recordings",
        f"  memory {gigabytes(plan.peak_bytes)} at the most, the model included; {gigabytes(free)} are free beside it",
        f"  disk {gigabytes(plan.disk_bytes)} below {options.out}; {gigabytes(disk)} are free",
    ]
    return "\n".join(lines)


def minutes(seconds: float) -> str:
    """A time for people."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
