"""Every strength of one recording: against comparisons at each strength, and figures against each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.sweep import STRENGTHS, n_changed_words, sweep
from hyper.metrics.word_errors import word_errors
from hyper.model.lora import StrengthError
from hyper.plots.sweep import sweep_figure, sweep_print


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


def test_each_point_is_a_comparison_at_its_strength(asr, speech_like):
    waveform = speech_like(2.0)
    points = sweep(asr, asr.prepare(waveform), "turn on the light")
    assert [point.strength for point in points] == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]
    for point in points[::2]:
        comparison = asr.compare(waveform, "turn on the light", strength=point.strength)
        assert point.row.text == comparison.adapted.text
        assert point.row.errors == word_errors("turn on the light", comparison.adapted.text)
        assert point.row.heard_nobody == comparison.adapted.heard_nobody
    assert points[0].row.text == asr.compare(waveform).base.text
    assert points[0].n_changed == 0 and len({point.row.text for point in points}) > 1


@pytest.mark.parametrize(("seconds", "n_steps"), [(2.0, 1), (9.0, 2), (30.0, 5)])
def test_of_a_long_recording_a_few_strengths_are_decoded_at_a_time(asr, speech_like, seconds, n_steps):
    prepared, steps = asr.prepare(speech_like(seconds)), []
    points = sweep(asr, prepared, None, on_model=lambda step: steps.append(step()) or steps[-1])
    assert len(steps) == n_steps
    assert [len(step) for step in steps[:-1]] == (n_steps - 1) * [max(2, 16 // len(prepared.n_samples))]
    alone = asr.strength_sweep(prepared, STRENGTHS)
    assert [point.row.transcript.tokens for point in points] == [transcript.tokens for transcript in alone]


def test_changed_words_by_hand():
    assert n_changed_words("turn on the light", "Turn on, the light!") == 0
    assert n_changed_words("turn on the light", "turn off light please") == 3  # off for on, no the, please


def test_both_figures_draw_the_same_line(asr, speech_like):
    prepared = asr.prepare(speech_like(2.0))
    for reference, title in (("turn on the light", "word error rate, %"), (None, "words unlike base")):
        points = sweep(asr, prepared, reference)
        screen, paper = sweep_figure(points), sweep_print(points)
        heights = [100 * point.wer if reference else point.n_changed for point in points]
        (line,) = paper.axes[0].lines
        assert list(screen.data[0].x) == list(line.get_xdata()) == list(STRENGTHS)
        assert list(screen.data[0].y) == list(line.get_ydata()) == pytest.approx(heights)
        assert screen.layout.yaxis.title.text == paper.axes[0].get_ylabel() == title
    silent = tuple(replace(point, n_changed=0) for point in points)
    assert sweep_print(silent).axes[0].get_ylim()[1] > 0


def test_without_a_hypernetwork_there_is_nothing_to_sweep(backbone, speech_like):
    alone = PersonalizedAsr(backbone, None, None)
    with pytest.raises(StrengthError, match="no hypernetwork for whisper-random, so no strength changes anything"):
        sweep(alone, alone.prepare(speech_like(1.0)), None)
