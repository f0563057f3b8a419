"""What is shown of a sound, held against tones of known pitch, level and pauses, and rates worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hyper.compare.speaking import find_pauses, speaking_facts, words_a_minute
from hyper.compare.word_times import WordTime
from hyper.recordings import sound
from hyper.recordings.audio import SAMPLE_RATE


def tone(hertz: float, seconds: float, amplitude: float = 0.5) -> np.ndarray:
    """A tone with overtones that fall off as a voice's do, its strongest part of that amplitude."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return sum(amplitude / n * np.sin(2 * np.pi * n * hertz * t) for n in range(1, 6)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


@pytest.mark.parametrize("hertz", [90.0, 140.0, 260.0])
def test_the_pitch_of_a_tone_is_its_own_and_silence_has_none(hertz):
    f0 = sound.pitch_of(np.concatenate([silence(0.5), tone(hertz, 1.0), silence(0.5)]))
    assert len(f0) == 100  # 2 s, one every 20 ms
    assert np.isnan(f0[:20]).all() and np.isnan(f0[80:]).all()
    np.testing.assert_allclose(f0[30:70], hertz, rtol=0.006)  # one step of the search, a tenth of a semitone


def test_a_minute_more_does_not_shift_the_pitch(monkeypatch):
    monkeypatch.setattr(sound, "MINUTE", SAMPLE_RATE)
    f0 = sound.pitch_of(np.concatenate([tone(100, 1.5), tone(200, 1.5)]))
    assert len(f0) == 150
    np.testing.assert_allclose(f0[[30, 60, 90, 120]], [100, 100, 200, 200], rtol=0.006)


@pytest.mark.parametrize("amplitude, decibels", [(1.0, -3.01), (0.1, -23.01), (0.01, -43.01)])
def test_the_level_of_a_sine_is_three_decibels_below_its_peak(amplitude, decibels):
    sine = amplitude * np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    np.testing.assert_allclose(sound.level_of(sine)[2:-2], decibels, atol=0.1)
    assert (sound.level_of(silence(1)) == sound.SILENCE_DB).all()


@pytest.mark.parametrize("seconds", [0.02, 1.0, 30.0, 95.3])
def test_a_spectrogram_has_few_cells_and_covers_all_of_the_time(seconds):
    cells, column = sound.spectrogram_of(0.1 * np.random.default_rng(0).normal(size=round(seconds * SAMPLE_RATE)))
    assert cells.shape[0] == 128 and cells.shape[1] <= 600
    assert seconds <= column * cells.shape[1] < max(seconds * 1.05, 0.05)
    assert cells.dtype == np.int8 and cells.max() == 0


def test_a_tone_lies_in_the_band_of_its_frequency_while_it_lasts():
    waveform = np.concatenate([silence(10), np.sin(2 * np.pi * 3000 * np.arange(160_000) / SAMPLE_RATE), silence(10)])
    cells, column = sound.spectrogram_of(waveform.astype(np.float32))
    at = cells[:, round(15 / column)]
    assert abs((at.argmax() + 0.75) * sound.BAND_HZ - 3000) < sound.BAND_HZ
    loud = np.flatnonzero(cells.max(axis=0) > -20) * column
    assert loud[0] == pytest.approx(10, abs=0.1) and loud[-1] == pytest.approx(20, abs=0.1)


def test_pauses_are_counted_between_sounds_and_only_long_ones():
    parts = [silence(0.6), tone(120, 1), silence(0.1), tone(120, 1), silence(0.5), tone(120, 1), silence(0.8)]
    parts += [tone(120, 0.5), silence(1.0)]
    pauses = find_pauses(sound.level_of(np.concatenate(parts)))
    assert pauses.seconds == pytest.approx((0.5, 0.8), abs=0.021)  # not 0.1 s, nor the ends
    assert pauses.speaking_seconds == pytest.approx(4.9, abs=0.05)  # 1 + 0.1 + 1 + 0.5 + 1 + 0.8 + 0.5
    assert pauses.share == pytest.approx(1.3 / 4.9, abs=0.01)


def test_a_soft_voice_is_no_pause_and_silence_has_none():
    soft = np.concatenate([tone(120, 1, 0.5), tone(120, 1, 0.05), tone(120, 1, 0.5)])  # 20 dB below
    assert find_pauses(sound.level_of(soft)).seconds == ()
    softer = np.concatenate([tone(120, 1, 0.5), tone(120, 1, 0.015), tone(120, 1, 0.5)])  # 30 dB below
    assert find_pauses(sound.level_of(softer)).seconds == pytest.approx((1.0,), abs=0.021)
    assert find_pauses(sound.level_of(silence(2))) is None


def test_words_a_minute_are_counted_from_the_first_to_the_last():
    words = [WordTime("turn", 1.0, 1.4), WordTime("it", 2.0, 2.2), WordTime("off", 2.9, 3.5)]
    assert words_a_minute(words) == pytest.approx(72)  # 3 words in 2.5 s
    assert words_a_minute(words[:2]) is None
    assert words_a_minute([WordTime(word, 1.0, 1.0) for word in "abc"]) is None


def test_words_a_minute_are_not_told_where_a_sentence_is_written_as_one_word():
    words = [WordTime("请打开", 0.0, 1.0), WordTime("厨房", 1.0, 2.0), WordTime("的灯", 2.0, 3.0)]
    assert words_a_minute(words, "zh") is None and words_a_minute(words, "de") == pytest.approx(60)
    assert "without spaces" in speaking_facts(sound.look_at(tone(120, 1.0)), words, "zh")["Speech rate"]
