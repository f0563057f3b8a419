"""The cohorts no training may see: a disordered voice, and two disorders in one speaker, measured on the output."""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy_voice import RATE, talk
from test_simulate import only
from test_simulate_acoustics import (
    CALM,
    PLAIN,
    PLAIN_PARKINSONS,
    PLAIN_VOICE,
    band,
    decibel,
    f0_spread,
    f0_track,
    hnr,
    pulses,
    rms,
    within,
)

from hyper.commands import simulate as simulate_command
from hyper.recordings.audio import save_audio
from hyper.recordings.manifest import ManifestRow, read_manifest
from hyper.simulate import ALL_COHORTS, COHORTS, HELD_OUT_COHORTS, SEVERITIES, draw_profile, format_phones, simulate
from hyper.simulate.disorders.dysarthria import DysarthriaProfile
from hyper.simulate.disorders.mixed import MixedProfile
from hyper.simulate.disorders.parkinsons import ParkinsonsProfile
from hyper.simulate.phones import syllables_of
from hyper.speech.simulate_manifest import SimulationError, assign_patients, simulate_manifest

# Dysphonia with nothing changed: each test changes one thing of it.
PLAIN_DYSPHONIA = replace(
    draw_profile("dysphonia", "mild", 0),
    hnr_db=80.0,
    breaks_per_second=0.0,
    diplophonic_share=0.0,
    creaky_share=0.0,
    voice=PLAIN_VOICE,
)
LONG_AH = ((("A:", 6.0),),)
VOICED = ((("A:", 0.2), ("m", 0.1)), (("i:", 0.2),), (("n", 0.1), ("u:", 0.2)))  # no bursts and no noise
ALWAYS = 50.0  # a share above 1 fills nine tenths of the voice, which is all that episodes may take


def voice_of(profile, seed: int = 0, seconds: float = 6.0) -> np.ndarray:
    """A long vowel at 125 Hz said with the profile."""
    waveform, phones = talk(((("A:", seconds),),), **CALM)
    return simulate(waveform, phones, profile, seed).waveform


def level_db(waveform: np.ndarray) -> np.ndarray:  # in windows of 16 ms, two periods, every 5 ms; 0 is the median
    windows = np.lib.stride_tricks.sliding_window_view(waveform, 256)[::80]
    level = 10 * np.log10((windows**2).mean(axis=1) + 1e-12)
    return level - np.median(level)


