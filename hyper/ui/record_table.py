"""A table of recordings that becomes one block for each recording on a narrow screen. Cells are HTML already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from hyper.ui.numbers import percent

if TYPE_CHECKING:
    from hyper.compare.comparison import Transcript
    from hyper.metrics.word_errors import WordErrors


def record_table(label: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first cell of a row is its head; each other cell carries its column's name for narrow screens."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(_row(columns, cells) for cells in rows)
    return (
        f'<table class="hw-table hw-records" aria-label="{escape(label)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def transcript_cell(transcript: Transcript, errors: WordErrors | None, cautions: Sequence[str]) -> str:
    """What was heard, how much of it is wrong, and whatever speaks against it, in sentences."""
    text = escape(transcript.text.strip()) or '<span class="hw-nothing">(no words)</span>'
    wrong = "" if errors is None or errors.wer is None else f' <b class="hw-cell-score">{percent(errors.wer)} wrong</b>'
    return text + wrong + "".join(f'<small class="hw-flag">{escape(caution)}</small>' for caution in cautions)


def _row(columns: Sequence[str], cells: Sequence[str]) -> str:
    first, *others = cells
    labelled = zip(columns[1:], others, strict=True)
    return (
        f'<tr><th scope="row">{first}</th>'
        + "".join(f'<td data-label="{escape(column)}">{cell}</td>' for column, cell in labelled)
        + "</tr>"
    )
