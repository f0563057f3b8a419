"""What the pair in use makes of the examples: told by the manifest, or tried once, behind visitors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
import soundfile

from hyper.compare.example_sets import pair_of
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scheduler import Scheduler
from hyper.metrics.word_errors import outcome, word_errors
from hyper.recordings.audio import SAMPLE_RATE
from hyper.ui import server
from hyper.ui.examples import Example
from hyper.ui.inputs import Inputs
from hyper.ui.model_store import ModelStore
from hyper.ui.service import Service
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors.uploads import Uploads

OTHER = "another/whisper"
DOUBTS = PersonalizedAsr.doubts


@pytest.fixture(autouse=True)
def undoubted(monkeypatch) -> None:
    """These random models are sure of nothing, so that no outcome would be told."""
    monkeypatch.setattr(PersonalizedAsr, "doubts", lambda *_, **__: ())


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


@pytest.fixture(scope="module")
def examples(asr, speech_like, tmp_path_factory) -> list[Example]:
    """Where the manifest says right, the other pair gains; where it says gain, it harms."""
    folder = tmp_path_factory.mktemp("examples")
    given = [("nothing", "tie", "a"), ("as adapted", "right", "c"), ("as base", "gain", "b")]
    made = []
    for i, (name, of_manifest, cohort) in enumerate(given):
        path = folder / f"{name}.wav"
        soundfile.write(path, speech_like(1.5, seed=i), SAMPLE_RATE)
        found = asr.compare(path)
        reference = {"nothing": "turn on", "as adapted": found.adapted.text, "as base": found.base.text}[name]
        made.append(Example(path, reference, name, "CC0", of_manifest, cohort))
    return made


class Line(Scheduler):
    """Remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__(idle=0.05)
        self.asked: list[tuple[int, bool]] = []

    def ask(self, visitor, work, requests, is_of_list=False):
        self.asked.append((len(requests), is_of_list))
        return super().ask(visitor, work, requests, is_of_list)


def tried(asr, examples, tmp_path: Path, name: str, scheduler: Scheduler | None) -> TriedExamples:
    models = ModelStore(asr, name, server.load_by_name)
    return TriedExamples(Service(models, Uploads(tmp_path), scheduler=scheduler), examples)


def test_another_pair_tries_each_once_and_its_own_outcomes_label_and_order_them(asr, examples, tmp_path):
    line = Line()
    own = tried(asr, examples, tmp_path, OTHER, line)
    assert own.is_missing(OTHER) and {each.outcome for each in own.of(OTHER)} == {""}
    own.try_out(OTHER)
    own.try_out(OTHER)
    assert line.asked == [(1, True)] * 3  # behind visitors, one at a time
    found = {each.label: each.outcome for each in own.of(OTHER)}
    for each in examples:
        pair = asr.compare(each.path, each.reference)
        assert found[each.label] == outcome(pair.base.errors, pair.adapted.errors)
    assert found["as adapted"] == "gain" and own.of(OTHER)[0].label == "as adapted"
    assert found["as base"] == "harm"
    assert not own.is_missing(OTHER)


def test_what_is_tried_is_doubted_as_the_verdict_on_its_result_is(asr, examples, tmp_path, monkeypatch):
    monkeypatch.setattr(PersonalizedAsr, "doubts", DOUBTS)
    own = tried(asr, examples, tmp_path, OTHER, Line())
    own.try_out(OTHER)
    for each in own.of(OTHER):
        assert each.doubt == next(iter(asr.compare(each.path, each.reference).verdict.doubts), "")
    monkeypatch.setattr(PersonalizedAsr, "doubts", lambda *_, **__: ("signs", "unsure"))
    doubted = tried(asr, examples, tmp_path, OTHER, Line())
    doubted.try_out(OTHER)
    assert {each.doubt for each in doubted.of(OTHER)} == {"signs"}


@pytest.mark.parametrize(
    ("base", "adapted", "expected"),
    [("a b", "a c", "gain"), ("a c", "a b", "harm"), ("a b", "a b", "tie"), ("a c", "a c", "right")],
)
def test_an_outcome_is_by_the_number_of_errors(base, adapted, expected):
    assert outcome(word_errors("a c", base), word_errors("a c", adapted)) == expected


def test_the_bundled_pair_tries_nothing_and_keeps_the_manifests_word(asr, examples, tmp_path):
    line = Line()
    own = tried(asr, examples, tmp_path, "bundled", line)
    own.try_out("bundled")
    assert not own.is_missing("bundled") and not line.asked
    assert [each.outcome for each in own.of("bundled")] == ["gain", "tie", "right"]
    assert own.listed("bundled") == examples


def test_a_base_with_examples_of_its_own_shows_them_and_their_manifest_speaks_for_those_weights_alone(
    asr, examples, tmp_path
):
    folder = asr.hypernet.config.base_model  # the random base is named by no hub
    own = [replace(each, of_base=folder, pair=pair_of(asr)) for each in examples[:2]]
    told = tried(asr, [*examples, *own], tmp_path, OTHER, Line())
    assert told.listed(OTHER) == own and [each.outcome for each in told.of(OTHER)] == ["tie", "right"]
    assert not told.is_missing(OTHER)
    other_weights = [replace(each, pair="0" * 33) for each in own]
    untold = tried(asr, [*examples, *other_weights], tmp_path, OTHER, Line())
    assert {each.outcome for each in untold.of(OTHER)} == {""} and untold.is_missing(OTHER)
    untold.try_out(OTHER)
    assert [each.label for each in untold.of(OTHER)] == ["as adapted", "nothing"]  # the one that gains is first
    assert untold.of(f"hub/{folder}") == [replace(each, outcome="") for each in other_weights]  # before it is loaded


def test_nobody_tries_without_a_hypernetwork_or_on_a_gpu_that_is_lent(asr, examples, tmp_path):
    alone = PersonalizedAsr(asr.backbone, None, None)
    for own in (tried(alone, examples, tmp_path, OTHER, Line()), tried(asr, examples, tmp_path, OTHER, None)):
        own.try_out(OTHER)
        assert not own.is_missing(OTHER) and {each.outcome for each in own.of(OTHER)} == {""}
    assert not own.is_missing("never loaded")


def test_after_an_error_nobody_waits_for_labels(asr, examples, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no memory")

    own = tried(asr, examples, tmp_path, OTHER, Line())
    monkeypatch.setattr(Service, "transcribe", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        own.try_out(OTHER)
    assert not own.is_missing(OTHER) and {each.outcome for each in own.of(OTHER)} == {""}


def test_an_open_page_looks_again_until_the_labels_are_there(asr, examples, tmp_path):
    own = tried(asr, examples, tmp_path, OTHER, Scheduler(idle=0.05))
    with gr.Blocks():
        inputs = Inputs(own._service.models, own)
    assert inputs.look_again.active
    before = inputs.show_examples(OTHER)
    assert "Adapting" not in before[inputs.first_examples] and before[inputs.look_again].active
    own.try_out(OTHER)
    after = inputs.show_examples(OTHER)
    assert "Adapting helps" in after[inputs.first_examples] and not after[inputs.look_again].active
    with gr.Blocks():
        assert not Inputs(ModelStore(asr, "bundled", server.load_by_name), own).look_again.active