def gaps(waveform: np.ndarray) -> list[tuple[int, int]]:
    """Sample ranges in which the level stays down by 3 dB: at an edge, half of a window is voice and half is not."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], level_db(waveform) < -3, [0]]).astype(int)))
    return [(80 * a + 128, 80 * b + 128) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def subharmonics(waveform: np.ndarray) -> float:
    """Energy at the odd multiples of 62.5 Hz against that at the multiples of 125 Hz, up to 3 kHz, dB."""
    middle = waveform[RATE : 5 * RATE] * np.hanning(4 * RATE)
    power, hertz = np.abs(np.fft.rfft(middle)) ** 2, np.fft.rfftfreq(4 * RATE, 1 / RATE)
    near = [power[np.abs(hertz - 62.5 * k) < 5].sum() for k in range(2, 48)]
    return float(10 * np.log10(sum(near[1::2]) / sum(near[::2])))


# ---- dysphonia: timing, words and voiceless sounds stay


def test_a_plain_voice_is_the_voice_that_was():
    waveform, phones = talk()
    out = simulate(waveform, phones, PLAIN_DYSPHONIA, 0).waveform
    for low, high in ((100, 500), (500, 1500), (1500, 4000), (4000, 8000)):
        assert band(out, low, high) - band(waveform, low, high) == pytest.approx(0, abs=0.5)
    assert hnr(voice_of(PLAIN_DYSPHONIA)) > 30
    assert subharmonics(voice_of(PLAIN_DYSPHONIA)) < -40
    assert gaps(voice_of(PLAIN_DYSPHONIA)) == []


@pytest.mark.parametrize("severity", SEVERITIES)
def test_timing_and_voiceless_sounds_are_untouched(severity: str):
    waveform, phones = talk()
    for seed in range(3):
        out = simulate(waveform, phones, draw_profile("dysphonia", severity, seed), seed)
        assert len(out.waveform) == len(waveform) and out.events == ()
        for phone in phones:
            if phone.symbol in ("s", "S", "f"):
                before, after = within(waveform, phone, 0.03), within(out.waveform, phone, 0.03)
                assert rms(after - before) < 0.02 * rms(before)


def test_vowels_keep_their_formants():
    """In bands of two harmonics the spectrum moves little, even where the voice is severe."""
    profile = replace(draw_profile("dysphonia", "severe", 0), hnr_db=80.0, breaks_per_second=0.0)
    waveform, phones = talk(LONG_AH, **CALM)
    out = simulate(waveform, phones, profile, 0).waveform
    edges = np.arange(187.5, 3500, 250)  # Hz
    before, after = (np.array([band(w, a, b) for a, b in pairwise(edges)]) for w in (waveform, out))
    assert np.corrcoef(before, after)[0, 1] > 0.95


# ---- dysphonia: one change at a time, in its own unit


@pytest.mark.parametrize("wanted", [2.0, 7.0, 12.0])
def test_hnr_is_the_profile_s_and_the_level_stays(wanted: float):
    out, plain = (voice_of(replace(PLAIN_DYSPHONIA, hnr_db=db)) for db in (wanted, 80.0))
    assert hnr(out) == pytest.approx(wanted, abs=1)
    assert decibel(rms(out) / rms(plain)) == pytest.approx(0, abs=0.3)


def test_jitter_and_shimmer_are_the_profile_s():
    for jitter in (0.02, 0.05):
        periods = np.diff(pulses(voice_of(replace(PLAIN_DYSPHONIA, voice=replace(PLAIN_VOICE, jitter=jitter))))[0])
        assert np.abs(np.diff(periods)).mean() / periods.mean() == pytest.approx(jitter, rel=0.25)
    _, heights = pulses(voice_of(replace(PLAIN_DYSPHONIA, voice=replace(PLAIN_VOICE, shimmer_db=1.6))))
    assert np.abs(np.diff(20 * np.log10(heights))).mean() == pytest.approx(1.6, rel=0.25)


def test_tremor_and_intonation_are_the_profile_s():
    track = f0_track(voice_of(replace(PLAIN_DYSPHONIA, voice=replace(PLAIN_VOICE, tremor_hz=6.0, tremor_depth=0.03))))
    spectrum = np.abs(np.fft.rfft((track / track.mean() - 1) * np.hanning(len(track)), 4096)) * 4 / len(track)
    assert np.fft.rfftfreq(4096, 0.01)[spectrum.argmax()] == pytest.approx(6.0, abs=0.3)
    assert spectrum.max() == pytest.approx(0.03, rel=0.25)
    waveform, phones = talk(((("A:", 0.9), ("m", 0.1), ("A:", 0.9)),), f0_swing=0.2)
    flat = simulate(waveform, phones, replace(PLAIN_DYSPHONIA, voice=replace(PLAIN_VOICE, f0_range=0.5)), 0).waveform
    assert f0_spread(flat) / f0_spread(waveform) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("strangled_share", [1.0, 0.0])
@pytest.mark.parametrize(("per_second", "ms"), [(1.0, 60.0), (2.0, 120.0), (4.0, 60.0)])
def test_breaks_have_their_rate_and_length(strangled_share: float, per_second: float, ms: float):
    found = []
    for seed in range(4):
        profile = replace(PLAIN_DYSPHONIA, breaks_per_second=per_second, break_ms=ms, strangled_share=strangled_share)
        found += gaps(voice_of(profile, seed))
    assert len(found) / 24 == pytest.approx(per_second, abs=0.1)
    assert np.median([b - a for a, b in found]) / RATE == pytest.approx(ms / 1000, rel=0.2)


def test_a_strangled_break_is_nearly_silent_and_an_aphonic_one_is_breath_through_the_same_mouth():
    broken = replace(PLAIN_DYSPHONIA, breaks_per_second=1.0, break_ms=150.0)
    for share, wanted in ((1.0, -30.0), (0.0, -10.0)):
        out = voice_of(replace(broken, strangled_share=share))
        inside = [out[a + 160 : b - 160] for a, b in gaps(out)]
        assert decibel(np.median([rms(x) for x in inside]) / rms(voice_of(PLAIN_DYSPHONIA))) == pytest.approx(
            wanted, abs=2
        )
    breath = np.concatenate(inside).astype(np.float64)
    lag = RATE // 125
    assert abs(breath[:-lag] @ breath[lag:]) / (breath @ breath) < 0.3  # no period of 125 Hz is left
    vowel = voice_of(PLAIN_DYSPHONIA)
    peaks = [band(x, 600, 1300) - band(x, 1600, 2200) for x in (vowel, breath)]  # F1 and F2 of "ah" over the valley
    assert min(peaks) > 6


@pytest.mark.parametrize("level", [3.0, 6.0])
def test_alternating_levels_put_energy_at_half_the_fundamental(level: float):
    """Pulses of heights 1 and g have their odd half-harmonics (1 - g) / (1 + g) times as strong as the others."""
    out = voice_of(replace(PLAIN_DYSPHONIA, diplophonic_share=ALWAYS, alternate_db=level, alternate_period=0.0))
    g = 10 ** (-level / 20)
    assert subharmonics(out) == pytest.approx(decibel((1 - g) / (1 + g)), abs=3)
    assert np.median(np.diff(pulses(out)[0])) == pytest.approx(RATE / 125, rel=0.01)  # F0 itself stays


@pytest.mark.parametrize("share", [0.04, 0.1])
def test_alternating_periods_differ_by_their_share(share: float):
    out = voice_of(replace(PLAIN_DYSPHONIA, diplophonic_share=ALWAYS, alternate_db=0.0, alternate_period=share))
    periods = np.diff(pulses(out)[0])
    assert np.median(np.abs(np.diff(periods))) / periods.mean() == pytest.approx(share, rel=0.1)
    assert subharmonics(out) > -12


def test_diplophonia_takes_its_share_of_the_voice():
    weak = []
    for seed in range(4):
        profile = replace(PLAIN_DYSPHONIA, diplophonic_share=0.3, alternate_db=6.0, alternate_period=0.0)
        _, heights = pulses(voice_of(profile, seed))
        weak.append((heights < 0.7 * np.median(heights)).mean())
    assert 2 * np.mean(weak) == pytest.approx(0.3, abs=0.06)  # every second period of an episode is weak


def test_creak_is_half_as_many_pulses():
    out = voice_of(replace(PLAIN_DYSPHONIA, creaky_share=ALWAYS))
    assert len(pulses(out)[0]) / 6 == pytest.approx(0.9 * 62.5 + 0.1 * 125, rel=0.08)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_breaks_and_alternation_do_not_click(severity: str):
    """Without breath, no jump of the second difference goes beyond what the source's own pulses have."""
    for seed in range(4):
        waveform, phones = talk(VOICED * 2, f0=(90, 120, 180, 240)[seed], floor=1e-5)
        profile = replace(draw_profile("dysphonia", severity, seed), hnr_db=80.0)
        out = simulate(waveform, phones, profile, seed).waveform
        jump = np.abs(np.diff(out, 2)).max() / np.abs(out).max()
        assert jump <= 1.5 * np.abs(np.diff(waveform, 2)).max() / np.abs(waveform).max()


