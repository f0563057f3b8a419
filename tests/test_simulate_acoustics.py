"""What the simulators claim to change, measured on their output by methods of the tests' own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy_voice import RATE, talk
from scipy.linalg import solve_toeplitz
from scipy.signal import find_peaks, resample_poly

from hyper.simulate import SEVERITIES, Phone, draw_profile, simulate
from hyper.simulate.spectrum import SpectralChange
from hyper.simulate.voice import VoiceChange

PLAIN_VOICE = VoiceChange(f0_range=1.0, tremor_hz=5.0, tremor_depth=0.0, jitter=0.0, shimmer_db=0.0)
PLAIN_SPECTRUM = SpectralChange(blur_ms=0.0, vowel_space=1.0, nasal_db=0.0, hnr_db=80.0, tilt_db=0.0)
# Dysarthria with nothing changed: each test changes one thing of it.
PLAIN = replace(
    draw_profile("dysarthria", "mild", 0),
    rate=1.0,
    irregularity=0.0,
    pause_share=0.0,
    voice=PLAIN_VOICE,
    spectrum=PLAIN_SPECTRUM,
)
PLAIN_PARKINSONS = replace(
    draw_profile("parkinsons", "mild", 0),
    loudness_db=0.0,
    fade_db=0.0,
    room_snr_db=80.0,
    rush_speed=1.0,
    consonant_db=0.0,
    voice=PLAIN_VOICE,
    spectrum=PLAIN_SPECTRUM,
)
AH = ((("A:", 2.0),),)  # one long vowel
TRIANGLE = ((("i:", 0.3),), (("A:", 0.3),), (("u:", 0.3),))
CALM = {"f0": 125.0, "f0_swing": 0.0, "pause": 0.0, "floor": 0.0}  # 125 Hz: a period of whole samples


def plain(voice: dict | None = None, spectrum: dict | None = None):
    return replace(
        PLAIN, voice=replace(PLAIN_VOICE, **(voice or {})), spectrum=replace(PLAIN_SPECTRUM, **(spectrum or {}))
    )


def decibel(ratio: float) -> float:
    return 20 * np.log10(ratio)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt((samples**2).mean()))


def within(waveform: np.ndarray, phone: Phone, margin: float = 0.02) -> np.ndarray:
    return waveform[round((phone.start + margin) * RATE) : round((phone.end - margin) * RATE)]


# ---- measures: F0 by cepstrum, formants by linear prediction in time, bands by one long Fourier transform


def f0_track(waveform: np.ndarray) -> np.ndarray:  # Hz, every 10 ms, quiet and unclear frames left out
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 800)[::160] * np.hanning(800)
    loud = (frames**2).sum(axis=1) > 0.03 * (frames**2).sum(axis=1).max()
    spectra = np.abs(np.fft.rfft(frames, 4096)) ** 2
    cepstra = np.fft.irfft(np.log(spectra[:, :512] + 1e-4 * spectra.max()), 1024)  # 0-2 kHz: steps of 0.25 ms
    fine = np.array([np.interp(np.arange(12, 60, 0.05), np.arange(1024), row) for row in cepstra])
    coarse = 4000 / np.arange(12, 60, 0.05)[fine.argmax(axis=1)]
    exact = np.array([_sharpen(frame, hertz) for frame, hertz in zip(frames, coarse, strict=True)])
    exact = exact.clip(1, RATE)  # a peak at the edge of its search extrapolates anywhere
    return exact[loud & (np.abs(np.log2(exact / np.median(exact[loud]))) < 0.6)]


def _sharpen(frame: np.ndarray, hertz: float) -> float:
    """The period by the autocorrelation's peak near the cepstrum's guess, to a fraction of a sample."""
    correlation = np.correlate(frame, frame, "full")[len(frame) - 1 :]
    low, high = int(0.85 * RATE / hertz), int(1.18 * RATE / hertz) + 2
    peak = low + int(correlation[low:high].argmax())
    left, centre, right = correlation[peak - 1 : peak + 2]
    return RATE / (peak + 0.5 * (left - right) / (left - 2 * centre + right - 1e-12))


def f0_spread(waveform: np.ndarray) -> float:  # semitones between the 5th and the 95th percentile
    low, high = np.percentile(f0_track(waveform), [5, 95])
    return float(12 * np.log2(high / low))


def hnr(waveform: np.ndarray) -> float:  # dB, of a steady vowel
    frames = np.lib.stride_tricks.sliding_window_view(waveform.astype(np.float64), 1600)[1600:-1600:400]
    values = []
    for frame in frames:
        pairs = [(frame[:-lag] @ frame[lag:]) / np.sqrt((frame[:-lag] ** 2).sum() * (frame[lag:] ** 2).sum())
                 for lag in range(100, 170)]  # fmt: skip
        values.append(max(pairs))
    return float(10 * np.log10(np.mean(values) / max(1 - np.mean(values), 1e-6)))


def band(waveform: np.ndarray, low: float, high: float) -> float:  # dB
    power = np.abs(np.fft.rfft(waveform)) ** 2
    hertz = np.fft.rfftfreq(len(waveform), 1 / RATE)
    return float(10 * np.log10(power[(hertz >= low) & (hertz < high)].sum()))


def formants(samples: np.ndarray) -> np.ndarray:  # (2,) Hz, F1 and F2
    low = resample_poly(samples.astype(np.float64), 5, 16)  # 5 kHz
    low = np.diff(low) * np.hanning(len(low) - 1)
    correlation = np.correlate(low, low, "full")[len(low) - 1 :][:8]
    correlation[0] *= 1.001
    predictor = solve_toeplitz(correlation[:7], correlation[1:8])
    response = 1 / np.abs(np.fft.rfft(np.concatenate([[1], -predictor]), 2048))
    peaks, _ = find_peaks(response)
    return np.sort(peaks * 5000 / 2048)[:2]


def vowel_spread(waveform: np.ndarray, phones: list[Phone]) -> float:
    """Mean distance of the vowels' (F1, F2) from their mean, in log Hz."""
    points = np.array([np.log(formants(within(waveform, phone, 0.08))) for phone in phones])
    return float(np.linalg.norm(points - points.mean(axis=0), axis=1).mean())


