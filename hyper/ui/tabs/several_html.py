"""Many recordings as HTML: progress, what was left over, the outcome, the table. Whatever anybody wrote is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from hyper.compare.evaluation import percent, simulated_note
from hyper.reports.content import WER_MEANING, rate_cells, verdict
from hyper.reports.table import INTERVAL_MEANING, shown_groups, wer_intervals
from hyper.ui.figures import data_url

if TYPE_CHECKING:
    from hyper.compare.evaluation import Evaluation
    from hyper.compare.groups import Group
    from hyper.compare.guards import Flag
    from hyper.compare.utterance import Failure, ScoredUtterance
    from hyper.metrics.word_errors import WordErrors
    from hyper.recordings.matching import Matching

MOST_NAMED = 20  # of what was left over
WAITING = '<p class="hw-help" role="status">Waiting for the recordings of another visitor, or for the model.</p>'
MIME = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "pdf": "application/pdf",
}
COLUMNS = ("Recording", "What was meant", "Base", "Adapted", "Base WER", "Adapted WER", "Change", "To mind")
COUNTED_COLUMNS = ("What was meant", "Base WER", "Adapted WER", "Change")  # left out without a list
CHANGE_MEANING = "Change: how many word errors adapting removed or added."
OPEN_HELP = "Press a recording to open it under One recording; press a column's name to sort."


def progress_html(done: int, total: int, seconds_left: float | None) -> str:
    """How far a run is, and how long it will still take."""
    left = "" if seconds_left is None else f", {_time_left(seconds_left)}"
    return (
        f'<p class="hw-progress" role="status"><progress max="{total}" value="{done}"></progress> '
        f"{done} of {total} done{left}</p>"
    )


def end_html(evaluation: Evaluation, total: int) -> str:
    """That a run has ended, and whether it was stopped."""
    done = evaluation.n_done
    text = f"All {total} done." if done == total else f"Stopped: {done} of {total} done. The table holds what was done."
    failed = len(evaluation.failures)
    bad = f" {failed} could not be used; the reason stands in the table." if failed else ""
    return f'<p class="hw-progress" role="status">{text}{bad}</p>'


def matching_html(matching: Matching) -> str:
    """What was left over on either side of the list, and what could be meant in two ways."""
    parts = (
        ("Recordings without a line in your list, transcribed but not counted", matching.without_line),
        ("Lines of your list without a recording", matching.without_recording),
        ("Not clear", matching.ambiguous),
    )
    return "".join(f'<p class="hw-left-over"><b>{title}:</b> {_named(items)}</p>' for title, items in parts if items)


def outcome_html(evaluation: Evaluation) -> str:
    """The outcome in a sentence, pooled rates with intervals, and the table of the recordings."""
    return (
        f'<p class="hw-verdict">{_unbroken(verdict(evaluation))}</p>{_groups_html(evaluation)}'
        f'<p class="hw-help">{OPEN_HELP}</p>{_table_html(evaluation)}'
    )


def links_html(title: str, files: dict[str, bytes]) -> str:
    """Links that save files; each file is part of the page, nothing is written to disk."""
    links = " ".join(
        f'<a class="hw-save" download="{name}" href="{data_url(content, MIME[name.rsplit(".", 1)[1]])}">{name}</a>'
        for name, content in files.items()
    )
    return f'<p class="hw-saves">{title} {links}</p>'


def _unbroken(text: str) -> str:
    """Numbers stay with their per cent sign."""
    return escape(text).replace(" %", "&nbsp;%")


def _time_left(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute left"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'' if minutes == 1 else 's'} left"


def _named(items: Sequence[str]) -> str:
    more = f" and {len(items) - MOST_NAMED} more" if len(items) > MOST_NAMED else ""
    return "; ".join(escape(item) for item in items[:MOST_NAMED]) + more


def _groups_html(evaluation: Evaluation) -> str:
    """Pooled rates: all recordings, then each speaker."""
    groups = shown_groups(evaluation)
    if not groups:
        return ""
    head = "".join(
        f"<th scope='col'>{name}</th>"
        for name in ("", "Recordings", "Words", "Base WER", "95 % interval", "Adapted WER", "95 % interval")
    )
    over = dict.fromkeys(wer_intervals(group)[0] for group in groups)
    meaning = " ".join([WER_MEANING, *(INTERVAL_MEANING[each] for each in over)])
    return (
        '<div class="hw-scroll" tabindex="0" role="region" aria-label="Pooled word error rates">'
        f'<table class="hw-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(map(_group_row, groups))}</tbody></table></div>"
        f'<p class="hw-help">{meaning}</p>'
    )


def _group_row(group: Group) -> str:
    label = "All recordings" if group.by == "all" else f"Speaker {group.value}"
    body = "".join(f"<td>{escape(cell)}</td>" for cell in rate_cells(group))
    return f"<tr><th scope='row'>{escape(label + simulated_note(group))}</th>{body}</tr>"


def _table_html(evaluation: Evaluation) -> str:
    """One row for each recording; the numbers to sort by stand in `data-value`."""
    counted = any(utterance.base.errors is not None for utterance in evaluation.utterances)
    columns = [name for name in COLUMNS if counted or name not in COUNTED_COLUMNS]
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button" data-sort="{i}">{name}</button></th>'
        for i, name in enumerate(columns)
    )
    n_done = len(evaluation.utterances)
    rows = [_utterance_row(i, utterance, counted) for i, utterance in enumerate(evaluation.utterances)]
    rows += [_failure_row(i, each, len(columns)) for i, each in enumerate(evaluation.failures, start=n_done)]
    table = (
        f'<table class="hw-table hw-recordings"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )
    return table + (f'<p class="hw-help">{CHANGE_MEANING}</p>' if counted else "")


def _utterance_row(index: int, utterance: ScoredUtterance, counted: bool) -> str:
    row, adapted = utterance.row, utterance.adapted
    texts = [("Base", utterance.base.text), ("Adapted", adapted.text if adapted else "–")]
    cells = [_cell(name, escape(text) or "(no words)", text) for name, text in texts]
    if counted:
        cells.insert(0, _cell("What was meant", escape(row.reference), row.reference))
        cells += [
            _wer_cell("Base WER", utterance.base.errors),
            _wer_cell("Adapted WER", adapted and adapted.errors),
            _change_cell(utterance),
        ]
    cells.append(_flags_cell(utterance.base.flags, adapted.flags if adapted else ()))
    known = [row.speaker, row.note, "simulated" if row.simulated else ""]
    details = " · ".join(escape(each) for each in known if each)
    return (
        f'<tr data-row="{index}"><th scope="row" data-value="{index}">'
        f'<button type="button" class="hw-open">{index + 1} {escape(row.file)}</button>'
        f"<small>{details}</small></th>{''.join(cells)}</tr>"
    )


def _failure_row(index: int, failure: Failure, n_columns: int) -> str:
    """A recording that could not be used, with the reason in place of all else."""
    return (
        f'<tr><th scope="row" data-value="{index}">{index + 1} {escape(failure.file)}</th>'
        f'<td colspan="{n_columns - 1}" class="hw-bad"><b>Not used:</b> {escape(failure.reason)}</td></tr>'
    )


def _cell(name: str, html: str, value: str | float) -> str:
    """A cell with the name of its column, for narrow screens, and what it is sorted by."""
    return f'<td data-name="{name}" data-value="{escape(str(value))}">{html}</td>'


def _wer_cell(name: str, errors: WordErrors | None) -> str:
    if errors is None or errors.wer is None:
        return _cell(name, "–", "")
    counts = f"{errors.substitutions} substituted, {errors.deletions} deleted, {errors.insertions} inserted"
    return _cell(name, f"<b>{percent(errors.wer)}</b><small>{counts}</small>", errors.wer)


def _change_cell(utterance: ScoredUtterance) -> str:
    if utterance.change is None:
        return _cell("Change", "–", "")
    more = utterance.adapted.errors.n_errors - utterance.base.errors.n_errors
    errors = f"{abs(more)} error{'' if abs(more) == 1 else 's'}"
    return _cell("Change", "none" if more == 0 else f"{errors} {'fewer' if more < 0 else 'more'}", utterance.change)


def _flags_cell(base: Sequence[Flag], adapted: Sequence[Flag]) -> str:
    """What speaks against each transcript, in plain sentences."""
    parts = [
        f'<span class="hw-mind"><b>{name}:</b> {escape(" ".join(flag.reason for flag in flags))}</span>'
        for name, flags in (("Base", base), ("Adapted", adapted))
        if flags
    ]
    return _cell("To mind", "".join(parts) or "nothing found", len(base) + len(adapted))
