"""One speaker's results as HTML: the outcome in a sentence, three rates, a table of recordings, how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hyper.compare.speaker import LEVELS, Level
from hyper.plots import voice as voice_plots
from hyper.ui.figures import file_links
from hyper.ui.numbers import count, percent
from hyper.ui.panels import NO_REFERENCE, WER_MEANING
from hyper.ui.record_table import record_table, transcript_cell

if TYPE_CHECKING:
    from hyper.compare.speaker import SpeakerComparison, SpeakerRecording
    from hyper.metrics.word_errors import WordErrors

TITLES: dict[Level, tuple[str, str]] = {
    "base": ("Base", "Whisper as it is"),
    "utterance": ("Each recording", "tuned to each recording by itself"),
    "speaker": ("Speaker", "tuned once, to the mean of all recordings"),
}
STYLES: dict[Level, str] = {"base": "hw-base", "utterance": "hw-adapted", "speaker": "hw-adapted hw-of-speaker"}
SPEAKER_MEANING = (
    "The speaker's tuning is written for the mean of the recordings' embeddings (what the hypernetwork reads of each), "
    "each counting once. It hears the recording that it transcribes among the others; it never reads what was meant."
)
EMPTY = '<p class="hw-help">Give 2 to 20 recordings of one person, then press the button.</p>'


def files_html(files: Sequence[str] | None) -> str:
    """The order in which the lines of what was meant are read."""
    if not files:
        return ""
    names = "".join(f"<li>{escape(Path(file).name)}</li>" for file in files)
    return f'<p class="hw-chips-title">In this order</p><ol class="hw-order">{names}</ol>'


def results_html(comparison: SpeakerComparison) -> str:
    """Everything but the figures."""
    columns = ("Recording", "What was meant", *(TITLES[level][0] for level in LEVELS))
    rows = [_row(i, recording) for i, recording in enumerate(comparison.recordings, start=1)]
    help_text = WER_MEANING if comparison.pooled else NO_REFERENCE
    return (
        f'<p class="hw-verdict" role="status">{verdict(comparison)}</p>{_rates(comparison)}'
        f'<div class="hw-card">{record_table("Recordings at each level", columns, rows)}'
        f'<p class="hw-help">{help_text}</p><p class="hw-help">{SPEAKER_MEANING}</p></div>'
    )


def verdict(comparison: SpeakerComparison) -> str:
    """The outcome in one sentence."""
    n = count(len(comparison.recordings), "recording")
    if comparison.pooled is None or comparison.pooled["base"].wer is None:
        return f"{n}, three transcripts of each."
    base, utterance, speaker = (comparison.pooled[level].n_errors for level in LEVELS)
    return (
        f"{count(base, 'error')} before; {utterance or 'none'} when tuned to each recording, {speaker or 'none'} when "
        "tuned to the speaker."
    )


def agreement_html(comparison: SpeakerComparison) -> str:
    """The mean angles in a sentence."""
    agreement = comparison.agreement
    if np.isnan(agreement.mean_written_deg):
        return '<p class="hw-help">An adaptation that changes nothing has no direction, so there is no angle.</p>'
    return (
        f'<p class="hw-help">Over all pairs the mean angle is <b>{agreement.mean_written_deg:.0f}°</b> in what the '
        f"changes write and <b>{agreement.mean_read_deg:.0f}°</b> in what they listen to. An angle between such "
        "changes says nothing about a person's health.</p>"
    )


def agreement_links_html(comparison: SpeakerComparison) -> str:
    """Links that save both matrices for paper."""
    agreement = comparison.agreement
    figure = voice_plots.agreement_print(agreement.written_deg, agreement.read_deg, recording_names(comparison))
    return f'<p class="hw-help">Save both matrices for print: {file_links(figure, "agreement")}</p>'


def recording_names(comparison: SpeakerComparison) -> list[str]:
    """Numbers: names of files are long and may tell who spoke."""
    return [str(i + 1) for i in range(len(comparison.recordings))]


def _rates(comparison: SpeakerComparison) -> str:
    """The three pooled rates side by side."""
    if comparison.pooled is None or comparison.pooled["base"].wer is None:
        return ""
    panels = "".join(_rate(level, comparison.pooled[level]) for level in LEVELS)
    return f'<div class="hw-panels hw-levels">{panels}</div>'


def _rate(level: Level, errors: WordErrors) -> str:
    title, role = TITLES[level]
    return (
        f'<article class="hw-panel {STYLES[level]}" aria-label="{title}: all recordings"><div class="hw-panel-head">'
        f'<div><h3>{title}</h3><p class="hw-role">{role}</p></div><p class="hw-score" data-level="{level}">'
        f"<b>{percent(errors.wer)}</b> <span>of {errors.n_reference} words wrong (WER)</span></p></div></article>"
    )


def _row(number: int, recording: SpeakerRecording) -> list[str]:
    meant = escape(recording.reference) if recording.reference else '<span class="hw-nothing">not given</span>'
    cells = [transcript_cell(recording.rows[level]) for level in LEVELS]
    name = f"{number} · {escape(recording.file)} <small>{recording.seconds:.1f} s</small>"
    return [name, meant, *cells]
