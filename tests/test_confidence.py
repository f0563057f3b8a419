"""Which tokens make a word: against words spelt by hand, and against the tokenizer's own marks of where words begin."""

from __future__ import annotations

import math
from itertools import accumulate, groupby

import pytest

from hyper.compare.confidence import word_confidences
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.transcript import Transcript


def transcript(backbone, tokens, log_probs, piece_lengths=()) -> Transcript:
    return Transcript(backbone.to_text(tokens), tuple(tokens), tuple(log_probs), "end", None, piece_lengths)


def test_a_word_is_as_sure_as_its_least_sure_token(backbone):
    tokens = backbone.to_tokens("turn on")
    assert len(tokens) == 6  # " t" "u" "r" "n" " o" "n"
    found = word_confidences(backbone, transcript(backbone, tokens, (-0.1, -0.2, -2.0, 0.0, -0.3, -0.01)))
    assert [word for word, _ in found] == ["turn", "on"]
    assert [confidence for _, confidence in found] == pytest.approx([math.exp(-2.0), math.exp(-0.3)])
    assert word_confidences(backbone, transcript(backbone, (), ())) == []


def test_letters_of_several_bytes_belong_to_one_word(backbone):
    tokens = backbone.to_tokens("é à la")
    assert len(tokens) == 8  # " ", two for "é", " ", two for "à", " l", "a"
    log_probs = [-(i + 1) / 10 for i in range(8)]  # they fall, so that the last token of each word decides
    found = word_confidences(backbone, transcript(backbone, tokens, log_probs))
    assert [word for word, _ in found] == ["é", "à", "la"]
    # A space by itself counts for the word that it ends; the very first has none before it.
    assert [math.log(confidence) for _, confidence in found] == pytest.approx([-0.4, -0.6, -0.8])


def test_pieces_are_decoded_apart_as_their_texts_are(backbone):
    first, second = backbone.to_tokens("turn"), backbone.to_tokens("ion")[1:]  # no space in front of "on"
    tokens, log_probs = (*first, *second), [-0.1] * 4 + [-0.5] * 2
    pieces = word_confidences(backbone, transcript(backbone, tokens, log_probs, (4, 0, 2)))
    assert [word for word, _ in pieces] == ["turn", "on"]
    assert [math.log(confidence) for _, confidence in pieces] == pytest.approx([-0.1, -0.5])
    whole = word_confidences(backbone, transcript(backbone, tokens, log_probs))
    assert [word for word, _ in whole] == ["turnon"]


def test_words_begin_where_the_vocabulary_says(hub_backbone):
    """In Whisper's own vocabulary a token that begins a word starts with "Ġ"."""
    text = "Turn off the refrigerator's compartment light, please: 25 naïve façades in Zürich, 日本語 too!"
    tokens = hub_backbone.to_tokens(text)
    log_probs = [-0.01 * (i * 37 % 101 + 1) for i in range(len(tokens))]
    marks = hub_backbone.tokenizer.convert_ids_to_tokens(tokens)
    word_of = list(accumulate(mark.startswith("Ġ") for mark in marks))
    grouped = groupby(zip(word_of, log_probs, strict=True), key=lambda pair: pair[0])
    expected = [math.exp(min(log_prob for _, log_prob in group)) for _, group in grouped]
    found = word_confidences(hub_backbone, transcript(hub_backbone, tokens, log_probs))
    assert [word for word, _ in found] == text.split()
    assert [confidence for _, confidence in found] == pytest.approx(expected)
    assert len(tokens) > 1.5 * len(found)  # or hardly any word has several tokens


@pytest.mark.parametrize(("n_unsure", "expected"), [(0, 0.9), (1, 0.9), (3, 0.9), (4, 0.2), (7, 0.2)])
def test_without_spaces_a_sentence_is_unsure_where_half_of_it_is(hub_backbone, n_unsure, expected):
    """One doubtful letter of seven would otherwise be the confidence of all."""
    text = "请打开厨房的灯"
    *_, tokens = to_letter = [hub_backbone.to_tokens(text[:n]) for n in range(1, 8)]
    log_probs = [math.log(0.9)] * len(tokens)
    for up_to in to_letter[:n_unsure]:
        log_probs[len(up_to) - 1] = math.log(0.2)
    (found,) = word_confidences(hub_backbone, transcript(hub_backbone, tokens, log_probs), "zh")
    assert found == (text, pytest.approx(expected))
    (as_words,) = word_confidences(hub_backbone, transcript(hub_backbone, tokens, log_probs))
    assert as_words.confidence == pytest.approx(0.2 if n_unsure else 0.9)


@pytest.mark.parametrize("seconds", [2.0, 9.0])
def test_every_word_of_a_decoded_transcript_has_its_confidence(backbone, make_hypernet, speech_like, seconds):
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "random")
    for seed in range(3):
        comparison = asr.compare(speech_like(seconds, seed))
        assert (comparison.n_pieces == 1) == (seconds == 2.0)
        for row in (comparison.base, comparison.adapted):
            found = word_confidences(backbone, row.transcript)
            assert [word for word, _ in found] == row.text.split()
            assert all(0 < confidence <= 1 for _, confidence in found)
            assert min(confidence for _, confidence in found) == pytest.approx(math.exp(min(row.transcript.log_probs)))
