"""What the published shapes cost on a device: one recording, a batch, a training step, memory; random weights."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hyper.compare.bench_rows import BenchRow, rows_text, write_rows
from hyper.compare.benchmark import BenchError, timed, transcribe
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.prepared import ENCODE_BATCH
from hyper.compare.scaling import N_WRITTEN, SECONDS
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for
from hyper.model.decoding import SPARE_TOKENS, TOKENS_PER_SECOND
from hyper.model.device import choose_device, choose_dtype
from hyper.model.info import free_bytes, gigabytes
from hyper.model.shapes import PROMPT_TOKENS, SHAPES, WhisperShape, n_parameters, random_backbone
from hyper.recordings.limits import SAMPLE_RATE
from hyper.training.adaptation.hypernet_adaptation import HypernetAdaptation
from hyper.training.adaptation.states import SILENT_STATES, StateBatch
from hyper.training.speed import mixed_precision

BATCH, QUICK_BATCH = 64, 4
ROUNDS, QUICK_ROUNDS = 9, 2
BARS_MS = {"base": 150.0, "large-v3": 1500.0}  # one recording, both transcripts, on a GPU
SPARE = 1.25  # of the memory that is said: what the allocator rounds up, and what a layer holds for a moment
NO_GPU = "no GPU"


def suite_rows(shapes: Sequence[str], device: str | None, is_quick: bool) -> Iterator[BenchRow]:
    """Four rows for each shape, as they are measured; without a value, and with the reason, where they cannot be.

    Errors: BenchError for a shape that nobody published.
    """
    for name in shapes:
        if name not in SHAPES:
            raise BenchError(f"There is no shape {name!r}; choose among {', '.join(SHAPES)}.")
    for shape in (SHAPES[name] for name in shapes):
        reason = NO_GPU if device is None and not torch.cuda.is_available() else _too_large(shape, device, is_quick)
        values = [None] * 4 if reason else _measured(shape, device, is_quick)
        for (what, unit, bar, better), value in zip(_rows_of(shape, device, is_quick), values, strict=True):
            yield BenchRow(f"{shape.name}: {what}", value, unit, bar, better, reason)
        gc.collect()


def run_suite(shapes: Sequence[str], device: str | None, is_quick: bool, out: Path | None) -> None:
    """Print every row, and write the file anew, as soon as it is measured."""
    rows = []
    for row in suite_rows(shapes, device, is_quick):
        rows.append(row)
        print(rows_text([row]), flush=True)
        if out:
            write_rows(rows, out)


def said_bytes(shape: WhisperShape, batch: int, dtype: torch.dtype, n_states: int = 1500) -> int:
    """What comparing so many recordings at once takes at most: weights, states, keys and values, scores."""
    state_bytes = n_states * shape.d_model * dtype.itemsize  # of one recording in one layer
    rows = 2 * batch  # base and adapted
    token_bytes = (PROMPT_TOKENS + round(TOKENS_PER_SECOND * SECONDS) + SPARE_TOKENS) * shape.d_model * dtype.itemsize
    encoder = 2 * (shape.encoder_layers + 1) * ENCODE_BATCH * state_bytes  # each layer, and all of them stacked
    decoder = 2 * shape.decoder_layers * rows * (state_bytes + token_bytes)
    scores = 3 * rows * shape.n_tokens * 4  # float32
    return round(SPARE * (n_parameters(shape) * dtype.itemsize + encoder + batch * state_bytes + decoder + scores))


def _batch(is_quick: bool) -> int:
    return QUICK_BATCH if is_quick else BATCH


def _too_large(shape: WhisperShape, device: str | None, is_quick: bool) -> str:
    """Why the shape is left out; "" where it fits."""
    chosen = choose_device(device)
    needed, free = said_bytes(shape, _batch(is_quick), choose_dtype(chosen)), free_bytes(chosen)
    return "" if needed <= free else f"takes {gigabytes(needed)}, but only {gigabytes(free)} are free"


def _rows_of(shape: WhisperShape, device: str | None, is_quick: bool) -> list[tuple[Any, ...]]:
    """What is measured, its unit, its bar, and which side of the bar is better."""
    batch, chosen = _batch(is_quick), torch.device(device or "cuda")
    is_gpu = chosen.type == "cuda"
    dtype = choose_dtype(chosen) if is_gpu and torch.cuda.is_available() else torch.bfloat16
    return [
        ("both transcripts of 5 s", "ms", BARS_MS.get(shape.name) if is_gpu else None, "below"),
        (f"{batch} recordings of 5 s together", "× real time", None, "above"),
        (f"training step of {batch}", "ms", None, "below"),
        (f"memory of comparing {batch}", "GB", said_bytes(shape, batch, dtype) / 1e9 if is_gpu else None, "below"),
    ]


def _measured(shape: WhisperShape, device: str | None, is_quick: bool) -> list[float | None]:
    """The values of the rows."""
    backbone = random_backbone(shape, device, n_written=N_WRITTEN)
    is_gpu, batch, rounds = backbone.device.type == "cuda", _batch(is_quick), QUICK_ROUNDS if is_quick else ROUNDS
    adaptation = HypernetAdaptation(backbone, config_for(backbone), "en", seed=0)
    asr = PersonalizedAsr(backbone, adaptation.hypernet, "random weights")
    rng = np.random.default_rng(0)
    clips = [0.1 * rng.standard_normal(round(SECONDS * SAMPLE_RATE)).astype(np.float32) for _ in range(batch)]
    if is_gpu:
        torch.cuda.reset_peak_memory_stats(backbone.device)
    one = [timed(partial(transcribe, asr, clips[0]), backbone)[0] for _ in range(1 + rounds)]  # the first warms up
    together = [timed(partial(asr.transcribe_pairs, clips, batch), backbone)[0] for _ in range(2)]
    memory = torch.cuda.max_memory_allocated(backbone.device) / 1e9 if is_gpu else None
    return [
        1000 * statistics.median(one[1:]),
        batch * SECONDS / together[1],
        1000 * _step_seconds(backbone, adaptation, batch),
        memory,
    ]


def _step_seconds(backbone: Backbone, adaptation: HypernetAdaptation, batch: int) -> float:
    """One update on so many utterances whose encoder states are kept: the second; the first warms up."""
    n_states = backbone.n_speech_states(round(SECONDS * SAMPLE_RATE)) + SILENT_STATES
    n_layers = backbone.n_encoder_layers + 1
    tokens = [list(range(1000, 1000 + N_WRITTEN))] * batch
    states = torch.randn(batch, n_states, backbone.d_model)
    statistics_read = torch.randn(batch, n_layers, 3, backbone.d_model)
    utterances = StateBatch(states, statistics_read, tokens, np.arange(batch))
    optimizer = torch.optim.AdamW(adaptation.train().parameters())

    def step() -> None:
        with mixed_precision(backbone.device):
            loss = adaptation(utterances)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return [timed(step, backbone)[0] for _ in range(2)][1]