# ---- dysphonia: whole profiles


def test_severity_orders_every_mark_of_dysphonia():
    marks = {name: [] for name in ("hnr", "jitter", "shimmer", "broken", "subharmonics")}
    for severity in SEVERITIES:
        found = {name: [] for name in marks}
        for seed in range(3):
            profile = draw_profile("dysphonia", severity, seed)
            found["hnr"].append(hnr(voice_of(profile, seed)))
            voice = replace(PLAIN_VOICE, jitter=profile.voice.jitter, shimmer_db=profile.voice.shimmer_db)
            times, heights = pulses(voice_of(replace(PLAIN_DYSPHONIA, voice=voice), seed))
            found["jitter"].append(np.abs(np.diff(times, 2)).mean())
            found["shimmer"].append(np.abs(np.diff(20 * np.log10(heights))).mean())
            steady = replace(profile, hnr_db=80.0, diplophonic_share=0.0, creaky_share=0.0, voice=PLAIN_VOICE)
            found["broken"].append(sum(b - a for a, b in gaps(voice_of(steady, seed))))
            double = replace(profile, hnr_db=80.0, breaks_per_second=0.0, creaky_share=0.0, voice=PLAIN_VOICE)
            found["subharmonics"].append(subharmonics(voice_of(double, seed)))
        for name, values in found.items():
            marks[name].append(np.mean(values))
    assert marks["hnr"] == sorted(marks["hnr"], reverse=True)
    assert all(marks[name] == sorted(marks[name]) for name in ("jitter", "shimmer", "broken", "subharmonics"))
    assert marks["broken"][2] > 5 * marks["broken"][0] and marks["subharmonics"][2] > marks["subharmonics"][0] + 6


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_dysphonic_voice_is_noisier_than_any_other_cohort_s(severity: str):
    loudest = max(draw_profile("dysphonia", severity, seed).hnr_db for seed in range(30))
    others = [
        draw_profile(c, severity, seed).spectrum.hnr_db for c in ("dysarthria", "parkinsons") for seed in range(30)
    ]
    assert loudest < min(others) - 3


