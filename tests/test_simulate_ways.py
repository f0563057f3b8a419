"""The other ways to make a disorder: each does what it says without phones, and training hears none held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import pytest
from numpy_voice import talk
from scipy.signal import butter, freqz, lfilter, sosfilt

from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.manifest import ManifestRow, read_manifest
from hyper.simulate.psola import Span, lay_out
from hyper.simulate.ways import WAYS, chain, draw_way, simulate_way, vocoder, ways_of
from hyper.simulate.ways.held_out_plan import make_held_out_plan
from hyper.simulate.ways.pieces import play
from hyper.simulate.ways.plan import FRAME, gain_of_samples, make_plan
from hyper.simulate.ways.predictor import excitation
from hyper.speech.simulate_manifest import SimulationError, simulate_manifest

RATE = 16_000
EACH = [(name, cohort) for name, way in WAYS.items() for cohort in way.cohorts]


@pytest.fixture(scope="module")
def spoken() -> np.ndarray:
    return talk()[0].astype(np.float32)


def test_every_disorder_keeps_two_ways_out_of_training() -> None:
    for cohort in ("stuttering", "dysarthria", "parkinsons"):
        train, held_out = ways_of(cohort, "train"), ways_of(cohort, "held-out")
        assert len(train) >= 2 and len(held_out) >= 2
        assert not set(train) & set(held_out)
        assert set(ways_of(cohort, "all")) == {*train, *held_out}
        assert {draw_way(train, seed) for seed in range(40)} == set(train)
    assert ways_of("dysphonia", "train") == ("phones",)
    assert ways_of("stuttering", "predictor") == ("predictor",)


@pytest.mark.parametrize(("name", "cohort"), EACH)
def test_a_way_repeats_itself_by_its_seeds_and_is_heard(name: str, cohort: str, spoken: np.ndarray) -> None:
    said, again, other = (simulate_way(name, spoken, cohort, "severe", 3, seed) for seed in (4, 4, 5))
    assert np.array_equal(said, again) and not np.array_equal(said, other)
    assert said.dtype == np.float32 and 0.01 < np.abs(said).max() <= 0.99
    assert not np.allclose(said[: len(spoken)], spoken[: len(said)], atol=0.01)


@pytest.mark.parametrize("name", ["pieces", "chain", "vocoder", "predictor", "channels"])
def test_dysarthria_slows_parkinsons_hurries_and_stuttering_adds_moments(name: str, spoken: np.ndarray) -> None:
    def length(cohort: str) -> float:
        return float(np.mean([len(simulate_way(name, spoken, cohort, "severe", s, s)) for s in range(6)]))

    assert length("dysarthria") > 1.2 * len(spoken)
    assert length("parkinsons") < 0.95 * len(spoken)
    assert length("stuttering") > 1.2 * len(spoken)


def test_pieces_played_in_place_give_the_recording_back(spoken: np.ndarray) -> None:
    played = play(spoken, np.arange(len(spoken) // FRAME) * FRAME)
    assert np.corrcoef(played, spoken[: len(played)])[0, 1] > 0.98


def test_pieces_played_slowly_keep_the_pitch() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE).astype(np.float32)
    slow = play(tone, np.arange(0, len(tone) // FRAME, 0.5) * FRAME)
    spectrum = np.abs(np.fft.rfft(slow))
    assert len(slow) == 2 * (len(tone) // FRAME) * FRAME
    assert spectrum.argmax() * RATE / len(slow) == pytest.approx(200, abs=3)


def test_smearing_blurs_the_spectrum_over_time_and_keeps_the_length(spoken: np.ndarray) -> None:
    def flux(waveform: np.ndarray) -> float:
        mel = librosa.power_to_db(librosa.feature.melspectrogram(y=waveform, sr=RATE, hop_length=128), top_db=50)
        return float(np.abs(np.diff(mel, axis=1)).mean())

    said = [simulate_way("smear", spoken, "dysarthria", "severe", seed, seed) for seed in range(4)]
    assert all(len(one) == len(spoken) for one in said)
    assert np.mean([flux(one) for one in said]) < 0.9 * flux(spoken)


def applied(effect: chain.Effect, waveform: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    return effect(waveform, strength, np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2]))


@pytest.mark.parametrize("effect", chain.EFFECTS, ids=lambda effect: effect.__name__.strip("_"))
def test_an_effect_is_little_at_strength_0_and_heard_at_1(effect: chain.Effect, spoken: np.ndarray) -> None:
    def spectrogram(waveform: np.ndarray) -> np.ndarray:  # dB
        return librosa.power_to_db(librosa.feature.melspectrogram(y=waveform, sr=RATE, n_mels=40), top_db=40)

    def change_db(strength: float) -> float:
        said = [applied(effect, spoken, strength, seed) for seed in range(4)]
        assert all(one.shape == spoken.shape and np.isfinite(one).all() for one in said)
        return float(np.mean([np.abs(spectrogram(one) - spectrogram(spoken)).mean() for one in said]))

    assert change_db(0.0) < 2
    assert change_db(1.0) > change_db(0.0) + 0.7


def test_warping_moves_the_weight_of_a_vowel_either_way() -> None:
    pulses = np.zeros(RATE, dtype=np.float32)
    pulses[::160] = 1.0  # 100 Hz
    pole = 0.95 * np.exp(2j * np.pi * 1500 / RATE)
    vowel = lfilter([1.0], [1.0, -2 * pole.real, abs(pole) ** 2], pulses).astype(np.float32)

    def centre(waveform: np.ndarray) -> float:  # Hz
        power = np.abs(np.fft.rfft(waveform)) ** 2
        return float(np.average(np.fft.rfftfreq(len(waveform), 1 / RATE), weights=power))

    moved = [centre(applied(chain._warped, vowel, 1.0, seed)) / centre(vowel) for seed in range(8)]
    assert min(moved) < 0.95 and max(moved) > 1.05
    assert all(0.7 < one < 1.4 for one in moved)


def test_a_room_rings_on_after_a_click() -> None:
    click = np.zeros(RATE, dtype=np.float32)
    click[1000] = 1.0
    rung = applied(chain._distant, click, 1.0)
    assert rung[1000] == pytest.approx(1.0, abs=0.1) and np.abs(rung[:1000]).max() < 1e-6
    early, late = np.abs(rung[1001:2000]).mean(), np.abs(rung[3000:4000]).mean()
    assert early > 4 * late > 0


def vowel(f0: float, formants: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A second of pulses through resonances, and the coefficients of their filter."""
    poles = np.array([0.97 * np.exp(2j * np.pi * sign * hz / RATE) for hz in formants for sign in (1, -1)])
    filter_of = np.poly(poles).real
    phase = np.cumsum(np.full(RATE, f0 / RATE))
    return lfilter([1.0], filter_of, np.diff(np.floor(phase), prepend=0.0)).astype(np.float32), filter_of


