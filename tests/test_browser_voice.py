"""Guided reading, one speaker, the map of voices and the models, in a real browser at both widths."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from served import running_app
from test_browser import (
    CHROMIUM,
    CONTRASTS,
    NARROW,
    PATIENCE_MS,
    WIDE,
    Visit,
    browser,
    playwright,
    recording,
    visit,
)

from hyper.compare.make_map import make_map
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.voice_map import MAP_FILE
from hyper.model.checkpoint import save_hypernet
from hyper.recordings.manifest import read_manifest
from hyper.ui import notices
from hyper.ui.tabs.reading_texts import READING_SETS

_ = browser, recording, visit  # fixtures, found by their names
playwright.expect.set_options(timeout=PATIENCE_MS)
BOTH = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@pytest.fixture(scope="module")
def hypernet_folder(whisper_folder, backbone, make_hypernet, spoken, tmp_path_factory) -> Path:
    """A random hypernetwork with a map of ten speakers beside it."""
    folder = tmp_path_factory.mktemp("pair") / "hypernet-random"
    save_hypernet(make_hypernet(backbone), folder)
    rows = [replace(row, speaker=f"s{i % 10}") for i, row in enumerate(read_manifest(spoken))]
    voice_map, _ = make_map(PersonalizedAsr.load(whisper_folder, folder, "cpu"), rows)
    voice_map.save(folder / MAP_FILE)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Where the app keeps what visitors send."""
    return tmp_path_factory.mktemp("gradio")


