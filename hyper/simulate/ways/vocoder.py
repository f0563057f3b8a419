"""A vocoder in the manner of WORLD (Morise and others 2016): F0, envelope and breath apart, changed, and put together.

The envelope is CheapTrick's (Morise 2015). How much of a sound is breath is not measured but the patient's own, rising
with frequency; voices are driven by pulses whose phase is the envelope's least.
"""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.pitch import FRAME_HOP, track_f0
from hyper.simulate.psola import Timeline, lay_out
from hyper.simulate.room import ratio, speech_level
from hyper.simulate.spectrum import warped
from hyper.simulate.ways.chain import SPANS, Draw

_N_FFT = 1024
_FREQUENCIES = np.arange(_N_FFT // 2 + 1) * SAMPLE_RATE / _N_FFT  # (n_bins,) Hz
_UNVOICED_HZ = 200.0  # noise is filtered anew so often, and analysed as if this were its F0
_LIFTER = -0.15  # q1 of CheapTrick: what smoothing took from the peaks is given back
_FLOOR = 1e-9  # of power, against the logarithm of silence


def say_vocoded(
    waveform: np.ndarray, cohort: str, strength: float, speaker: Draw, rng: Draw
) -> np.ndarray:  # (n_samples,) -> (n_samples_out,)
    """Say it by another larynx: flatter, trembling, breathy, through a mouth that moves slowly and little."""
    timeline = lay_out(SPANS[cohort](len(waveform) / SAMPLE_RATE, strength, speaker, rng))
    weak = strength * (0.3 if cohort == "stuttering" else 1.0)  # who stutters has a voice like others'
    f0 = track_f0(waveform)
    envelope = _moved(_envelope(waveform, f0), weak, speaker)
    melody = _melody(f0, timeline, weak, speaker, rng)
    breath = _breath(weak, speaker)
    said = _spoken(envelope, melody, f0 > 0, timeline, breath, rng) * timeline.gain
    noise_db = 60 - weak * speaker.uniform(10, 38)  # below the speech
    return said + rng.standard_normal(len(said)) * speech_level(waveform) * ratio(-noise_db)


def _envelope(waveform: np.ndarray, f0: np.ndarray) -> np.ndarray:  # (n_frames, n_bins) log power of one sample
    """Power seen through three periods, smoothed over two thirds of F0, then without what repeats with F0."""
    pitch = np.where(f0 > 0, f0, _UNVOICED_HZ)[:, None]
    half = _N_FFT // 2
    padded = np.pad(waveform.astype(np.float32), (half, _N_FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::FRAME_HOP][: len(f0)]
    place = (np.arange(_N_FFT) - half) * pitch / (1.5 * SAMPLE_RATE)  # -1 to 1 within three periods
    window = np.where(np.abs(place) < 1, 0.5 + 0.5 * np.cos(np.pi * place), 0.0)
    window = (window / np.sqrt((window**2).sum(axis=1, keepdims=True))).astype(np.float32)
    power = np.abs(fft.rfft(frames * window)) ** 2 + _FLOOR
    quefrency = pitch * np.arange(half + 1, dtype=np.float32) / SAMPLE_RATE  # periods
    lifter = np.sinc(quefrency) * (1 - 2 * _LIFTER + 2 * _LIFTER * np.cos(2 * np.pi * quefrency))
    lifter = np.concatenate([lifter, lifter[:, -2:0:-1]], axis=1).astype(np.float32)
    return fft.rfft(fft.irfft(np.log(_smoothed(power, pitch * 2 / 3))) * lifter).real


def _smoothed(power: np.ndarray, width_hz: np.ndarray) -> np.ndarray:  # (n_frames, n_bins), (n_frames, 1)
    """The mean of the power over a band of `width_hz` around each bin."""
    edge = int(np.ceil(width_hz.max() / 2 / _FREQUENCIES[1])) + 1
    padded = np.pad(power, ((0, 0), (edge, edge)), mode="reflect")
    total = np.pad(np.cumsum(padded, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    half = width_hz / 2 / _FREQUENCIES[1]  # bins
    bins = np.arange(power.shape[1]) + edge + 0.5

    def up_to(place: np.ndarray) -> np.ndarray:
        low = np.floor(place).astype(int)
        below, above = (np.take_along_axis(total, low + step, axis=1) for step in (0, 1))
        return below + (place - low) * (above - below)

    mean = (up_to(bins + half) - up_to(bins - half)) / (2 * half)
    return np.maximum(mean, _FLOOR).astype(np.float32)


def _moved(envelope: np.ndarray, weak: float, speaker: Draw) -> np.ndarray:  # (n_frames, n_bins) log power
    """Formants that move slowly, are broad, lie elsewhere; a spectrum that falls."""
    slow = gaussian_filter1d(envelope, 0.1 + weak * speaker.uniform(0, 8), axis=0)
    broad = gaussian_filter1d(slow, 0.1 + weak * speaker.uniform(0, 10), axis=1)
    elsewhere = warped(broad, 1 + weak * speaker.uniform(-0.15, 0.15))
    tilt_db = weak * speaker.uniform(-6, 2) * np.log2(np.maximum(_FREQUENCIES, 250) / 1000)
    return elsewhere + tilt_db * np.log(10) / 10


def _melody(f0: np.ndarray, timeline: Timeline, weak: float, speaker: Draw, rng: Draw) -> np.ndarray:  # (n_out,) Hz
    """F0 of the output: narrower or wider, trembling, unsteady, as if voiced everywhere."""
    voiced = f0 > 0
    mean = float(np.exp(np.log(f0[voiced]).mean())) if voiced.any() else 120.0
    course = np.where(voiced, f0, mean)[_frame_of(timeline, len(f0))] / mean
    time = np.arange(len(course)) / SAMPLE_RATE
    tremor = weak * speaker.uniform(0, 0.08) * np.sin(2 * np.pi * (speaker.uniform(3, 9) * time + rng.random()))
    knots = rng.standard_normal(int(time[-1] * 60) + 2)  # every 17 ms: a few periods
    jitter = weak * speaker.uniform(0, 0.05) * np.interp(time, np.linspace(0, time[-1], len(knots)), knots)
    narrow = 1 + weak * speaker.uniform(-1, 0.6)
    return mean * (1 + weak * speaker.uniform(-0.15, 0.15)) * course**narrow * timeline.pitch * (1 + tremor + jitter)


def _breath(weak: float, speaker: Draw) -> np.ndarray:  # (n_bins,) share of the power of voiced sounds
    """Breath takes the high frequencies of every voice, and more of them the weaker it is."""
    corner = 6000 - weak * speaker.uniform(0, 5500)
    return 1 / (1 + np.exp(-(_FREQUENCIES - corner) / 600))


def _frame_of(timeline: Timeline, n_frames: int) -> np.ndarray:  # (n_out,) the frame that each sample plays
    return np.clip(np.round(timeline.source / FRAME_HOP).astype(int), 0, n_frames - 1)


def _spoken(
    envelope: np.ndarray,  # (n_frames, n_bins) log power
    melody: np.ndarray,  # (n_out,) Hz
    voiced: np.ndarray,  # (n_frames,) bool
    timeline: Timeline,
    breath: np.ndarray,  # (n_bins,)
    rng: Draw,
) -> np.ndarray:  # (n_out,)
    """A pulse and the noise up to the next one, each through the envelope of its moment."""
    frame = _frame_of(timeline, len(voiced))
    pace = np.where(voiced[frame], melody, _UNVOICED_HZ) / SAMPLE_RATE
    at = np.flatnonzero(np.diff(np.floor(np.cumsum(pace)), prepend=0.0) > 0)
    out = np.zeros(len(melody) + 2 * _N_FFT)
    if not len(at):
        return out[: len(melody)]
    period = np.minimum(np.diff(at, append=len(melody)), _N_FFT // 2)
    noisy = np.where(voiced[frame[at]][:, None], breath, 1 - 1e-6).astype(np.float32)
    log_power = envelope[frame[at]]
    noise = rng.standard_normal((len(at), _N_FFT), dtype=np.float32)
    noise[np.arange(_N_FFT) >= period[:, None]] = 0
    spectra = _least_phase(log_power + np.log(1 - noisy)) * np.sqrt(period)[:, None]
    spectra = spectra + fft.rfft(noise) * _least_phase(log_power + np.log(noisy))
    for start, response in zip(at, fft.irfft(spectra), strict=True):
        out[start : start + _N_FFT] += response
    return out[: len(melody)]


def _least_phase(log_power: np.ndarray) -> np.ndarray:  # (n, n_bins) -> (n, n_bins) complex
    """The spectrum of that power whose energy comes first: its cepstrum folded onto positive times."""
    cepstrum = fft.irfft(log_power / 2)
    cepstrum[:, 1 : _N_FFT // 2] *= 2
    cepstrum[:, _N_FFT // 2 + 1 :] = 0
    return np.exp(fft.rfft(cepstrum))