def spectral_change(waveform: np.ndarray) -> float:
    """Mean change of the log spectrum in 24 bands from one 20 ms frame to the next, of sounding frames."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 480)[::320] * np.hanning(480)
    power = np.abs(np.fft.rfft(frames, 512))[:, 1:193] ** 2
    level = 10 * np.log10(power.reshape(len(frames), 24, 8).sum(axis=2) + 1e-4 * power.sum(axis=1).max())
    return float(np.abs(np.diff(level, axis=0)).mean())


# ---- one change at a time, in its own unit


def test_nothing_changed_is_nothing_heard():
    waveform, phones = talk()
    out = simulate(waveform, phones, PLAIN, 0).waveform
    assert abs(len(out) - len(waveform)) < 0.12 * len(waveform)  # vowels a tenth longer, consonants a tenth shorter
    assert np.median(f0_track(out)) == pytest.approx(np.median(f0_track(waveform)), rel=0.02)
    for low, high in ((100, 500), (500, 1500), (1500, 4000)):
        assert band(out, low, high) - band(waveform, low, high) == pytest.approx(0, abs=1.5)


@pytest.mark.parametrize("f0_range", [0.2, 0.6])
def test_f0_range_narrows_by_its_share(f0_range: float):
    waveform, phones = talk(((("A:", 0.9), ("m", 0.1), ("A:", 0.9)),), f0_swing=0.2)
    out = simulate(waveform, phones, plain(voice={"f0_range": f0_range}), 0).waveform
    assert f0_spread(out) / f0_spread(waveform) == pytest.approx(f0_range, abs=0.1)


def test_tremor_has_its_rate_and_depth():
    waveform, phones = talk(AH, **CALM)
    track = f0_track(simulate(waveform, phones, plain(voice={"tremor_depth": 0.04}), 0).waveform)
    spectrum = np.abs(np.fft.rfft((track / track.mean() - 1) * np.hanning(len(track)), 4096)) * 4 / len(track)
    assert np.fft.rfftfreq(4096, 0.01)[spectrum.argmax()] == pytest.approx(5.0, abs=0.3)
    assert spectrum.max() == pytest.approx(0.04, rel=0.25)


def pulses(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times (samples) and heights of the strongest peak of each period of a 125 Hz vowel."""
    fine = resample_poly(waveform.astype(np.float64), 4, 1)
    peaks, found = find_peaks(fine, height=0.4 * fine.max(), distance=4 * 95)
    return peaks[3:-3] / 4, found["peak_heights"][3:-3]


@pytest.mark.parametrize("jitter", [0.01, 0.025])
def test_jitter_is_the_mean_change_of_the_period(jitter: float):
    waveform, phones = talk(AH, **CALM)
    periods = np.diff(pulses(simulate(waveform, phones, plain(voice={"jitter": jitter}), 0).waveform)[0])
    assert np.abs(np.diff(periods)).mean() / periods.mean() == pytest.approx(jitter, rel=0.3)


