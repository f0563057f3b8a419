"""What the page says about a comparison: words, numbers, and nothing that anybody could smuggle in."""

from __future__ import annotations

import gc
import re
import weakref
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from hyper.compare.comparison import Comparison
from hyper.compare.confidence import WordConfidence
from hyper.compare.guards import Heard
from hyper.compare.row import Row, make_row
from hyper.compare.transcript import Transcript
from hyper.compare.verdict import REASONS
from hyper.compare.voice_map import Whereabouts
from hyper.compare.word_times import PairTimes
from hyper.metrics.word_errors import WordErrors
from hyper.model.subspace import LayerUpdate
from hyper.ui import panels
from hyper.ui.numbers import words_wrong

MEANT = "turn on the lights"


def transcript(text: str, stopped: str = "end") -> Transcript:
    return Transcript(text=text, tokens=(), log_probs=(), stopped=stopped, no_speech_prob=None)


def speech(seconds: float = 0.5) -> np.ndarray:
    """Tones that swell and fade four times a second over a little noise: the guards hear somebody."""
    t = np.arange(round(16_000 * seconds)) / 16_000
    noise = np.random.default_rng(0).normal(0, 1e-3, len(t))
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
        return make_row(transcript(text), Heard(waveform), reference, verbatim, words)

    rng = np.random.default_rng(0)
    layer = LayerUpdate("model.decoder.layers.0.fc1", 0.5, 0.0123, np.array([0.5]), np.array([0.25, 1.75]))
    return Comparison(
        base=row(base, base_words),
        adapted=None if adapted is None else row(adapted),
        reference=reference,
        verbatim=verbatim,
        measure_layers=lambda: () if adapted is None else (layer,),
        word_times=PairTimes((), None if adapted is None else ()),
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


def lines_of(html: str) -> list[str]:
    """The text of each column, rows one after the other."""
    return [text_of(part) for part in re.split('<div class="hw-column(?: hw-agree)?">', html)[1:]]


def test_words_stand_under_each_other_and_what_was_meant_stands_once():
    html = panels.results_html(
        comparison("turn on on the light", "turn on the lights", "turn on the lights"), "bundled"
    )
    found = lines_of(html)
    assert found[:4] == ["turn turn", "on", "on on", "the the"] or found[:4] == ["turn turn", "on on", "on", "the the"]
    assert found[4].startswith("light lights lights")
    assert html.count('class="hw-meant-here"') == 1
    assert html.count("hw-wrong") == 2 and html.count("hw-agree") == 3


def test_in_sentences_for_those_who_do_not_see_the_columns():
    html = panels.results_html(comparison("um turn off light", "turn on the lights", MEANT), "bundled")
    unseen = html.split('class="hw-unseen"')[1].split("</div>")[0]
    assert text_of("<p " + unseen) == (
        "What was heard Base, Whisper as it is: um turn off light . 3 of 4 words wrong: off instead of on; "
        "light instead of the; "
        f"lights is missing. Adapted, tuned to this recording: turn on the lights . Every word right. "
        f"What was meant: {MEANT}"
    )


def test_the_player_knows_what_to_play():
    html = panels.results_html(comparison("turn on", "turn off"), "bundled", recording='/tmp/a "b".wav')
    assert 'data-file="/tmp/a &#34;b&#34;.wav" data-seconds="0.50" data-wave="M0.5 ' in html
    assert re.findall(r'data-word="([^"]+)"', html) == ["base-0", "adapted-0", "base-1", "adapted-1"]


def test_a_result_says_whose_it_is():
    made, attack = comparison("turn on", "turn off"), '<img src=x onerror="alert(1)">.mp4'
    shown = panels.results_html(made, "bundled", name=attack)
    assert attack not in shown and f"Recording: {attack}" in text_of(shown)
    long = f"visit of a patient {'x' * 99} second recording.mp4"
    html = panels.results_html(made, "bundled", name=long)
    short = text_of(re.search("<bdi title=.*?</bdi>", html)[0])
    assert short.startswith("visit of a patient xxx") and short.endswith("xx second recording.mp4") and "…" in short
    assert len(short) == panels.LONGEST_NAME and f'title="{long}"' in html
    assert "hw-whose" not in panels.results_html(made, "bundled")


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        (WordErrors(hits=8, deletions=1), "1 of 9 words wrong"),
        (WordErrors(hits=1, insertions=1), "1 of 1 word wrong"),
        (WordErrors(hits=2, insertions=3), "3 errors in 2 words"),
        (WordErrors(hits=2), "every word right"),
    ],
)
def test_one_sentence_is_counted(errors, text):
    assert words_wrong(errors) == text


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
        (
            "turn off a light",
            "turn on the light",
            MEANT,
            "Better 3 of 4 words wrong before adapting, 1 after.",
        ),
        ("turn off the lights", MEANT, MEANT, "Better 1 of 4 words wrong before adapting, none after."),
        (MEANT, MEANT, MEANT, "Same Every word is right in both."),
        ("turn the lights", "turn of the lights", MEANT, "Same 1 of 4 words wrong in both."),
        (MEANT, "turn off the light", MEANT, "Worse Every word right before adapting, 2 of 4 words wrong after."),
        ("Turn on.", "turn on", None, f"Same {panels.SAME_WORDS}"),
        ("turn on", "turn off", None, panels.OTHER_WORDS),
        ("turn on", None, None, "This model has no adaptation yet, so there is only one transcript."),
        ("turn on", "turn", "?!", "The reference has no words, so there is nothing to count."),
        ("", "", None, f"Not reliable {panels.DOUBTS['no speech']}"),
    ],
)
def test_verdict(base, adapted, reference, sentence):
    assert verdict_of(panels.results_html(said(base, adapted, reference), "bundled")) == sentence


