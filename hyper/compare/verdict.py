"""The verdict on one recording: better, same or worse after adapting, or not reliable, so that no success is claimed.

Where what was meant is known, word errors decide. Where it is not, nobody can tell a better transcript from a worse
one: the same words are the same, and different words get no verdict. Doubts come first, whatever the word errors say:
22 % fewer errors are no success in a transcript of which most is invented.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hyper.compare.calibration import UNSURE_BELOW
from hyper.compare.guards import LEFT_OUT, NOBODY_SPEAKS
from hyper.metrics.normalize import ENGLISH, normalise

if TYPE_CHECKING:
    from hyper.compare.row import Row
    from hyper.compare.voice_map import Whereabouts

# Fitted on 1,200 validation recordings with the bundled pair (`assets/results/not-reliable.md` has the figures).
# At least this share of a transcript's words is below UNSURE_BELOW: 0.4 and 0.5 tell equally well which transcripts
# are half wrong, and 0.5 doubts fewer that are right.
UNSURE_SHARE = 0.5
# So many times the distance that 95 of 100 held-out recordings stay below. Beyond that one alone 43 of 47 transcripts
# were wholly right; beyond this one lies hardly any speech, but noises do in which a word is heard for sure.
FAR_TIMES = 1.5

Outcome = Literal["better", "same", "worse", "not reliable"]
Doubt = Literal["no speech", "disagree", "signs", "far", "unsure"]
REASONS: dict[Doubt, str] = {
    "no speech": "The model found no speech in this recording.",
    "disagree": "The two transcripts disagree on whether anybody speaks.",
    "signs": "There are signs that the model wrote words that nobody said.",
    "far": "This voice is unlike those that the model learned from.",
    "unsure": "The model is unsure of at least half of its words.",
}


@dataclass(frozen=True)
class Verdict:
    """What can be said of one recording."""

    outcome: Outcome | None  # None where nobody can tell: other words and no reference, or one transcript alone
    doubts: tuple[Doubt, ...] = ()  # why it is not reliable, the gravest first

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not reliable, in sentences."""
        return reasons_of(self.doubts)

    def to_json(self) -> dict[str, Any]:
        """The record, each doubt with a sentence."""
        return {
            "outcome": self.outcome,
            "doubts": [{"name": doubt, "reason": REASONS[doubt]} for doubt in self.doubts],
        }


def reasons_of(doubts: Iterable[Doubt]) -> tuple[str, ...]:
    """The doubts in sentences."""
    return tuple(REASONS[doubt] for doubt in doubts)


def unreliable_text(doubts: Sequence[tuple[Doubt, ...]], say: Callable[[str], str] = str) -> str:
    """How many of all recordings are not reliable, and for how many each gravest reason holds; "" where none is."""
    gravest = Counter(own[0] for own in doubts if own)
    n = gravest.total()
    if not n:
        return ""
    lead = f"1 of {len(doubts)} is not reliable:" if n == 1 else f"{n} of {len(doubts)} are not reliable:"
    reasons = [f"{say(REASONS[doubt])} ({own})" if own < n else say(REASONS[doubt]) for doubt, own in gravest.items()]
    return f"{say(lead)} {' '.join(reasons)}"


def judge(base: Row, adapted: Row | None, where: Whereabouts | None, language: str = ENGLISH) -> Verdict:
    """The rule. `where` is the recording's place on the voice map, None without a map.

    The row that is judged is the adapted one, or the base where there is no other: what adapting repaired is no doubt.
    """
    return weigh(doubts_of(base, adapted, where), base, adapted, language)


def weigh(doubts: tuple[Doubt, ...], base: Row, adapted: Row | None, language: str = ENGLISH) -> Verdict:
    """The verdict where the doubts are known already: those say nothing of what was meant, which may change."""
    if doubts:
        return Verdict("not reliable", doubts)
    if adapted is None:
        return Verdict(None)
    if base.errors is None or adapted.errors is None or base.errors.wer is None:
        return Verdict("same" if normalise(base.text, language) == normalise(adapted.text, language) else None)
    fewer = base.errors.n_errors - adapted.errors.n_errors
    return Verdict("better" if fewer > 0 else "worse" if fewer < 0 else "same")


def doubts_of(base: Row, adapted: Row | None, where: Whereabouts | None) -> tuple[Doubt, ...]:
    """Why a result is not reliable, the gravest first."""
    rows = (base,) if adapted is None else (base, adapted)
    last = rows[-1]
    is_silent = all(row.heard_nobody or not row.text for row in rows)
    found: dict[Doubt, bool] = {
        "no speech": is_silent,
        "disagree": not is_silent and any(row.heard_nobody for row in rows),
        "signs": any(flag.name not in (*NOBODY_SPEAKS, LEFT_OUT) for flag in last.flags),
        "far": where is not None and where.distance > FAR_TIMES * where.limit,
        "unsure": _is_mostly_unsure(last),
    }
    return tuple(doubt for doubt, is_there in found.items() if is_there)


def _is_mostly_unsure(row: Row) -> bool:
    n_unsure = sum(word.confidence < UNSURE_BELOW for word in row.words)
    return n_unsure > 0 and n_unsure >= UNSURE_SHARE * len(row.words)
