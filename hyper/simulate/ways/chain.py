"""A chain of effects drawn for each patient: a few of many, each by chance, in strengths beyond any clinical range."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, fftconvolve, sosfilt

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.psola import Span
from hyper.simulate.room import ratio, speech_level
from hyper.simulate.spectrum import FREQUENCIES, istft, stft, warped, whispered
from hyper.simulate.voice import VoiceChange, say_spans

_PIECE_SECONDS = (0.06, 0.3)  # a sound or a syllable: cut anywhere, no phones are asked for
_SHARE_OF_EFFECTS = 0.45  # of the effects below that a patient has
Draw = np.random.Generator
# waveform (n_samples,), strength in [0, 1], draws for the speaker, for the recording -> (n_samples,)
Effect = Callable[[np.ndarray, float, Draw, Draw], np.ndarray]


def say_chain(
    waveform: np.ndarray, cohort: str, strength: float, speaker: Draw, rng: Draw
) -> np.ndarray:  # (n_samples,) -> (n_samples_out,)
    """Other timing and pitch, by pitch-synchronous overlap-add; then the patient's effects, in the patient's order."""
    spans = SPANS[cohort](len(waveform) / SAMPLE_RATE, strength, speaker, rng)
    said = say_spans(waveform, spans, _voice(strength if cohort != "stuttering" else 0.3 * strength, speaker), rng)
    own = [effect for effect in EFFECTS if speaker.random() < _SHARE_OF_EFFECTS]
    share = 0.4 if cohort == "stuttering" else 1.0  # who stutters has a voice like others'
    for i in speaker.permutation(len(own)):
        said = own[i](said, share * strength * float(speaker.uniform(0.3, 1)), speaker, rng)
    return said


def _voice(strength: float, speaker: Draw) -> VoiceChange:
    return VoiceChange(
        f0_range=1 + strength * speaker.uniform(-1, 0.8),
        tremor_hz=speaker.uniform(3, 9),
        tremor_depth=strength * speaker.uniform(0, 0.12),
        jitter=strength * speaker.uniform(0, 0.04),
        shimmer_db=strength * speaker.uniform(0, 2),
    )


def _pieces(seconds: float, rng: Draw) -> list[tuple[float, float]]:
    """Start and end of pieces that follow one another through the recording, seconds."""
    cuts = np.cumsum(rng.uniform(*_PIECE_SECONDS, int(seconds / _PIECE_SECONDS[0]) + 2))
    edges = [0.0, *cuts[cuts < seconds], seconds]
    return list(zip(edges[:-1], edges[1:], strict=True))


def _slow(seconds: float, strength: float, speaker: Draw, rng: Draw) -> list[Span]:
    """Slow, uneven, with pauses anywhere."""
    slowness = 1 + strength * speaker.uniform(0, 1.4)
    uneven, pausing = strength * speaker.uniform(0, 0.5), strength * speaker.uniform(0, 0.15)
    spans: list[Span] = []
    for start, end in _pieces(seconds, rng):
        factor = slowness * np.exp(uneven * rng.standard_normal())
        level = 10 ** (-uneven * 12 * rng.random() / 20)
        spans.append(Span(start, end, (end - start) * float(np.clip(factor, 0.5, 4)), gain=level))
        if rng.random() < pausing:
            spans.append(Span(end, end, rng.uniform(0.08, 0.6), kind="rest"))
    return spans


def _hurried(seconds: float, strength: float, speaker: Draw, rng: Draw) -> list[Span]:
    """Fast or in rushes, fading."""
    pace = 1 + strength * speaker.uniform(-0.2, 0.7)
    rushing, fade_db = strength * speaker.uniform(0, 0.6), strength * speaker.uniform(0, 18)
    return [
        Span(
            start,
            end,
            (end - start) / float(np.clip(pace * (1 + rushing * rng.uniform(-0.5, 1)), 0.6, 2.5)),
            gain=10 ** (-fade_db * start / seconds / 20),
        )
        for start, end in _pieces(seconds, rng)
    ]


def _stuttered(seconds: float, strength: float, speaker: Draw, rng: Draw) -> list[Span]:
    """Pieces said again, held, or waited for."""
    kinds = speaker.dirichlet([1.5, 1.0, 1.0])
    share = 0.05 + strength * speaker.uniform(0.1, 0.35)  # of the pieces
    spans: list[Span] = []
    for start, end in _pieces(seconds, rng):
        if rng.random() < share:
            kind = rng.choice(3, p=kinds)
            if kind == 0:
                for _ in range(1 + rng.poisson(0.5 + 2 * strength)):
                    spans.append(Span(start, end, (end - start) * rng.uniform(0.7, 1.2), pitch=rng.uniform(0.94, 1.06)))
                    spans.append(Span(start, start, rng.uniform(0, 0.2), kind="rest"))
            elif kind == 1:
                held = min(start + rng.uniform(0.03, 0.08), end)
                spans.append(Span(start, held, rng.uniform(0.15, 0.4 + strength), kind="hold"))
            else:
                spans.append(Span(start, start, rng.uniform(0.15, 0.4 + strength), kind="rest"))
        spans.append(Span(start, end, end - start))
    return spans


SPANS = {"dysarthria": _slow, "parkinsons": _hurried, "stuttering": _stuttered}


def _coloured(waveform: np.ndarray, strength: float, speaker: Draw, rng: Draw) -> np.ndarray:
    """A tilt and a random curve over frequency: another mouth, nose or microphone."""
    curve = gaussian_filter1d(speaker.standard_normal(len(FREQUENCIES)), speaker.uniform(6, 30), mode="wrap")
    curve_db = strength * 10 * curve / max(float(np.abs(curve).max()), 1e-9)
    tilt_db = strength * speaker.uniform(-7, 3) * np.log2(np.maximum(FREQUENCIES, 250) / 1000)
    return istft(stft(waveform) * 10 ** ((curve_db + tilt_db) / 20), len(waveform))


def _cut(waveform: np.ndarray, strength: float, speaker: Draw, rng: Draw) -> np.ndarray:
    """A band of it."""
    low = 50 + strength * speaker.uniform(0, 400)
    high = 7500 - strength * speaker.uniform(0, 5500)
    return sosfilt(butter(2, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos"), waveform)


def _blurred(waveform: np.ndarray, strength: float, speaker: Draw, rng: Draw) -> np.ndarray:
    """The tongue moves slowly: magnitudes smoothed over time."""
    spectra = stft(waveform)  # (n_frames, n_bins)
    loud = np.log(np.abs(spectra) + 1e-5)
    slow = gaussian_filter1d(loud, 0.3 + strength * speaker.uniform(1, 5), axis=0)
    smooth = gaussian_filter1d(slow - loud, 6, axis=1)  # formants, not harmonics
    return istft(spectra * np.exp(np.clip(smooth, -2, 2)), len(waveform))


def _warped(waveform: np.ndarray, strength: float, speaker: Draw, rng: Draw) -> np.ndarray:
    """Formants moved up or down, the lower ones by more or less than the higher ones."""
    spectra = stft(waveform)
    envelope = gaussian_filter1d(np.log(np.abs(spectra) + 1e-5), 7, axis=1)
    low, high = 1 + strength * speaker.uniform(-0.22, 0.22, 2)
    wanted = warped(envelope, np.linspace(low, high, len(FREQUENCIES)))
    return istft(spectra * np.exp(np.clip(wanted - envelope, -2.5, 2.5)), len(waveform))


def _breathy(waveform: np.ndarray, strength: float, speaker: Draw, rng: Draw) -> np.ndarray:
    """Breath through the same mouth in place of a share of the voice."""
    share = strength * speaker.uniform(0.2, 1)
    return np.sqrt(1 - share**2) * waveform + share * whispered(waveform, rng)


def _noisy(waveform: np.ndarray, strength: float, speaker: Draw, rng: Draw) -> np.ndarray:
    """Noise that falls above a frequency of its own."""
    noise = rng.standard_normal(len(waveform))
    coloured = sosfilt(butter(1, speaker.uniform(300, 6000), fs=SAMPLE_RATE, output="sos"), noise)
    level = speech_level(waveform) * ratio(-(40 - strength * speaker.uniform(8, 32)))
    return waveform + coloured * level / max(float(np.sqrt((coloured**2).mean())), 1e-9)


def _distant(waveform: np.ndarray, strength: float, speaker: Draw, rng: Draw) -> np.ndarray:
    """A room."""
    seconds = 0.05 + strength * speaker.uniform(0.05, 0.5)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    tail *= strength * speaker.uniform(0.2, 1) / np.sqrt((tail**2).sum())
    tail[0] += 1
    return fftconvolve(waveform, tail)[: len(waveform)]


def _unsteady(waveform: np.ndarray, strength: float, speaker: Draw, rng: Draw) -> np.ndarray:
    """A level that trembles, drifts and now and then fails."""
    time = np.arange(len(waveform)) / SAMPLE_RATE
    trembling = strength * speaker.uniform(0, 7) * np.sin(2 * np.pi * (speaker.uniform(3, 12) * time + rng.random()))
    knots = rng.uniform(-1, 0, int(time[-1] * 3) + 2) * strength * speaker.uniform(2, 16)
    drift = np.interp(time, np.linspace(0, time[-1], len(knots)), knots)
    failing = np.ones(len(waveform))
    for at in rng.uniform(0, time[-1], rng.poisson(strength * speaker.uniform(0, 2) * time[-1])):
        failing[int(at * SAMPLE_RATE) : int((at + rng.uniform(0.02, 0.09)) * SAMPLE_RATE)] = 0.1
    return waveform * 10 ** ((trembling + drift) / 20) * gaussian_filter1d(failing, 60)


def _rough(waveform: np.ndarray, strength: float, speaker: Draw, rng: Draw) -> np.ndarray:
    """Driven too hard: a voice that rasps."""
    loudest = max(float(np.abs(waveform).max()), 1e-9)
    drive = 1 + strength * speaker.uniform(0, 6)
    return loudest * np.tanh(drive * waveform / loudest) / np.tanh(drive)


EFFECTS: tuple[Effect, ...] = (
    _coloured, _cut, _blurred, _warped, _breathy, _noisy, _distant, _unsteady, _rough,
)  # fmt: skip
