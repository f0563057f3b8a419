"""Other rooms, microphones and telephones: what they do to sound, and that all else stays as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy_voice import talk
from scipy.signal import welch

from hyper.__main__ import main
from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.manifest import ManifestRow, read_manifest, write_manifest
from hyper.speech import distort

RATE = 16_000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def share_of_power(waveform: np.ndarray, low: float, high: float) -> float:
    at, power = welch(waveform, RATE, nperseg=1024)
    return float(power[(at >= low) & (at <= high)].sum() / power.sum())


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return 0.1 * rng(5).standard_normal(2 * RATE)


def test_the_same_seed_gives_the_same_samples_of_the_same_length() -> None:
    spoken = talk()[0].astype(np.float32)
    once, again, other = (distort.distorted(spoken, rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(once, again) and not np.array_equal(once, other)
    assert once.dtype == np.float32 and len(once) == len(spoken)
    peaks = [20 * np.log10(np.abs(distort.distorted(spoken, rng(seed))).max()) for seed in range(30)]
    assert min(peaks) < -30 and max(peaks) <= -0.9


def test_a_telephone_has_neither_what_is_low_nor_what_is_high(noise: np.ndarray) -> None:
    heard = distort._on_a_telephone(noise, rng())
    assert share_of_power(noise, 4200, 8000) > 0.4 and share_of_power(heard, 4200, 8000) < 0.01
    assert share_of_power(heard, 0, 80) < 0.1 * share_of_power(noise, 0, 80)


def test_a_room_goes_on_after_the_sound_and_dies_away() -> None:
    click = np.zeros(RATE)
    click[0] = 1.0
    heard = distort._in_a_room(click, rng(3))
    after = [float((heard[start : start + 800] ** 2).sum()) for start in (1, 2400, RATE - 800)]
    assert heard[0] == pytest.approx(1.0)
    assert after[0] > after[1] > 0 and after[2] == pytest.approx(0, abs=1e-12)
    reflected_db = 10 * np.log10((heard[1:] ** 2).sum())
    assert distort.ROOM_DB[0] - 0.1 <= reflected_db <= distort.ROOM_DB[1] + 0.1


def test_a_microphone_bends_the_spectrum_within_its_decibels(noise: np.ndarray) -> None:
    heard = distort._through_a_microphone(noise, rng(1))
    change_db = 20 * np.log10(np.abs(np.fft.rfft(heard)) / np.abs(np.fft.rfft(noise)))
    assert np.abs(change_db).max() <= distort.MICROPHONE_DB + 0.01 and np.ptp(change_db) > 3


def test_a_manifest_keeps_everything_but_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoken = talk()[0].astype(np.float32)
    for name in ("a", "b", "silent"):
        save_audio(tmp_path / f"{name}.wav", spoken * (name != "silent"))
    row = ManifestRow("a.wav", tmp_path / "a.wav", "call my sister", speaker="s", cohort="stuttering", severity="mild")
    rows = [replace(row, file=f"{name}.wav", path=tmp_path / f"{name}.wav") for name in ("a", "silent", "b")]
    write_manifest(tmp_path / "manifest.csv", rows)
    out = tmp_path / "elsewhere"
    main(["distort", str(tmp_path / "manifest.csv"), "--out", str(out), "--workers", "1"])
    assert "wrote 2 of 3 recordings" in capsys.readouterr().out
    written = read_manifest(out / "manifest.csv")
    assert [(each.reference, each.speaker, each.cohort, each.severity) for each in written] == [
        ("call my sister", "s", "stuttering", "mild")
    ] * 2
    first, second = (load_audio(each.path) for each in written)
    assert not np.array_equal(first, second) and len(first) == len(spoken)  # the same words through two microphones


def test_recordings_of_which_none_can_be_used_leave_no_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distort, "parallel", lambda function, tasks, *_: map(function, tasks))
    write_manifest(tmp_path / "manifest.csv", [ManifestRow("gone.wav", tmp_path / "gone.wav", "call my sister")])
    out = tmp_path / "elsewhere"
    assert main(["distort", str(tmp_path / "manifest.csv"), "--out", str(out)]) == 1
    assert "None of 1 recordings can be used; check the paths in the manifest." in capsys.readouterr().err
    assert not (out / "manifest.csv").exists()


def test_a_limit_chooses_by_the_seed(tmp_path: Path) -> None:
    save_audio(tmp_path / "a.wav", talk()[0].astype(np.float32))
    rows = [ManifestRow("a.wav", tmp_path / "a.wav", str(i)) for i in range(12)]
    chosen = [distort.distort_manifest(rows, tmp_path / str(seed), 4, seed, 1) for seed in (1, 2)]
    assert [len(each) for each in chosen] == [4, 4]
    assert {row.reference for row in chosen[0]} != {row.reference for row in chosen[1]}
