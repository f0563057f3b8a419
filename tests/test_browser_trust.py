"""Trust, the second reference, strength and files in a real browser, at both widths."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile
import test_browser
from served import files_in, launched
from test_browser import CONTRASTS, NARROW, PATIENCE_MS, WIDE, Visit, playwright

from hyper.compare.pipeline import PersonalizedAsr
from hyper.recordings.audio import SAMPLE_RATE
from hyper.speech.no_speech import no_speech
from hyper.ui import marks, numbers, server
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_demo
from hyper.ui.service import Service

browser, recording, visit = test_browser.browser, test_browser.recording, test_browser.visit
expect = playwright.expect
both_widths = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("gradio")


@pytest.fixture(scope="module")
def address(asr, cache) -> Iterator[str]:
    """The page in this process, so that the tests can count what its model does."""
    if test_browser.CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(cache))
        patch.setattr("gradio.utils.get_heartbeat_rate", lambda: 0.25)  # of 15 s: how soon leaving is seen
        with launched(build_demo(ModelStore(asr, "bundled", server.load_by_name), [])) as url:
            yield url


@pytest.fixture
def encodes(asr, monkeypatch) -> list[int]:
    """One entry for each time that the encoder runs."""
    counted: list[int] = []
    encode = type(asr.backbone).encode
    monkeypatch.setattr(type(asr.backbone), "encode", lambda self, x: counted.append(1) or encode(self, x))
    return counted


def compared(visit, recording: Path, size: tuple[int, int], reference: str = "turn on the lights") -> Visit:
    here = visit(size)
    here.upload(recording)
    here.page.get_by_label("What was meant").fill(reference)
    here.compare()
    return here


@both_widths
def test_unsure_words_are_marked_and_every_figure_unfolds(visit, recording, asr, size):
    here = compared(visit, recording, size)
    expected = [word for word in asr.compare(recording).base.words if word.confidence < 0.7]
    marked = here.page.locator("#hw-base-transcript .hw-unsure")
    assert marked.all_inner_texts() == [word.word for word in expected] != []
    assert marked.first.get_attribute("title") == f"not sure: {numbers.certainty(expected[0].confidence)}"
    assert "wavy" in marked.first.evaluate("word => getComputedStyle(word).textDecoration")
    assert "?" in marked.first.evaluate("word => getComputedStyle(word, '::after').content")
    wrong = here.page.locator(".hw-cell.hw-wrong .hw-unsure").first  # has the mark of a wrong word, and no other
    style = wrong.evaluate("word => [getComputedStyle(word).textDecoration, getComputedStyle(word, '::after').content]")
    assert "wavy" not in style[0] and "?" not in style[1]
    here.page.get_by_text(marks.NOT_CALIBRATED).wait_for()  # nobody checked this pair
    fold = here.page.locator(".hw-more-of-it .hw-base .hw-fold")
    expect(fold.locator(".hw-words")).to_be_hidden()
    fold.locator("summary").press("Enter")
    expect(fold.locator(".hw-words")).to_be_visible()
    here.has_no_sideways_scrolling()
    here.open_on_demand("How it works")
    here.page.get_by_role("button", name="How far the question marks").click()
    here.page.get_by_text("python -m hyper calibrate").wait_for()
    here.has_no_sideways_scrolling()
    lowest, text = here.page.evaluate(CONTRASTS)[0]
    assert lowest >= 4.5, f"contrast {lowest:.2f}: {text}"


@both_widths
def test_noise_gives_no_speech_found_and_the_words_only_on_demand(visit, tmp_path, asr, size):
    path = tmp_path / "fan.wav"
    soundfile.write(path, no_speech("pink noise", np.random.default_rng(2)), SAMPLE_RATE)
    here = compared(visit, path, size, reference="")
    assert here.page.locator(".hw-transcript").all_inner_texts() == 2 * [marks.NO_SPEECH]
    here.page.get_by_text("The model found no speech in this recording. Speak closer").wait_for()
    assert here.page.get_by_text("stand out from its own background noise").count() == 2
    written = here.page.locator(".hw-base .hw-anyway")
    expect(written).to_be_hidden()
    here.page.locator(".hw-base .hw-fold summary").click()
    expect(written).to_be_visible()
    assert written.inner_text().split() == asr.compare(path).base.text.split()
    here.has_no_sideways_scrolling()


@both_widths
def test_the_strength_changes_the_transcript_without_encoding_again(visit, recording, asr, encodes, size):
    here = compared(visit, recording, size)
    assert len(encodes) == 1
    adapted = here.page.locator("#hw-adapted-transcript")
    before = adapted.inner_text()
    slider = here.page.locator("#hw-strength input[type=range]")
    assert "Adaptation strength" in slider.get_attribute("aria-label")
    slider.focus()
    slider.press("Home")  # by keyboard alone
    role = here.page.locator(".hw-adapted .hw-role")
    expect(role).to_contain_text("strength 0", timeout=PATIENCE_MS)
    assert adapted.inner_text() == here.page.locator("#hw-base-transcript").inner_text() != before
    slider.press("End")
    expect(role).to_contain_text("strength 2", timeout=PATIENCE_MS)
    n_encodes = len(encodes)
    twice = asr.compare(recording, strength=2.0).adapted.text  # encodes: counted after
    assert adapted.inner_text() == (" ".join(twice.split()) or marks.NO_WORDS)
    assert n_encodes == 1


@both_widths
def test_every_strength_in_a_plot_and_a_table(visit, recording, encodes, size):
    here = compared(visit, recording, size)
    here.page.get_by_role("button", name="What each strength writes").click()
    here.page.get_by_role("button", name="Try nine strengths").click()
    plot = here.page.locator("#hw-sweep-plot svg.main-svg >> nth=0")
    plot.wait_for()
    assert plot.bounding_box()["width"] > 250
    assert here.page.locator("#hw-sweep tbody tr").count() == 9
    assert len(encodes) == 1
    here.has_no_sideways_scrolling()


@both_widths
def test_a_verbatim_text_gives_a_table_of_both_references(visit, recording, asr, size):
    here = visit(size)
    here.upload(recording)
    here.page.get_by_label("What was meant").fill("turn on the lights")
    expect(here.page.get_by_label("What was said")).to_be_hidden()
    here.open_fold("hw-advanced")
    here.page.get_by_label("What was said").fill("t t turn on on the lights")
    here.compare()
    made = asr.compare(recording, "turn on the lights", verbatim="t t turn on on the lights")
    here.page.locator("#hw-counts tbody tr").first.wait_for()
    cells = here.page.locator("#hw-counts tbody tr").first.locator("td").all_inner_texts()[:2]
    rates = [numbers.short_percent(errors.wer) for errors in (made.base.errors, made.base.verbatim_errors)]
    assert [cell.startswith(f"{rate} ") for cell, rate in zip(cells, rates, strict=True)] == [True, True]
    assert cells[0] != cells[1]
    here.has_no_sideways_scrolling()


@both_widths
def test_the_adaptation_can_be_saved_and_is_gone_with_its_visitor(visit, recording, cache, tmp_path, size):
    here = compared(visit, recording, size)
    here.page.get_by_role("button", name="Take the adaptation away").click()
    for button, name, inside in (
        ("Save the adapter", "hyperwhisper-adapter", "adapter_model.safetensors"),
        ("Save the whole model", "whisper-adapted", "model.safetensors"),
    ):
        with here.page.expect_download() as saved:
            here.page.get_by_role("button", name=button).click()
        assert saved.value.suggested_filename == f"{name}.zip"
        saved.value.save_as(tmp_path / "saved.zip")
        with ZipFile(tmp_path / "saved.zip") as archive:
            assert archive.testzip() is None and f"{name}/{inside}" in archive.namelist()
    assert sum(file.suffix == ".zip" for file in files_in(cache)) == 2
    here.has_no_sideways_scrolling()
    here.page.context.close()
    deadline = time.monotonic() + 30
    while any(file.suffix == ".zip" for file in files_in(cache)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [file for file in files_in(cache) if file.suffix == ".zip"] == []


@pytest.mark.parametrize("begins", ["Record your voice", "Clear"])
def test_what_is_late_brings_back_no_old_words(visit, recording, monkeypatch, begins):
    """After another beginning, or once the recording is taken away."""
    here = visit()
    here.upload(recording)
    here.page.locator("#hw-base-transcript").wait_for()
    compare = Service.compare
    is_asked, may_answer, is_over = (threading.Event() for _ in range(3))

    def late(*given, **settings):
        is_asked.set()
        may_answer.wait(60)
        try:
            return compare(*given, **settings)
        finally:
            is_over.set()

    monkeypatch.setattr(Service, "compare", late)
    here.page.get_by_label("What was meant").fill("call my daughter")
    assert is_asked.wait(20)
    button = here.page.locator("#hw-recording [aria-label=Clear]") if begins == "Clear" else None
    (button or here.page.get_by_role("button", name=begins)).click()
    here.settle()
    may_answer.set()
    assert is_over.wait(20)
    here.page.wait_for_timeout(1000)  # for the answer to arrive
    expect(here.page.locator("#hw-base-transcript")).to_have_count(0)
    expect(here.page.locator("#hw-results")).not_to_have_class(re.compile("hw-recounting"))