# ---- mixed: two disorders in one speaker


def mixed(motor, kind: str = "block", seconds: float = 0.4, share: float = 0.3) -> MixedProfile:
    stuttering = replace(
        draw_profile("stuttering", "mild", 0), kind_shares=only(kind), share=share, moment_seconds=seconds
    )
    return MixedProfile("mild", motor, stuttering)


def test_a_mixed_speaker_has_a_motor_disorder_and_stutters_both_of_the_asked_severity():
    for severity in SEVERITIES:
        profiles = [draw_profile("mixed", severity, seed) for seed in range(20)]
        assert {type(p.motor) for p in profiles} == {DysarthriaProfile, ParkinsonsProfile}
        assert all(p.motor.severity == p.stuttering.severity == p.severity == severity for p in profiles)
        known = {draw_profile(cohort, severity, seed) for cohort in COHORTS for seed in range(20)}
        assert not known & {part for p in profiles for part in (p.motor, p.stuttering)}


@pytest.mark.parametrize("rate", [0.5, 0.8])
def test_moments_of_a_mixed_speaker_stand_at_onsets_of_the_moved_phones(rate: float):
    """Blocks are cut out in thought: what is before each must be the slowed time of a syllable's first phone."""
    waveform, phones = talk(VOICED * 3)  # no stops, whose onsets are moved to their closures
    out = simulate(waveform, phones, mixed(replace(PLAIN, rate=rate), share=0.5), 0)
    stretch = {"A:": 1.1, "i:": 1.1, "u:": 1.1, "m": 0.9, "n": 0.9, "_": 1.0}
    ends = np.cumsum([stretch[phone.symbol] / rate * phone.seconds for phone in phones])
    onsets = np.concatenate([[0.0], ends])[[syllable.first for syllable in syllables_of(phones)]]
    inserted = 0.0
    assert len(out.events) >= 3
    for event in out.events:
        assert np.abs(event.start - inserted - onsets).min() < 0.002
        inserted += event.end - event.start
        assert rms(out.waveform[round((event.start + 0.02) * RATE) : round((event.end - 0.02) * RATE)]) < 0.01
    assert len(out.waveform) / RATE == pytest.approx(ends[-1] + inserted, abs=0.01)


