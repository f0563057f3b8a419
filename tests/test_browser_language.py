"""Try in a German browser, wrong uploads included: no sentence on the page is English."""

from __future__ import annotations

import re

import test_browser
import test_browser_trust
from test_browser import playwright

from hyper.ui.languages import HOLE, texts

browser, recording, visit = test_browser.browser, test_browser.recording, test_browser.visit
address, asr, cache = test_browser_trust.address, test_browser_trust.asr, test_browser_trust.cache

# What is shown, and what is said of it; not what was spoken or is to be spoken, nor the names of files and of models.
SHOWN = """() => {
  const SPOKEN = "script, style, bdi, code, .hw-columns, .hw-words, .hw-transcript, .hw-anyway, #hw-phrases, footer";
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), node = walker.currentNode.parentElement;
    if (text && !node.closest(SPOKEN) && node.checkVisibility({visibilityProperty: true})) found.push(text);
  }
  for (const node of document.querySelectorAll("#hw-main :is([aria-label], [placeholder]):not([data-short])"))
    if (node.checkVisibility()) found.push(node.ariaLabel ?? node.placeholder);
  return found;
}"""
COMMON = re.compile(r"\b(the|this|that|are|were|of|and|not|please|your|you|with|from|recording|upload)\b", re.I)
ENGLISH = {key for key, german in texts("de").items() if key != german and not HOLE.search(key)}


def english_in(shown: list[str]) -> list[str]:
    return [text for text in shown if text in ENGLISH or COMMON.search(text)]


def test_try_with_wrong_uploads_says_nothing_in_english(visit, recording, tmp_path):
    here = visit(locale="de-DE")
    page = here.page
    page.locator("#hw-recording [data-short='Mikrofon']").wait_for()
    assert english_in(page.evaluate(SHOWN)) == []

    sound, text = tmp_path / "bad.wav", tmp_path / "text.txt"
    sound.write_bytes(b"no sound at all" * 99)
    text.write_text("no sound either")
    here.ignored += ["error", "Error"]  # the browser cannot play it
    page.locator("#hw-recording [data-short='Hochladen']").click()
    page.locator("#hw-recording input[type=file]").set_input_files(text)
    notices = page.get_by_test_id("toast-body")
    playwright.expect(notices).to_contain_text("text.txt: Dateien dieser Art werden hier nicht angenommen")
    playwright.expect(notices.locator(".toast-title")).to_have_text("Achtung")
    page.locator("#hw-recording input[type=file]").set_input_files(sound)
    playwright.expect(notices.last).to_contain_text("bad.wav ist keine Tonaufnahme")
    playwright.expect(notices.last.locator(".toast-title")).to_have_text("Das ging nicht")
    assert english_in(page.evaluate(SHOWN)) == []

    said = page.get_by_test_id("toast-text").last
    gradios = "File size exceeded maximum allowed size of 9 bytes."
    said.evaluate("(node, text) => { node.textContent = text; }", gradios)
    playwright.expect(said).not_to_contain_text(gradios)
    assert english_in([said.inner_text()]) == []

    page.locator("#hw-recording").get_by_label("Löschen").click()
    page.locator("#hw-recording input[type=file]").set_input_files(recording)
    page.locator("#hw-transcript-files a").first.wait_for()
    assert english_in(page.evaluate(SHOWN)) == []

    for title in ("Look at the sound: pauses, speech rate, pitch, spectrogram", "What each strength writes"):
        page.get_by_role("button", name=texts("de")[title]).click()
    page.locator("#hw-sweep-button").click()
    for plot in ("#hw-sound-plot", "#hw-sweep-plot"):
        page.locator(f"{plot} .js-plotly-plot[role]").wait_for()
    assert english_in(page.evaluate(SHOWN)) == []
    page.locator("#hw-open-how").click()
    for fold in ("#hw-details", "#hw-trust", "#hw-place"):
        page.locator(f"{fold} > button").click()
    page.locator("#hw-details .hw-table").wait_for()
    assert english_in(page.evaluate(SHOWN)) == []
