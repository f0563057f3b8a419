"""The verdict on one recording, against a table worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_ui_panels import MEANT, said

from hyper.compare.confidence import WordConfidence
from hyper.compare.guards import Flag
from hyper.compare.verdict import Verdict, judge
from hyper.compare.voice_map import Whereabouts

NEAR = Whereabouts(0.0, 0.0, distance=1.5, limit=1.0, share_nearer=0.95)  # just not far enough
FAR = replace(NEAR, distance=1.51)
QUIET, LOOP = Flag("quiet", 0.0, 0.1, "It is quiet."), Flag("loop", "repetition", None, "It repeats.")
LEFT_OUT = Flag("left_out", 8.0, None, "Nobody speaks in 8 s, of which nothing is shown.")


def judged(base, adapted, reference=None, flags=((), ()), confidences=(), where=None) -> Verdict:
    made = said(base, adapted, reference)
    words = tuple(WordConfidence("word", confidence) for confidence in confidences)
    rows = [replace(row, flags=own) for row, own in zip(made.rows, flags, strict=False)]
    rows[-1] = replace(rows[-1], words=words)
    return judge(rows[0], rows[1] if len(rows) == 2 else None, where)


@pytest.mark.parametrize(
    ("base", "adapted", "reference", "outcome"),
    [
        ("turn off the light", "turn on the light", MEANT, "better"),  # 2 errors, 1
        ("", "turn on", MEANT, "better"),  # 4, 2
        ("turn of the lights", "turn off the lights", MEANT, "same"),  # 1, 1, though another word
        (MEANT, "Turn on the lights.", MEANT, "same"),
        (MEANT, "turn on the lights now", MEANT, "worse"),  # 0, 1
        ("Turn on.", "turn on", None, "same"),
        ("turn on", "turn off", None, None),
        ("turn on", "turn off", "?!", None),  # a reference without words
        ("turn on", None, MEANT, None),
    ],
)
def test_word_errors_decide_and_without_a_reference_only_the_same_words_are_the_same(base, adapted, reference, outcome):
    assert judged(base, adapted, reference) == Verdict(outcome)
    assert judged(base, adapted, reference, where=NEAR) == Verdict(outcome)


@pytest.mark.parametrize(
    ("given", "doubts"),
    [
        ({"flags": ((QUIET,), (QUIET,))}, ("no speech",)),
        ({"flags": ((QUIET,), ())}, ("disagree",)),
        ({"flags": ((), (QUIET,))}, ("disagree",)),
        ({"flags": ((LOOP,), ())}, ()),  # adapting repaired it
        ({"flags": ((), (LOOP,))}, ("signs",)),
        ({"flags": ((LEFT_OUT,), (LEFT_OUT,))}, ()),
        ({"confidences": (0.69, 0.69, 0.7, 0.7)}, ("unsure",)),  # half of them
        ({"confidences": (0.69, 0.7, 0.7)}, ()),
        ({"where": FAR}, ("far",)),
        ({"where": FAR, "confidences": (0.1,), "flags": ((), (LOOP,))}, ("signs", "far", "unsure")),
    ],
)
def test_doubts_come_before_word_errors(given, doubts):
    expected = Verdict("not reliable", doubts) if doubts else Verdict("better")
    assert judged("turn off", "turn on", "turn on", **given) == expected


def test_nothing_written_is_no_speech_and_one_row_alone_is_judged_too():
    assert judged("", "") == Verdict("not reliable", ("no speech",))
    assert judged("turn on", None, flags=((QUIET,),)) == Verdict("not reliable", ("no speech",))
    assert judged("turn on", None, confidences=(0.1, 0.9)) == Verdict("not reliable", ("unsure",))
