"""The bench's figures as rows, each with the bar that it should meet; ratios are measured within one run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from hyper.compare.bench_page import crowd, felt_wait, running_app
from hyper.compare.benchmark import BenchError, Benchmark, timed
from hyper.compare.faster_whisper import PRECISIONS, beside_engine, missing
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.prepared import Prepared
from hyper.compare.transcribe import RowWeights
from hyper.model.files import BUNDLED_FOLDER

BATCH_CLIPS, QUICK_BATCH_CLIPS = 200, 36
ADAPTERS = 16  # rows of a batch, each with its own
COMPARES, QUICK_COMPARES = 500, 60
SETTLING_COMPARES = 20  # before memory is first read
ROUNDS = 5  # of the ratio of two batches; the smaller half of the times counts less than the machine's slow spells
PRESSES, QUICK_PRESSES = 13, 4  # one for each example, and the first once more
CLIENTS, QUICK_CLIENTS = 16, 3
EACH, QUICK_EACH = 10, 2  # requests of each client
PER_SECOND = 2.5 * 5.3  # requests that many clients were answered on two cores before they were taken together


@dataclass(frozen=True)
class BenchRow:
    """One figure."""

    name: str
    value: float | None  # None where it was not measured
    unit: str
    bar: float | None  # None where nothing was promised
    better: Literal["below", "above"] = "below"
    reason: str = ""  # why it was not measured

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None where nothing was measured or promised."""
        if self.value is None or self.bar is None:
            return None
        return self.value <= self.bar if self.better == "below" else self.value >= self.bar

    def to_json(self) -> dict[str, str | float | bool | None]:
        """Name, value, unit, bar, met; and the reason where it was not measured."""
        record = {name: value for name, value in asdict(self).items() if name not in ("better", "reason")}
        return {**record, "met": self.met, **({"reason": self.reason} if self.reason else {})}


def bench_rows(
    asr: PersonalizedAsr,
    found: Benchmark,
    waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
    is_quick: bool,
) -> Iterator[BenchRow]:
    """The rows of the model itself, as soon as each is measured."""
    yield BenchRow("both transcripts to base alone", found.to_base_alone, "×", 1.15)
    yield BenchRow("both transcripts to two passes with PEFT", found.to_two_passes, "×", round(1 / 1.8, 4))
    yield from engine_rows(asr, waveforms)
    n_clips, n_compares = (QUICK_BATCH_CLIPS, QUICK_COMPARES) if is_quick else (BATCH_CLIPS, COMPARES)
    clips = [waveforms[i % len(waveforms)] for i in range(n_clips)]
    yield BenchRow(f"{n_clips} clips in batches to one at a time", batch_gain(asr, clips), "× faster", 3.0, "above")
    yield BenchRow(
        f"{ADAPTERS} adapters in a batch to the same without", adapters_in_a_batch(asr, clips[:ADAPTERS]), "×", 1.1
    )
    yield BenchRow(
        f"memory after {n_compares} compares", memory_growth(asr, waveforms, n_compares), "× of before", 1.03
    )


def engine_rows(
    asr: PersonalizedAsr,
    waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
) -> Iterator[BenchRow]:
    """The base alone by faster-whisper's engine, and both our transcripts over it; skipped where there is none."""
    reason = missing(asr)
    for precision in PRECISIONS:
        alone_ms, ratio = (None, None) if reason else beside_engine(asr, waveforms, precision)
        yield BenchRow(f"base alone by faster-whisper, {precision}", alone_ms, "ms", None, reason=reason)
        yield BenchRow(f"both transcripts to faster-whisper's base, {precision}", ratio, "×", 1.5, reason=reason)


def batch_gain(asr: PersonalizedAsr, clips: Sequence[np.ndarray]) -> float:
    """How many times faster all are transcribed together."""
    alone, pairs = timed(lambda: [asr.transcribe_pairs([clip])[0] for clip in clips], asr.backbone)
    together, batched = timed(lambda: asr.transcribe_pairs(clips), asr.backbone)
    if [pair.adapted.tokens for pair in pairs] != [pair.adapted.tokens for pair in batched]:
        raise BenchError("Clips in a batch have other transcripts than alone, so their times say nothing.")
    return alone / together


