"""Many recordings as HTML: how far a run is, what was left over, the outcome, the table, files to save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hyper.compare.evaluation import simulated_note
from hyper.recordings.counts import count
from hyper.recordings.matching import MAIN_COLUMNS
from hyper.reports.content import WER_MEANING, rate_cells, reliable_outcome
from hyper.reports.parts import hidden_note
from hyper.reports.table import INTERVAL_MEANING, shown_groups, wer_intervals
from hyper.ui.languages import say
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.compare.evaluation import Evaluation
    from hyper.compare.groups import Group
    from hyper.recordings.matching import Matching

MOST_NAMED = 20  # of what was left over
COLUMNS = ("Recording", "What was meant", "Base", "Adapted", "Base WER", "Adapted WER", "Change", "Warnings")
COUNTED_COLUMNS = ("What was meant", "Base WER", "Adapted WER", "Change")  # left out without a list

UNKNOWN = "Columns of your list that are not understood, so left out"
NOTHING_MEANT = "No column of your list says what was meant, so no errors are counted. Columns that are not understood"


def progress_html(done: int, total: int, seconds_left: float | None) -> str:
    """How far a run is, and how long it will still take."""
    time_left = "" if seconds_left is None else _time_left(seconds_left)
    return render("several_progress", done=done, total=total, time_left=time_left)


def end_html(evaluation: Evaluation, total: int) -> str:
    """That a run has ended, and whether it was stopped."""
    return render("several_end", done=evaluation.n_done, total=total, n_failed=len(evaluation.failures))


def matching_html(matching: Matching) -> str:
    """What was left over on either side of the list, what could be meant in two ways, and columns that nobody knows.

    A recording is no longer left over once somebody has typed what was meant.
    """
    left_over = frozenset(matching.without_line)
    uncounted = [row.file for row in matching.rows if row.file in left_over and not row.reference]
    parts = {
        "Recordings without a line in your list, so not counted": uncounted,
        "Lines of your list without a recording": matching.without_recording,
        "Ambiguous": matching.ambiguous,
        UNKNOWN if matching.has_meant else NOTHING_MEANT: matching.unknown_columns,
        "Cohorts of your list that are read as typical speech": matching.typical_names,
        "Columns that are understood": MAIN_COLUMNS if matching.unknown_columns else (),
    }
    return render("left_over", parts={title: _named(items) for title, items in parts.items() if items})


def outcome_html(evaluation: Evaluation, is_finished: bool = False) -> str:
    """The outcome in a sentence, pooled rates and intervals, and the table, whose texts can be corrected at the end."""
    groups = shown_groups(evaluation)
    over = dict.fromkeys(wer_intervals(group)[0] for group in groups)
    help_texts = filter(None, (WER_MEANING, hidden_note(evaluation.rows), *(INTERVAL_MEANING[each] for each in over)))
    counted = any(utterance.base.errors is not None for utterance in evaluation.utterances)
    return render(
        "several_outcome",
        outcome=reliable_outcome(evaluation, say).replace(" %", "\N{NO-BREAK SPACE}%"),
        groups=[(_group_name(group), rate_cells(group)) for group in groups],
        groups_help=" ".join(map(say, help_texts)),
        evaluation=evaluation,
        counted=counted,
        is_finished=is_finished,
        columns=[name for name in COLUMNS if counted or name not in COUNTED_COLUMNS],
    )


def _time_left(seconds: float) -> str:
    return say("less than a minute left" if seconds < 60 else f"about {count(round(seconds / 60), 'minute')} left")


def _named(items: Sequence[str]) -> str:
    more = f" {say('and {n} more', n=len(items) - MOST_NAMED)}" if len(items) > MOST_NAMED else ""
    return "; ".join(map(say, items[:MOST_NAMED])) + more


def _group_name(group: Group) -> str:
    name = say("All recordings") if group.by == "all" else say("Speaker {name}", name=group.value)
    return f"{name} {say(simulated_note(group).strip())}".rstrip()
