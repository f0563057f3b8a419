"""What a comparison costs: time per stage, and beside the base alone and beside two passes with swapped adapters."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.prepared import Prepared
from hyper.compare.stopwatch import Stopwatch
from hyper.model.backbone import Backbone
from hyper.model.lora import LoraWeights
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import read_manifest

EXAMPLES_MANIFEST = Path(__file__).parents[2] / "examples" / "manifest.csv"
Tokens = tuple[int, ...]

BASE_ALONE, TWO_ROWS, TWO_PASSES = "base alone", "two rows", "two passes with PEFT"


class BenchError(ValueError):
    """The measurement cannot be made; the message says what is missing."""


@dataclass(frozen=True)
class Benchmark:
    """Medians of all rounds over all recordings."""

    base_model: str
    hypernetwork: str | None
    device: str
    n_recordings: int
    rounds: int
    stages_ms: dict[str, float]  # of `compare`, from the file on
    compare_ms: float  # `compare` as a whole, with its analysis of the layers
    ways_ms: dict[str, float]  # from the waveform on
    to_base_alone: float  # two rows / base alone
    to_two_passes: float  # two rows / two passes with PEFT
    same_tokens: bool  # whether both ways wrote the same base and adapted tokens


def run_benchmark(asr: PersonalizedAsr, files: Sequence[Path], rounds: int) -> Benchmark:
    """Run every way on every recording, or on the examples, in turn, `rounds` times; an unmeasured round warms up."""
    if rounds < 1:
        raise BenchError(f"--rounds is {rounds}, but at least one round is needed.")
    if asr.hypernet is None:
        raise BenchError(f"There is no hypernetwork for {asr.base_model}, so there is nothing to compare with it.")
    files = measured_files(files)
    base, swapper = PersonalizedAsr(asr.backbone, None, None), PeftSwapper(asr)
    runs: dict[str, Callable[[np.ndarray], Any]] = {
        BASE_ALONE: partial(transcribe, base),
        TWO_ROWS: partial(transcribe, asr),
        TWO_PASSES: swapper.two_passes,
    }
    ways: dict[str, list[float]] = {way: [] for way in runs}
    same_tokens = True
    for waveform in map(load_audio, files):
        written = {way: run_once(waveform) for way, run_once in runs.items()}  # warms up as well
        same_tokens = same_tokens and written[TWO_ROWS] == written[TWO_PASSES]
        for i in range(rounds):
            for way in in_turn(tuple(runs), i):
                ways[way].append(timed(partial(runs[way], waveform), asr.backbone)[0])
    compare_s: list[float] = []
    stages: dict[str, list[float]] = {}
    for file in files:  # apart: its linear algebra leaves threads awake that would slow down whoever comes next
        asr.compare(file)
        for _ in range(rounds):
            seconds, comparison = timed(partial(asr.compare, file), asr.backbone)
            compare_s.append(seconds)
            for stage, ms in comparison.timings_ms.items():
                stages.setdefault(stage, []).append(ms)
    return Benchmark(
        base_model=asr.base_model,
        hypernetwork=asr.hypernetwork,
        device=asr.device,
        n_recordings=len(files),
        rounds=rounds,
        stages_ms={stage: statistics.median(values) for stage, values in stages.items()},
        compare_ms=1000 * statistics.median(compare_s),
        ways_ms={way: 1000 * statistics.median(seconds) for way, seconds in ways.items()},
        to_base_alone=median_ratio(ways[TWO_ROWS], ways[BASE_ALONE]),
        to_two_passes=median_ratio(ways[TWO_ROWS], ways[TWO_PASSES]),
        same_tokens=same_tokens,
    )


def measured_files(files: Sequence[Path]) -> Sequence[Path]:
    """Those named, or the examples."""
    return files or [row.path for row in read_manifest(EXAMPLES_MANIFEST)]


def in_turn(ways: tuple[str, ...], i: int) -> tuple[str, ...]:
    """The ways, beginning with another one each round, so that none always follows the same."""
    first = i % len(ways)
    return ways[first:] + ways[:first]


def median_ratio(times: Sequence[float], others: Sequence[float]) -> float:
    """Median of the ratios of neighbours in time, so that a slow spell of the machine hits both."""
    return statistics.median(time / other for time, other in zip(times, others, strict=True))


def timed(run_once: Callable[[], Any], backbone: Backbone) -> tuple[float, Any]:
    """Wall-clock seconds of one call, with all work on the device done, and its result."""
    stopwatch = Stopwatch(backbone.device)
    with stopwatch.stage("all"):
        result = run_once()
    return stopwatch.timings_ms["all"] / 1000, result


def transcribe(asr: PersonalizedAsr, waveform: np.ndarray) -> list[Tokens]:  # (n_samples,) 16 kHz
    """What `compare` does but for counting errors and analysing the update: the tokens of each row."""
    return decode(asr, asr.prepare(waveform))


def decode(asr: PersonalizedAsr, prepared: Prepared) -> list[Tokens]:
    """The base, and with a hypernetwork the adapted row."""
    pair = asr.decode_prepared(prepared)
    return [row.tokens for row in (pair.base, pair.adapted) if row is not None]


class PeftSwapper:
    """The usual way: one adapter slot in a copy of the model, switched off for base, refilled for each utterance."""

    def __init__(self, asr: PersonalizedAsr) -> None:
        try:
            from peft import LoraConfig, LoraModel
        except ImportError:
            raise BenchError("The comparison needs PEFT, which the app does not: pip install peft.") from None
        assert asr.hypernet is not None
        config, names = asr.hypernet.config, [site.name for site in asr.hypernet.sites]
        alpha: Any = config.alpha  # PEFT's type says int, and it takes fractions
        settings = LoraConfig(r=config.rank, lora_alpha=alpha, target_modules=names)
        self.asr, self.adapts_encoder = asr, any(name.startswith("model.encoder") for name in names)
        self.adapter = LoraModel(asr.backbone.private_copy().model, settings, "default").eval()
        # The copy as its adapter slot is: off, or filled.
        self.slot = PersonalizedAsr(asr.backbone.with_model(self.adapter.model), None, None)

    def two_passes(self, waveform: np.ndarray) -> list[Tokens]:  # (n_samples,) 16 kHz
        """Base and adapted one after the other, encoded once where they can be, as a careful user would."""
        prepared = self.asr.prepare(waveform)
        states = replace(prepared, lora=None)
        self.adapter.disable_adapter_layers()
        base = decode(self.slot, states)
        self.adapter.enable_adapter_layers()
        assert prepared.lora is not None
        self.swap_in(prepared.lora)
        states = self.slot.prepare(waveform) if self.adapts_encoder else states
        return base + decode(self.slot, states)

    def swap_in(self, lora: LoraWeights) -> None:  # of one row
        """Put the weights into the adapter slot: in memory, the fastest swap that PEFT has."""
        from peft import set_peft_model_state_dict

        weights, lora = {}, lora.without_gains()
        for site, a, b in zip(lora.sites, lora.a, lora.b, strict=True):
            weights[f"model.{site.name}.lora_A.weight"] = a[0]
            weights[f"model.{site.name}.lora_B.weight"] = b[0]
        set_peft_model_state_dict(self.adapter, weights)


def as_text(found: Benchmark) -> str:
    """What a person reads on the terminal."""
    lines = [
        f"{found.base_model} + {found.hypernetwork} on {found.device}",
        f"medians over {found.n_recordings} recordings, {found.rounds} rounds each",
        "",
        "compare, stage by stage",
        *(f"  {stage:<22} {ms:8.1f} ms" for stage, ms in found.stages_ms.items()),
        f"  {'all, with analysis':<22} {found.compare_ms:8.1f} ms",
        "",
        "the same recordings, three ways",
        *(f"  {way:<22} {ms:8.1f} ms" for way, ms in found.ways_ms.items()),
        f"  two rows take {found.to_base_alone:.2f} times the base alone,",
        f"  and {found.to_two_passes:.2f} times the two passes with PEFT",
        f"  both ways wrote {'the same' if found.same_tokens else 'DIFFERENT'} tokens",
    ]
    return "\n".join(lines)
