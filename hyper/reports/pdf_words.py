"""A transcript in a PDF, word by word: what is wrong with a word stands below it, so that no colour is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hyper.metrics.word_errors import WordSpan
from hyper.plots import palette
from hyper.reports.pages import Pages

GAP = 1.6  # mm between two words
BOX = 0.7  # mm from an added word to its box


@dataclass(frozen=True)
class _Word:
    """A word as it is drawn."""

    text: str
    style: str  # fpdf's letters: bold, underlined, struck out
    label: str  # below it
    is_boxed: bool
    width: float  # mm, of the wider of both


def write_words(pages: Pages, spans: Sequence[WordSpan]) -> None:
    """All words in lines across the page."""
    inset, pages.c_margin = pages.c_margin, 0  # mm between the edge of a cell and its text: here cells are words
    left = pages.l_margin + inset
    line: list[_Word] = []
    x = 0.0  # mm, where the next word of the line begins
    for word in (word for span in spans for word in _drawn(pages, span)):
        if line and x + word.width > pages.epw - 2 * inset:
            _write_line(pages, line, left)
            line, x = [], 0.0
        line.append(word)
        x += word.width + GAP
    _write_line(pages, line, left)
    pages.c_margin = inset


def _drawn(pages: Pages, span: WordSpan) -> Iterator[_Word]:
    """The word of a span; one that is wider than the page in several parts."""
    text, style, label = {
        "hit": (span.hypothesis, "", ""),
        "substitution": (span.hypothesis, "BU", f"{pages.say('meant')}: {span.reference}"),
        "deletion": (span.reference, "S", pages.say("missing")),
        "insertion": (span.hypothesis, "B", pages.say("added")),
    }[span.kind]
    text, label = pages.printable(text), pages.printable(label)
    while text:
        pages.set_look("words", style)
        n = len(text)
        while n > 1 and pages.get_string_width(text[:n]) > pages.epw - 4 * BOX:
            n = n * 9 // 10
        below = label if n == len(text) else ""  # of several parts the last
        width = pages.get_string_width(text[:n]) + 2 * BOX * (span.kind == "insertion")
        pages.set_look("small")
        width = min(pages.epw - 4 * BOX, max(width, pages.get_string_width(below)))
        yield _Word(text[:n], style, below, span.kind == "insertion", width)
        text = text[n:]


def _write_line(pages: Pages, line: Sequence[_Word], x: float) -> None:  # mm, where it begins
    """One line, and below it the labels, where there are any."""
    height, below = pages.line_height("words"), pages.line_height("small")
    has_labels = any(word.label for word in line)
    pages.keep_together(height + below * has_labels)
    y = pages.get_y()
    for word in line:
        pages.set_look("words", word.style, palette.MUTED if word.style == "S" else palette.INK)
        pages.set_xy(x + BOX * word.is_boxed, y)
        pages.cell(text=word.text, w=word.width, h=height)
        if word.is_boxed:
            pages.set_draw_color(palette.INK)
            pages.set_line_width(0.3)
            pages.rect(x, y + BOX / 2, pages.get_string_width(word.text) + 2 * BOX, height - BOX)
        if word.label:
            pages.set_look("small", "", palette.MUTED)
            pages.set_xy(x, y + height)
            pages.cell(text=word.label, w=word.width, h=below)
        x += word.width + GAP
    pages.set_xy(pages.l_margin, y + height + (below + 0.8) * has_labels)
