"""Many visitors at once get what each gets alone; and a swapped or changed answer would be noticed."""

from __future__ import annotations

import pytest
from load import differs, run_load
from served import ROOT


@pytest.fixture(scope="module")
def load(bundled_page):
    return run_load(bundled_page, sorted((ROOT / "examples").glob("*.wav")), clients=8, each=3)


def test_each_of_many_clients_gets_what_it_gets_alone_and_nothing_is_lost(load):
    assert load.wrong == []
    assert len(load.latencies) == 24 and load.per_second > 0
    assert str(load).startswith("24 answers, ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": "b.wav"}, "file is 'b.wav', alone 'a.wav'"),
        ({"adapted": "turn off"}, "adapted is 'turn off', alone 'turn on'"),
        ({"words": {"base": [("turn", 0.91), ("on", 0.5)]}}, "base: turn 0.91, alone turn 0.9"),
        ({}, ""),
    ],
)
def test_a_difference_is_noticed(change, said):
    alone = {"file": "a.wav", "base": "turn", "adapted": "turn on", "stopped": {}, "no_speech": {}}
    alone["words"] = {"base": [("turn", 0.9), ("on", 0.5)]}
    assert differs(alone | change, alone) == said