@pytest.mark.parametrize("row", ["base", "adapted"])
def test_the_likelier_transcript_is_named_where_nobody_said_what_was_meant(row):
    open_ended = replace(said("turn on", "turn off", None), preferred=row)
    likelier = panels.LIKELIER.format(row=row)
    assert verdict_of(panels.results_html(open_ended, "bundled")) == f"{panels.OTHER_WORDS} {likelier}"
    known = replace(said("turn on", "turn off", "turn off"), preferred=row)
    assert likelier not in panels.results_html(known, "bundled")
    assert likelier not in panels.results_html(replace(said("turn on", "turn on", None), preferred=row), "bundled")


def said(base: str, adapted: str | None, reference: str | None) -> Comparison:
    """Slowly enough that nobody doubts it."""
    return comparison(base, adapted, reference, waveform=speech(1.5))


def verdict_of(html: str) -> str:
    return text_of(html.split('class="hw-verdict" role="status">')[1].split("</p>")[0])


def test_not_reliable_says_why_and_what_would_work():
    far = Whereabouts(0.0, 0.0, distance=2.0, limit=1.0, share_nearer=1.0)
    html = panels.results_html(replace(said("turn off", "turn on", "turn on"), where=far), "bundled")
    assert verdict_of(html) == f"Not reliable {panels.DOUBTS['far']}"
    assert all(re.search("Try|Speak", sentence) for sentence in panels.DOUBTS.values())


def test_nobody_is_told_how_to_speak_an_example():
    far = Whereabouts(0.0, 0.0, distance=2.0, limit=1.0, share_nearer=1.0)
    doubted = replace(said("turn off", "turn on", "turn on"), where=far)
    assert verdict_of(panels.results_html(doubted, "bundled", is_example=True)) == f"Not reliable {REASONS['far']}"


def test_rates_stand_in_the_folded_table_alone():
    html = panels.results_html(comparison("turn off of the light", "turn on the lights", MEANT), "bundled")
    shown, folded = html.split('id="hw-counts"')
    assert "%" not in text_of(shown)
    text = text_of(folded)
    assert "Base 75 % (3 of 4) 2 0 1" in text  # by hand: off, of, light for on, -, lights
    assert "Adapted 0 % (0 of 4) 0 0 0 0 %" in text


def test_percentages_are_whole_or_have_one_decimal():
    text = text_of(
        panels.results_html(comparison("turn on the", "turn", "turn on the lights in the big kitchen"), "bundled")
    )
    assert "62.5 % (5 of 8)" in text and "87.5 % (7 of 8)" in text


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
    made = replace(comparison("turn on", "turn on"), adapted=make_row(transcript("turn on", stopped), Heard(speech())))
    html = panels.results_html(made, "bundled")
    assert "Adapted: uncertain" in text_of(html) and reason in text_of(html)
    assert "Base: uncertain" not in html


def test_a_model_without_hypernetwork_says_what_to_run():
    text = text_of(panels.results_html(comparison("turn on", None), "openai/whisper-tiny"))
    assert "No hypernetwork was trained for this model." in text
    command = "python -m hyper train --base openai/whisper-tiny --data MANIFEST.csv --out assets/hypernet-whisper-tiny"
    assert command in text
    assert panels.train_command("my models/w;") == (
        "python -m hyper train --base 'my models/w;' --data MANIFEST.csv --out assets/hypernet-w-"
    )
    assert "turn on" in text


def test_a_count_that_is_not_that_of_the_words_on_show_is_explained():
    meant = "my number is nine six six two"
    text = text_of(panels.results_html(comparison(meant, "my number is nine six six", meant), "bundled"))
    assert "1 of 4 words wrong" in text
    assert (
        "Words counted in what was meant: 4. A number counts as one word, a contraction such as “it's” as two" in text
    )
    assert "Words counted" not in text_of(panels.results_html(comparison("turn on", "turn off", MEANT), "bundled"))
    italian = replace(comparison("all'alba", "alba", "all'alba"), language="it")
    assert "counted in what was meant: 2. A word with an apostrophe" in text_of(panels.results_html(italian, "bundled"))


def test_an_empty_transcript_is_said_to_be_empty():
    assert "(no words)" in text_of(panels.results_html(comparison("", "turn on", MEANT), "bundled"))


def test_details_say_model_device_times_and_parameters():
    text = text_of(panels.details_html(comparison("turn on", "turn on")))
    assert "assets/whisper-mini" in text and "assets/hypernet-mini" in text and "cpu" in text
    assert "write the adaptation 2 ms" in text and "together 200 ms" in text
    assert "4,800 parameters, 0.085 % of the model's" in text
    assert "model.decoder.layers.0.fc1 0.5 1.23 % 0.5 1.0°, 1.8°" in text


def test_what_was_measured_is_kept_without_what_it_was_measured_from():
    class Encoded:
        """As large as the states of a recording."""

    encoded = Encoded()
    gone, n_measured = weakref.ref(encoded), []

    def measure(encoded=encoded):
        n_measured.append(encoded is not None)
        return (object(),)

    made = replace(comparison("on", None), measure_layers=measure)
    del encoded, measure
    assert gone() is not None
    assert made.layers is made.layers and replace(made, strength=0.5).layers is made.layers
    gc.collect()
    assert gone() is None and n_measured == [True]
