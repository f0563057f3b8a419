"""Every step of the page, asked for before anything was sent or chosen: answered, or refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from gradio import Blocks
from gradio.blocks import Block
from served import launched
from visitor import StepError, Visitor

from hyper.compare.pipeline import PersonalizedAsr
from hyper.ui import panels, scripts, server
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_demo
from hyper.ui.phrases import PHRASES

LEFT_OUT = {"leave", "fill", "fill_1"}  # the visitor's going, and presses of examples, of which none is here


@pytest.fixture(scope="module")
def visitor(backbone, make_hypernet, tmp_path_factory) -> Iterator[Visitor]:
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        demo = build_demo(ModelStore(asr, "bundled", server.load_by_name), [])
        with launched(demo) as url, Visitor(url) as made:
            yield made


def as_opened(visitor: Visitor, name: str) -> list[Any]:
    """What the page sends with a step when nobody has touched it."""
    return [visitor.components[i]["props"].get("value") for i in visitor.steps[name]["inputs"]]


def test_what_is_asked_too_soon_is_answered_or_refused_in_a_sentence(visitor: Visitor) -> None:
    answered, refused = [], {}
    for name in sorted(visitor.steps.keys() - LEFT_OUT):
        try:
            visitor.take(name, *as_opened(visitor, name), event={"row": 0, "kind": "png", "text": ""})
            answered.append(name)
        except StepError as error:
            refused[name] = error.args[0]
    assert {"recount", "track"} <= set(answered)
    assert {"compare", "compare_on_page"} <= set(refused)
    assert [name for name, text in refused.items() if not text] == []


OF_ONE_RECORDING = "compare_on_page recount compare_at_strength sweep_on_page report show show_place".split()


@pytest.fixture(scope="module")
def demo(backbone, make_hypernet) -> Blocks:
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")
    models = ModelStore(asr, "bundled", server.load_by_name, takes_any=True, adapting=["openai/whisper-tiny.en"])
    return build_demo(models, [])


def ends_of(demo: Blocks, name: str) -> list[str]:
    """What on the page cancels a step: the element, and what happens to it."""
    (number,) = (i for i, step in demo.fns.items() if step.name == name)
    ends = [step for step in demo.fns.values() if number in step.cancels]
    return sorted(f"{demo.blocks[block].elem_id} {event}" for end in ends for block, event in end.targets)


def test_a_count_of_what_was_read_ends_with_another_set_and_another_model(demo):
    """Else it would stand under a phrase of the next set, or beside another model's name."""
    assert ends_of(demo, "count_errors") == ["hw-model change", "hw-reading-start click"]


def test_what_was_asked_of_one_recording_is_cancelled_where_another_is_begun(demo) -> None:
    """Else one patient's sweep, report, pauses or place would come back beside the next one's recording."""
    steps = demo.fns
    numbers = {name: {i for i, step in steps.items() if step.name == name} for name in OF_ONE_RECORDING}
    assert all(numbers.values())
    ends = [step for step in steps.values() if numbers["compare_on_page"] & set(step.cancels)]
    for end in ends:
        assert all(set(end.cancels) & own for own in numbers.values())
    phrases = ["None click"] * len(PHRASES)
    assert ends_of(demo, "compare_on_page") == phrases + [
        "hw-begin-example click", "hw-begin-recording click", "hw-begin-upload click", "hw-examples click",
        "hw-language input", "hw-long-recordings input", "hw-model input", "hw-models-choose click",
        "hw-models-load click", "hw-models-offer click", "hw-more-examples click", "hw-offer-in-settings click",
        "hw-outcome click", "hw-recording clear",
    ]  # fmt: skip
    (reports,) = (numbers["report"] - set(ends[0].cancels),)  # of a list
    begun_anew = [step.targets for step in steps.values() if reports & set(step.cancels)]
    assert [event for targets in begun_anew for _, event in targets] == ["click", "edit", *["change"] * 3]


def called(block: Block | None) -> str:
    """By its name, or else its label."""
    return getattr(block, "elem_id", None) or getattr(block, "label", None) or ""


def set_by(demo: Blocks, element: str, event: str) -> dict[str, object]:
    """What the page itself sets at an event: component and value."""
    found: dict[str, object] = {}
    for step in demo.fns.values():
        targets = {(called(demo.blocks.get(block)), each) for block, each in step.targets}
        if (element, event) in targets and str(step.js).startswith("() => ["):
            values = json.loads(step.js.removeprefix("() => "))
            found |= zip(map(called, step.outputs), values, strict=True)
    return found


@pytest.mark.parametrize(
    ("element", "links"),
    [
        ("Who or what the report is about (optional)", "hw-one-report-links"),
        ("Who or what it is about (optional)", "hw-report-links"),
        ("Remarks (optional)", "hw-report-links"),
        ("Include the names of files that are not in the list", "hw-report-links"),
        ("hw-speaker-subject", "hw-speaker-report-links"),
        ("hw-reading-subject", "hw-reading-report-links"),
    ],
)
def test_links_to_a_report_go_when_what_was_typed_for_it_is_changed(demo, element, links):
    """Else one patient's report could be saved under the next one's name."""
    assert set_by(demo, element, "change") == {links: ""}


def test_another_recording_begins_without_the_name_that_was_typed_for_the_one_before(demo):
    subject = "Who or what the report is about (optional)"
    assert set_by(demo, "hw-recording", "change")[subject] == ""
    assert subject not in set_by(demo, "hw-model", "change") | set_by(demo, "hw-compare", "click")


@pytest.mark.parametrize(
    ("element", "event", "is_said"),
    [("hw-model", "change", True), ("hw-language", "input", True), ("hw-recording", "change", False)],
)
def test_where_the_results_go_with_a_setting_the_page_says_what_to_press(demo, element, event, is_said):
    shown = set_by(demo, element, event)["hw-transcripts"]
    assert shown == (panels.AGAIN if is_said else panels.EMPTY)
    assert ("press “Compare again” below" in shown) is is_said


@pytest.mark.parametrize("button", ["start", "next", "redo", "skip", "back", "finish"])
def test_each_step_of_the_reading_brings_its_phrase_into_sight(demo, button):
    pressed = {n: {called(demo.blocks.get(block)) for block, _ in each.targets} for n, each in demo.fns.items()}
    steps = [n for n, names in pressed.items() if f"hw-reading-{button}" in names]
    assert [each.js for each in demo.fns.values() if each.trigger_after in steps and each.js] == [scripts.SHOW_PHRASE]


def test_rates_of_all_strengths_go_with_the_text_that_they_were_counted_against(demo):
    gone = set_by(demo, "hw-recount", "click")
    assert gone["hw-sweep-plot"] is None and gone["hw-sweep-table"] == gone["hw-one-report-links"] == ""
    assert {"hw-recount click"} <= set(ends_of(demo, "sweep_on_page"))
