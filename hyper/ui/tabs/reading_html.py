"""Guided reading as HTML: the phrase in large type, how far one is, and the table of all recordings at the end."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from hyper.metrics.intervals import MIN_SPEAKERS, Interval, wer_interval
from hyper.metrics.word_errors import WordErrors, pooled
from hyper.ui.numbers import count, percent
from hyper.ui.panels import WER_MEANING
from hyper.ui.record_table import record_table, transcript_cell
from hyper.ui.templates import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hyper.compare.evaluation import Evaluation
    from hyper.compare.utterance import ScoredUtterance
    from hyper.ui.tabs.reading_state import Reading

INTERVAL_MEANING = (
    "The interval says how far the rate would move with other recordings of the same person: in 95 of 100 draws of "
    "these recordings it lies within."
)
TOO_FEW = f"With fewer than {MIN_SPEAKERS} recordings there is no telling how far the rate would move."


def phrase_html(reading: Reading) -> str:
    """What to read now, and how far one is."""
    return render("phrase", reading=reading)


def results_html(evaluation: Evaluation) -> str:
    """Both pooled rates with their intervals, then every recording."""
    utterances = evaluation.utterances
    has_adapted = any(utterance.adapted is not None for utterance in utterances)
    panels = [_rate("Base", "Whisper as it is", "hw-base", [u.base.errors for u in utterances])] if utterances else []
    if has_adapted:
        own = [utterance.adapted.errors for utterance in utterances]
        panels.append(_rate("Adapted", "Whisper tuned to each recording", "hw-adapted", own))
    columns = ("What was meant", "Base", "Adapted", "Change") if has_adapted else ("What was meant", "Base")
    rows = [_row(i, utterance) for i, utterance in enumerate(utterances, start=1)]
    failures = "".join(
        f'<p class="hw-flag">{escape(failure.file)} could not be used: {escape(failure.reason)}</p>'
        for failure in evaluation.failures
    )
    meaning = INTERVAL_MEANING if len(utterances) >= MIN_SPEAKERS else TOO_FEW
    return (
        f'<div class="hw-panels">{"".join(panels)}</div>{failures}<div class="hw-card">'
        f'{record_table("Phrases read", columns, rows)}<p class="hw-help">{WER_MEANING}</p>'
        f'<p class="hw-help">{meaning}</p></div>'
    )


def recordings_interval(errors: Sequence[WordErrors]) -> Interval | None:
    """95 % interval of the pooled WER over the recordings, which here are all of one person."""
    return wer_interval(np.array([e.n_errors for e in errors]), np.array([e.n_reference for e in errors]))


def _rate(title: str, role: str, style: str, errors: Sequence[WordErrors]) -> str:
    total, interval = pooled(errors), recordings_interval(errors)
    ends = f", 95 % interval {percent(interval.low)} to {percent(interval.high)}" if interval else ""
    return (
        f'<article class="hw-panel {style}" aria-label="{title}: all phrases"><div class="hw-panel-head"><div>'
        f'<h3>{title}</h3><p class="hw-role">{role}</p></div><p class="hw-score"><b>{percent(total.wer)}</b> '
        f"<span>of {total.n_reference} words wrong (WER){ends}</span></p></div></article>"
    )


def _row(number: int, utterance: ScoredUtterance) -> list[str]:
    cells = [f"{number} · {escape(utterance.row.reference)}", transcript_cell(utterance.base)]
    if utterance.adapted is not None:
        fewer = utterance.base.errors.n_errors - utterance.adapted.errors.n_errors
        change = f"{count(abs(fewer), 'error')} {'fewer' if fewer > 0 else 'more'}" if fewer else "the same"
        cells += [transcript_cell(utterance.adapted), change]
    return cells
