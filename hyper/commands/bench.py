"""What a comparison costs: time per stage, and beside the base alone and beside two passes with swapped adapters."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyper.commands.arguments import add_model_arguments, load_asr

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.model.backbone import Backbone
    from hyper.model.lora import AppliedLora, LoraWeights

EXAMPLES_MANIFEST = Path(__file__).parents[2] / "examples" / "manifest.csv"
BASE_ALONE, TWO_ROWS, TWO_PASSES = "base alone", "two rows", "two passes with PEFT"

EXAMPLES = """\
examples:
  python -m hyper bench
  python -m hyper bench talk.wav --base openai/whisper-small --hypernet runs/hypernet-small --json runs/bench.json

what is compared, all on the same recording, the same number of tokens, one after the other in each round:
  base alone             encode, decode one row
  two rows               encode, generate LoRA, decode base and adapted as two rows of one batch: what `compare` does
  two passes with PEFT   encode, decode with the adapter off, generate LoRA, swap it in, decode again
"""


class BenchError(ValueError):
    """The measurement cannot be made; the message says what is missing."""


@dataclass(frozen=True)
class Bench:
    """Medians of all rounds over all recordings."""

    base_model: str
    hypernetwork: str
    device: str
    n_recordings: int
    rounds: int
    stages_ms: dict[str, float]  # of `compare`, from the file on
    compare_ms: float  # `compare` as a whole, with its analysis of the layers
    ways_ms: dict[str, float]  # from the waveform on, at the same decode length
    to_base_alone: float  # two rows / base alone
    to_two_passes: float  # two rows / two passes with PEFT
    same_tokens: bool  # whether both ways wrote the same base and adapted tokens

    def to_json(self) -> dict[str, Any]:
        """The record that --json writes."""
        return dict(vars(self))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper bench`."""
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="recordings to measure on (default: those in examples/)"
    )
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="times each way is run (default: 9)")
    parser.add_argument("--json", metavar="OUT", type=Path, help="write the medians to this file")
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Measure and print."""
    if args.rounds < 1:
        raise BenchError(f"--rounds is {args.rounds}, but at least one round is needed.")
    files = args.files or example_files()
    bench = measure(load_asr(args), files, args.rounds)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(bench.to_json(), indent=2) + "\n", encoding="utf-8")
    print(as_text(bench))


def example_files() -> list[Path]:
    """The recordings that come with the project."""
    from hyper.recordings.manifest import read_manifest

    return [row.path for row in read_manifest(EXAMPLES_MANIFEST)]


def measure(asr: PersonalizedAsr, files: Sequence[Path], rounds: int) -> Bench:
    """Run every way on every recording in turn, `rounds` times; a first unmeasured round warms up."""
    from hyper.recordings.audio import load_audio

    if asr.hypernet is None:
        raise BenchError(f"There is no hypernetwork for {asr.base_model}, so there is nothing to compare with it.")
    swapper = PeftSwapper(asr)
    compare_s: list[float] = []
    stages: dict[str, list[float]] = {}
    ways: dict[str, list[float]] = {BASE_ALONE: [], TWO_ROWS: [], TWO_PASSES: []}
    same_tokens = True
    for file in files:
        waveform = load_audio(file)
        n_tokens = shorter_transcript(asr, waveform)
        runs: dict[str, Callable[[], list[tuple[int, ...]]]] = {
            BASE_ALONE: lambda w=waveform, n=n_tokens: base_alone(asr, w, n),
            TWO_ROWS: lambda w=waveform, n=n_tokens: two_rows(asr, w, n),
            TWO_PASSES: lambda w=waveform, n=n_tokens: swapper.two_passes(w, n),
        }
        tokens = {way: run_once() for way, run_once in runs.items()}  # warms up as well
        same_tokens = same_tokens and tokens[TWO_ROWS] == tokens[TWO_PASSES]
        for i in range(rounds):
            for way in in_turn(tuple(runs), i):
                ways[way].append(timed(runs[way], asr.backbone)[0])
    for file in files:  # apart: its linear algebra leaves threads awake that would slow down whoever comes next
        asr.compare(file)
        for _ in range(rounds):
            seconds, comparison = timed(lambda f=file: asr.compare(f), asr.backbone)
            compare_s.append(seconds)
            for stage, ms in comparison.timings_ms.items():
                stages.setdefault(stage, []).append(ms)
    return Bench(
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


def in_turn(ways: tuple[str, ...], i: int) -> tuple[str, ...]:
    """The ways, beginning with another one each round, so that none always follows the same."""
    first = i % len(ways)
    return ways[first:] + ways[:first]


def median_ratio(times: Sequence[float], others: Sequence[float]) -> float:
    """Median of the ratios of neighbours in time, so that a slow spell of the machine hits both."""
    return statistics.median(time / other for time, other in zip(times, others, strict=True))


def timed(run_once: Callable[[], Any], backbone: Backbone) -> tuple[float, Any]:
    """Wall-clock seconds of one call, with all work on the device done, and its result."""
    import torch

    on_cuda = torch.device(backbone.device).type == "cuda"
    if on_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    result = run_once()
    if on_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def shorter_transcript(asr: PersonalizedAsr, waveform: np.ndarray) -> int:
    """Tokens of the shorter of the two rows: a length that every way can be held to."""
    from hyper.model.decoding import token_limit
    from hyper.recordings.audio import SAMPLE_RATE

    seconds, window = len(waveform) / SAMPLE_RATE, asr.backbone.window_seconds
    if seconds > window:
        raise BenchError(
            f"A recording is {seconds:.1f} s long; please measure on ones within the window of {window} s."
        )
    rows = two_rows(asr, waveform, token_limit(seconds, asr.backbone))
    return max(1, min(len(tokens) for tokens in rows))


def base_alone(asr: PersonalizedAsr, waveform: np.ndarray, n_tokens: int) -> list[tuple[int, ...]]:
    """Transcribe once, as without this project."""
    states = encode(asr.backbone, waveform)
    return decode(asr.backbone, states[-1], n_tokens)


def two_rows(asr: PersonalizedAsr, waveform: np.ndarray, n_tokens: int) -> list[tuple[int, ...]]:
    """Base and adapted in one decode: tokens of both rows."""
    states = encode(asr.backbone, waveform)
    lora = generate(asr, states, len(waveform)).with_base_row()
    with asr.backbone.lock, asr.backbone.adapted(lora) as applied:
        return decode(asr.backbone, states[-1].expand(2, -1, -1), n_tokens, applied)


def encode(backbone: Backbone, waveform: np.ndarray) -> Tensor:  # (n_samples,)
    """Encoder states (n_encoder_layers + 1, 1, n_states, d_model)."""
    return backbone.encode(backbone.log_mel([waveform]))


def generate(asr: PersonalizedAsr, states: Tensor, n_samples: int) -> LoraWeights:
    """LoRA weights of the one utterance."""
    import torch

    from hyper.model.utterance_encoder import pool_statistics

    n_speech = torch.tensor([asr.backbone.n_speech_states(n_samples)], device=states.device)
    with torch.inference_mode():
        return asr.hypernet(pool_statistics(states, n_speech))


def decode(
    backbone: Backbone, states: Tensor, n_tokens: int, applied: AppliedLora | None = None
) -> list[tuple[int, ...]]:
    """Greedy tokens of each row of the states (rows, n_states, d_model), at most n_tokens."""
    from hyper.model.decoding import greedy_decode

    return [row.tokens for row in greedy_decode(backbone, states, n_tokens, applied=applied)]


class PeftSwapper:
    """The usual way: one adapter slot in a copy of the model, switched off for base, refilled for each utterance."""

    def __init__(self, asr: PersonalizedAsr) -> None:
        try:
            from peft import LoraConfig, LoraModel
        except ImportError:
            raise BenchError("The comparison needs PEFT, which the app does not: pip install peft.") from None
        self.asr = asr
        config = asr.hypernet.config
        settings = LoraConfig(
            r=config.rank, lora_alpha=config.alpha, target_modules=[site.name for site in asr.hypernet.sites]
        )
        self.adapter = LoraModel(asr.backbone.private_copy().model, settings, "default").eval()
        self.backbone = asr.backbone.with_model(self.adapter.model)

    def two_passes(self, waveform: np.ndarray, n_tokens: int) -> list[tuple[int, ...]]:
        """Base and adapted one after the other; the encoder states are shared, as a careful user would."""
        states = encode(self.backbone, waveform)
        self.adapter.disable_adapter_layers()
        base = decode(self.backbone, states[-1], n_tokens)
        self.adapter.enable_adapter_layers()
        self.swap_in(generate(self.asr, states, len(waveform)))
        return base + decode(self.backbone, states[-1], n_tokens)

    def swap_in(self, lora: LoraWeights) -> None:  # of one row
        """Put the weights into the adapter slot: in memory, the fastest swap that PEFT has."""
        from peft import set_peft_model_state_dict

        weights = {}
        for site, a, b in zip(lora.sites, lora.a, lora.b, strict=True):
            weights[f"model.{site.name}.lora_A.weight"] = a[0]
            weights[f"model.{site.name}.lora_B.weight"] = b[0]
        set_peft_model_state_dict(self.adapter, weights)


def as_text(bench: Bench) -> str:
    """What a person reads on the terminal."""
    lines = [
        f"{bench.base_model} + {bench.hypernetwork} on {bench.device}",
        f"medians over {bench.n_recordings} recordings, {bench.rounds} rounds each",
        "",
        "compare, stage by stage",
        *(f"  {stage:<22} {ms:8.1f} ms" for stage, ms in bench.stages_ms.items()),
        f"  {'all, with analysis':<22} {bench.compare_ms:8.1f} ms",
        "",
        "the same recording and decode length, three ways",
        *(f"  {way:<22} {ms:8.1f} ms" for way, ms in bench.ways_ms.items()),
        f"  two rows take {bench.to_base_alone:.2f} times the base alone,",
        f"  and {bench.to_two_passes:.2f} times the two passes with PEFT",
        f"  both ways wrote {'the same' if bench.same_tokens else 'DIFFERENT'} tokens",
    ]
    return "\n".join(lines)