def test_shimmer_is_the_mean_change_of_level():
    waveform, phones = talk(AH, **CALM)
    _, heights = pulses(simulate(waveform, phones, plain(voice={"shimmer_db": 0.8}), 0).waveform)
    assert np.abs(np.diff(20 * np.log10(heights))).mean() == pytest.approx(0.8, rel=0.3)


@pytest.mark.parametrize("wanted", [10.0, 16.0])
def test_hnr_is_the_profile_s(wanted: float):
    waveform, phones = talk(AH, **CALM)
    assert hnr(waveform) > 30
    assert hnr(simulate(waveform, phones, plain(spectrum={"hnr_db": wanted}), 0).waveform) == pytest.approx(
        wanted, abs=2
    )


def test_tilt_falls_by_its_decibels_an_octave():
    waveform, phones = talk(AH, **CALM)
    before, after = waveform, simulate(waveform, phones, plain(spectrum={"tilt_db": 2.0}), 0).waveform
    high, low = ((band(after, a, b) - band(before, a, b)) for a, b in ((3200, 3600), (300, 480)))
    assert high - low == pytest.approx(-2 * np.log2(3400 / 500), abs=1)


def test_nasality_adds_a_low_resonance_and_damps_the_first_formant():
    waveform, phones = talk(AH, **CALM)
    before, after = waveform, simulate(waveform, phones, plain(spectrum={"nasal_db": 8.0}), 0).waveform
    pole, first = ((band(after, a, b) - band(before, a, b)) for a, b in ((200, 300), (650, 950)))
    assert 9 < pole - first < 18


@pytest.mark.parametrize("share", [0.45, 0.7])
def test_vowel_space_shrinks_by_its_share(share: float):
    waveform, phones = talk(TRIANGLE, **CALM)
    vowels = [phone for phone in phones if phone.word >= 0]
    typical = simulate(waveform, phones, PLAIN, 0).waveform
    stretch = len(typical) / len(waveform)  # vowels are a tenth longer
    moved = [Phone(p.symbol, p.start * stretch, p.end * stretch, p.word) for p in vowels]
    out = simulate(waveform, phones, plain(spectrum={"vowel_space": share}), 0).waveform
    assert vowel_spread(typical, moved) == pytest.approx(vowel_spread(waveform, vowels), rel=0.1)
    assert vowel_spread(out, moved) / vowel_spread(waveform, vowels) == pytest.approx(share, abs=0.2)


def test_blur_slows_the_spectrum():
    waveform, phones = talk()
    sharp, soft, softer = (
        spectral_change(simulate(waveform, phones, plain(spectrum={"blur_ms": ms}), 0).waveform) for ms in (0, 15, 40)
    )
    assert sharp > 1.05 * soft > 1.1 * softer


@pytest.mark.parametrize("rate", [0.5, 0.8])
def test_speech_lasts_longer_by_the_rate(rate: float):
    waveform, phones = talk(pause=0.0)
    out = simulate(waveform, phones, replace(PLAIN, rate=rate), 0).waveform
    plain_length = len(simulate(waveform, phones, PLAIN, 0).waveform)
    assert len(out) / plain_length == pytest.approx(1 / rate, rel=0.01)


def test_pauses_stand_after_their_share_of_words():
    words = ((("A:", 0.2),), (("i:", 0.2),)) * 20
    waveform, phones = talk(words, **CALM)
    out = simulate(waveform, phones, replace(PLAIN, pause_share=0.5, pause_seconds=0.3), 0).waveform
    quiet = np.convolve(np.abs(out), np.ones(320) / 320, "same") < 1e-3
    starts = np.flatnonzero(np.diff(quiet.astype(int)) == 1)
    ends = np.flatnonzero(np.diff(quiet.astype(int)) == -1)
    lengths = [end - starts[starts < end].max() for end in ends if (starts < end).any()]
    pauses = [length / RATE for length in lengths if length > 0.08 * RATE]
    assert len(pauses) / 39 == pytest.approx(0.5, abs=0.2)
    assert np.mean(pauses) == pytest.approx(0.3, abs=0.06)


def test_irregularity_makes_syllables_uneven():
    words = ((("A:", 0.2), ("m", 0.1)),) * 20
    waveform, phones = talk(words, **CALM)
    spread = []
    for irregularity in (0.0, 0.2):
        out = simulate(waveform, phones, replace(PLAIN, irregularity=irregularity), 0).waveform
        level = np.convolve(out**2, np.ones(1280) / 1280, "same")
        onsets = np.flatnonzero(np.diff((level > 0.3 * level.max()).astype(int)) == 1)
        spread.append(np.std(np.log(np.diff(onsets))))
    assert spread[0] < 0.05 and spread[1] == pytest.approx(0.2, abs=0.08)


