"""Word errors against cases worked out by hand, and against jiwer used directly."""

from __future__ import annotations

import random

import jiwer
import pytest

from hyper.metrics.normalize import normalise
from hyper.metrics.word_errors import WordErrors, WordSpan, align_words, pooled, relative_reduction, word_errors


@pytest.mark.parametrize(
    "text, expected",
    [
        ("  Turn ON the lights, please!  ", "turn on the lights please"),
        ("the Colour of the favourite theatre", "the color of the favorite theater"),
        ("um, I uh want twenty five apples", "i want 25 apples"),
        ("don't you think it's Mr. Smith?", "do not you think it is mister smith"),
        ("[music] (laughs) hello", "hello"),
        ("?!", ""),
        ("", ""),
    ],
)
def test_normaliser(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(
    "reference, hypothesis, counts",
    [  # hits, substitutions, deletions, insertions
        ("turn on the lights", "turn on the lights", (4, 0, 0, 0)),
        ("Turn on the lights!", "turn on the light", (3, 1, 0, 0)),
        ("turn on the lights", "turn the lights", (3, 0, 1, 0)),
        ("turn on the lights", "turn on on the lights", (4, 0, 0, 1)),
        ("turn on the lights", "", (0, 0, 4, 0)),
        ("call home", "please call my mother", (1, 1, 0, 2)),
        ("", "hello there", (0, 0, 0, 2)),
        ("", "", (0, 0, 0, 0)),
        ("?!", "hello", (0, 0, 0, 1)),  # a reference that the normaliser empties
    ],
)
def test_counts(reference, hypothesis, counts):
    errors = word_errors(reference, hypothesis)
    assert (errors.hits, errors.substitutions, errors.deletions, errors.insertions) == counts


def test_rates():
    errors = word_errors("call home now", "please call my mother now")
    assert errors.wer == 1.0  # 1 substitution, 2 insertions, 3 words
    assert word_errors("abc", "abd").cer == pytest.approx(1 / 3)
    assert word_errors("red door", "red doll").to_json() == {
        "hits": 1,
        "substitutions": 1,
        "deletions": 0,
        "insertions": 0,
        "wer": 0.5,
        "cer": 0.25,  # 2 of the 8 characters, the space being one
    }


@pytest.mark.parametrize("language", ["zh", "ja", "th", "yue", "en"])
def test_character_errors_count_no_space_that_nobody_writes(language):
    """One character of four; the three spaces between them would all be right."""
    meant, heard = {"th": ("กขคง", "กขจง"), "en": ("abcd", "abxd")}.get(language, ("你好世界", "你好时界"))
    assert word_errors(meant, heard, language).cer == 1 / 4
    assert word_errors(heard, "", language).cer == 1


def test_the_kinds_of_error_add_up_to_the_wer():
    errors = word_errors("please call home now", "please phone my mother home")  # jiwer: call > phone, now deleted
    rates = (errors.substitution_rate, errors.deletion_rate, errors.insertion_rate)
    assert rates == (errors.substitutions / 4, errors.deletions / 4, errors.insertions / 4)
    assert (errors.n_errors, sum(rates)) == (4, pytest.approx(errors.wer))
    assert word_errors("stop", "please do stop").insertion_rate == 2.0


def test_an_empty_reference_has_counts_and_no_rate():
    errors = word_errors("", "hello there")
    assert (errors.n_reference, errors.wer, errors.cer) == (0, None, None)
    assert (errors.n_errors, errors.substitution_rate, errors.deletion_rate, errors.insertion_rate) == (
        2, None, None, None
    )  # fmt: skip
    assert errors.to_json()["wer"] is None and errors.to_json()["insertions"] == 2


def test_corpus_wer_pools_counts_and_is_not_the_mean():
    sentence = "turn on the kitchen lights now"
    short, long = word_errors("stop", "go"), word_errors(sentence, sentence)
    total = pooled([short, long])
    assert total.wer == pytest.approx(1 / 7)
    assert (short.wer + long.wer) / 2 == 0.5
    assert pooled([]) == WordErrors()


def test_relative_reduction():
    base, adapted = WordErrors(hits=6, substitutions=4), WordErrors(hits=9, deletions=1)
    assert relative_reduction(base, adapted) == pytest.approx(0.75)
    assert relative_reduction(adapted, base) == pytest.approx(-3.0)
    assert relative_reduction(WordErrors(hits=5), adapted) is None  # no error to reduce
    assert relative_reduction(WordErrors(), adapted) is None


def test_alignment_has_one_span_for_each_word():
    assert align_words("Turn on the kitchen lights", "turn the kitten lights please") == [
        WordSpan("hit", "turn", "turn"),
        WordSpan("deletion", "on", ""),
        WordSpan("hit", "the", "the"),
        WordSpan("substitution", "kitchen", "kitten"),
        WordSpan("hit", "lights", "lights"),
        WordSpan("insertion", "", "please"),
    ]
    assert align_words("", "hello") == [WordSpan("insertion", "", "hello")]
    assert align_words("hello", "") == [WordSpan("deletion", "hello", "")]
    assert align_words("", "") == []


def test_random_pairs_agree_with_jiwer_and_the_alignment_with_the_counts():
    rng = random.Random(0)
    words = ["red", "green", "blue", "lamp", "door"]  # words that the normaliser leaves alone
    for _ in range(50):
        reference, hypothesis = (" ".join(rng.choices(words, k=rng.randint(1, 8))) for _ in range(2))
        errors, spans = word_errors(reference, hypothesis), align_words(reference, hypothesis)
        assert errors.wer == pytest.approx(jiwer.wer(reference, hypothesis))
        assert errors.cer == pytest.approx(jiwer.cer(reference, hypothesis))
        kinds = [span.kind for span in spans]
        counts = (errors.hits, errors.substitutions, errors.deletions, errors.insertions)
        assert tuple(map(kinds.count, ("hit", "substitution", "deletion", "insertion"))) == counts
        assert " ".join(span.reference for span in spans if span.reference) == reference
        assert " ".join(span.hypothesis for span in spans if span.hypothesis) == hypothesis
