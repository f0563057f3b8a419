"""Numbers as the page writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyper.metrics.percent import percent
from hyper.recordings.counts import count

if TYPE_CHECKING:
    from hyper.metrics.word_errors import WordErrors

MOST_SURE = 0.99  # what is shown at most: nothing is ever certain


def short_percent(fraction: float | None) -> str:
    """A rate with one decimal, unless it is a whole number of percent."""
    return percent(fraction).replace(".0 %", " %")


def certainty(confidence: float) -> str:
    """How sure the model was of a word, as a whole number of percent."""
    return percent(min(confidence, MOST_SURE), 0)


def words_wrong(errors: WordErrors) -> str:
    """How much of one sentence is wrong, counted; a rate of a few words would only look exact."""
    if errors.n_errors > errors.n_reference:  # added words
        return f"{errors.n_errors} errors in {count(errors.n_reference, 'word')}"
    if not errors.n_errors:
        return "every word right"
    return f"{errors.n_errors} of {count(errors.n_reference, 'word')} wrong"
