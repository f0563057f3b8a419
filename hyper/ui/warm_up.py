"""What the first visitor would wait for is done when the page has started: a comparison of noise, then more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from hyper.plots.sound import sound_print
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.sound import look_at
from hyper.ui import figures, panels

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr

NOISE_LEVEL = 0.05  # of full scale


def start_warm_up(asr: PersonalizedAsr, name: str, then: Callable[[], None]) -> threading.Thread:
    """In a thread that ends by itself: the port answers meanwhile. `then`: what can wait for the first comparison."""

    def work() -> None:
        warm_up(asr, name)
        then()

    thread = threading.Thread(target=work, daemon=True, name="warm-up")
    thread.start()
    return thread


def warm_up(asr: PersonalizedAsr, name: str) -> None:
    """Import, allocate and build tables as a comparison does, with its transcripts first, then a figure."""
    noise = NOISE_LEVEL * np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
    comparison = asr.compare(noise, "one second of noise")
    panels.results_html(comparison, name)
    _ = comparison.layers  # measured when first asked for
    figures.print_links_html(sound_print(look_at(comparison.waveform)), "")
