"""Both transcripts beside the base alone as CTranslate2 runs it: the engine of faster-whisper, on the same weights."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from hyper.compare.benchmark import BenchError, in_turn, median_ratio, timed, transcribe
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone

PRECISIONS = ("float32", "int8")
ROUNDS = 5


def missing(asr: PersonalizedAsr) -> str:
    """Why it cannot be measured here; empty where it can."""
    if find_spec("ctranslate2") is None:
        return "needs faster-whisper: pip install faster-whisper"
    return "" if asr.device == "cpu" else "measured on processors only"


def beside_engine(asr: PersonalizedAsr, waveforms: Sequence[np.ndarray], precision: str) -> tuple[float, float]:
    """Median ms of its base alone, and the median of our time over its, neighbours in time.

    Of the recordings whose base transcripts agree, so that both write as much. It always fills the window, and is less
    exact in int8, so not all may.
    """
    with tempfile.TemporaryDirectory() as folder:
        engine = ConvertedBase(asr.backbone, precision, Path(folder))
    own, others = [], []
    for waveform in waveforms:
        own_run, other_run = partial(transcribe, asr, waveform), partial(engine.transcribe, waveform)
        if own_run()[0] != other_run():  # warms up as well
            continue
        runs: dict[str, Callable[[], object]] = {"own": own_run, "other": other_run}
        for i in range(ROUNDS):
            seconds = {way: timed(runs[way], asr.backbone)[0] for way in in_turn(tuple(runs), i)}
            own.append(seconds["own"])
            others.append(seconds["other"])
    if not own:
        raise BenchError("CTranslate2 writes other words for every recording, so its times say nothing.")
    return 1000 * statistics.median(others), median_ratio(own, others)


class ConvertedBase:
    """The base in CTranslate2's own format; faster-whisper itself pads to 30 s, which a model of 10 s refuses."""

    def __init__(self, backbone: Backbone, precision: str, folder: Path) -> None:
        """`folder` is needed no longer once this is made."""
        from ctranslate2.converters import TransformersConverter
        from ctranslate2.models import Whisper

        self._backbone = backbone
        backbone.save(folder / "base", {})
        TransformersConverter(str(folder / "base")).convert(str(folder / "converted"))
        threads = torch.get_num_threads()
        self._model = Whisper(str(folder / "converted"), device="cpu", compute_type=precision, intra_threads=threads)

    def transcribe(self, waveform: np.ndarray) -> tuple[int, ...]:  # (n_samples,) 16 kHz, of one window at most
        """The tokens, the likeliest one at each step."""
        from ctranslate2 import StorageView

        backbone = self._backbone
        log_mel = np.ascontiguousarray(backbone.log_mel([waveform]).numpy())  # (1, n_mels, n_frames), the whole window
        (written,) = self._model.generate(
            StorageView.from_array(log_mel),
            [list(backbone.prompt())],
            beam_size=1,
            max_length=backbone.max_target_positions,
            suppress_blank=bool(backbone.begin_suppressed),
            suppress_tokens=list(backbone.suppressed),
        )
        return tuple(written.sequences_ids[0])
