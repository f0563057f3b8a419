"""The real Whisper that is offered, taken in a browser: without a network, and with the model in the hub's cache."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import test_browser
import test_browser_trust
import test_pairs
from served import launched
from test_browser import NARROW, WIDE, playwright

from hyper.compare.pipeline import PersonalizedAsr
from hyper.ui import panels
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_demo

browser, recording, visit = test_browser.browser, test_browser.recording, test_browser.visit
asr, cache = test_browser_trust.asr, test_browser_trust.cache
assets, hub = test_pairs.assets, test_pairs.hub
expect = playwright.expect
LOADING_SECONDS = 1.0  # long enough to be seen


@pytest.fixture(scope="module")
def models(asr, assets) -> ModelStore:
    """The bundled pair, and the offer that loads from the hub or from its cache."""

    def load(name: str) -> PersonalizedAsr:
        time.sleep(LOADING_SECONDS)
        return PersonalizedAsr.load(base=name, hypernet=str(assets / "hypernet-tiny.en"))

    return ModelStore(asr, "bundled", load, adapting=[test_pairs.TINY])


@pytest.fixture(scope="module")
def address(models, cache) -> Iterator[str]:
    if test_browser.CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(cache))
        patch.setattr(panels, "asks_for_another_model", lambda _verdict: True)
        patch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # nobody answers there
        with launched(build_demo(models, [])) as url:
            yield url


def test_without_a_network_one_sentence_and_the_bundled_pair_goes_on(visit, recording: Path, models):
    here = visit(NARROW)
    here.upload(recording)
    here.page.locator("#hw-offer-in-result").click()
    expect(here.page.get_by_test_id("toast-text")).to_contain_text("the Hugging Face hub cannot be reached")
    expect(here.page.get_by_test_id("toast-text")).to_have_count(1)
    here.compare()
    here.open_fold("hw-advanced")
    assert "Bundled pair" in here.page.get_by_label("Model").first.input_value()
    assert not models.is_loaded(test_pairs.TINY)


def test_a_press_under_a_doubtful_result_loads_chooses_and_compares_again(visit, recording, models, hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    here = visit(WIDE)
    here.upload(recording)
    arrived, page = here.page.locator("#hw-arrived").text_content(), here.page
    offer = page.locator("#hw-offer-in-result")
    expect(offer).to_have_text("Get real Whisper for open speech (151 MB)")
    verdict, words = page.locator("#hw-result .hw-verdict").bounding_box(), page.locator(".hw-lines").bounding_box()
    assert verdict["y"] < offer.bounding_box()["y"] < words["y"]  # between what is wrong and what was heard
    offer.click()
    expect(page.locator("#hw-result")).to_contain_text(f"Loading {test_pairs.TINY}")
    expect(page.locator("#hw-arrived")).not_to_have_text(arrived, timeout=test_browser.PATIENCE_MS)
    expect(offer).to_be_hidden()
    here.open_fold("hw-advanced")
    assert page.get_by_label("Model").first.input_value().startswith(test_pairs.TINY)
    expect(page.locator("#hw-offer-in-settings")).to_be_hidden()
    assert models.is_loaded(test_pairs.TINY)
