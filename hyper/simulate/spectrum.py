"""What voice and tongue do to the spectrum: articulation, nasality, breath and tilt in one short-time Fourier pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d, median_filter

from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.phones import Phone, is_vowel

N_FFT = 512  # samples: 32 ms
HOP = 128  # samples: 8 ms
N_BINS = N_FFT // 2 + 1
FREQUENCIES = np.arange(N_BINS) * SAMPLE_RATE / N_FFT  # (n_bins,) Hz

_N_CEPSTRA = 32  # quefrencies up to 2 ms: formants, not harmonics (a 420 Hz voice repeats every 2.4 ms)
_LPC_BINS = 160  # 0-5 kHz: selective linear prediction (Makhoul 1975) finds F1 and F2 as if sampled at 10 kHz
_LPC_ORDER = 10  # two poles a kHz
_MAX_GAIN_DB = 20.0
_WINDOW = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
_OVERLAP = 1.5  # sum of the squared window over hops of a quarter window
_COSINES = np.cos(np.pi * np.outer(np.arange(_N_CEPSTRA), np.arange(N_BINS)) / (N_BINS - 1)).astype(np.float32)


@dataclass(frozen=True)
class SpectralChange:
    """How speech sounds differ, whatever their timing and pitch."""

    blur_ms: float  # standard deviation of the smoothing of the spectral envelope over time: imprecise articulation
    vowel_space: float  # distance of each vowel's F1 and F2 from the speaker's mean, as a share of what it was
    nasal_db: float  # height of the nasal resonance and depth of the zero
    hnr_db: float  # harmonics over added aspiration noise
    tilt_db: float  # fall of the spectrum above 500 Hz, dB per octave, added to the voice's own


def stft(waveform: np.ndarray) -> np.ndarray:  # (n_frames, n_bins) complex; frame i is centred on sample i * HOP
    """Spectra of overlapping, windowed frames, from the first sample to past the last."""
    padded = np.pad(waveform.astype(np.float32), (N_FFT // 2, N_FFT))
    return fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP] * _WINDOW)


def istft(spectra: np.ndarray, n_samples: int) -> np.ndarray:  # (n_samples,) float32
    """The waveform whose `stft` the spectra are; of changed ones, their frames overlapped and added."""
    frames = fft.irfft(spectra, N_FFT) * (_WINDOW / _OVERLAP)
    parts = frames.reshape(len(frames), N_FFT // HOP, HOP)
    out = np.zeros((len(frames) + N_FFT // HOP - 1, HOP), dtype=np.float32)
    for i in range(N_FFT // HOP):
        out[i : i + len(frames)] += parts[:, i]
    return out.ravel()[N_FFT // 2 : N_FFT // 2 + n_samples]


def warped(envelope: np.ndarray, factor: float | np.ndarray) -> np.ndarray:  # (n_frames, n_bins), for all or (n_bins,)
    """What stood at a frequency comes to `factor` times it."""
    place = np.clip(np.arange(envelope.shape[1]) / factor, 0, envelope.shape[1] - 1)
    low = np.minimum(place.astype(int), envelope.shape[1] - 2)
    part = place - low
    return envelope[:, low] * (1 - part) + envelope[:, low + 1] * part


def change_spectrum(
    waveform: np.ndarray,  # (n_samples,)
    phones: Sequence[Phone],  # with the times of this waveform
    change: SpectralChange,
    rng: np.random.Generator,
) -> np.ndarray:  # (n_samples,) float32
    """Apply a `SpectralChange`, keeping the level of the whole utterance."""
    spectra = stft(waveform)
    power = spectra.real**2 + spectra.imag**2  # (n_frames, n_bins)
    loudness = 10 * np.log10(power.sum(axis=1) + 1e-9)  # (n_frames,) dB
    speech = np.clip((loudness - loudness.max() + 55) / 25, 0, 1).astype(np.float32)  # 1 at -30 dB, 0 below -55 dB
    envelope = 0.5 * np.log(power + 1e-10 * power.max() + 1e-12)  # floored log magnitude
    cepstra = _cepstra(envelope)  # (n_frames, n_cepstra)
    blurred = _blur(cepstra, speech, change.blur_ms)
    target = blurred @ _COSINES
    vowel = _vowel_weight(phones, len(spectra)) * speech
    if change.vowel_space < 1:
        target = _move_formants(target, power, vowel, change.vowel_space)
    gain = (target - cepstra @ _COSINES) * speech[:, None] + _resonances(change)
    limit = _MAX_GAIN_DB * np.log(10) / 20
    changed = spectra * np.exp(np.clip(gain, -2 * limit, limit))
    noisy = changed + _aspiration(changed, target + _resonances(change), change.hnr_db, vowel, rng, len(waveform))
    level = np.sqrt(power.sum() / max((np.abs(noisy) ** 2).sum(), 1e-12))
    return istft(noisy * np.float32(level), len(waveform))


def whispered(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:  # (n_samples,) float32
    """The same sounds without voice: breath through the same vocal tract, each frame as loud as it was."""
    spectra = stft(waveform)
    power = spectra.real**2 + spectra.imag**2  # (n_frames, n_bins)
    envelope = _cepstra(0.5 * np.log(power + 1e-10 * power.max() + 1e-12)) @ _COSINES
    everywhere = np.ones(len(spectra), dtype=np.float32)
    return istft(_aspiration(spectra, envelope, 0.0, everywhere, rng, len(waveform)), len(waveform))


def _cepstra(log_magnitude: np.ndarray) -> np.ndarray:
    """Low-quefrency cosine coefficients of each frame, so that `cepstra @ _COSINES` is its smooth envelope."""
    weights = np.full(N_BINS, 2.0, dtype=np.float32)
    weights[[0, -1]] = 1.0
    scale = np.full(_N_CEPSTRA, 1 / (N_BINS - 1), dtype=np.float32)
    scale[0] /= 2
    return (log_magnitude * weights) @ (_COSINES.T * scale)


def _blur(cepstra: np.ndarray, speech: np.ndarray, blur_ms: float) -> np.ndarray:
    """Smooth over time, each frame counting as much as it is speech: silence does not bleed into sound."""
    sigma = blur_ms / (1000 * HOP / SAMPLE_RATE)
    if sigma < 0.3:  # less than 2.5 ms: nothing that frames of 8 ms could show
        return cepstra
    weight = speech + 1e-3
    smooth = gaussian_filter1d(cepstra * weight[:, None], sigma, axis=0, mode="nearest", truncate=3.0)
    return smooth / gaussian_filter1d(weight, sigma, mode="nearest", truncate=3.0)[:, None]


def _vowel_weight(phones: Sequence[Phone], n_frames: int) -> np.ndarray:
    """(n_frames,) 1 within vowels, 0 elsewhere, with soft edges of about 20 ms."""
    weight = np.zeros(n_frames, dtype=np.float32)
    for phone in phones:
        if is_vowel(phone.symbol):
            weight[round(phone.start * SAMPLE_RATE / HOP) : round(phone.end * SAMPLE_RATE / HOP) + 1] = 1
    return gaussian_filter1d(weight, 1.5)


def _move_formants(envelope: np.ndarray, power: np.ndarray, vowel: np.ndarray, share: float) -> np.ndarray:
    """Shrink F1 and F2 of the vowels toward the speaker's mean by warping each frame's frequency axis."""
    frames = np.flatnonzero(vowel > 0.3)
    if len(frames) < 8:  # 64 ms of vowel are too little to know a mean
        return envelope
    seen = frames[::2]  # formants are looked for every 16 ms
    found = median_filter(first_formants(power[seen]), size=(5, 1), mode="nearest")  # slips last a frame or two
    found = gaussian_filter1d(found, 1.5, axis=0, mode="nearest")
    formants = np.stack([np.interp(frames, seen, found[:, i]) for i in range(2)], axis=1)  # (n_vowel_frames, 2) Hz
    moved = formants + (1 - share) * vowel[frames, None] * (formants.mean(axis=0) - formants)
    moved = moved.clip([200, 600], [1100, 3000])
    anchor = np.full(len(frames), 5000.0)  # above 5 kHz nothing moves
    zero = np.zeros(len(frames))
    knots_to = np.stack([zero, moved[:, 0], moved[:, 1], anchor], axis=1)
    knots_from = np.stack([zero, formants[:, 0], formants[:, 1], anchor], axis=1)
    warped = envelope.copy()
    warped[frames] = _warp(envelope[frames], knots_to, knots_from)
    return warped


def _warp(envelope: np.ndarray, knots_to: np.ndarray, knots_from: np.ndarray) -> np.ndarray:
    """Read each row of the envelope (n, n_bins) at other frequencies: what stood at `from` comes to `to`."""
    read = np.repeat(FREQUENCIES[None], len(envelope), axis=0)
    for i in range(knots_to.shape[1] - 1):
        low, high = knots_to[:, i : i + 1], knots_to[:, i + 1 : i + 2]
        slope = (knots_from[:, i + 1 : i + 2] - knots_from[:, i : i + 1]) / np.maximum(high - low, 50.0)
        inside = (low <= FREQUENCIES) & (high > FREQUENCIES)
        read = np.where(inside, knots_from[:, i : i + 1] + (FREQUENCIES - low) * slope, read)
    position = np.clip(read * N_FFT / SAMPLE_RATE, 0, N_BINS - 1.001)
    left = position.astype(np.int64)
    right_share = (position - left).astype(np.float32)
    at_left = np.take_along_axis(envelope, left, axis=1)
    return at_left + right_share * (np.take_along_axis(envelope, left + 1, axis=1) - at_left)


def first_formants(power: np.ndarray) -> np.ndarray:  # (n_frames, n_bins) -> (n_frames, 2) F1 and F2, Hz
    """F1 and F2 from the two lowest sharp poles of linear prediction on 0-5 kHz; typical values where none is found."""
    correlation = fft.irfft(power[:, : _LPC_BINS + 1], 2 * _LPC_BINS)[:, : _LPC_ORDER + 1]
    correlation[:, 0] = correlation[:, 0] * 1.0001 + 1e-9
    lags = np.abs(np.subtract.outer(np.arange(_LPC_ORDER), np.arange(_LPC_ORDER)))
    predictor = np.linalg.solve(correlation[:, lags], correlation[:, 1:, None])[..., 0]
    companion = np.zeros((len(power), _LPC_ORDER, _LPC_ORDER))
    companion[:, 0] = predictor
    companion[:, np.arange(1, _LPC_ORDER), np.arange(_LPC_ORDER - 1)] = 1
    roots = np.linalg.eigvals(companion)
    rate = 2 * FREQUENCIES[_LPC_BINS]
    hertz = np.angle(roots) * rate / (2 * np.pi)
    bandwidth = -np.log(np.abs(roots) + 1e-9) * rate / np.pi
    hertz = np.sort(np.where((hertz > 200) & (hertz < 3500) & (bandwidth < 500), hertz, np.inf), axis=1)[:, :2]
    return np.where(np.isfinite(hertz), hertz, [500.0, 1500.0]).clip([200, 600], [1100, 3000])


def _resonances(change: SpectralChange) -> np.ndarray:
    """(n_bins,) log gain of nasality and tilt.

    A nasalised vowel gains a resonance near 250 Hz and loses its first formant to a zero (House and Stevens 1956; Chen
    1995). The zero is drawn wide (500-1200 Hz), which stands for damping whatever F1 is there.
    """
    octaves = np.log2(np.maximum(FREQUENCIES, 500) / 500)
    pole = np.exp(-0.5 * ((FREQUENCIES - 250) / 90) ** 2)
    zero = np.exp(-0.5 * ((FREQUENCIES - 850) / 260) ** 2)
    decibel = 0.8 * change.nasal_db * pole - change.nasal_db * zero - change.tilt_db * octaves
    return (decibel * np.log(10) / 20).astype(np.float32)


def _aspiration(
    spectra: np.ndarray,  # (n_frames, n_bins)
    envelope: np.ndarray,  # (n_frames, n_bins) log magnitude
    hnr_db: float,
    vowel: np.ndarray,  # (n_frames,) where, 0 to 1
    rng: np.random.Generator,
    n_samples: int,
) -> np.ndarray:  # (n_frames, n_bins)
    """Noise of the breath: shaped by the vocal tract, 6 dB an octave brighter than the voice (Klatt and Klatt 1990)."""
    noise = stft(rng.standard_normal(n_samples).astype(np.float32))[: len(spectra)]
    brighter = (np.clip(FREQUENCIES, 250, 6000) / 1000).astype(np.float32)
    shaped = noise * np.exp(envelope) * brighter
    power = np.abs(spectra) ** 2
    wanted = power.sum(axis=1) * 10 ** (-hnr_db / 10) * np.clip(vowel, 0, 1)
    return shaped * np.sqrt(wanted / np.maximum((np.abs(shaped) ** 2).sum(axis=1), 1e-12))[:, None]
