"""The normaliser against Whisper's own on random texts, and on texts that would stop the program."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from functools import cache
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyper.compare.columns import align_as_written
from hyper.metrics.normalize import counting, normalise
from hyper.metrics.word_errors import align_words, word_errors
from hyper.recordings.limits import MAX_TEXT, TextError, check_text

PIECES = st.sampled_from(
    "( ) [ ] < > { } ' , . $ £ ¢ % - ? * uh um hmm mm it's don't 's n't mr and a half point double one two twenty first"
    " hundred million zero oh cents dollars per percent minus colour hello 1 2 30 1.5 10,000 1st 's ² ½ ① é ß ﷺ İ Σ"
    " don’t ’s ‘ ʼ … ... .. a\u00adb \u200b\ufeff"
    .split()
)  # fmt: skip
SPACES = st.sampled_from(["", " ", "  ", "\n", "\t ", "\u00a0", "\x1c", "\u3000"])


@cache
def whispers_own():
    """The rules as they come."""
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    spellings = files("whisper_normalizer") / "normalizers" / "english.json"
    return EnglishTextNormalizer(json.loads(spellings.read_text(encoding="utf-8")))


def typed(text):
    """What the rules are given: signs of programs as people type them."""
    seen = "".join(c for c in text if c not in "\u00ad\u200b\u2060\ufeff" and not is_direction(c))
    return re.sub(r"\.\.+", " ", re.sub("[’‘ʼ＇]", "'", seen).replace("…", ".."))


def is_direction(character):
    """Invisible, and says which way a text runs."""
    return (
        unicodedata.bidirectional(character) in "LRE RLE PDF LRO RLO LRI RLI FSI PDI".split()
        or character in "\u200e\u200f"
    )


@given(st.lists(st.tuples(PIECES, SPACES), max_size=30))
@settings(max_examples=800, deadline=None, derandomize=True, database=None)
def test_texts_of_hard_pieces_are_normalised_as_by_whisper(pieces):
    text = "".join(piece + space for piece, space in pieces)
    assert normalise(text) == whispers_own()(typed(text)).strip()


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_any_text_is_normalised_as_by_whisper(text):
    assert normalise(text) == whispers_own()(typed(text)).strip()


@given(st.lists(st.tuples(PIECES, SPACES), max_size=30), st.booleans())
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_other_languages_have_whispers_basic_rules(pieces, is_unspaced):
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer

    text = "".join(piece + space for piece, space in pieces)
    own = BasicTextNormalizer(split_letters=is_unspaced)
    assert normalise(text, "ja" if is_unspaced else "de") == own(typed(text)).strip()


@given(st.text(max_size=60), st.booleans())
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_any_text_without_vowel_signs_has_whispers_basic_rules(text, is_unspaced):
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer

    text = "".join(c for c in text if not re.search(r"VOWEL|HEBREW|ARABIC|SIGN", unicodedata.name(c, "")))
    own = BasicTextNormalizer(split_letters=is_unspaced)
    assert normalise(text, "ja" if is_unspaced else "uk") == own(typed(text)).strip()


@pytest.mark.parametrize(
    ("language", "typed", "as_programs_write"),
    [
        ("en", "don't go", ["don’t go", "don‘t go", "donʼt go", "don＇t go"]),
        ("en", "it's 1.5 o'clock", ["it’s 1.5 o’clock…", "…it’s 1.5 o’clock..."]),
        ("en", "I want to go", ["I want to go...", "I want to go…", "I want… to go.", "...I want....to go"]),
        ("en", "seventy degrees", ["\ufeffseven\u00adty de\u200bgrees", "\u202aseventy\u202c degrees\u200f"]),
        ("fr", "l'été est là", ["l’été est là…", "l’\u2066été\u2069 est l\u00adà..."]),
        ("uk", "п'ять", ["п’ять", "пʼять"]),
        ("he", "שלום עולם", ["\u200fשלום עולם\u200e"]),
    ],
)  # fmt: skip
def test_what_programs_write_is_no_error(language, typed, as_programs_write):
    for written in as_programs_write:
        errors = word_errors(typed, written, language)
        assert (errors.n_errors, errors.cer) == (0, 0), written
        assert all(span.kind == "hit" for span in align_as_written(typed, written, language))


def test_dots_alone_are_nothing_that_was_said():
    assert normalise("...") == normalise("…") == normalise(" .. … ") == ""
    (hit, added) = align_as_written("Don't", "“Don’t” go…")
    assert (hit.hypothesis, added.kind, added.hypothesis) == ("“Don’t”", "insertion", "go…")


@pytest.mark.parametrize(
    ("language", "meant", "heard", "counts"),  # hits, substitutions, deletions, insertions
    [
        ("hi", "नमस्ते दुनिया।", "नमस्ते दुनिया", (2, 0, 0, 0)),
        ("hi", "उसने कहा कि की", "उसने कहा की की", (3, 1, 0, 0)),
        ("bn", "আমি ভাত খাই", "আমি ভাত", (2, 0, 1, 0)),
        ("ta", "வணக்கம் உலகம்!", "வணக்கம் உலகம்", (2, 0, 0, 0)),
        ("km", "សួស្តី ពិភពលោក", "សួស្តី", (1, 0, 1, 0)),
        ("ar", "مَرْحَبًا بِكُمْ", "مرحبا بكم", (2, 0, 0, 0)),
        ("he", "שָׁלוֹם עוֹלָם", "שלום עולם", (2, 0, 0, 0)),
        ("th", "ที่นี่", "ที่นั่น", (1, 1, 0, 1)),  # ที่ นี่ against ที่ นั่ น
        ("my", "မြန်မာ", "မြန်မ", (2, 1, 0, 0)),
        ("lo", "ສະບາຍດີ", "ສະບາຍດີ", (6, 0, 0, 0)),
        ("de", "cafe\u0301 Übung", "café U\u0308bung", (2, 0, 0, 0)),
    ],
)
def test_vowel_signs_do_not_split_words(language, meant, heard, counts):
    errors = word_errors(meant, heard, language)
    assert (errors.hits, errors.substitutions, errors.deletions, errors.insertions) == counts
    spans = align_as_written(meant, heard, language)
    assert [span.hypothesis for span in spans if span.hypothesis] == normalise_each(heard, language)
    assert ("vowel signs do not split" in counting(language)) == (language in "hi bn ta km ar he".split())


def normalise_each(heard, language):
    """Words as they were written; of languages without spaces each character with its signs."""
    return normalise(heard, language).split() if language in ("th", "my", "lo") else heard.split()


@pytest.mark.parametrize(
    ("language", "meant", "heard", "counts"),  # hits, substitutions, deletions, insertions
    [
        ("de", "Mach um zwei das Licht an!", "mach um 2 das licht an", (5, 1, 0, 0)),  # "um" is no filler, no digits
        ("fr", "L'été est là.", "l été est la", (3, 1, 0, 0)),
        ("zh", "你好，世界", "你好 世间", (3, 1, 0, 0)),  # each character
        ("ja", "電気をつけて", "電気つけて", (5, 0, 1, 0)),
        ("ar", "افتح الباب", "افتح النافذة", (1, 1, 0, 0)),
    ],
)
def test_words_are_counted_as_the_language_is_written(language, meant, heard, counts):
    errors = word_errors(meant, heard, language)
    assert (errors.hits, errors.substitutions, errors.deletions, errors.insertions) == counts
    assert len(align_words(meant, heard, language)) == sum(counts)
    assert ("each character counts" in counting(language)) == (language in ("zh", "ja"))


N = 50_000  # characters; Whisper's own rules take 13 s for as many opening brackets


@pytest.mark.parametrize(
    "text",
    ["(" * N, "[" * N, "<" * N, "(a " * (N // 3), "(<[" * (N // 3), " " * N + "b'", "uh " * (N // 3) + "'", "9" * N,
     "$" + "9" * N, "1," * (N // 2), "²" * N, "one " * (N // 4), "1.5" * (N // 3), "word " * (N // 5)],
    ids=lambda text: repr(text[:6]),
)  # fmt: skip
def test_no_text_takes_long(text):
    normalise("")  # imports
    start = time.process_time()
    normalise(text)
    assert time.process_time() - start < 2


def test_numbers_of_absurd_length_stay_numbers():
    assert normalise("9" * 4000).replace(" ", "") == "9" * 4000
    assert normalise("call 12345678901234567890 now") == "call 12345678901234567890 now"


def test_the_longest_texts_that_are_taken_are_compared_fast():
    meant = " ".join(f"w{i % 97}x" for i in range(4000))[:MAX_TEXT]
    heard = " ".join(f"w{i % 89}x" for i in range(8000))
    start = time.process_time()
    errors, spans = word_errors(meant, heard), align_words(meant, heard)
    assert time.process_time() - start < 10
    assert errors.n_reference == sum(span.kind != "insertion" for span in spans)


def test_a_text_that_is_too_long_is_said():
    assert check_text("a" * MAX_TEXT, "The reference") == "a" * MAX_TEXT
    with pytest.raises(TextError) as caught:
        check_text("a" * (MAX_TEXT + 1), "The reference")
    assert str(caught.value) == ("The reference is 20,001 characters long, but the limit is 20,000; please shorten it.")
    with pytest.raises(TextError, match="The remark is 36,000 characters long"):
        check_text("\ufdfa" * 2000, "The remark")  # each is eighteen letters
