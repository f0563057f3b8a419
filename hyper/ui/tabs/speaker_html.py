"""One speaker's results as HTML: the outcome in a sentence, three rates, a table of recordings, how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hyper.compare.evaluation import simulated_share
from hyper.compare.speaker import Level
from hyper.compare.verdict import unreliable_text
from hyper.plots.agreement import agreement_print
from hyper.recordings.counts import count
from hyper.reports.parts import hidden_note
from hyper.reports.speaker import speaker_outcome as rates_outcome
from hyper.ui.figures import print_links_html
from hyper.ui.languages import say
from hyper.ui.panels import NO_REFERENCE, WER_MEANING
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.compare.speaker import SpeakerComparison


@dataclass(frozen=True)
class LevelStyle:
    """How one level of adaptation is called and coloured."""

    title: str
    role: str
    style: str


SHOWN_LEVELS: dict[Level, LevelStyle] = {
    "base": LevelStyle("Base", "Whisper as it is", "hw-base"),
    "utterance": LevelStyle("Each recording", "tuned to each recording by itself", "hw-adapted"),
    "speaker": LevelStyle("Speaker", "tuned once, to the mean of all recordings", "hw-adapted hw-of-speaker"),
}
EMPTY = render("no_speaker")


def files_html(files: Sequence[str] | None) -> str:
    """The order in which the lines of what was meant are read."""
    return render("speaker_files", names=[Path(file).name for file in files]) if files else ""


def results_html(comparison: SpeakerComparison, language: str, simulated: Sequence[bool] = ()) -> str:
    """Everything but the figures; `simulated` says which of the recordings a program made."""
    has_rates, note = _has_rates(comparison), say(simulated_share(sum(simulated), len(simulated)))
    return render(
        "speaker_results",
        comparison=comparison,
        language=language,
        outcome=_with_note(say(speaker_outcome(comparison)), note),
        reliability=unreliable_text([each.verdict.doubts for each in comparison.recordings], say),
        rates=comparison.pooled if has_rates else None,
        levels=SHOWN_LEVELS,
        simulated=simulated,
        simulated_note=note,
        errors_help=WER_MEANING if comparison.pooled else NO_REFERENCE,
        hidden=hidden_note(row for each in comparison.recordings for row in each.rows.values()) if has_rates else "",
    )


def speaker_outcome(comparison: SpeakerComparison) -> str:
    """What came of it, in one sentence."""
    if not _has_rates(comparison):
        return f"{count(len(comparison.recordings), 'recording')}, three transcripts of each."
    return rates_outcome(comparison)


def agreement_html(comparison: SpeakerComparison) -> str:
    """The mean angles in a sentence."""
    agreement = comparison.agreement
    return render("agreement", agreement=agreement, has_angles=not np.isnan(agreement.mean_written_deg))


def agreement_links_html(comparison: SpeakerComparison) -> str:
    """Links that save both matrices for paper."""
    agreement = comparison.agreement
    figure = agreement_print(agreement.written_deg, agreement.read_deg, recording_names(comparison))
    return print_links_html(figure, "agreement", "both matrices")


def recording_names(comparison: SpeakerComparison) -> list[str]:
    """Numbers: names of files are long and may tell who spoke."""
    return [str(i + 1) for i in range(len(comparison.recordings))]


def _with_note(sentence: str, note: str) -> str:
    """The sentence with a note in it, before its full stop."""
    return f"{sentence.removesuffix('.')} {note}." if note else sentence


def _has_rates(comparison: SpeakerComparison) -> bool:
    """Whether something was meant, and errors could be counted."""
    return comparison.pooled is not None and comparison.pooled["base"].wer is not None
