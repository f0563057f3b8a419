"""The player of a result in a real browser: it lights words and goes to them; and what is said without a microphone."""

from __future__ import annotations

import json

from test_browser import address, browser, playwright, recording, visit  # noqa: F401

FIND_NO_MICROPHONE = """() => {
  Object.defineProperty(navigator.mediaDevices, "enumerateDevices", {value: async () => []});
  navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
}"""


REFUSE = """() => {
  const asked = {state: "denied", onchange: null};
  Object.defineProperty(navigator.permissions, "query", {value: async () => asked, configurable: true});
  const devices = async () => [{kind: "audioinput"}];
  Object.defineProperty(navigator.mediaDevices, "enumerateDevices", {value: devices, configurable: true});
  navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
}"""
NOT_BY_HTTPS = "Object.defineProperty(Navigator.prototype, 'mediaDevices', {get: () => undefined})"


def test_a_microphone_that_is_refused_is_said_where_one_records(visit):  # noqa: F811
    here = visit()
    said = here.page.get_by_text("This browser refuses the microphone")
    here.page.evaluate(REFUSE)
    playwright.expect(said.and_(here.page.locator("#hw-no-microphone p"))).to_be_visible()
    here.open_mode("Read aloud")
    here.page.evaluate(REFUSE)  # this part is drawn when it is chosen
    playwright.expect(said.and_(here.page.locator("#hw-reading-no-microphone p"))).to_be_visible()


def test_a_page_that_gets_no_microphone_says_why(browser, address):  # noqa: F811
    page = browser.new_page()
    page.add_init_script(NOT_BY_HTTPS)
    page.goto(address)
    playwright.expect(
        page.locator("#hw-no-microphone").get_by_text("Browsers give a microphone to https")
    ).to_be_visible()
    page.close()


def test_words_and_sound_go_together_by_mouse_and_keyboard(visit, recording):  # noqa: F811
    here = visit()
    nothing = here.page.get_by_text("No microphone was found")
    playwright.expect(nothing).to_be_hidden()
    here.page.evaluate(FIND_NO_MICROPHONE)
    playwright.expect(nothing).to_be_visible()

    here.upload(recording)
    here.page.locator("#hw-times [data-times]").wait_for(state="attached")
    times = json.loads(here.page.locator("#hw-times [data-times]").get_attribute("data-times"))["base"]
    starts = [start for start, _ in times]
    place = next(i for i, (start, end) in enumerate(times) if i and end > start > starts[i - 1])
    now = "document.querySelector('.hw-player audio').currentTime"
    word = here.page.locator(f"[data-word=base-{place}]")
    word.click()
    here.page.wait_for_function(f"{now} >= {starts[place] - 0.01}")
    here.page.evaluate("document.querySelector('.hw-player audio').pause()")  # wherever it is by now
    playwright.expect(here.page.get_by_role("button", name="Play the recording")).to_be_visible()

    slider = here.page.get_by_label("Place in the recording")
    slider.press("ArrowLeft")
    before = here.page.evaluate(now)
    assert any(abs(before - start) < 0.01 for start in (0, *starts, *_adapted_starts(here)))
    slider.press("ArrowRight")
    assert here.page.evaluate(now) > before
    playwright.expect(here.page.locator(".hw-said").first).to_be_visible()
    assert "seconds" in slider.get_attribute("aria-valuetext")


def _adapted_starts(here) -> list[float]:
    times = json.loads(here.page.locator("#hw-times [data-times]").get_attribute("data-times"))
    return [start for start, _ in times["adapted"]]
