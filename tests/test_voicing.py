"""How much of a recording is voiced: against tones whose length is known, and autocorrelation written out."""

from __future__ import annotations

import numpy as np
import pytest

from hyper.model.files import ASSETS
from hyper.recordings.audio import SAMPLE_RATE, load_audio
from hyper.recordings.manifest import read_manifest
from hyper.recordings.voicing import FRAME, HOP, LONGEST_PERIOD, SHORTEST_PERIOD, periodicity, voiced_seconds
from hyper.speech.no_speech import no_speech

EXAMPLES = ASSETS.parent / "examples" / "manifest.csv"


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.01, round(seconds * SAMPLE_RATE)).astype(np.float32)


def pulses(hertz: float, seconds: float) -> np.ndarray:
    """What vocal folds do: a pulse each period."""
    waveform = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    waveform[:: round(SAMPLE_RATE / hertz)] = 0.5
    return waveform


@pytest.mark.parametrize("hertz", [80, 120, 220, 380])
def test_voiced_time_is_that_of_the_pulses(hertz):
    waveform = np.concatenate([noise(1.0), pulses(hertz, 0.6) + noise(0.6, 1), noise(1.0, 2)])
    assert voiced_seconds(waveform) == pytest.approx(0.6, abs=FRAME / SAMPLE_RATE)
    assert voiced_seconds(noise(2.0)) == 0.0


@pytest.mark.parametrize("kind", ["room", "white noise", "pink noise", "breathing"])
def test_what_only_hisses_and_rumbles_has_no_voice(kind):
    assert max(voiced_seconds(no_speech(kind, np.random.default_rng(seed))) for seed in range(20)) < 0.1


def test_every_example_has_a_voice():
    if not EXAMPLES.is_file():
        pytest.skip("there are no examples yet")
    assert min(voiced_seconds(load_audio(row.path)) for row in read_manifest(EXAMPLES)) > 0.1


def test_periodicity_is_the_autocorrelation_without_the_windows_own():
    rng = np.random.default_rng(1)
    frame = np.sin(2 * np.pi * 137 * np.arange(FRAME) / SAMPLE_RATE) + 0.5 * rng.standard_normal(FRAME)
    window = np.hanning(FRAME)

    def correlation(x: np.ndarray, lag: int) -> float:
        return float(x[lag:] @ x[: FRAME - lag])

    own = (frame - frame.mean()) * window
    by_hand = max(
        correlation(own, lag) / correlation(own, 0) / (correlation(window, lag) / correlation(window, 0))
        for lag in range(SHORTEST_PERIOD, LONGEST_PERIOD + 1)
    )
    assert periodicity(frame[None])[0] == pytest.approx(by_hand)
    assert 0.35 < by_hand < 1


def test_long_and_short_recordings_are_measured_alike():
    talk = np.concatenate([noise(0.5), pulses(110, 0.5), noise(0.5)])
    assert voiced_seconds(np.tile(talk, 40)) == pytest.approx(40 * voiced_seconds(talk), rel=0.05)  # a minute
    assert voiced_seconds(pulses(110, 0.02)) <= HOP / SAMPLE_RATE  # shorter than a frame
