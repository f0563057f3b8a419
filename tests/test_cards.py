"""What a hypernetwork's card says of it, beside numbers that were counted in another way."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import safe_open

from hyper.model.checkpoint import WEIGHTS_FILE, load_hypernet, save_hypernet
from hyper.model.files import ASSETS
from hyper.recordings.manifest import ManifestRow
from hyper.training.adaptation.loop import AdaptationTraining
from hyper.training.base.settings import BaseTraining
from hyper.training.model_card import (
    OF_PEOPLE,
    SIMULATED,
    base_card,
    hypernet_card,
    training_data_lines,
    worse_than_base,
)

BUFFERS = {"utterance_encoder.mean", "utterance_encoder.std"}  # fitted, not learned


def n_learned(weights: Path) -> int:
    """Numbers of a hypernetwork's file, by its head alone."""
    with safe_open(weights, "np") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in {*file.keys()} - BUFFERS)


def recording(speaker: str, cohort: str, simulated: bool) -> ManifestRow:
    return ManifestRow(f"{speaker}.wav", Path(f"{speaker}.wav"), "yes", speaker, cohort, simulated=simulated)


def test_a_loaded_hypernetwork_has_as_many_parameters_as_its_file(backbone, make_hypernet, tmp_path):
    save_hypernet(make_hypernet(backbone), tmp_path)
    card = hypernet_card(backbone, load_hypernet(tmp_path, backbone), AdaptationTraining(updates=3), [], [])
    assert f"- its own parameters: {n_learned(tmp_path / WEIGHTS_FILE)}, " in card


@pytest.mark.parametrize("folder", sorted(ASSETS.glob("hypernet-*")), ids=lambda folder: folder.name)
def test_the_delivered_cards_name_what_lies_beside_them(folder):
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"- its own parameters: {n_learned(folder / WEIGHTS_FILE)}, " in card
    assert ("minutes" in card) is not ("updates " in card.split("Settings:")[1])  # the one budget or the other


def test_only_the_budget_that_was_used_is_named(backbone, make_hypernet):
    by_updates, by_clock = (
        hypernet_card(backbone, make_hypernet(backbone), settings, [], [])
        for settings in (AdaptationTraining(minutes=7.0, updates=3), AdaptationTraining(minutes=7.0))
    )
    assert "updates 3" in by_updates and "minutes" not in by_updates
    assert "minutes 7.0" in by_clock and "updates 0" not in by_clock


def test_a_loss_on_typical_speech_alone_is_told(backbone, make_hypernet):
    entries = [{"step": 3, "minutes": 0.1, "typical_base": 0.5, "typical_adapted": 0.25}]
    card = hypernet_card(backbone, make_hypernet(backbone), AdaptationTraining(updates=3), [], entries)
    assert "- typical, adapted: 0.250\n- typical, base: 0.500" in card and "could be held out" not in card


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ({"typical_base": 0.5, "typical_adapted": 0.25, "atypical_base": 1.0, "atypical_adapted": 1.0}, ""),
        (
            {"typical_base": 0.5, "typical_adapted": 0.75, "atypical_base": 1.0, "atypical_adapted": 0.9},
            "On speakers held out its loss ended worse than the base's own: typical speech 0.750 against 0.500 nats a "
            "token.",
        ),
        (
            {"typical_base": 0.5, "typical_adapted": 0.75, "atypical_base": 1.0, "atypical_adapted": math.nan},
            "On speakers held out its loss ended worse than the base's own: typical speech 0.750 against 0.500 and "
            "atypical speech nan against 1.000 nats a token.",
        ),
    ],
)
def test_a_loss_worse_than_the_bases_own_is_told(backbone, make_hypernet, last, said):
    entries = [{"step": 0, "typical_base": 0.5, "typical_adapted": 9.0}, {"step": 3, "minutes": 0.1, **last}]
    card = hypernet_card(backbone, make_hypernet(backbone), AdaptationTraining(updates=3), [], entries)
    assert worse_than_base(entries) == said
    assert (f"\n\n{said}\n\n## Limits" in card) if said else ("worse" not in card)
    assert not said or "worse than that of the hypernetwork that it went on from:" in worse_than_base(entries, True)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], []),
        ([recording("a", "typical", False), recording("b", "", False)], []),
        ([recording("a", "stuttering", True), recording("b", "typical", False)], [SIMULATED]),
        ([recording("a", "stuttering", False)], [OF_PEOPLE]),
        ([recording("a", "stuttering", False), recording("a", "stuttering", True)], [SIMULATED, OF_PEOPLE]),
    ],
)
def test_the_card_says_whose_speech_it_was(backbone, make_hypernet, rows, said):
    card = hypernet_card(backbone, make_hypernet(backbone), AdaptationTraining(updates=3), rows, [])
    assert [text for text in (SIMULATED, OF_PEOPLE) if text in card] == said


@pytest.mark.parametrize("is_real", [False, True])
def test_a_bases_card_tells_only_what_was_done(is_real):
    made = replace(recording("a", "typical", False), corpus="synthetic", phones="h:0.1 i:0.1")
    people = [recording("b", "typical", False)] if is_real else []
    card = base_card(BaseTraining(hours=1), 9, [made, *people], [])
    assert "espeak-ng" in card and ("aligned" in card) is is_real


def test_a_bases_card_tells_of_pieces_that_were_cut_beforehand():
    made = replace(recording("a", "typical", False), corpus="synthetic", phones="h:0.1 i:0.1")
    card = base_card(BaseTraining(hours=1), 9, [made, replace(made, corpus="", voice="person")], [])
    assert "Recordings of people were aligned by an earlier model and cut" in card and "half-trained" not in card


def test_simulated_speakers_are_not_counted_with_real_ones():
    rows = [recording("anna", "stuttering", False), recording("anna", "stuttering", False)]
    rows += [recording(f"patient{i}", "stuttering", True) for i in range(3)]
    assert training_data_lines(rows) == [
        "- unnamed, stuttering: 2 recordings of 1 speaker",
        "- unnamed, simulated stuttering: 3 recordings of 3 speakers",
    ]