@pytest.fixture(scope="module")
def address(whisper_folder, hypernet_folder, cache) -> Iterator[str]:
    """The app with the random pair: small, and with a map."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with running_app(cache, "--base", str(whisper_folder), "--hypernet", str(hypernet_folder), "--any-model") as url:
        yield url


def plot_is_visible(here: Visit, selector: str) -> None:
    plot = here.page.locator(f"{selector} svg.main-svg >> nth=0")
    plot.wait_for()
    box = plot.bounding_box()
    assert box["width"] > 250 and box["height"] > 250


def contrast_is_enough(here: Visit) -> None:
    lowest, text = here.page.evaluate(CONTRASTS)[0]
    assert lowest >= 4.5, f"contrast {lowest:.2f}: {text}"


@BOTH
def test_one_speaker_from_three_examples(visit, size):
    here = visit(size)
    here.open_one_speaker()
    here.page.locator("#hw-speaker-examples button").first.click()
    here.settle()
    playwright.expect(here.page.locator("#hw-speaker-order li")).to_have_count(3)
    meant = here.page.get_by_label("What was meant, one line for each recording").input_value().splitlines()
    assert len(meant) == 3
    here.page.get_by_role("button", name="Adapt to this speaker").click()
    rows = here.page.locator("#hw-speaker-results table >> nth=0 >> tbody tr")
    playwright.expect(rows).to_have_count(3)
    for i, text in enumerate(meant):
        assert text in rows.nth(i).inner_text()
    rates = here.page.locator("#hw-speaker-results .hw-score b")
    assert [bool(re.fullmatch(r"[\d.]+\s%", text)) for text in rates.all_inner_texts()] == [True] * 3
    plot_is_visible(here, "#hw-speaker-written")
    plot_is_visible(here, "#hw-speaker-read")
    plot_is_visible(here, "#hw-speaker-map")
    assert "this speaker" in here.page.locator("#hw-speaker-map").text_content()
    assert "training speakers" in here.page.locator("#hw-speaker-map-note").inner_text()
    assert "simulated" in here.page.locator("#hw-speaker-map .legend").text_content()
    here.has_no_sideways_scrolling()
    contrast_is_enough(here)


def test_results_of_one_speaker_go_with_the_recordings(visit):
    here = visit()
    here.open_one_speaker()
    here.page.locator("#hw-speaker-examples button").nth(1).click()
    here.settle()
    here.page.get_by_role("button", name="Adapt to this speaker").click()
    here.page.locator("#hw-speaker-results table >> nth=0 >> tbody tr").nth(2).wait_for()
    here.page.locator("#hw-speaker-files").get_by_label("Clear").click()
    playwright.expect(here.page.locator("#hw-speaker-results table >> nth=0 >> tbody tr")).to_have_count(0)
    playwright.expect(here.page.locator("#hw-speaker-map")).to_be_hidden()


def test_errors_of_one_speaker_are_sentences(visit):
    here = visit()
    here.open_one_speaker()
    here.page.get_by_role("button", name="Adapt to this speaker").click()
    here.page.get_by_text(notices.NO_RECORDING).wait_for()
    here.page.locator("#hw-speaker-examples button").first.click()
    here.settle()
    playwright.expect(here.page.locator("#hw-speaker-order li")).to_have_count(3)
    here.page.get_by_label("What was meant, one line for each recording").fill("only one line")
    here.page.get_by_role("button", name="Adapt to this speaker").click()
    here.page.get_by_text("There is 1 line of what was meant for 3 recordings").wait_for()


def record(here: Visit) -> None:
    recorder = here.page.locator("#hw-reading-recording")
    recorder.get_by_role("button", name="Record", exact=True).click()
    here.page.wait_for_timeout(1500)
    recorder.get_by_role("button", name="Stop", exact=True).first.click()
    recorder.get_by_label("Play", exact=True).wait_for()


@BOTH
def test_two_phrases_read_one_redone_one_skipped(visit, size, cache):
    phrases = READING_SETS["everyday-short"].phrases
    here = visit(size)
    here.open_mode("Read aloud")
    here.page.get_by_role("button", name="Start").click()
    phrase, progress = here.page.locator(".hw-phrase"), here.page.locator(".hw-progress")
    playwright.expect(phrase).to_have_text(phrases[0])
    playwright.expect(progress).to_contain_text("1 of 8")
    following = here.page.locator("#hw-reading-next")
    playwright.expect(following).to_be_disabled()
    record(here)
    playwright.expect(following).to_be_enabled()
    here.page.get_by_role("button", name="Redo").click()
    playwright.expect(following).to_be_disabled()
    record(here)
    following.click()
    playwright.expect(phrase).to_have_text(phrases[1])
    here.page.get_by_role("button", name="Skip").click()
    playwright.expect(phrase).to_have_text(phrases[2])
    record(here)
    following.click()
    playwright.expect(progress).to_contain_text("4 of 8")
    contrast_is_enough(here)
    here.page.get_by_role("button", name="Finish here").click()
    playwright.expect(phrase).to_have_text("2 recordings of 8 phrases")
    assert list(cache.rglob("*.wav"))  # two that sound alike to the last sample are one file
    here.page.get_by_role("button", name="Count the errors").click()
    rows = here.page.locator("#hw-reading-results tbody tr")
    playwright.expect(rows).to_have_count(2)
    assert phrases[0] in rows.nth(0).inner_text() and phrases[2] in rows.nth(1).inner_text()
    assert here.page.locator("#hw-reading-results .hw-score").count() == 2
    for panel in here.page.locator("#hw-reading-results .hw-panel").all():  # nothing is cut off
        assert panel.evaluate("node => node.scrollWidth <= node.clientWidth")
    here.has_no_sideways_scrolling()
    contrast_is_enough(here)
    here.page.get_by_role("button", name="Adapt to this speaker with them").click()
    names = here.page.locator("#hw-speaker-order li")
    playwright.expect(names).to_have_text([f"01 {phrases[0]}.wav", f"02 {phrases[2]}.wav"])  # say what was read
    meant = here.page.get_by_label("What was meant, one line for each recording")
    assert meant.input_value().splitlines() == [phrases[0], phrases[2]]
    here.page.get_by_role("button", name="Adapt to this speaker", exact=True).click()
    playwright.expect(here.page.locator("#hw-speaker-results table >> nth=0 >> tbody tr")).to_have_count(2)


def test_going_back_finds_the_recording_again(visit):
    here = visit()
    here.open_mode("Read aloud")
    here.page.get_by_text("Every sound of English, short").click()
    here.page.get_by_role("button", name="Start").click()
    playwright.expect(here.page.locator(".hw-progress")).to_contain_text("1 of 10")
    record(here)
    here.page.locator("#hw-reading-next").click()
    playwright.expect(here.page.locator(".hw-progress")).to_contain_text("2 of 10")
    here.page.get_by_role("button", name="Back").click()
    playwright.expect(here.page.locator(".hw-progress")).to_contain_text("1 of 10")
    here.page.locator("#hw-reading-recording").get_by_label("Play", exact=True).wait_for()
    playwright.expect(here.page.locator("#hw-reading-next")).to_be_enabled()


def test_guided_reading_by_the_keyboard_alone(visit):
    here = visit()
    here.page.get_by_role("tab", name="Try").focus()
    for _ in range(4):
        here.page.keyboard.press("Tab")
        if here.page.evaluate("document.activeElement.innerText").strip() == "Read aloud":
            break
    here.page.keyboard.press("Enter")
    here.page.get_by_role("button", name="Start").wait_for()
    for _ in range(20):
        here.page.keyboard.press("Tab")
        if here.page.evaluate("document.activeElement.id") == "hw-reading-start":
            break
    here.page.keyboard.press("Enter")
    playwright.expect(here.page.locator(".hw-progress")).to_contain_text("1 of 8")
    reached = []
    for _ in range(20):
        here.page.keyboard.press("Tab")
        reached.append(here.page.evaluate("document.activeElement.id || document.activeElement.innerText"))
    assert {"hw-reading-redo", "hw-reading-skip", "hw-reading-back", "hw-reading-finish"} <= set(reached)
    assert any("Record" in name for name in reached)


@BOTH
def test_where_one_recording_lies(visit, size, recording):
    here = visit(size)
    here.upload(recording)
    here.open_on_demand("How it works")
    fold = here.page.get_by_role("button", name="Where this voice lies")
    fold.click()
    plot_is_visible(here, "#hw-place-map")
    assert "this recording" in here.page.locator("#hw-place-map").text_content()
    assert "standard deviations" in here.page.locator("#hw-place-map-note").inner_text()
    here.has_no_sideways_scrolling()
    here.open_mode("Try")
    here.page.locator("#hw-recording").get_by_label("Clear").click()
    here.open_on_demand("How it works")
    playwright.expect(here.page.locator("#hw-place-map")).to_be_hidden()


def test_a_local_folder_is_loaded_and_chosen(visit, whisper_folder, hypernet_folder, recording, tmp_path):
    here = visit()
    here.open_on_demand("Models")
    here.page.get_by_label("Whisper", exact=True).fill(str(tmp_path))
    here.page.get_by_role("button", name="What does it cost?").click()
    here.page.get_by_text("is not a Whisper in Hugging Face's format").wait_for()
    here.page.get_by_label("Whisper", exact=True).fill(str(whisper_folder))
    here.page.get_by_label("Folder of its hypernetwork").fill(str(hypernet_folder))
    here.page.get_by_role("button", name="What does it cost?").click()
    status = here.page.locator("#hw-models-status")
    playwright.expect(status).to_contain_text("are free")
    here.page.locator("#hw-models-load").click()
    playwright.expect(status).to_contain_text("Loaded and chosen. whisper-random adapts with hypernet-random.")
    playwright.expect(here.page.locator(".hw-models").first).to_contain_text(f"{whisper_folder} + {hypernet_folder}")
    here.has_no_sideways_scrolling()
    contrast_is_enough(here)
    here.open_mode("Try")
    here.open_fold("hw-advanced")
    assert here.page.locator("#hw-model input").input_value() == f"{whisper_folder} + {hypernet_folder}"
    here.upload(recording)
    here.compare()
    assert here.page.locator("#hw-adapted-transcript").count() == 1


@BOTH
def test_models_without_network_are_one_sentence_soon(visit, size):
    here = visit(size)
    here.open_on_demand("Models")
    here.page.get_by_label("Whisper", exact=True).fill("someone/whisper-that-is-not-here")
    started = time.monotonic()
    here.page.locator("#hw-models-load").click()
    here.page.get_by_text(re.compile("the Hugging Face hub (cannot be reached|has no public model)")).wait_for()
    assert time.monotonic() - started < 10
    here.has_no_sideways_scrolling()
