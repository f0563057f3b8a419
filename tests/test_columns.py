"""Word under word: every written word is there once, and what is marked is what the word errors count."""

from __future__ import annotations

import itertools
import time

import pytest

from hyper.compare.columns import align_as_written, columns
from hyper.metrics.word_errors import stretches, word_errors
from hyper.metrics.written import written

WORDS = ("the", "light's", "um", "twenty", "one", "off", "Don't")


def table(base: str, adapted: str | None, reference: str | None = None) -> list[tuple[str, ...]]:
    """Each column as (base, adapted, meant); ! where a cell is wrong, = where the column agrees."""
    texts = [text.split() for text in (base, adapted) if text is not None]
    return [
        (
            *(
                " ".join(words[i] for i in cell.words) + "!" * (cell.is_right is False)
                for cell, words in zip(column.cells, texts, strict=True)
            ),
            column.meant,
            "=" * column.agree,
        )
        for column in columns(base, adapted, reference)
    ]


@pytest.mark.parametrize(
    ("base", "adapted", "reference", "expected"),
    [
        ("Turn of lights", "turn on the lights.", "turn on the lights", [
            ("Turn", "turn", "", "="), ("of!", "on", "on", ""), ("!", "the", "the", ""), ("lights", "lights.", "", "="),
        ]),
        ("such a show me", "such show me", "show me", [  # what both added stands in one column
            ("such!", "such!", "", ""), ("a!", "", "", ""), ("show", "show", "", "="), ("me", "me", "", "="),
        ]),
        ("turn the light", "turn on the lights", None, [
            ("turn", "turn", "", "="), ("", "on", "", ""), ("the", "the", "", "="), ("light", "lights", "", ""),
        ]),
        ("don't stop", "do not stop", "do not stop", [("don't", "do not", "", "="), ("stop", "stop", "", "=")]),
        ("wait twenty one days", "wait 21 days", "wait 21 days", [
            ("wait", "wait", "", "="), ("twenty one", "21", "", "="), ("days", "days", "", "="),
        ]),
        ("um turn um on", "turn on", "turn on", [("um turn um", "turn", "", "="), ("on", "on", "", "=")]),
        ("at nine", "nine o'clochao", "Nine o'clock!", [
            ("at nine!", "nine o'clochao!", "Nine o'clock", ""),
        ]),
        ("here", "do stop", "it's here", [("!", "do stop!", "it's", ""), ("here", "!", "here", "")]),
        ("do stop", None, "don't stop", [("do!", "don't", ""), ("stop", "", "=")]),
        ("turn off", None, "turn on", [("turn", "", "="), ("off!", "on", "")]),
        ("turn off", None, None, [("turn", "", "="), ("off", "", "=")]),
        ("um", "", None, [("um", "", "", "=")]),
        ("", "", "turn on", [("!", "!", "turn", ""), ("!", "!", "on", "")]),
        ("", "", None, []),
    ],
)  # fmt: skip
def test_by_hand(base, adapted, reference, expected):
    assert table(base, adapted, reference) == expected


def test_one_transcript_against_what_was_meant_as_both_were_written():
    def spans(reference: str, text: str, language: str = "en") -> list[tuple[str, str, str]]:
        found = align_as_written(reference, text, language)
        return [(span.kind, span.reference, span.hypothesis) for span in found]

    assert spans("call Maria, it is I", "Um, Call maria. it's you!") == [
        ("hit", "", "Um, Call"), ("hit", "", "maria."), ("hit", "", "it's"), ("substitution", "I", "you!"),
    ]  # fmt: skip
    assert spans("set 21 Lamps", "Set twenty one a") == [
        ("hit", "", "Set"), ("hit", "", "twenty one"), ("substitution", "Lamps", "a"),
    ]  # fmt: skip
    assert spans("Show me", "such 0'clock show") == [
        ("insertion", "", "such"), ("insertion", "", "0'clock"), ("hit", "", "show"), ("deletion", "me", ""),
    ]  # fmt: skip
    assert spans("你好", "你坏", "zh") == [("hit", "", "你"), ("substitution", "好", "坏")]


def test_every_word_stands_once_in_its_order_and_wrong_columns_are_counted_errors():
    texts = [" ".join(words) for n in (0, 1, 2, 3) for words in itertools.product(WORDS, repeat=n)]
    for base, adapted, reference in zip(texts, texts[7::3] + texts, texts[50::5] + texts + texts, strict=False):
        found = columns(base, adapted, reference)
        for row, text in enumerate((base, adapted)):
            assert [i for column in found for i in column.cells[row].words] == list(range(len(text.split())))
            errors = word_errors(reference, text)
            n_wrong = sum(column.cells[row].is_right is False for column in found)
            if errors.n_reference:
                assert n_wrong <= errors.n_errors and (n_wrong > 0) == (errors.n_errors > 0)


@pytest.mark.parametrize(
    ("text", "owners"),  # of each compared word, the written ones
    [
        ("don't stop", ((0,), (0,), (1,))),
        ("two hundred one 2", ((0, 1, 2), (3,))),
        ("um twenty one and twenty one", ((1, 2), (3,), (4, 5))),
        ("half two two 2 percent", ((0,), (1, 2, 3, 4), (1, 2, 3, 4))),
        ("(so they say) yes", ((3,),)),
        ("um", ()),
        ("", ()),
    ],
)
def test_written_words_behind_compared_ones_by_hand(text, owners):
    assert written(text.split()).owners == owners


def test_stretches_are_all_of_both_in_order():
    for first, second in itertools.product(["", "a", "a b c", "b a b", "x b", "c c"], repeat=2):
        found = stretches(first.split(), second.split())
        assert [i for each in found for i in each.first] == list(range(len(first.split())))
        assert [i for each in found for i in each.second] == list(range(len(second.split())))
        for each in found:
            same = [first.split()[i] for i in each.first] == [second.split()[i] for i in each.second]
            assert same == each.is_equal
        assert all(before.is_equal != after.is_equal for before, after in itertools.pairwise(found))


@pytest.mark.parametrize(
    "words",
    [["a"] * 10_000, ["twenty", "one", *["a", "b"] * 5_000, "twenty", "one"], ["twenty", "one", "a"] * 3_000],
    ids=["equal", "ends", "often"],
)
def test_many_equal_words_do_not_take_long(words):
    written(["a"])  # imports
    start = time.process_time()
    found = written(words)
    assert time.process_time() - start < 2
    assert {i for own in found.owners for i in own} == set(range(len(words)))
