"""A table of recordings that becomes one block for each recording on a narrow screen. Cells are HTML already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from hyper.ui.numbers import percent

if TYPE_CHECKING:
    from hyper.compare.row import Row


def record_table(label: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first cell of a row is its head; each other cell carries its column's name for narrow screens."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(_row(columns, cells) for cells in rows)
    return (
        f'<table class="hw-table hw-records" aria-label="{escape(label)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def transcript_cell(row: Row) -> str:
    """What was heard, how much of it is wrong, and whatever speaks against it, in sentences."""
    text = escape(row.text.strip()) or '<span class="hw-nothing">(no words)</span>'
    wrong = ""
    if row.errors is not None and row.errors.wer is not None:
        wrong = f' <b class="hw-cell-score">{percent(row.errors.wer)} wrong</b>'
    flags = "".join(f'<small class="hw-flag">Uncertain: {escape(flag.reason)}</small>' for flag in row.flags)
    return text + wrong + flags


def _row(columns: Sequence[str], cells: Sequence[str]) -> str:
    first, *others = cells
    labelled = zip(columns[1:], others, strict=True)
    return (
        f'<tr><th scope="row">{first}</th>'
        + "".join(f'<td data-label="{escape(column)}">{cell}</td>' for column, cell in labelled)
        + "</tr>"
    )