def adapters_in_a_batch(asr: PersonalizedAsr, clips: Sequence[np.ndarray]) -> float:
    """Encoding and decoding all clips, each with its own adapter, over the same without; the fastest of some rounds.

    From the log-mel on: where encoder layers are adapted, that encoding stands against the base's. Without means the
    same tokens: adapters of strength 0 write what the base does.
    """
    prepared = [asr.prepare(clip) for clip in clips]
    adapted, plain = [one.scaled(0.0) for one in prepared], [replace(one, lora=None) for one in prepared]
    sites = asr.hypernet.sites if asr.hypernet else ()
    encodes_anew = any(site.target.startswith("encoder.") for site in sites)

    def seconds(batch: list[Prepared], is_encoded: bool) -> float:
        def run() -> None:
            if not is_encoded:
                for one in batch:
                    asr.backbone.encode(one.log_mel)
            asr.decode_rows(batch, [RowWeights(1.0)], batch_size=ADAPTERS)

        return timed(run, asr.backbone)[0]

    pairs = [(seconds(adapted, encodes_anew), seconds(plain, False)) for _ in range(ROUNDS)]
    with_adapters, without = (min(times) for times in zip(*pairs, strict=True))
    return with_adapters / without


def memory_growth(asr: PersonalizedAsr, waveforms: Sequence[np.ndarray], n: int) -> float | None:
    """Memory of this process after `n` comparisons over that after the first few; None where no file tells it."""
    if not Path("/proc/self/statm").exists():
        return None
    before = 0
    for i in range(n + SETTLING_COMPARES):
        if i == SETTLING_COMPARES:
            before = _resident_pages()
        asr.compare(waveforms[i % len(waveforms)], "turn on the light").to_json()
    return _resident_pages() / before


def _resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def page_rows(
    asr: PersonalizedAsr,
    recordings: Sequence[Path],
    arguments: Sequence[str],  # of the app, so that it runs the same model
    is_quick: bool,
) -> Iterator[BenchRow]:
    """What visitors of the page wait for: its second start, with warm files, and what is asked of it then."""
    promised = asr.base_model == BUNDLED_FOLDER.name  # the bars in seconds are the bundled pair's
    with running_app(arguments):
        pass
    with running_app(arguments) as (url, seconds):
        yield BenchRow("start to the port answering", seconds, "s", 4.0)
        felt = felt_wait(url, asr, recordings, QUICK_PRESSES if is_quick else PRESSES)
        yield BenchRow("press to both transcripts, median", 1000 * felt.median_s, "ms", 250.0 if promised else None)
        yield BenchRow("press to both transcripts to base alone", felt.to_base_alone, "×", None)
        yield BenchRow("first press after the start to later ones", felt.first_to_later, "×", 1.3)
        clients, each = (QUICK_CLIENTS, QUICK_EACH) if is_quick else (CLIENTS, EACH)
        many = crowd(url, recordings, clients, each)
        bar = PER_SECOND if promised and not is_quick else None
        yield BenchRow(f"{clients} clients at once", many.per_second, "answers/s", bar, "above")
        yield BenchRow(f"{clients} clients at once to one at a time", many.to_one_at_a_time, "× faster", None, "above")
        yield BenchRow(f"{clients} clients at once, wait of 19 in 20", many.p95_s, "s", None)


def gpu_rows() -> Iterator[BenchRow]:
    """What only a GPU can show; `--gpu-suite` measures it."""
    yield BenchRow("GPU: both transcripts of 5 s, base shape", None, "ms", 150.0)
    yield BenchRow("GPU: both transcripts of 5 s, large-v3 shape", None, "ms", 1500.0)


def write_rows(rows: Sequence[BenchRow], file: Path) -> None:
    """As JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([row.to_json() for row in rows], indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def rows_text(rows: Sequence[BenchRow]) -> str:
    """A line for each."""
    lines = []
    for row in rows:
        value = row.reason or "not measured" if row.value is None else f"{row.value:.2f} {row.unit}"
        bar = "" if row.bar is None else f"{'at most' if row.better == 'below' else 'at least'} {row.bar:.4g}"
        met = {True: "met", False: "MISSED", None: ""}[row.met]
        lines.append(f"  {row.name:<52} {value:>16}   {bar:<14} {met}".rstrip())
    return "\n".join(lines)
