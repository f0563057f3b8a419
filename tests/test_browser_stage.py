"""The stage rehearsed in a real browser, by keyboard alone: at both sizes, and where there is no microphone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from accessible import shuts_out
from served import running_app
from test_browser import CHROMIUM, FLAGS, PATIENCE_MS, playwright

from hyper.model.checkpoint import save_hypernet
from hyper.recordings.audio import SAMPLE_RATE

BIG, SMALL = (1920, 1080), (1024, 768)
LEAST_PIXELS = {BIG: 48, SMALL: 28}
VERDICTS = re.compile("better|same|worse|not reliable: .+")
CUT_OFF = """() => [document.documentElement, document.body, document.querySelector('main')]
  .filter(box => box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1)
  .map(box => box.tagName)
  .concat([...document.querySelectorAll('#slide *, footer *')].filter(node => {
    const box = node.getBoundingClientRect();
    const isSeen = node.checkVisibility({opacityProperty: true, visibilityProperty: true}) && !node.closest('article');
    return isSeen && box.width && (box.right > innerWidth + 1 || box.bottom > innerHeight + 1 || box.left < -1);
  }).map(node => node.id || node.tagName))"""


@pytest.fixture(scope="module")
def talk(tmp_path_factory, speech_like) -> Path:
    """A folder to present: two recordings, one of them simulated, and one that is damaged."""
    folder = tmp_path_factory.mktemp("talk")
    for name, seconds in (("one", 1.0), ("two", 1.2)):
        soundfile.write(folder / f"{name}.wav", speech_like(seconds), SAMPLE_RATE, subtype="PCM_16")
    (folder / "three.wav").write_bytes(b"RIFF, but no sound")
    (folder / "manifest.csv").write_text(
        "file,reference,cohort,simulated\none.wav,turn on the <b>lights</b>,stuttering,1\n"
        "three.wav,nothing,typical,0\ntwo.wav,show me the door,typical,0\n"
    )
    return folder


@pytest.fixture(scope="module")
def address(whisper_folder, make_hypernet, backbone, talk, tmp_path_factory) -> Iterator[str]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    folder = tmp_path_factory.mktemp("pair") / "hypernet"
    save_hypernet(make_hypernet(backbone), folder)
    models = ["--base", str(whisper_folder), "--hypernet", str(folder)]
    with running_app(tmp_path_factory.mktemp("sent"), *models, "--present", str(talk)) as url:
        yield url


@pytest.fixture(scope="module")
def browser(talk) -> Iterator[playwright.Browser]:
    flags = [flag for flag in FLAGS if flag != "--use-fake-ui-for-media-stream"]  # each context says what it allows
    with playwright.sync_playwright() as driver:
        flags = [*flags, f"--use-file-for-fake-audio-capture={talk / 'two.wav'}"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def stage(browser, address, request) -> Iterator[playwright.Page]:
    """The stage with its first slide; nothing may go wrong in it or be asked of other machines."""
    size, allowed, *asked = request.param
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        permissions=allowed,
        reduced_motion="reduce",
        locale=(*asked, "en-US")[0],
    )
    page, problems = context.new_page(), []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((address, "blob:")) else problems.append(r.url))
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.locator("body[data-view=slide]").wait_for()
    yield page
    context.close()
    assert problems == []


def is_whole(page: playwright.Page) -> None:
    assert page.evaluate(CUT_OFF) == []


def press(page: playwright.Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.parametrize("stage", [(BIG, ["microphone"]), (SMALL, ["microphone"])], indirect=True, ids=["big", "small"])
def test_a_rehearsal_by_keyboard_alone(stage):
    size = (stage.viewport_size["width"], stage.viewport_size["height"])
    expect, at = playwright.expect, stage.locator
    expect(at("#tag")).to_be_visible()  # simulated
    expect(at("#place")).to_have_text("1 of 2")
    expect(at("#notice")).to_contain_text("Left out: three.wav")
    expect(at("#base .words")).to_be_hidden()
    expect(at("#caution")).to_contain_text("Not a medical device.")
    is_whole(stage)
    press(stage, " ")
    assert stage.evaluate("!player.paused")
    press(stage, "ArrowRight")
    expect(at("#base .words")).to_be_visible()
    expect(at("#adapted .words")).to_be_hidden()
    expect(at("#spoken")).to_contain_text("Whisper as it is: ")
    expect(at("#meant-text")).to_have_text("turn on the <b>lights</b>")  # text, never HTML
    assert at("#base .note").count()  # not by colour alone
    press(stage, "a")
    expect(at("#verdict")).to_have_text(VERDICTS)
    expect(at("#adapted .words")).to_be_visible()
    expect(at("#spoken")).to_contain_text("Whisper adapted to this recording: ")
    for words in ("#base .words", "#adapted .words"):
        pixels = at(words).evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
        assert pixels >= LEAST_PIXELS[size]
    is_whole(stage)
    press(stage, "ArrowUp", "ArrowUp")
    expect(at("#strength-text")).to_have_text("strength 1.5")
    before = at("#adapted .words").inner_text()
    press(stage, *["ArrowDown"] * 6)
    expect(at("#strength-text")).to_have_text("strength 0, as the base")
    assert at("#adapted .words").inner_text() == at("#base .words").inner_text() != before
    assert shuts_out(stage) == []
    press(stage, "ArrowUp", "c")
    expect(at("#layers li")).to_have_count(2)
    is_whole(stage)
    press(stage, "d")  # by day
    assert shuts_out(stage) == []
    press(stage, "d")
    press(stage, "n")
    expect(at("#tag")).to_be_hidden()
    press(stage, "p", "PageDown", "PageDown", "PageDown", "PageUp")
    expect(at("#place")).to_have_text("1 of 2")
    if size == BIG:
        stage.locator("body.is-quiet").wait_for()  # the keys have faded
        press(stage, "?")
        expect(at("body")).not_to_have_class("is-quiet")
    press(stage, "Tab")
    assert stage.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    stage.evaluate("document.activeElement.blur()")
    press(stage, "n", "n")
    expect(at("#ask")).to_contain_text("Press Space")
    press(stage, " ")
    expect(at("#ask")).to_have_text("Recording. Space ends it.")
    expect(at("#so-far")).to_have_text("1 s")
    press(stage, " ")
    for row in ("#base", "#adapted"):  # words, or that there are none: the random model may write nothing, or marks
        expect(at(f"{row} .words, {row} .score").filter(has_text=re.compile(r"\w")).first).to_be_visible()
    is_whole(stage)


@pytest.mark.parametrize("stage", [(BIG, [], "de-DE"), (SMALL, [], "de-DE")], indirect=True, ids=["big", "small"])
def test_in_german(stage):
    expect, at = playwright.expect, stage.locator
    expect(at("#place")).to_have_text("1 von 2")
    expect(at("#clock")).to_have_text("1,0 s")
    expect(at("#tag")).to_have_text("simuliert")
    expect(at("#keys")).to_contain_text("Leertaste")
    assert stage.evaluate("document.documentElement.lang") == "de"
    is_whole(stage)
    press(stage, "ArrowRight", "ArrowRight", "ArrowUp")
    expect(at("#strength-text")).to_have_text("Stärke 1,25")
    expect(at("#spoken")).to_contain_text("Whisper, an diese Aufnahme angepasst: ")
    is_whole(stage)
    press(stage, "c")
    expect(at("#change-note")).to_have_text(
        re.compile(r"[\d.]+ Zahlen wurden .+: [\d,]+ % des Modells\. Ein Teil .+ gleich\. Stärke 1,25\.")
    )
    is_whole(stage)
    press(stage, "End", " ")
    expect(at("#ask")).to_contain_text("lässt die Seite nicht ans Mikrofon")
    is_whole(stage)


@pytest.mark.parametrize("stage", [(SMALL, ["microphone"])], indirect=True, ids=["slow"])
def test_presses_while_the_microphone_is_asked_for_open_it_once(stage):
    stage.evaluate("""() => {
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      window.opened = [];
      navigator.mediaDevices.getUserMedia = async wanted => {
        await new Promise(done => setTimeout(done, 500));
        window.opened.push(await open(wanted));
        return window.opened.at(-1);
      };
    }""")
    stage.keyboard.press("l")
    for _ in range(4):
        stage.keyboard.down(" ")  # the second and later ones are those of a key that is held
    stage.keyboard.up(" ")
    stage.keyboard.press(" ")
    stage.locator("body.is-recording").wait_for()
    stage.wait_for_timeout(1000)
    stage.keyboard.press(" ")
    states = "window.opened.map(stream => stream.getTracks().map(track => track.readyState))"
    stage.wait_for_function(f"!{states}.flat().includes('live')")
    assert stage.evaluate(states) == [["ended"]]


@pytest.mark.parametrize("stage", [(SMALL, [])], indirect=True, ids=["refused"])
def test_without_a_microphone_the_examples_go_on(stage):
    press(stage, "l", " ")
    playwright.expect(stage.locator("#ask")).to_contain_text("does not let the page use the microphone")
    is_whole(stage)
    press(stage, "ArrowLeft")
    playwright.expect(stage.locator("#place")).to_have_text("2 of 2")
