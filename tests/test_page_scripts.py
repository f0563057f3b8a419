"""What the page's scripts and styles do by themselves: in a real browser, without the app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from test_browser import CHROMIUM, FLAGS, playwright

from hyper.ui import scripts


@pytest.fixture(scope="module")
def page() -> Iterator[playwright.Page]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


def test_whoever_leaves_an_example_hears_nothing_with_the_next_result(page):
    page.set_content("<div id='hw-results' class='hw-recounting'></div>")
    page.evaluate(scripts.PLAY)
    page.evaluate(scripts.END_WHAT_RUNS)
    assert page.evaluate("document.querySelector('#hw-results:not(.hw-recounting)').dataset.play") is None


@pytest.mark.parametrize("text", ["hw-reference", "hw-verbatim"])
def test_each_text_that_errors_are_counted_against_counts_them_again(page, text):
    page.set_content(f"<div id='hw-results'></div><div id='{text}'><textarea></textarea></div><button id='hw-recount'>")
    page.evaluate(scripts.WATCH_REFERENCE)
    page.evaluate("document.querySelector('button').onclick = () => { document.title = 'counted'; }")
    page.locator("textarea").fill("turn on")
    assert page.locator("#hw-results.hw-recounting").count() == 1
    page.wait_for_function("document.title === 'counted'")
