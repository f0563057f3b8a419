"""What the page says about a comparison: words, numbers, and nothing that anybody could smuggle in."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from hyper.compare.comparison import Comparison
from hyper.compare.confidence import WordConfidence
from hyper.compare.row import Row, make_row
from hyper.compare.transcript import Transcript
from hyper.compare.word_times import PairTimes
from hyper.metrics.word_errors import WordSpan, align_words
from hyper.model.subspace import LayerUpdate
from hyper.ui import panels, word_diff
from hyper.ui.templates import TEMPLATES

MEANT = "turn on the lights"


def transcript(text: str, stopped: str = "end") -> Transcript:
    return Transcript(text=text, tokens=(), log_probs=(), stopped=stopped, no_speech_prob=None)


def speech() -> np.ndarray:
    """Half a second of tones that swell and fade twice over a little noise: the guards hear somebody."""
    t = np.arange(8000) / 16_000
    noise = np.random.default_rng(0).normal(0, 1e-3, 8000)
    return (0.1 * np.sin(2 * np.pi * 2 * t) ** 4 * np.sin(2 * np.pi * 150 * t) + noise).astype(np.float32)


def comparison(
    base: str,
    adapted: str | None,
    reference: str | None = None,
    verbatim: str | None = None,
    waveform: np.ndarray | None = None,
    base_words: tuple[WordConfidence, ...] = (),
) -> Comparison:
    waveform = speech() if waveform is None else waveform

    def row(text: str, words: tuple[WordConfidence, ...] = ()) -> Row:
        return make_row(transcript(text), waveform, reference, verbatim, words)

    rng = np.random.default_rng(0)
    layer = LayerUpdate("model.decoder.layers.0.fc1", 0.5, 0.0123, np.array([0.5]), np.array([0.25, 1.75]))
    return Comparison(
        base=row(base, base_words),
        adapted=None if adapted is None else row(adapted),
        reference=reference,
        verbatim=verbatim,
        measure_layers=lambda: () if adapted is None else (layer,),
        time_words=lambda: PairTimes((), None if adapted is None else ()),
        waveform=waveform,
        log_mel=rng.random((80, 25)).astype(np.float32),
        embedding=None,
        timings_ms={"audio": 3.0, "encode": 40.0, "generate": 2.0, "decode": 155.0},
        seconds=0.5,
        n_pieces=1,
        device="cpu",
        base_model="assets/whisper-mini",
        hypernetwork=None if adapted is None else "assets/hypernet-mini",
        generated_parameters=4800,
        generated_share=0.00085,
    )


class TextOf(HTMLParser):
    """The text that a reader without colours gets, and the tags that the browser would obey."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.parts)).strip()


def text_of(html: str) -> str:
    return TextOf(html).text


def words_html(words: list[word_diff.MarkedWord]) -> str:
    return str(TEMPLATES.get_template("parts.html.jinja").module.marked_words(words))


def test_words_against_the_reference_are_readable_without_colour():
    html = words_html(word_diff.against_reference(align_words("turn on the lights please", "turn on on the light")))
    assert text_of(html) == "turn on on added the light meant: lights please missing"
    assert {"ins", "b", "del"} <= set(TextOf(html).tags)


def test_a_faultless_transcript_is_not_repeated():
    html = words_html(word_diff.against_reference(align_words(MEANT, "Turn on the lights.")))
    assert text_of(html) == "Every word as it was meant."


def test_words_against_each_other_mark_both_sides():
    base, adapted = map(words_html, word_diff.against_each_other(align_words("turn the light", "turn on the lights")))
    assert text_of(base) == "turn the light adapted: lights"
    assert text_of(adapted) == "turn on not in base the lights base: light"


@pytest.mark.parametrize("kind", ["hit", "substitution", "deletion", "insertion"])
def test_words_stay_words(kind):
    spans = [WordSpan(kind, "" if kind == "insertion" else "<hr>", "" if kind == "deletion" else "<hr>")]
    for words in (word_diff.against_reference(spans), *word_diff.against_each_other(spans)):
        assert "hr" not in TextOf(words_html(words)).tags