@pytest.mark.parametrize(("f0", "error_db"), [(90.0, 0.3), (130.0, 0.6), (210.0, 1.5)])
def test_the_vocoder_finds_the_mouth_whatever_the_voice(f0: float, error_db: float) -> None:
    waveform, filter_of = vowel(f0, (700.0, 1200.0, 2600.0))
    found = vocoder._envelope(waveform, np.full(100, f0))[20:80] * 10 / np.log(10)  # dB
    frequencies = np.arange(300, 3500, 50.0)
    pulses_db = 10 * np.log10(f0 / RATE)  # power of a sample of the voice itself
    wanted = pulses_db + 20 * np.log10(np.abs(freqz([1.0], filter_of, frequencies, fs=RATE)[1]))
    error = np.interp(frequencies, np.arange(found.shape[1]) * RATE / 1024, found.mean(axis=0)) - wanted
    assert np.std(error) < error_db and abs(np.mean(error)) < 0.3
    assert np.std(found, axis=0).mean() < 0.15  # it stands still, wherever the window falls between two pulses


def test_the_vocoder_gives_a_voice_back_that_has_no_disorder(spoken: np.ndarray) -> None:
    draws = np.random.default_rng(0), np.random.default_rng(1)
    said = vocoder.say_vocoded(spoken, "stuttering", 0.0, *draws).astype(np.float32)
    said = said[-len(spoken) :]  # a moment of stuttering may come first
    mel = [librosa.power_to_db(librosa.feature.melspectrogram(y=one, sr=RATE), top_db=40) for one in (spoken, said)]
    f0 = [librosa.yin(one, fmin=70, fmax=300, sr=RATE) for one in (spoken, said)]
    assert np.corrcoef(mel[0].ravel(), mel[1][:, : mel[0].shape[1]].ravel())[0, 1] > 0.9
    assert np.median(np.abs(12 * np.log2(f0[1] / f0[0]))) < 0.5  # semitones


def test_the_vocoder_keeps_the_power_of_noise() -> None:
    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) / 10
    said = vocoder.say_vocoded(noise, "parkinsons", 0.0, np.random.default_rng(0), np.random.default_rng(1))
    assert np.std(said) == pytest.approx(0.1, rel=0.15)


def test_the_vocoder_breathes_more_in_a_weak_voice() -> None:
    waveform, _ = vowel(130.0, (700.0, 1200.0, 2600.0))
    f0 = np.full(100, 130.0)
    timeline = lay_out([Span(0.0, 0.95, 0.95)])

    def periodic(weak: float) -> float:  # autocorrelation one period later, 1 for a pure voice
        breath = np.mean([vocoder._breath(weak, np.random.default_rng(seed)) for seed in range(20)], axis=0)
        envelope, melody = vocoder._envelope(waveform, f0), np.full(len(timeline.source), 130.0)
        said = vocoder._spoken(envelope, melody, f0 > 0, timeline, breath, np.random.default_rng(0))
        return float(librosa.autocorrelate(said)[100:150].max() / (said**2).sum())

    assert periodic(0.0) > 0.95 > periodic(1.0) + 0.05


