"""Base and adapted word under word: columns that the two transcripts, and what was meant, share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import NamedTuple

from hyper.metrics.normalize import ENGLISH, normalise, words_of
from hyper.metrics.word_errors import Kind, WordSpan, align_words
from hyper.metrics.written import Written, written

SENTENCE_MARKS = ".,;:!?…"  # at a word's end


class Cell(NamedTuple):
    """What one transcript has in a column."""

    words: tuple[int, ...]  # which of its written words; () where it has none here
    is_right: bool | None  # as word errors are counted; None without what was meant


@dataclass(frozen=True)
class Column:
    """A place in the sentence; mostly one word of each transcript."""

    cells: tuple[Cell, ...]  # of base, and of adapted where there is one
    agree: bool  # the same words in all transcripts; where what was meant is known, the right ones
    meant: str  # the words that belong here, as they were written; "" unless some transcript is wrong here


@dataclass(frozen=True)
class _Place:
    """The smallest column: at most one compared word of each text."""

    meant: str | None  # None where nothing was meant, or nobody knows what
    tokens: tuple[int | None, ...]  # of each transcript, which of its compared words
    meant_words: tuple[tuple[int, str], ...] = ()  # place and text of the written words that `meant` stands for


def columns(
    base: str, adapted: str | None, reference: str | None = None, language: str = ENGLISH
) -> tuple[Column, ...]:
    """The alignment behind the word errors, with the words as they were written.

    Words that are not compared ("um") stand beside the word before them. Without a reference the two transcripts are
    aligned with each other.
    """
    texts = [written(text.split(), language) for text in (base, adapted) if text is not None]
    has_reference = bool(reference and normalise(reference, language))
    if has_reference:
        places = _against_reference(texts, reference or "", language)
    else:
        places = _against_each_other(texts, language)
    groups = _joined(places, texts)
    cells = [[_words(group, text, row) for group in groups] for row, text in enumerate(texts)]
    if any(text.words for text in texts) and not groups:  # nothing but words that are not compared
        groups, cells = [[]], [[[]] for _ in texts]
    for own, text in zip(cells, texts, strict=True):
        _place_the_rest(own, len(text.words))
    return tuple(
        _column(group, texts, tuple(tuple(own[i]) for own in cells), has_reference) for i, group in enumerate(groups)
    )


def align_as_written(reference: str, text: str, language: str = ENGLISH) -> list[WordSpan]:
    """One transcript against what was meant: both as they were written, in spans over which their words match."""
    words = words_of(text, language)
    spans = []
    for column in columns(" ".join(words), None, reference, language):
        (cell,) = column.cells
        heard = " ".join(words[i] for i in cell.words)
        kind: Kind = "hit"
        if cell.is_right is False:
            kind = "insertion" if not column.meant else "substitution" if heard else "deletion"
        spans.append(WordSpan(kind, column.meant, heard))
    return spans


def _against_reference(texts: Sequence[Written], reference: str, language: str) -> list[_Place]:
    """A place for each word that was meant; before it, and at the end, those for added words."""
    meant = written(words_of(reference, language), language)
    at: list[list[int | None]] = []  # of each transcript: the token at each word that was meant
    added: list[list[list[int]]] = []  # of each transcript: the tokens before each word that was meant, and at the end
    for text in texts:
        own: list[int | None] = []
        extra: list[list[int]] = [[]]
        n_tokens = 0
        for span in align_words(reference, " ".join(text.words), language):
            if span.kind == "insertion":
                extra[-1].append(n_tokens)
            else:
                own.append(n_tokens if span.hypothesis else None)
                extra.append([])
            n_tokens += bool(span.hypothesis)
        at.append(own)
        added.append(extra)
    places = []
    for k in range(len(meant.tokens) + 1):
        places += _paired(texts, [extra[k] for extra in added])
        if k < len(meant.tokens):
            own_words = tuple((i, meant.words[i].rstrip(SENTENCE_MARKS)) for i in meant.owners[k])
            places.append(_Place(meant.tokens[k], tuple(own[k] for own in at), own_words))
    return places


def _against_each_other(texts: Sequence[Written], language: str) -> list[_Place]:
    """A place for each word that both have, and for each stretch in which they differ as many as the longer needs."""
    if len(texts) == 1:
        return [_Place(None, (i,)) for i in range(len(texts[0].tokens))]
    spans = align_words(" ".join(texts[0].words), " ".join(texts[1].words), language)
    places, n_tokens = [], [0, 0]
    for span in spans:
        is_there = (bool(span.reference), bool(span.hypothesis))
        places.append(_Place(None, tuple(n if there else None for n, there in zip(n_tokens, is_there, strict=True))))
        n_tokens = [n + there for n, there in zip(n_tokens, is_there, strict=True)]
    return places


def _paired(texts: Sequence[Written], tokens: Sequence[Sequence[int]]) -> list[_Place]:
    """Places for tokens that both transcripts have between the same two words; equal ones share a place."""
    if len(texts) == 1:
        return [_Place(None, (token,)) for token in tokens[0]]
    first, second = tokens
    matcher = SequenceMatcher(
        None, [texts[0].tokens[i] for i in first], [texts[1].tokens[i] for i in second], autojunk=False
    )
    return [
        _Place(None, both) for _, a, b, c, d in matcher.get_opcodes() for both in zip_longest(first[a:b], second[c:d])
    ]


def _joined(places: Sequence[_Place], texts: Sequence[Written]) -> list[list[_Place]]:
    """Neighbouring places over which a written word stretches, of a transcript or of what was meant, are one column."""
    is_joined = [False] * len(places)  # with the place before
    written_at: list[list[Sequence[int]]] = [[[word for word, _ in place.meant_words] for place in places]]
    for row, text in enumerate(texts):
        tokens = [place.tokens[row] for place in places]
        written_at.append([() if token is None else text.owners[token] for token in tokens])
    for words_at in written_at:
        last: dict[int, int] = {}  # of each written word, the last place it was seen at
        for i, words in enumerate(words_at):
            for word in words:
                for between in range(last.get(word, i) + 1, i + 1):
                    is_joined[between] = True
                last[word] = i
    groups: list[list[_Place]] = []
    for place, joined in zip(places, is_joined, strict=True):
        if joined:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _words(group: Sequence[_Place], text: Written, row: int) -> list[int]:
    tokens = [place.tokens[row] for place in group]
    return sorted({word for token in tokens if token is not None for word in text.owners[token]})


def _place_the_rest(cells: list[list[int]], n_words: int) -> None:
    """Words without a column go to the one before them, or to the first that there is."""
    where = {word: i for i, own in enumerate(cells) for word in own}
    last = next((where[word] for word in range(n_words) if word in where), 0)
    for word in range(n_words):
        last = where.get(word, last)
        if word not in where:
            cells[last] = sorted([*cells[last], word])


def _column(
    group: Sequence[_Place], texts: Sequence[Written], words: tuple[tuple[int, ...], ...], has_reference: bool
) -> Column:
    meant = [place.meant for place in group if place.meant is not None]
    heard = [
        [text.tokens[t] for place in group if (t := place.tokens[row]) is not None] for row, text in enumerate(texts)
    ]
    is_right = [own == meant if has_reference else None for own in heard]
    return Column(
        cells=tuple(Cell(own, right) for own, right in zip(words, is_right, strict=True)),
        agree=all(is_right) if has_reference else all(own == heard[0] for own in heard),
        meant=_meant_text(group) if False in is_right else "",
    )


def _meant_text(group: Sequence[_Place]) -> str:
    """What was meant in a column, each written word once: "o'clock" is two compared words, and neither is anybody's."""
    return " ".join(text for _, text in sorted({word for place in group for word in place.meant_words}))
