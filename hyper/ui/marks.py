"""One transcript as HTML: words that the model was not sure of marked, or the sentence that nobody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from hyper.compare.calibration import UNSURE_BELOW

if TYPE_CHECKING:
    from hyper.compare.confidence import WordConfidence
    from hyper.compare.guards import Flag

NO_SPEECH = "No speech found"
NO_WORDS = "(no words)"
MOST_SURE = 0.99  # what is shown at most: nothing is ever certain
CALIBRATED = (
    f"Words with a wavy line and a question mark are not sure: of such words fewer than {10 * UNSURE_BELOW:.0f} in 10 "
    "were right on validation recordings."
)
NOT_CALIBRATED = (
    "Words with a wavy line and a question mark are not sure: the model itself gave them a probability below "
    f"{UNSURE_BELOW:.0%}. Nobody has checked for this model how often such words are right."
)


def transcript_html(text: str, words: Sequence[WordConfidence]) -> str:
    """The words as they were written; one that is not sure has a line below it, a question mark, and its figure."""
    if not text.strip():
        return f'<span class="hw-nothing">{NO_WORDS}</span>'
    if not words:
        return escape(text.strip())
    return " ".join(_unsure(word) if word.confidence < UNSURE_BELOW else escape(word.word) for word in words)


def sureness_html(words: Sequence[WordConfidence]) -> str:
    """How many words are not sure, and, folded, how sure each one is."""
    if not words:
        return ""
    n_unsure = sum(word.confidence < UNSURE_BELOW for word in words)
    summary = f"Not sure of {n_unsure} of {len(words)} words" if n_unsure else "No word is marked as unsure"
    each = " ".join(
        f'<span class="hw-word">{escape(word.word)}<small>{shown(word.confidence)}</small></span>' for word in words
    )
    return fold_html(f"{summary}: how sure of each?", f'<p class="hw-words">{each}</p>')


def flags_html(title: str, flags: Sequence[Flag]) -> str:
    """What speaks against a transcript, each with its reason."""
    if not flags:
        return ""
    reasons = "".join(f"<li>{escape(flag.reason)}</li>" for flag in flags)
    return f'<div class="hw-flag"><b>{title}</b><ul>{reasons}</ul></div>'


def fold_html(summary: str, body_html: str) -> str:
    """A part of a panel that opens on a click."""
    return f'<details class="hw-fold"><summary>{summary}</summary>{body_html}</details>'


def shown(confidence: float) -> str:
    """As a whole number of percent."""
    return f"{min(confidence, MOST_SURE):.0%}"


def _unsure(word: WordConfidence) -> str:
    """The question mark is the style sheet's, so that it is neither copied nor mistaken for the model's."""
    return f'<u class="hw-unsure" title="not sure: {shown(word.confidence)}">{escape(word.word)}</u>'
