"""Speech laid out anew in time, pitch and level: pitch-synchronous overlap-add (Moulines and Charpentier 1990)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import uniform_filter1d

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.pitch_marks import UNVOICED_PERIOD, PitchMarks

FADE_OUT = SAMPLE_RATE * 15 // 1000  # samples: the last 15 ms before a rest die away
FADE_IN = SAMPLE_RATE * 4 // 1000  # samples: 4 ms of the rest lead into the next sound, whose burst stays whole
_LEVEL_CHANGE = SAMPLE_RATE * 10 // 1000  # samples: a step of level inside a voice would click
_PASS = SAMPLE_RATE // 4  # samples: a pass through a held sound takes about 0.25 s or more
_SAG = 0.05  # share by which F0 sinks in the middle of a held sound: held by a person, not by a machine
# The mean of |x| for a normal x of unit variance is sqrt(2 / pi). A change of level is the difference of two draws
# (variance 2); a change of period, periods themselves being differences of displaced centres, has variance 6.
_SHIMMER_OF_LEVEL = np.sqrt(2) * np.sqrt(2 / np.pi)
_JITTER_OF_DISPLACEMENT = np.sqrt(6) * np.sqrt(2 / np.pi)
_FINE = 4  # grains are cut at a quarter of a sample, so that rounding adds no roughness to a voice


@dataclass(frozen=True)
class Span:
    """A stretch of the output: source seconds `start` to `end` played in `seconds`, held back and forth, or a rest."""

    start: float  # seconds in the source
    end: float  # seconds in the source
    seconds: float  # in the output
    kind: str = "play"  # "play", "hold" (to and fro between start and end) or "rest" (silence)
    pitch: float = 1.0  # factor on F0
    gain: float = 1.0


@dataclass(frozen=True)
class Timeline:
    """What the output plays at each of its samples."""

    source: np.ndarray  # (n_out,) position in the source, samples
    pitch: np.ndarray  # (n_out,) factor on F0
    gain: np.ndarray  # (n_out,) factor on amplitude; 0 inside a rest


@dataclass(frozen=True)
class Alternation:
    """Every second period unlike its neighbours, as in diplophonia: subharmonics, a voice of type 2 (Titze 1995)."""

    where: np.ndarray  # (n_out,) bool
    level_db: float  # every second period is weaker by so much
    period: float  # change of length from period to period, as a share of the period


def lay_out(spans: Sequence[Span]) -> Timeline:
    """Join spans to one timeline: sound dies away before a rest and sets in at its end; levels pass into each other."""
    spans = [span for span in spans if round(span.seconds * SAMPLE_RATE) > 0]
    edges = np.round(np.cumsum([0.0] + [span.seconds for span in spans]) * SAMPLE_RATE).astype(int)
    source, pitch, gain = np.empty(edges[-1]), np.empty(edges[-1]), np.empty(edges[-1])
    for i, (span, first, last) in enumerate(zip(spans, edges[:-1], edges[1:], strict=True)):
        here = slice(first, last)
        pitch[here], gain[here] = span.pitch, span.gain
        if span.kind == "hold":
            source[here] = _to_and_fro(last - first, span.start, span.end)
            pitch[here] *= 1 - _SAG * np.sin(np.linspace(0, np.pi, last - first))
        elif span.kind == "play":
            source[here] = np.linspace(span.start, span.end, last - first, endpoint=False) * SAMPLE_RATE
        else:
            following = spans[i + 1].start if i + 1 < len(spans) else span.end
            source[here] = following * SAMPLE_RATE - np.arange(last - first, 0, -1)
            gain[here] = spans[min(i + 1, len(spans) - 1)].gain  # of what it leads into
    gain = uniform_filter1d(gain, _LEVEL_CHANGE, mode="nearest") if len(gain) else gain
    for i, (span, first, last) in enumerate(zip(spans, edges[:-1], edges[1:], strict=True)):
        if span.kind == "rest":
            sets_in = max(last - FADE_IN, first) if i + 1 < len(spans) else last
            gain[first:sets_in] = 0
            _fade(gain[max(first - FADE_OUT, 0) : first], falling=True)
            _fade(gain[sets_in:last], falling=False)
    return Timeline(source, pitch, gain)


def _fade(gain: np.ndarray, falling: bool) -> None:
    """Multiply a stretch of gains, in place, by half a cosine period."""
    curve = 0.5 - 0.5 * np.cos(np.pi * (np.arange(len(gain)) + 0.5) / max(len(gain), 1))
    gain *= curve[::-1] if falling else curve


def _to_and_fro(n: int, start: float, end: float) -> np.ndarray:
    """Source positions that run from start to end and back, slowly enough not to wobble, ending at `end`."""
    width = (end - start) * SAMPLE_RATE
    turns = max(2 * round((n / max(width, _PASS) - 1) / 2) + 1, 1)  # an odd number of passes ends at `end`
    phase = np.linspace(0, turns, n, endpoint=False) % 2
    return start * SAMPLE_RATE + width * np.where(phase < 1, phase, 2 - phase)


def resynthesise(
    waveform: np.ndarray,  # (n_samples,)
    marks: PitchMarks,
    timeline: Timeline,
    f0_factor: np.ndarray,  # (n_out,) factor on F0 on top of the timeline's
    jitter: float,  # mean change from one period to the next, as a share of the period
    shimmer_db: float,  # mean change of level from one period to the next, dB
    rng: np.random.Generator,
    alternation: Alternation | None = None,
) -> np.ndarray:  # (n_out,) float32
    """Play the timeline: one grain per output period, two source periods wide, from the nearest mark of the source."""
    n_out = len(timeline.source)
    frequency = np.interp(timeline.source, marks.position, 1 / marks.period)  # cycles per sample
    voicing = np.interp(timeline.source, marks.position, marks.voiced.astype(float))
    phase = np.cumsum(frequency * np.where(voicing > 0.5, timeline.pitch * f0_factor, 1.0))
    centres = np.interp(np.arange(1, int(phase[-1]) + 1), phase, np.arange(n_out))  # (n_grains,) output samples
    at = np.clip(centres.astype(int), 0, n_out - 1)
    wanted = timeline.source[at]  # (n_grains,) source samples
    # A grain said over and over buzzes; where the source passes slowly, each is drawn from a slightly other place.
    slowness = np.clip(1 - np.abs(np.gradient(timeline.source))[at], 0, 1)
    scatter = slowness * rng.uniform(-1.5, 1.5, len(at))  # in periods
    nearest = _nearest(marks.position, wanted)
    beside = np.clip(nearest + np.rint(scatter).astype(int), 0, len(marks.voiced) - 1)
    nearest = np.where(marks.voiced[nearest] & marks.voiced[beside], beside, nearest)
    voiced, half = marks.voiced[nearest], marks.period[nearest]
    cut_at = np.where(voiced, marks.position[nearest], wanted + UNVOICED_PERIOD * scatter)
    displacement = half * jitter / _JITTER_OF_DISPLACEMENT * rng.standard_normal(len(at))
    level_db = shimmer_db / _SHIMMER_OF_LEVEL * rng.standard_normal(len(at))
    if alternation is not None:
        second = alternation.where[at] & (np.arange(len(at)) % 2 == 1)
        level_db = level_db - second * alternation.level_db
        displacement = displacement + second * half * alternation.period / 2  # one period longer, the next shorter
    centres = centres + np.where(voiced, displacement, 0.0)
    level = np.where(voiced, 10 ** (level_db / 20), 1.0)
    return _overlap_add(waveform, cut_at, centres, half, level, n_out) * timeline.gain.astype(np.float32)


def _nearest(sorted_values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    right = np.clip(np.searchsorted(sorted_values, wanted), 1, len(sorted_values) - 1)
    return np.where(wanted - sorted_values[right - 1] < sorted_values[right] - wanted, right - 1, right)


def _overlap_add(
    waveform: np.ndarray,  # (n_samples,)
    cut_at: np.ndarray,  # (n_grains,) centre in the source, samples
    centres: np.ndarray,  # (n_grains,) centre in the output, samples
    half: np.ndarray,  # (n_grains,) half width, samples
    level: np.ndarray,  # (n_grains,)
    n_out: int,
) -> np.ndarray:  # (n_out,) float32
    """Sum Hann-windowed grains and divide by the sum of the windows where that is not a gap."""
    fine = _upsample(waveform)
    reach = int(half.max()) + 1
    first = np.floor(centres).astype(np.int64)
    steps = np.arange(-reach, reach + 1)
    offset = (steps - (centres - first)[:, None]).astype(np.float32)  # (n_grains, width) samples from the centre
    width = half.astype(np.float32)[:, None]
    window = np.where(np.abs(offset) < width, 0.5 + 0.5 * np.cos(np.pi * offset / width), 0).astype(np.float32)
    taken = np.clip(np.rint((cut_at[:, None] + offset) * _FINE).astype(np.int64), 0, len(fine) - 1)
    into = np.clip(first[:, None] + steps + reach, 0, n_out + 2 * reach).ravel()  # `reach` samples of margin each side
    size = n_out + 2 * reach + 1
    total = np.bincount(into, (fine[taken] * window * level.astype(np.float32)[:, None]).ravel(), size)
    weight = np.bincount(into, window.ravel(), size)
    return (total / np.maximum(weight, 0.5))[reach : reach + n_out].astype(np.float32)


def _upsample(waveform: np.ndarray) -> np.ndarray:
    """The waveform at four times the rate, band-limited."""
    n = fft.next_fast_len(len(waveform) + 256, real=True)  # the margin keeps the end from wrapping into the start
    spectrum = fft.rfft(waveform.astype(np.float32), n)
    return (fft.irfft(spectrum, n * _FINE) * _FINE)[: len(waveform) * _FINE]
