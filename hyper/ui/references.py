"""Both references in one table: what was meant, and every sound that was said. They rank models differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyper.ui.numbers import percent

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.metrics.word_errors import WordErrors

MEANING = (
    "Intended is what was meant; verbatim is every sound that was said, repetitions included. Leaving a repetition out "
    "counts as right in the first column and as an error in the second."
)


def table_html(comparison: Comparison) -> str:
    """Word error rates against each reference; nothing where there is no verbatim text."""
    if comparison.verbatim is None:
        return ""
    rows = [_row("Base", comparison.base.errors, comparison.base.verbatim_errors)]
    if comparison.adapted is not None:
        rows.append(_row("Adapted", comparison.adapted.errors, comparison.adapted.verbatim_errors))
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("words wrong (WER)", "intended", "verbatim"))
    return (
        '<div class="hw-card hw-references" id="hw-references">'
        f'<table class="hw-table"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        f'<p class="hw-help">{MEANING}</p></div>'
    )


def _row(name: str, meant: WordErrors | None, said: WordErrors | None) -> str:
    cells = "".join(f"<td>{_rate(errors)}</td>" for errors in (meant, said))
    return f"<tr><th scope='row'>{name}</th>{cells}</tr>"


def _rate(errors: WordErrors | None) -> str:
    """The rate with the counts behind it."""
    if errors is None or errors.wer is None:
        return "–"
    return f"{percent(errors.wer)} ({errors.n_errors} of {errors.n_reference})"
