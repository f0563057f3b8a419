"""Examples of a base's own: found by what the hypernetwork was made for, labelled with what they were chosen with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from served import ROOT
from test_speech import drawn

from hyper.__main__ import main
from hyper.compare.example_sets import LEARNED_EMBEDDING, manifest_of, pair_of
from hyper.compare.pipeline import PersonalizedAsr
from hyper.recordings.manifest import read_manifest
from hyper.speech import examples as made
from hyper.ui.example_cards import ExampleCards
from hyper.ui.examples import read_all_examples

TINY = "openai/whisper-tiny.en"


def pair(made_for: str, base: str = "/shared/tiny.en") -> SimpleNamespace:
    hypernet = SimpleNamespace(config=SimpleNamespace(base_model=made_for)) if made_for else None
    fingerprints = ("body", "hypernet") if made_for else None
    return SimpleNamespace(hypernet=hypernet, base_model=base, fingerprint="whole", fingerprints=fingerprints)


@pytest.fixture
def bundled(tmp_path) -> Path:
    """Two sets: the bundled pair's, and one of tiny.en's own."""
    for folder, chosen_with in ((tmp_path, ""), (tmp_path / "whisper-tiny.en", LEARNED_EMBEDDING)):
        folder.mkdir(exist_ok=True)
        (folder / "manifest.csv").write_text(f'file,chosen_with,pair\na.wav,"{chosen_with}",whole hypernet\n')
    return tmp_path / "manifest.csv"


@pytest.mark.parametrize(
    ("asr", "folder"),
    [
        (pair(TINY), "whisper-tiny.en"),  # whatever the folder of the base is called
        (pair(TINY, TINY), "whisper-tiny.en"),
        (pair("", TINY), "whisper-tiny.en"),  # without a hypernetwork
        (pair("whisper-mini"), ""),
        (pair("openai/whisper-small"), ""),
        (pair("", "runs/own"), ""),
    ],
)
def test_a_pair_has_the_examples_of_its_base_or_else_the_bundled_ones(asr, folder, bundled):
    assert manifest_of(asr, bundled) == bundled.parent / folder / "manifest.csv"


def test_the_page_reads_every_set_and_each_says_what_it_was_chosen_with(bundled):
    found = [(each.path, each.of_base, each.chosen_with, each.pair) for each in read_all_examples(bundled)]
    own = bundled.parent / "whisper-tiny.en" / "a.wav"
    assert found == [
        (bundled.parent / "a.wav", "", "", "whole hypernet"),
        (own, "whisper-tiny.en", LEARNED_EMBEDDING, "whole hypernet"),
    ]
    first, second = read_all_examples(bundled)
    assert LEARNED_EMBEDDING in second.note and "Chosen" not in first.note
    assert pair_of(pair(TINY)) == second.pair and pair_of(pair("")) == ""


def test_an_example_says_how_often_its_outcome_was_drawn(tmp_path):
    lines = ["file,outcome,note", 'a.wav,gain,"gain: 111 of 1,573 drawn; all 1,573: WER 26.1 % base"', "b.wav,harm,own"]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    drawn_from, own = read_all_examples(tmp_path / "manifest.csv")
    assert "makes fewer errors here, as with 111 of 1,573 recordings that were drawn" in drawn_from.note
    assert own.note.endswith("makes more errors here.")


def test_cards_say_once_what_their_examples_were_chosen_with(bundled, monkeypatch):
    monkeypatch.setattr("hyper.ui.example_cards.load_audio", lambda path: np.ones(100, np.float32))
    first, second = read_all_examples(bundled)
    cards = ExampleCards([first, second])
    assert (
        cards.rest([second] * 5).count("whose token embedding was learned") == 2
    )  # for the eye, and as what to translate
    assert "whose token embedding" not in cards.rest([first] * 5) + cards.first([second] * 5)  # where words are few


def test_a_chosen_example_names_its_pair_and_what_is_doubted_of_it(tmp_path, monkeypatch):
    turns = [(0, 0), (1, 1), (0, 1), (2, 1), (2, 1)]
    candidates = [
        replace(drawn(10 * turn + cell, *errors), doubts=("far", "unsure"))
        for turn, errors in enumerate(turns)
        for cell in range(10)
    ]
    monkeypatch.setattr(made, "make_candidates", lambda *_: [])
    monkeypatch.setattr(made, "score_manifest", lambda *_, **__: SimpleNamespace(utterances=candidates))
    monkeypatch.setattr(made, "load_audio", lambda _: np.zeros(160, np.float32))
    made.make_examples(pair(TINY), tmp_path, 50, LEARNED_EMBEDDING)
    rows = read_manifest(tmp_path / "manifest.csv")
    assert {(row.chosen_with, row.pair) for row in rows} == {(LEARNED_EMBEDDING, "whole hypernet")}
    assert {row.doubt for row in rows} == {"far"}


def test_the_bundled_examples_are_doubted_as_their_manifest_says():
    asr = PersonalizedAsr.load()
    for row in read_manifest(ROOT / "examples" / "manifest.csv"):
        assert next(iter(asr.compare(row.path).verdict.doubts), "") == row.doubt, row.file


@pytest.mark.parametrize(
    ("made_for", "flags", "folder", "said"),
    [
        ("whisper-mini", [], "examples", ""),
        (TINY, ["--learned-embedding"], "examples/whisper-tiny.en", LEARNED_EMBEDDING),
        (TINY, ["--out", "mine"], "mine", ""),
    ],
)
def test_the_command_writes_where_the_page_looks(made_for, flags, folder, said, monkeypatch):
    asked = []
    monkeypatch.setattr("hyper.commands.make_examples.load_asr", lambda _: pair(made_for))
    monkeypatch.setattr(made, "make_examples", lambda asr, out, n, chosen_with: asked.append((out, chosen_with)) or [])
    assert main(["make-examples", *flags]) == 0
    assert asked == [(Path(folder), said)]


def test_a_story_tells_the_examples_of_the_model(bundled, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr("hyper.commands.story.load_asr", lambda _: pair(TINY))
    monkeypatch.setattr("hyper.commands.story.EXAMPLES", bundled)
    monkeypatch.setattr(
        "hyper.reports.story.write_story",
        lambda asr, rows, out, language: told.append([r.path for r in rows]) or () or (),
    )
    assert main(["story", str(tmp_path / "s.html")]) == 0
    assert main(["story", str(tmp_path / "s.html"), "--examples", str(bundled)]) == 0
    assert told == [[bundled.parent / "whisper-tiny.en" / "a.wav"], [bundled.parent / "a.wav"]]
