"""The bench: its three ways write the same tokens, and its figures come out of what it measured."""

from __future__ import annotations

import builtins
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from hyper.commands import bench


@pytest.fixture
def asr(backbone, make_hypernet):
    """A random model with a hypernetwork strong enough to change what is written; `compare` is not under test."""
    return SimpleNamespace(
        backbone=backbone,
        hypernet=make_hypernet(backbone, rank=2, alpha=3.0),
        base_model="whisper-random",
        hypernetwork="hypernet-random",
        device="cpu",
        compare=lambda file: SimpleNamespace(timings_ms={"audio": 1.0, "decode": 2.0}),
    )


def test_peft_and_two_rows_write_the_same_tokens(asr, speech_like):
    swapper = bench.PeftSwapper(asr)
    differing = 0
    for seed in range(4):
        waveform = speech_like(2.0, seed)
        base, adapted = bench.two_rows(asr, waveform, 12)
        assert swapper.two_passes(waveform, 12) == [base, adapted]
        assert bench.base_alone(asr, waveform, 12) == [base]
        differing += base != adapted
    assert differing >= 2  # or the lines above compare base with base


def test_the_base_is_untouched_after_peft(asr):
    before = [name for name, _ in asr.backbone.model.named_modules()]
    bench.PeftSwapper(asr)
    assert [name for name, _ in asr.backbone.model.named_modules()] == before


def test_every_way_is_held_to_the_shorter_transcript(asr, speech_like):
    waveform = speech_like(2.0, 0)
    n_tokens = bench.shorter_transcript(asr, waveform)
    lengths = {len(tokens) for tokens in bench.two_rows(asr, waveform, n_tokens)}
    assert lengths == {n_tokens}


def test_median_ratio_takes_neighbours_not_medians():
    times, others = [1, 10, 4], [1, 2, 20]
    assert bench.median_ratio(times, others) == 1
    assert np.median(times) / np.median(others) == 2


def test_each_way_comes_first_in_turn():
    ways = ("a", "b", "c")
    assert [bench.in_turn(ways, i) for i in range(4)] == [ways, ("b", "c", "a"), ("c", "a", "b"), ways]


def test_measure_reports_each_way(asr, speech_like, tmp_path):
    soundfile.write(tmp_path / "a.wav", speech_like(1.0), 16_000)
    result = bench.measure(asr, [tmp_path / "a.wav"], rounds=2)
    assert result.stages_ms == {"audio": 1.0, "decode": 2.0}
    assert result.ways_ms.keys() == {"base alone", "two rows", "two passes with PEFT"}
    assert result.same_tokens
    assert min(result.ways_ms.values()) > 0 and result.to_base_alone > 0 and result.to_two_passes > 0
    text = bench.as_text(result)
    assert "the same tokens" in text and f"{result.to_two_passes:.2f} times the two passes with PEFT" in text


def test_what_is_missing_is_named(asr, speech_like, monkeypatch):
    with pytest.raises(bench.BenchError, match="6.0 s long; please measure on ones within the window of 4"):
        bench.shorter_transcript(asr, speech_like(6.0))
    with pytest.raises(bench.BenchError, match="There is no hypernetwork for whisper-random"):
        bench.measure(SimpleNamespace(hypernet=None, base_model="whisper-random"), [], 1)

    real_import = builtins.__import__

    def without_peft(name, *arguments, **keywords):
        if name == "peft":
            raise ImportError(name)
        return real_import(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_peft)
    with pytest.raises(bench.BenchError, match="The comparison needs PEFT"):
        bench.PeftSwapper(asr)
