"""The examples as cards: which four come first, what a card says, and that a press fills the page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from test_ui_panels import text_of

from hyper.recordings.audio import SAMPLE_RATE, AudioError
from hyper.ui.example_cards import ExampleCards, cards_box
from hyper.ui.examples import Example, in_order
from hyper.ui.inputs import Inputs
from hyper.ui.waveform import wave_path


def example(name: str, outcome: str, cohort: str) -> Example:
    return Example(Path(f"{name}.wav"), f"say {name}", f"simulated <b>{name}", "CC0", outcome, cohort)


@pytest.fixture
def recorded(tmp_path) -> list[Example]:
    given = [("one", "right", "typical"), ("two", "tie", "a"), ("three", "gain", "a"), ("four", "", "b")]
    for name, *_ in given:
        soundfile.write(tmp_path / f"{name}.wav", np.sin(np.arange(SAMPLE_RATE) / 9), SAMPLE_RATE)
    return [replace(example(*each), path=tmp_path / f"{each[0]}.wav") for each in given]


def test_one_of_each_outcome_comes_first_and_from_different_cohorts():
    given = [
        ("1", "right", "typical"), ("2", "tie", "a"), ("3", "gain", "a"), ("4", "gain", "b"), ("5", "tie", "b"),
        ("6", "harm", "a"), ("7", "tie", "typical"),
    ]  # fmt: skip
    names = [each.path.stem for each in in_order([example(*one) for one in given])]
    assert names == ["3", "5", "6", "1", "2", "4", "7"]
    one_kind = [("1", "gain", "a"), ("2", "tie", "a"), ("3", "harm", "a"), ("4", "gain", "b"), ("5", "tie", "c")]
    assert [each.path.stem for each in in_order([example(*one) for one in one_kind])] == ["4", "5", "3", "1", "2"]
    assert in_order([]) == []


def test_a_card_says_what_it_is_and_stays_text(recorded):
    cards = ExampleCards(recorded)
    html = cards.first(recorded[1:])
    assert text_of(html) == (
        "Examples Simulated <b>two Adapting does not help Simulated <b>three Adapting helps Simulated <b>four"
    )
    assert re.findall(r'data-example="(\d+)"', html) == ["1", "2", "3"] and html.count(' d="M0.5 ') == 3
    assert cards.rest(recorded) == "" and not cards_box("", "x").visible
    assert cards_box(html, "x").visible


def test_no_success_is_promised_of_an_example_whose_verdict_is_not_reliable(recorded):
    doubtful = replace(recorded[2], doubt="unsure", drawn=("122", "573"))
    card = text_of(ExampleCards(recorded).first([doubtful]))
    assert "Not reliable" in card and "helps" not in card
    assert "not reliable" in doubtful.note and "fewer errors" not in doubtful.note and "122" not in doubtful.note
    assert in_order([doubtful, example("sure", "gain", "b")])[0].path.stem == "sure"


def test_an_example_that_cannot_be_read_is_told_at_the_start(tmp_path):
    with pytest.raises(AudioError, match="gone.wav"):
        ExampleCards([replace(example("x", "", ""), path=tmp_path / "gone.wav")])


def test_a_press_fills_the_page_with_its_example(recorded):
    inputs = SimpleNamespace(examples=recorded, tried=SimpleNamespace(of=lambda name: recorded[::-1]))
    path, reference, verbatim, of_example, note = Inputs.fill(inputs, SimpleNamespace(example=2.0), "any")
    assert (path, reference, verbatim, of_example) == (str(recorded[2].path), "say three", "", "say three")
    assert "fewer errors here" in text_of(note)
    assert Inputs.fill_first(inputs, "any")[0] == str(recorded[3].path)  # in the order of this pair


def test_the_outline_is_as_high_as_the_sound_is_loud():
    quiet, loud = np.full(100, 0.1), np.full(100, -0.4)
    heights = [float(h) for h in re.findall(r"v([\d.]+)", wave_path(np.concatenate([quiet, loud, 0 * quiet]), 3))]
    assert heights == [10.0, 40.0, 1.0]
    assert wave_path(np.zeros(0), 2).count("M") == 2
