"""Phones laid out anew in time: each stretched, weakened or followed by a pause, none said twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyper.simulate.phones import Phone
from hyper.simulate.psola import Span


def play_phones(
    phones: Sequence[Phone],
    n_seconds: float,
    stretch: np.ndarray,  # (n_phones,) factor on each length
    gain: np.ndarray,  # (n_phones,) factor on each amplitude
    pauses: np.ndarray,  # (n_phones,) seconds of rest after each
) -> tuple[list[Span], list[Phone]]:
    """Spans that play phone after phone, and the phones with their times in the output; gaps keep their length."""
    spans: list[Span] = []
    moved: list[Phone] = []
    cursor = now = 0.0

    def add(span: Span) -> None:
        nonlocal now
        if span.seconds > 0:
            spans.append(span)
            now += span.seconds

    for i, phone in enumerate(phones):
        start = max(phone.start, cursor)
        add(Span(cursor, start, start - cursor))
        began = now
        add(Span(start, phone.end, (phone.end - start) * float(stretch[i]), gain=float(gain[i])))
        moved.append(Phone(phone.symbol, began, now, phone.word))
        cursor = max(phone.end, start)
        add(Span(cursor, cursor, float(pauses[i]), kind="rest"))
    add(Span(cursor, n_seconds, n_seconds - cursor))
    return spans, moved