def test_a_flat_voice_loses_its_melody() -> None:
    f0 = np.linspace(100, 200, 250)

    def spread(flatness: float) -> float:  # semitones
        voice = excitation(f0, flatness, 0.0, np.random.default_rng(0), np.random.default_rng(0))
        found = librosa.yin(lfilter([1.0], [1.0, -0.95], voice).astype(np.float32), fmin=70, fmax=300, sr=RATE)
        return float(np.std(12 * np.log2(found[3:-3])))

    assert spread(0.0) > 2.5 and spread(0.95) < 1.5


def test_a_plan_of_parkinsons_fades(spoken: np.ndarray) -> None:
    gains = [
        make_plan(spoken, "parkinsons", 1.0, np.random.default_rng(seed), np.random.default_rng(seed)).gain
        for seed in range(5)
    ]
    assert all(gain[-30:].mean() < 0.8 * gain[:30].mean() for gain in gains)


@pytest.mark.parametrize("cohort", ["stuttering", "dysarthria", "parkinsons"])
def test_the_ways_held_out_time_a_disorder_by_other_rules(cohort: str, spoken: np.ndarray) -> None:
    for seed in range(4):
        heard, kept = (
            make(spoken, cohort, 0.8, np.random.default_rng(seed), np.random.default_rng(seed))
            for make in (make_plan, make_held_out_plan)
        )
        n = min(len(heard.source), len(kept.source))
        assert not np.allclose(heard.source[:n], kept.source[:n], atol=2)
        assert kept.source.min() >= 0 and kept.source.max() <= len(spoken) // FRAME
        assert kept.gain.min() >= 0 and kept.gain.max() <= 1


def test_whoever_stutters_in_a_way_held_out_stutters_at_least_once() -> None:
    word = talk(((("A:", 0.2),),))[0].astype(np.float32)
    for seed in range(8):
        plan = make_held_out_plan(word, "stuttering", 0.1, np.random.default_rng(seed), np.random.default_rng(seed))
        assert len(plan.source) > len(word) // FRAME


def above_6_khz(waveform: np.ndarray) -> float:
    """The loudest 5 ms of what lies above 6 kHz, dB."""
    high = sosfilt(butter(8, 6000, "highpass", fs=RATE, output="sos"), waveform)[800:-800]
    power = (high[: len(high) // 80 * 80].reshape(-1, 80) ** 2).mean(axis=1)
    return float(10 * np.log10(power.max() + 1e-15))


def test_levels_pass_into_each_other_without_a_click() -> None:
    tone = np.sum([np.sin(2 * np.pi * 120 * k * np.arange(RATE) / RATE) / k for k in range(1, 20)], axis=0)
    loud = [Span(0.2 * i, 0.2 * (i + 1), 0.2, gain=1.0 if i % 2 else 0.5) for i in range(5)]
    assert above_6_khz(lay_out(loud).gain * tone) < -80
    assert np.abs(np.diff(lay_out(loud).gain)).max() < 0.01
    steps = gain_of_samples(np.repeat([1.0, 0.0, 1.0], 5))
    assert len(steps) == 15 * FRAME and np.abs(np.diff(steps)).max() < 0.01


@pytest.mark.parametrize("cohort", ["stuttering", "dysarthria", "parkinsons"])
@pytest.mark.parametrize("name", WAYS)
def test_no_way_adds_an_offset(name: str, cohort: str, spoken: np.ndarray) -> None:
    if cohort in WAYS[name].cohorts:
        said = simulate_way(name, spoken, cohort, "severe", 1, 1)
        assert abs(said.mean()) < 0.06 * said.std()


def test_recordings_without_phones_are_simulated_and_the_note_says_how(tmp_path: Path, spoken: np.ndarray) -> None:
    save_audio(tmp_path / "a.wav", spoken)
    row = ManifestRow("a.wav", tmp_path / "a.wav", "one two", "s")
    rows = [replace(row, speaker=f"s{i}") for i in range(3)]
    simulate_manifest(rows, tmp_path / "out", cohorts=("stuttering",), seed=5, n_workers=1, ways="train")
    written = read_manifest(tmp_path / "out" / "manifest.csv")
    notes = [one.note for one in written]
    able = {"way: pieces", "way: chain", "way: vocoder"}  # without phones no other can make it
    assert set(notes) <= able and len(notes) == 3
    assert not np.array_equal(load_audio(written[0].path)[: len(spoken)], spoken)


def test_ways_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        SimulationError, match="No way 'held-out' makes dysphonia; give --ways one of train, all, phones,"
    ):
        simulate_manifest([], tmp_path, cohorts=("dysphonia",), seed=0, n_workers=1, ways="held-out")
    with pytest.raises(SimulationError, match="No way 'backwards' makes stuttering"):
        simulate_manifest([], tmp_path, cohorts=("stuttering",), seed=0, n_workers=1, ways="backwards")
    able = "train, held-out, all, phones, pieces, chain, vocoder, predictor, channels"
    with pytest.raises(SimulationError, match=f"one of {able}, or --cohorts without stuttering"):
        simulate_manifest([], tmp_path, cohorts=("dysarthria", "stuttering"), seed=0, n_workers=1, ways="smear")
