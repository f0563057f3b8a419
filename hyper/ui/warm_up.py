"""What the first visitor would wait for is done before the page says that it is ready: a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hyper.plots.sound import sound_print
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.sound import look_at
from hyper.ui import figures, panels

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr

NOISE_LEVEL = 0.05  # of full scale


def warm_up(asr: PersonalizedAsr, name: str, recording: Path | None) -> None:
    """Read, import, allocate and build tables as for a visitor: transcripts, layers, a figure.

    Without a recording, of noise: the child that reads files is then started by the first visitor.
    """
    comparison = asr.compare(load_audio(recording) if recording else _noise(), "what was meant")
    panels.results_html(comparison, name)
    _ = comparison.layers  # measured when first asked for
    figures.print_links_html(sound_print(look_at(comparison.waveform)), "")


def _noise() -> np.ndarray:  # (n_samples,), a second of it
    return NOISE_LEVEL * np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
