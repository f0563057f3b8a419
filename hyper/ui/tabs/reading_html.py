"""Guided reading as HTML: the phrase in large type, how far one is, and the table of all recordings at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyper.compare.verdict import unreliable_text
from hyper.metrics.intervals import MIN_SPEAKERS, Interval, wer_interval
from hyper.metrics.word_errors import WordErrors, pooled
from hyper.reports.content import evaluation_outcome
from hyper.reports.parts import hidden_note
from hyper.ui.languages import say
from hyper.ui.panels import WER_MEANING
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.compare.evaluation import Evaluation
    from hyper.ui.tabs.reading_state import Reading

INTERVAL_MEANING = (
    "The interval shows how much the rate would vary with other recordings of the same person: it holds the rate of 95 "
    "in 100 random draws from these recordings."
)
TOO_FEW = f"With fewer than {MIN_SPEAKERS} recordings, how much the rate would vary cannot be estimated."


@dataclass(frozen=True)
class PooledRate:
    """The errors of all recordings added up."""

    title: str
    role: str
    style: str
    errors: WordErrors
    interval: Interval | None


def phrase_html(reading: Reading) -> str:
    """What to read now, and how far one is."""
    return render("phrase", reading=reading)


def results_html(evaluation: Evaluation) -> str:
    """Both pooled rates with their intervals, then every recording."""
    base = [utterance.base.counted for utterance in evaluation.utterances]
    adapted = [utterance.adapted.counted for utterance in evaluation.utterances if utterance.adapted is not None]
    rates = [
        PooledRate(title, role, style, pooled(errors), recordings_interval(errors))
        for title, role, style, errors in (
            ("Base", "Whisper as it is", "hw-base", base),
            ("Adapted", "Whisper tuned to each recording", "hw-adapted", adapted),
        )
        if errors
    ]
    return render(
        "reading_results",
        evaluation=evaluation,
        outcome=say(evaluation_outcome(evaluation)) if evaluation.utterances else "",
        reliability=unreliable_text([each.doubts for each in evaluation.utterances], say),
        rates=rates,
        columns=("What was meant", "Base", "Adapted", "Change") if adapted else ("What was meant", "Base"),
        wer_meaning=WER_MEANING,
        hidden=hidden_note(evaluation.rows),
        interval_meaning=INTERVAL_MEANING if len(base) >= MIN_SPEAKERS else TOO_FEW,
    )


def recordings_interval(errors: Sequence[WordErrors]) -> Interval | None:
    """95 % interval of the pooled WER over the recordings, which here are all of one person."""
    return wer_interval(np.array([e.n_errors for e in errors]), np.array([e.n_reference for e in errors]))