@pytest.mark.parametrize("where", ["base", "adapted", "reference", "base_model", "hypernetwork"])
def test_what_others_wrote_stays_text(where):
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    values = {"base": "turn on", "adapted": "turn", "reference": MEANT}
    changes = {}
    if where in values:
        values[where] = attack
    else:
        changes[where] = attack
    made = replace(comparison(**values), **changes)
    html = (
        panels.results_html(made, "bundled")
        + panels.details_html(made)
        + panels.results_html(replace(made, adapted=None), attack)
    )
    found = TextOf(html)
    assert "script" not in found.tags and "img" not in found.tags
    assert "alert" in found.text


@pytest.mark.parametrize(
    ("base", "adapted", "reference", "sentence"),
    [
        ("turn off a light", "turn on the light", MEANT, "3 errors before, 1 after adapting: 67% fewer."),
        ("turn off the lights", MEANT, MEANT, "1 error before, none after adapting: 100% fewer."),
        (MEANT, MEANT, MEANT, "Both transcripts have every word right."),
        ("turn the lights", "turn of the lights", MEANT, "Both have 1 error."),
        (MEANT, "turn off the light", MEANT, "Adapting did harm here: 2 errors instead of 0."),
        ("Turn on.", "turn on", None, "Both transcripts have the same words."),
        ("turn on", "turn off", None, "The transcripts differ in the marked words."),
        ("turn on", None, None, "This model has no adaptation yet, so there is only one transcript."),
        ("turn on", "turn", "?!", "The reference has no words, so there is nothing to count."),
    ],
)
def test_outcome(base, adapted, reference, sentence):
    assert panels.comparison_outcome(comparison(base, adapted, reference)) == sentence


def test_numbers_of_each_panel():
    html = panels.results_html(comparison("turn off of the light", "turn on the lights", MEANT), "bundled")
    base, adapted = (text_of(part) for part in html.split("<article")[1:])
    assert "75% words wrong (WER)" in base  # by hand: off, of, light for on, -, lights: 3 of 4
    assert "substituted 2" in base and "missing (deleted) 0" in base and "added (inserted) 1" in base
    assert "0% words wrong (WER)" in adapted
    assert f"What was meant {MEANT}" in text_of(html)


def test_percentages_are_whole_or_have_one_decimal():
    text = text_of(
        panels.results_html(comparison("turn on the", "turn", "turn on the lights in the big kitchen"), "bundled")
    )
    assert "62.5% words wrong (WER)" in text and "87.5% words wrong (WER)" in text


def test_without_reference_no_number_is_invented():
    html = panels.results_html(comparison("turn on", "turn off"), "bundled")
    assert "%" not in text_of(html)
    assert panels.NO_REFERENCE in text_of(html)


def test_a_reference_without_words_gives_no_rate():
    assert "%" not in text_of(panels.results_html(comparison("turn on", "turn off", "?!"), "bundled"))


@pytest.mark.parametrize(
    ("stopped", "reason"), [("repetition", "over and over"), ("length", "wrote more than fits the recording")]
)
def test_a_row_that_did_not_end_by_itself_is_called_uncertain(stopped, reason):
    made = replace(comparison("turn on", "turn on"), adapted=make_row(transcript("turn on", stopped), speech()))
    base, adapted = panels.results_html(made, "bundled").split("<article")[1:]
    assert "Uncertain" in text_of(adapted) and reason in text_of(adapted)
    assert "Uncertain" not in base


def test_a_model_without_hypernetwork_says_what_to_run():
    text = text_of(panels.results_html(comparison("turn on", None), "openai/whisper-tiny"))
    assert "No hypernetwork was trained for this model." in text
    command = "python -m hyper train --base openai/whisper-tiny --data MANIFEST.csv --out assets/hypernet-whisper-tiny"
    assert command in text
    assert panels.train_command("my models/w;") == (
        "python -m hyper train --base 'my models/w;' --data MANIFEST.csv --out assets/hypernet-w-"
    )
    assert "turn on" in text


def test_an_empty_transcript_is_said_to_be_empty():
    assert "(no words)" in text_of(panels.results_html(comparison("", "turn on", MEANT), "bundled"))


def test_details_say_model_device_times_and_parameters():
    text = text_of(panels.details_html(comparison("turn on", "turn on")))
    assert "assets/whisper-mini" in text and "assets/hypernet-mini" in text and "cpu" in text
    assert "write the adaptation 2 ms" in text and "together 200 ms" in text
    assert "4,800 parameters, 0.085 % of the model's" in text
    assert "model.decoder.layers.0.fc1 0.5 1.23 % 0.5 1.0°, 1.8°" in text
