"""An utterance said again in a changed voice: its F0, its periods and the background of its rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.pitch_marks import PitchMarks, find_marks
from hyper.simulate.psola import Span, Timeline, lay_out, resynthesise
from hyper.simulate.room import background

TREMOR_HZ = (4.0, 7.0)  # of trembling voices


@dataclass(frozen=True)
class VoiceChange:
    """How the voice itself differs."""

    f0_range: float  # semitones that F0 strays from the speaker's mean, as a share of what they were; 0 is a monotone
    tremor_hz: float
    tremor_depth: float  # amplitude of the F0 tremor as a share of F0
    jitter: float  # mean change from period to period, as a share of the period
    shimmer_db: float  # mean change of level from period to period


NO_CHANGE = VoiceChange(f0_range=1.0, tremor_hz=5.0, tremor_depth=0.0, jitter=0.0, shimmer_db=0.0)


def say_spans(waveform: np.ndarray, spans: Sequence[Span], voice: VoiceChange, rng: np.random.Generator) -> np.ndarray:
    """Play the spans in a changed voice, rests filled with the recording's own background."""
    marks = find_marks(waveform)
    timeline = lay_out(spans)
    factor = f0_factor(marks, timeline, voice, rng)
    said = resynthesise(waveform, marks, timeline, factor, voice.jitter, voice.shimmer_db, rng)
    if any(span.kind == "rest" for span in spans):
        resting = uniform_filter1d((timeline.gain == 0).astype(np.float32), SAMPLE_RATE // 50)  # 20 ms: no edge to hear
        said = said + resting * background(waveform, len(said), rng)
    return said


def f0_factor(marks: PitchMarks, timeline: Timeline, voice: VoiceChange, rng: np.random.Generator) -> np.ndarray:
    """(n_out,) factor that narrows F0 toward its mean and lets it tremble."""
    period = np.where(marks.voiced, marks.period, SAMPLE_RATE / marks.mean_f0)  # samples
    period = np.interp(timeline.source, marks.position, period)  # (n_out,)
    narrowed = (period * marks.mean_f0 / SAMPLE_RATE) ** (1 - voice.f0_range)
    time = np.arange(len(timeline.source)) / SAMPLE_RATE
    tremor = np.sin(2 * np.pi * (voice.tremor_hz * time + rng.random()))
    return narrowed * (1 + voice.tremor_depth * tremor)
