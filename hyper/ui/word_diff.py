"""Two texts word by word: each word that differs has its label, so that no colour is needed to read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hyper.metrics.word_errors import WordSpan


class MarkedWord(NamedTuple):
    """A word and what is said of it; the template has a tag for each kind."""

    word: str
    kind: str = ""  # substituted, missing or added; "" where the word is the same in both texts
    label: str = ""


def against_reference(spans: Sequence[WordSpan]) -> list[MarkedWord]:
    """The words of one transcript against what was meant; [] where all are right, which needs no repeating."""
    if all(span.kind == "hit" for span in spans):
        return []
    return [_against_reference(span) for span in spans]


def against_each_other(spans: Sequence[WordSpan]) -> tuple[list[MarkedWord], list[MarkedWord]]:
    """Two transcripts (reference = base, hypothesis = adapted), each with the words in which they differ marked."""
    base = [_difference(span.reference, span.hypothesis, "adapted") for span in spans if span.reference]
    adapted = [_difference(span.hypothesis, span.reference, "base") for span in spans if span.hypothesis]
    return base, adapted


def _against_reference(span: WordSpan) -> MarkedWord:
    """One word of the alignment with what happened to it."""
    return {
        "hit": MarkedWord(span.hypothesis),
        "substitution": MarkedWord(span.hypothesis, "substituted", f"meant: {span.reference}"),
        "deletion": MarkedWord(span.reference, "missing", "missing"),
        "insertion": MarkedWord(span.hypothesis, "added", "added"),
    }[span.kind]


def _difference(own: str, other: str, other_name: str) -> MarkedWord:
    """One word of a transcript, marked if the other transcript has something else there, or nothing."""
    if own == other:
        return MarkedWord(own)
    return MarkedWord(own, "substituted", f"{other_name}: {other}" if other else f"not in {other_name}")
