"""What making the pair will take on this device, measured on a few of its recordings before anything is spent."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hyper.model.backbone import Backbone
from hyper.model.info import free_bytes, gigabytes
from hyper.recordings.audio import audio_seconds
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.manifest import TYPICAL, ManifestRow
from hyper.recordings.whole_files import write_whole
from hyper.study.pair.candidates import CANDIDATES, TRIAL_SHARE, trial_updates
from hyper.study.pair.measure import Measured, measure
from hyper.study.pair.options import PairError, PairOptions
from hyper.study.pair.parts import Parts
from hyper.study.pair.patients import SimulationCost, longest_patients, simulation_cost
from hyper.study.pair.strength import MOST_ROWS, STRENGTHS
from hyper.training.adaptation.live_states import states_bytes
from hyper.training.adaptation.loop import TRAINED_PER_VALIDATED, VALIDATED, VALIDATED_AT_ONCE, AdaptationTraining
from hyper.training.adaptation.states import FRAMES_PER_STATE

_RUN_COPIES = 3 * 4  # bytes a parameter of a kept run: weights and two moments, in float32


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

    Errors: PairError where the disk has not enough room, LoopError where a batch does not fit the device.
    """
    cost = simulation_cost(parts, options.seed) if options.simulate else None
    with tempfile.TemporaryDirectory(prefix="hyper-pair-") as folder:
        measured = _measured(backbone, parts, lengths, cost, settings, Path(folder))
    updates, seconds = _times(parts, lengths, measured, cost, settings, options)
    plan = Plan(updates, seconds, _disk(backbone, parts, lengths, measured, cost), measured.peak_bytes)
    free = shutil.disk_usage(_existing(options.out)).free
    if plan.disk_bytes > free:
        raise PairError(
            f"Making the pair takes {gigabytes(plan.disk_bytes)} below {options.out}, but only {gigabytes(free)} are "
            "free; please name an --out with more room, or list fewer recordings."
        )
    return plan


def _times(
    parts: Parts,
    lengths: dict[str, float],
    measured: Measured,
    cost: SimulationCost | None,
    settings: AdaptationTraining,
    options: PairOptions,
) -> tuple[int, dict[str, float]]:
    """Updates of the training, and seconds of each kind of work."""
    slowest, all_tried = max(measured.updates.values()), sum(measured.updates.values())
    # Before the first update and after the last, of every trial and of the training.
    validating = [2 * _n_validated(parts, cost) * each for each in measured.validating.values()]
    fixed = sum(validating) + max(validating)
    each = slowest + TRIAL_SHARE * all_tried  # seconds of an update of the training and of its part in the trials
    given = 0.0 if options.hours is None else 3600 * options.hours - fixed
    updates = options.updates if options.hours is None else max(1, int(given / each))
    training = updates * slowest
    often = max(settings.save_every_seconds, TRAINED_PER_VALIDATED * max(validating) / 2)  # seconds between validations
    n_validated = int(training / often)
    seconds = {
        **({"simulated patients": _speech(parts, lengths) * cost.seconds} if cost else {}),
        **_work(parts, lengths, measured, cost),
        "trials": trial_updates(updates) * all_tried + sum(validating),
        "training": training + (1 + n_validated / 2) * max(validating),
    }
    return updates, seconds


def _measured(
    backbone: Backbone,
    parts: Parts,
    lengths: Mapping[str, float],
    cost: SimulationCost | None,
    settings: AdaptationTraining,
    folder: Path,
) -> Measured:
    """On recordings as long as those of the training: patients speak longer than those whom they are made of."""
    patients: list[ManifestRow] = []
    factor = 1.0
    if cost:
        patients = longest_patients(parts, lengths, backbone.window_seconds, settings.seed, folder / "patients")
        lengths = {**lengths, **{row.file: audio_seconds(row.path) for row in patients}}
        factor = (1 + cost.lengthening) / 2  # patients are as many as the speakers that they are of
    n_at_once = min(VALIDATED_AT_ONCE, max(_kinds(parts, cost)))
    return measure(backbone, parts["train"], patients, lengths, factor, n_at_once, settings, folder)


def _kinds(parts: Parts, cost: SimulationCost | None) -> tuple[int, int]:
    """How many validation recordings are typical, and how many are not."""
    n_typical = sum(row.cohort == TYPICAL for row in parts["validation"])
    return n_typical, n_typical if cost else len(parts["validation"]) - n_typical


def _n_validated(parts: Parts, cost: SimulationCost | None) -> int:
    """Recordings whose loss a validation takes."""
    return sum(min(VALIDATED, n) for n in _kinds(parts, cost))


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
    n_frames = sum(FRAMES_PER_STATE * backbone.n_speech_states(round(SAMPLE_RATE * each)) for each in seconds)
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