@pytest.mark.parametrize("motor", ["dysarthria", "parkinsons"])
def test_between_its_moments_a_mixed_speaker_is_the_motor_speaker(motor: str):
    waveform, phones = talk()
    alone = draw_profile(motor, "severe", 2)
    motor_only = simulate(waveform, phones, alone, 4).waveform
    out = simulate(waveform, phones, mixed(alone), 4)
    kept = np.ones(len(out.waveform), dtype=bool)
    for event in out.events:
        kept[round(event.start * RATE) : round(event.end * RATE)] = False
    joined = out.waveform[kept][: len(motor_only)]
    assert kept.sum() == pytest.approx(len(motor_only), abs=RATE // 100)
    frames = [np.lib.stride_tricks.sliding_window_view(w, 640)[::160] for w in (motor_only[: len(joined)], joined)]
    levels = [np.log10((frame**2).mean(axis=1) + 1e-6) for frame in frames]
    assert np.corrcoef(levels)[0, 1] > 0.95


def test_the_voice_of_the_motor_disorder_outlives_the_stutter():
    waveform, phones = talk(((("A:", 2.0),),), **CALM)
    for motor, measure, wanted in (
        (replace(PLAIN, spectrum=replace(PLAIN.spectrum, hnr_db=12.0)), hnr, 12.0),
        (replace(PLAIN, voice=replace(PLAIN_VOICE, shimmer_db=0.8)), shimmer, 0.8),
    ):
        out = simulate(waveform, phones, mixed(motor), 0)
        assert measure(out.waveform[round(out.events[-1].end * RATE) + 800 :]) == pytest.approx(wanted, rel=0.3)


def shimmer(waveform: np.ndarray) -> float:
    return float(np.abs(np.diff(20 * np.log10(pulses(waveform)[1]))).mean())


def test_the_room_of_a_mixed_speaker_is_heard_through_the_blocks():
    """The room is not the speaker's: its noise must not stop with the voice."""
    waveform, phones = talk(VOICED * 3, pause=0.5, floor=0.0)
    quiet = replace(PLAIN_PARKINSONS, room_snr_db=30.0, loudness_db=9.0)
    out = simulate(waveform, phones, mixed(quiet), 0)
    room = rms(out.waveform[: RATE * 4 // 10])
    for event in out.events:
        inside = out.waveform[round((event.start + 0.05) * RATE) : round((event.end - 0.05) * RATE)]
        assert decibel(rms(inside) / room) == pytest.approx(0, abs=3)  # low noise, short blocks


def test_severity_makes_mixed_speech_longer_and_the_motor_part_worse():
    waveform, phones = talk()
    lengths, events = [], []
    for severity in SEVERITIES:
        outs = [simulate(waveform, phones, draw_profile("mixed", severity, seed), seed) for seed in range(8)]
        lengths.append(np.mean([len(out.waveform) for out in outs]))
        events.append(np.mean([sum(e.end - e.start for e in out.events) for out in outs]))
    assert lengths == sorted(lengths) and events == sorted(events) and events[2] > 2 * events[0]


# ---- both: range, determinism, manifests


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("cohort", HELD_OUT_COHORTS)
def test_output_is_in_range(cohort: str, severity: str):
    for seed in range(4):
        waveform, phones = talk(f0=(90, 120, 180, 240)[seed])
        out = simulate(1.98 * waveform, phones, draw_profile(cohort, severity, seed), seed).waveform  # peaks at 0.99
        assert out.dtype == np.float32 and np.isfinite(out).all() and np.abs(out).max() <= 1


def test_patients_of_all_cohorts_have_their_own_names_and_seeds():
    dealt = assign_patients([f"s{i}" for i in range(30)], 2, ALL_COHORTS, seed=3)
    patients = [patient for several in dealt.values() for patient in several]
    assert len({patient.name for patient in patients}) == len(patients) == 60
    assert len({patient.name.split("-")[1][:4] for patient in patients}) == len(ALL_COHORTS)
    assert {(p.cohort, p.severity) for p in patients} == {(c, s) for c in ALL_COHORTS for s in SEVERITIES}


@pytest.mark.parametrize("cohort", HELD_OUT_COHORTS)
def test_a_manifest_of_a_held_out_cohort(cohort: str, tmp_path: Path):
    waveform, phones = talk()
    save_audio(tmp_path / "a.wav", waveform)
    typical = ManifestRow("a.wav", tmp_path / "a.wav", "one two", speaker="s", phones=format_phones(phones))
    simulate_manifest([typical], tmp_path / "out", cohorts=(cohort,), seed=5, n_workers=1)
    (row,) = read_manifest(tmp_path / "out" / "manifest.csv")
    assert (row.reference, row.cohort, row.simulated) == ("one two", cohort, True)
    assert row.path.is_file() and row.speaker.startswith(f"s-{cohort[:4]}")


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    simulate_command.add_arguments(parser)
    return parser.parse_args(["typical.csv", "--out", "out", *arguments])


def test_the_command_says_which_cohorts_are_for_testing_only():
    parser = argparse.ArgumentParser(formatter_class=lambda prog: argparse.HelpFormatter(prog, width=1000))
    simulate_command.add_arguments(parser)
    assert "mixed, dysphonia, which are held out: for testing only" in parser.format_help()


def test_a_cohort_that_nobody_simulates_is_refused(tmp_path: Path):
    with pytest.raises(SimulationError, match="no simulator for 'lisp'; there are stuttering, .*, mixed, dysphonia"):
        simulate_manifest([], tmp_path, cohorts=("mixed", "lisp"), seed=0, n_workers=1)


def test_the_command_simulates_only_the_training_cohorts_unless_asked(tmp_path: Path):
    waveform, phones = talk()
    save_audio(tmp_path / "a.wav", waveform)
    lines = [f"a.wav,one two,s{i},{format_phones(phones)}" for i in range(9)]
    (tmp_path / "typical.csv").write_text("\n".join(["file,reference,speaker,phones", *lines]))
    for arguments, wanted in (((), set(COHORTS)), (("--cohorts", *HELD_OUT_COHORTS), set(HELD_OUT_COHORTS))):
        args = parsed("--workers", "1", *arguments)
        args.manifest, args.out = [tmp_path / "typical.csv"], tmp_path / "-".join(sorted(wanted))
        simulate_command.run(args)
        assert {row.cohort for row in read_manifest(args.out / "manifest.csv")} == wanted
