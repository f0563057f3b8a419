"""Word-by-word comparison as HTML that is readable without colour: every mark carries its label in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyper.metrics.word_errors import WordSpan


ALL_RIGHT = "Every word as it was meant."


def against_reference(spans: Sequence[WordSpan]) -> str:
    """The words of one transcript against what was meant; all of them right need no repeating."""
    if all(span.kind == "hit" for span in spans):
        return f'<p class="hw-words">{ALL_RIGHT}</p>'
    return _strip(_marked_against_reference(span) for span in spans)


def against_each_other(spans: Sequence[WordSpan]) -> tuple[str, str]:
    """Two transcripts (reference = base, hypothesis = adapted), each with the words in which they differ marked."""
    base = _strip(_marked_difference(span.kind, span.reference, span.hypothesis, "adapted") for span in spans)
    adapted = _strip(_marked_difference(span.kind, span.hypothesis, span.reference, "base") for span in spans)
    return base, adapted


def _marked_against_reference(span: WordSpan) -> str:
    """One word of the alignment with what happened to it."""
    if span.kind == "hit":
        return _plain(span.hypothesis)
    if span.kind == "substitution":
        return _marked("substituted", f"<b>{escape(span.hypothesis)}</b>", f"meant: {escape(span.reference)}")
    if span.kind == "deletion":
        return _marked("missing", f"<del>{escape(span.reference)}</del>", "missing")
    if span.kind == "insertion":
        return _marked("added", f"<ins>{escape(span.hypothesis)}</ins>", "added")
    raise ValueError(f"word spans are hits, substitutions, deletions or insertions, not {span.kind!r}")


def _marked_difference(kind: str, own: str, other: str, other_name: str) -> str:
    """One word of a transcript, marked if the other transcript has something else; nothing where it has no word."""
    if kind == "hit":
        return _plain(own)
    if not own:
        return ""
    label = f"{other_name}: {escape(other)}" if other else f"not in {other_name}"
    return _marked("substituted", f"<b>{escape(own)}</b>", label)


def _plain(word: str) -> str:
    """A word that is the same in both."""
    return f'<span class="hw-word">{escape(word)}</span>'


def _marked(kind: str, word_html: str, label_html: str) -> str:
    """A word with its label below; the arguments are escaped already."""
    return f'<span class="hw-word hw-{kind}">{word_html}<small>{label_html}</small></span>'


def _strip(words: Iterable[str]) -> str:
    """The words in a row, spaces between them for screen readers and copying."""
    return '<p class="hw-words">' + " ".join(word for word in words if word) + "</p>"
