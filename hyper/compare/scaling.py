"""How the cost of a comparison grows: with length, model size, rank and adapted layers; beside the base alone."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from hyper.compare.benchmark import in_turn, median_ratio, timed, transcribe
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for
from hyper.model.config import whole_stacks
from hyper.model.hypernet import HyperNetwork
from hyper.model.shapes import SHAPES, WhisperShape, random_backbone
from hyper.recordings.limits import SAMPLE_RATE

SECONDS = 5.0  # of the recording that sizes, ranks and targets are measured on
N_WRITTEN = 25  # tokens of each transcript of a random Whisper: 5 s of lively speech
MINI = WhisperShape("mini", 192, 3, 4, 4)  # the bundled base's layers, with the vocabulary of the published shapes
ALONE, BOTH = "base alone", "both transcripts"


@dataclass(frozen=True)
class Extent:
    """What is measured, and how often."""

    lengths: tuple[float, ...] = (1, 2, 5, 10, 30, 60, 120, 300, 600)  # s
    shapes: tuple[WhisperShape, ...] = (MINI, SHAPES["tiny"], SHAPES["base"], SHAPES["small"])
    ranks: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    targets: tuple[str, ...] = ("decoder.fc1", "decoder", "encoder", "encoder and decoder")
    rounds: int = 9
    sound_each: float = 100.0  # s of sound for each long recording: they need fewer rounds

    def rounds_of(self, seconds: float) -> int:
        """Of a recording so long; at least two."""
        return max(2, min(self.rounds, round(self.sound_each / seconds)))


QUICK = Extent((1, 2, 4), (MINI.narrow(8), SHAPES["tiny"].narrow(8)), (1, 4), ("decoder.fc1", "decoder"), 2)


@dataclass(frozen=True)
class Point:
    """One setting: base alone and both transcripts, in turn, on the same recording."""

    label: str
    x: float
    alone_ms: float
    both_ms: float  # alone_ms times the ratio: two medians of their own would each have its slow spells
    ratio: float  # median of both over alone, neighbours in time
    quartiles: tuple[float, float]  # of these


@dataclass(frozen=True)
class Growth:
    """One panel: what grows, and the slope of each line."""

    name: str
    x_name: str
    is_log: bool  # slopes are exponents of x; else what each further x adds to the ratio
    fitted_from: float  # smaller x are left out of the slopes
    reference: str  # of the point whose base alone is 1
    points: tuple[Point, ...]
    slopes: dict[str, float]


def measure(asr: PersonalizedAsr, speech: np.ndarray, extent: Extent) -> Iterator[Growth]:  # (n_samples,) 16 kHz
    """One growth after the other, as each is measured. `speech` is repeated, or cut, to what is needed."""
    window = asr.backbone.window_seconds
    over_length = [
        measured_point(f"{seconds:g} s", seconds, asr, lasting(speech, seconds), extent.rounds_of(seconds))
        for seconds in extent.lengths
    ]
    yield growth("length", "length of the recording, s", over_length, fitted_from=window)
    five = lasting(speech, SECONDS)
    over_size = [_of_shape(shape, five, extent.rounds_of(SECONDS), asr.device) for shape in extent.shapes]
    yield growth("size", "parameters of the base, million", over_size)
    at = partial(_adapted, asr.backbone, five, extent.rounds_of(SECONDS))
    yield growth("rank", "rank", [at(f"rank {n}", n, rank=n) for n in extent.ranks], is_log=False)
    over_targets = []
    for name in extent.targets:
        chosen = whole_stacks(name.split(" and "))
        over_targets.append(at(name, len(asr.backbone.sites(chosen)), targets=chosen))
    yield growth("targets", "adapted matrices", over_targets, is_log=False)


def lasting(speech: np.ndarray, seconds: float) -> np.ndarray:  # (n_samples,) 16 kHz
    """So long, said again and again."""
    return np.resize(speech, round(seconds * SAMPLE_RATE))


def measured_point(label: str, x: float, asr: PersonalizedAsr, waveform: np.ndarray, rounds: int) -> Point:
    """Both ways on one recording, in turn; an unmeasured round warms up."""
    base = PersonalizedAsr(asr.backbone, None, None)
    runs: dict[str, Callable[[], object]] = {
        ALONE: partial(transcribe, base, waveform),
        BOTH: partial(transcribe, asr, waveform),
    }
    seconds: dict[str, list[float]] = {way: [] for way in runs}
    for i in range(rounds + 1):
        for way in in_turn(tuple(runs), i):
            took = timed(runs[way], asr.backbone)[0]
            if i:
                seconds[way].append(took)
    ratios = [both / alone for both, alone in zip(seconds[BOTH], seconds[ALONE], strict=True)]
    low, high = np.percentile(ratios, [25, 75])
    alone_ms, ratio = 1000 * statistics.median(seconds[ALONE]), median_ratio(seconds[BOTH], seconds[ALONE])
    return Point(label, x, alone_ms, alone_ms * ratio, ratio, (float(low), float(high)))


def growth(name: str, x_name: str, points: Sequence[Point], is_log: bool = True, fitted_from: float = 0.0) -> Growth:
    """The slopes of these points; `fitted_from` is passed over where it would leave fewer than two."""
    if sum(point.x >= fitted_from for point in points) < 2:
        fitted_from = 0.0
    fitted = [point for point in points if point.x >= fitted_from]
    x = np.array([point.x for point in fitted])
    if is_log:
        lines = {ALONE: [point.alone_ms for point in fitted], BOTH: [point.both_ms for point in fitted]}
        slopes = {line: slope(np.log(x), np.log(ms)) for line, ms in lines.items()}
    else:
        slopes = {BOTH: slope(x, np.array([point.ratio for point in fitted]))}
    reference = min(points, key=lambda point: abs(point.x - SECONDS)) if name == "length" else points[0]
    return Growth(name, x_name, is_log, fitted_from, reference.label, tuple(points), slopes)


def slope(x: np.ndarray, y: np.ndarray) -> float:  # both (n_points,)
    """Of the least-squares line."""
    return float(np.polyfit(x, y, 1)[0])


def from_json(record: dict[str, Any]) -> Growth:
    """What `to_json` wrote."""
    points = tuple(Point(**{**point, "quartiles": tuple(point["quartiles"])}) for point in record["points"])
    return Growth(**{**record, "points": points})


def to_json(growth: Growth) -> dict[str, Any]:
    """As numbers and texts."""
    return asdict(growth)


def _of_shape(shape: WhisperShape, waveform: np.ndarray, rounds: int, device: str) -> Point:
    """A random Whisper of this shape with a hypernetwork of its own."""
    backbone = random_backbone(shape, device, n_written=N_WRITTEN)
    point = _adapted(backbone, waveform, rounds, shape.name, backbone.n_parameters / 1e6)
    return replace(point, x=round(point.x, 1))


def _adapted(backbone: Backbone, waveform: np.ndarray, rounds: int, label: str, x: float, **settings: Any) -> Point:
    """Beside a hypernetwork of these settings as it is before training: it writes weights that change no word, so that
    both rows write as much, and costs what a trained one does."""
    config = config_for(backbone, **settings)
    hypernet = HyperNetwork(config, backbone.sites(config.targets))
    return measured_point(label, x, PersonalizedAsr(backbone, hypernet, "untrained"), waveform, rounds)