def test_parkinsons_is_softer_and_fades_while_the_room_stays():
    waveform, phones = talk(((("A:", 0.3),), (("i:", 0.3),)) * 4, pause=0.5, floor=0.0)
    quiet = replace(PLAIN_PARKINSONS, room_snr_db=40.0)
    soft = replace(quiet, loudness_db=6.0, fade_db=8.0)
    before, after = (simulate(waveform, phones, profile, 0).waveform for profile in (quiet, soft))
    sounding = [phone for phone in phones if phone.word >= 0]
    loss = [decibel(rms(within(before, p)) / rms(within(after, p))) for p in sounding]
    assert loss[0] == pytest.approx(6.0 + 0.5, abs=0.7) and loss[-1] == pytest.approx(14.0 - 0.5, abs=0.7)
    assert all(b > a for a, b in zip(loss, loss[1:], strict=False))
    for out in (before, after):  # the vowels' mean level is what 40 dB are counted from
        room = rms(out[: RATE * 4 // 10])
        assert decibel(rms(within(waveform, sounding[0])) / room) == pytest.approx(40, abs=2)


def test_rushes_hurry_their_share_of_the_words():
    waveform, phones = talk(((("A:", 0.2), ("m", 0.1)),) * 40, **CALM)
    out = simulate(waveform, phones, replace(PLAIN_PARKINSONS, rush_speed=1.5, rush_share=0.5), 0).waveform
    # Half of the words, half of each rush still gathering pace (mean speed about 1.37), the rest at 1.5.
    expected = 0.5 + 0.25 / 1.37 + 0.25 / 1.5
    assert len(out) / len(waveform) == pytest.approx(expected, abs=0.02)


def test_consonants_weaken_against_vowels():
    waveform, phones = talk(((("A:", 0.3), ("s", 0.2)),) * 3)
    out = simulate(waveform, phones, replace(PLAIN_PARKINSONS, consonant_db=8.0), 0).waveform

    def contrast(sound: np.ndarray) -> float:
        vowel, fricative = (np.mean([rms(within(sound, p)) for p in phones if p.symbol == s]) for s in ("A:", "s"))
        return decibel(vowel / fricative)

    assert contrast(out) - contrast(waveform) == pytest.approx(8, abs=1)


# ---- whole profiles: from mild to severe


@pytest.mark.parametrize(
    ("cohort", "measure", "grows"),
    [
        ("dysarthria", lambda out: len(out), True),
        ("dysarthria", f0_spread, False),
        ("dysarthria", spectral_change, False),
        ("parkinsons", lambda out: len(out), False),
        ("parkinsons", rms, False),
        ("parkinsons", f0_spread, False),
        ("parkinsons", spectral_change, False),
        ("stuttering", lambda out: len(out), True),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_severity_orders_the_measures(cohort: str, measure: Callable[[np.ndarray], float], grows: bool):
    means = []
    for severity in SEVERITIES:
        values = []
        for seed in range(6):
            waveform, phones = talk(f0=(110, 125, 140)[seed % 3], f0_swing=0.2, seed=seed)
            values.append(measure(simulate(waveform, phones, draw_profile(cohort, severity, seed), seed).waveform))
        means.append(np.mean(values))
    assert means == sorted(means, reverse=not grows) and abs(means[2] - means[0]) > 0.05 * means[0]


@pytest.mark.parametrize("cohort", ["dysarthria", "parkinsons"])
def test_severity_makes_the_voice_noisier_and_duller(cohort: str):
    waveform, phones = talk(AH, **CALM)
    clear, bright = [], []
    for severity in SEVERITIES:
        profiles = [draw_profile(cohort, severity, seed) for seed in range(3)]
        outs = [simulate(waveform, phones, replace(p, voice=PLAIN_VOICE), 0).waveform for p in profiles]
        clear.append(np.mean([hnr(out) for out in outs]))
        tilted = [simulate(waveform, phones, plain(spectrum={"tilt_db": p.spectrum.tilt_db}), 0) for p in profiles]
        bright.append(np.mean([band(out.waveform, 2000, 4000) - band(out.waveform, 100, 1000) for out in tilted]))
    assert clear == sorted(clear, reverse=True) and clear[0] - clear[2] > 4
    assert bright == sorted(bright, reverse=True)
