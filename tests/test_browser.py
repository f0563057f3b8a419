"""The page in a real browser: what a visitor does, at both widths, by mouse and by keyboard."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import soundfile
from served import ROOT

from hyper.model.files import ASSETS, BUNDLED_FOLDER
from hyper.recordings.audio import SAMPLE_RATE
from hyper.ui import about, notices, panels
from hyper.ui.cards import changed
from hyper.ui.languages import texts

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
).split()
PATIENCE_MS = 60_000  # for each step; a busy machine is slow, an idle one never waits
WIDE, NARROW = (1440, 900), (390, 844)
# Gradio's page also asks to cancel what had no number yet, and is told 422.
CANCEL = ("/gradio_api/cancel", "/gradio_api/reset")

# Every visible text with the contrast to what lies behind it, as [ratio, text], lowest first.
CONTRASTS = """() => {
  const parts = colour => {
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return {rgb: [red, green, blue], alpha};
  };
  const luminance = rgb => rgb
    .map(c => c / 255 <= .04045 ? c / 255 / 12.92 : ((c / 255 + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const colour = parts(getComputedStyle(node).backgroundColor);
      if (colour.alpha > .99) return colour.rgb;
    }
    return [255, 255, 255];
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), node = walker.currentNode.parentElement;
    const box = node.getBoundingClientRect();
    if (!text || box.width < 2 || box.height < 2 || node.closest('script, style, svg, :disabled')) continue;
    if (!node.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const both = [luminance(parts(getComputedStyle(node).color).rgb), luminance(behind(node))].sort();
    found.push([(both[1] + .05) / (both[0] + .05), text.slice(0, 60)]);
  }
  return found.sort((x, y) => x[0] - y[0]);
}"""

WORDS_IN_VIEW = """() => {
  const IGNORED = "script, style, svg, [aria-hidden=true]";
  const words = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), node = walker.currentNode.parentElement;
    const box = node.getBoundingClientRect();
    if (!text || box.width < 2 || box.height < 2 || box.top >= innerHeight || node.closest(IGNORED)) continue;
    if (node.checkVisibility({opacityProperty: true, visibilityProperty: true})) words.push(...text.split(/\\s+/));
  }
  return words;
}"""

# Cumulative, of all that moved by itself since the page was opened.
LATE_QUEUE = """() => {
  const ask = window.fetch;
  const late = (...what) => new Promise(go => setTimeout(go, 2500)).then(() => ask(...what));
  window.fetch = (...what) => String(what[0].url ?? what[0]).includes("/queue/join") ? late(...what) : ask(...what);
}"""

LATE_STEPS = """() => {
  const ask = window.fetch;
  window.owed = 0;
  const late = async (...what) => {
    window.owed += 1;
    await new Promise(go => setTimeout(go, 2500));
    return ask(...what).finally(() => window.owed -= 1);
  };
  window.fetch = (...what) => String(what[0].url ?? what[0]).includes("/run/") ? late(...what) : ask(...what);
}"""


def is_fault(message: playwright.ConsoleMessage) -> bool:
    """Whether the page reports an error; not gradio's player that is told to stop before it had loaded."""
    stopped = message.text.startswith("WaveSurfer initial load error: AbortError: signal is aborted")
    return message.type == "error" and not stopped


def is_refused(response: playwright.Response) -> bool:
    """Whether the server answered with an error that tells of a fault."""
    return response.status >= 400 and not (response.status == 422 and response.url.endswith(CANCEL))


@dataclass
class Visit:
    """One open page with everything that went wrong in it."""

    page: playwright.Page
    address: str
    problems: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)  # what the console may say here, in part
    pending: set[object] = field(default_factory=set)  # small steps that the page has asked for and not got yet

    def watch(self) -> None:
        local = (self.address, "data:", "blob:")
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda r: None if r.url.startswith(local) else self.problems.append(f"asked {r.url}"))
        self.page.on("request", lambda r: self.pending.add(r) if "/run/" in r.url else None)
        self.page.on("requestfinished", lambda r: self.pending.discard(r))
        self.page.on("requestfailed", lambda r: self.pending.discard(r))
        self.page.on("response", lambda r: self.problems.append(f"{r.status} {r.url}") if is_refused(r) else None)

    def _note(self, message: playwright.ConsoleMessage) -> None:
        is_cancel = message.location.get("url", "").endswith(CANCEL)
        if is_fault(message) and not is_cancel and not any(part in message.text for part in self.ignored):
            self.problems.append(f"console: {message.text}")

    def open_mode(self, name: str) -> None:
        """One of three, all in sight."""
        self.page.get_by_role("tab", name=name).click()

    def open_on_demand(self, name: str) -> None:
        """What the links in the head lead to."""
        self.page.locator(".hw-header").get_by_role("button", name=name).click()

    def open_one_speaker(self) -> None:
        self.open_mode("Several")
        self.page.get_by_label("One speaker").check()

    def upload(self, recording: Path) -> None:
        self.page.get_by_label("Upload file").click()
        self.page.locator("#hw-recording input[type=file]").set_input_files(recording)
        self.page.locator("#hw-recording").get_by_label("Clear").wait_for()
        self.page.locator("#hw-base-transcript").wait_for()  # nobody pressed anything
        self.settle()

    def settle(self) -> None:
        """Wait until a new recording has cleared what stood on the page: a person is slower than that."""
        quiet = 0
        while quiet < 3:
            self.page.wait_for_timeout(100)
            quiet = 0 if self.pending else quiet + 1

    def compare(self) -> None:
        """Once more, with what was changed."""
        arrived = self.page.locator("#hw-arrived").text_content()
        self.page.get_by_role("button", name="Compare again").click()
        playwright.expect(self.page.locator("#hw-arrived")).not_to_have_text(arrived, timeout=PATIENCE_MS)
        self.page.locator("#hw-base-transcript").wait_for()

        self.page.locator("#hw-results:not(.hw-recounting)").wait_for()

    def open_fold(self, elem_id: str) -> None:
        self.page.locator(f"#{elem_id} > button").click()
        self.page.locator(f"#{elem_id} > button[aria-expanded=true]").wait_for()

    def plots_are_visible(self) -> None:
        self.page.get_by_role("button", name="What changed in the model").click()
        for selector in ("#hw-magnitude svg.main-svg >> nth=0", "#hw-inside svg.main-svg >> nth=0"):
            self.page.locator(selector).wait_for()
            box = self.page.locator(selector).bounding_box()
            assert box["width"] > 250 and box["height"] > 250

    def contrast_is_enough(self) -> None:
        lowest, text = self.page.evaluate(CONTRASTS)[0]
        assert lowest >= 4.5, f"contrast {lowest:.2f}: {text}"

    def has_no_sideways_scrolling(self) -> None:
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.page.viewport_size["width"]


def has_bundled_pair() -> bool:
    return (BUNDLED_FOLDER / "model.safetensors").is_file() and (ASSETS / "hypernet-mini").is_dir()


@pytest.fixture(scope="module")
def address(request) -> str:
    """The page that all these files share; each visit has a session and a browser context of its own."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    return request.getfixturevalue("bundled_page")


@pytest.fixture(scope="module")
def recording(tmp_path_factory, speech_like) -> Path:
    """Two seconds to upload and to play into the fake microphone."""
    path = tmp_path_factory.mktemp("recordings") / "speech.wav"
    soundfile.write(path, speech_like(2.0), SAMPLE_RATE, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def browser(address, recording) -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={recording}"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address) -> Iterator[Callable[..., Visit]]:
    """Opens the page; at the end nothing may have gone wrong and nothing may have been asked of other machines."""
    visits: list[Visit] = []

    def open_page(size: tuple[int, int] = WIDE, **settings: object) -> Visit:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, permissions=["microphone"], base_url=address, **settings
        )
        made = Visit(context.new_page(), address)
        made.watch()
        made.page.set_default_timeout(PATIENCE_MS)
        made.page.goto(address)
        made.page.locator("#hw-begin-upload").wait_for()
        visits.append(made)
        return made

    yield open_page
    for each in visits:
        each.page.context.close()
    assert [problem for each in visits for problem in each.problems] == []


def test_upload_reference_compare(visit, recording):
    here = visit()
    here.upload(recording)
    here.page.get_by_label("What was meant").fill("turn on the lights in the kitchen")
    here.compare()
    assert "turn on the lights in the kitchen" in here.page.locator(".hw-meant").inner_text()
    assert here.page.locator(".hw-count").count() == 2
    assert re.match(r"\d+ (of \d+ words wrong|errors in)", here.page.locator(".hw-adapted .hw-count").inner_text())
    here.contrast_is_enough()
    here.plots_are_visible()
    here.contrast_is_enough()
    here.open_mode("Try")
    here.page.get_by_label("What was meant").fill("turn off the lights")
    here.compare()
    here.plots_are_visible()  # also those that were drawn while they were out of sight
    for kind, start in (("PNG", b"\x89PNG"), ("PDF", b"%PDF")):
        with here.page.expect_download() as download:
            here.page.get_by_role("button", name=kind, exact=True).click()
        assert download.value.suggested_filename == f"adaptation.{kind.lower()}"
        assert download.value.path().read_bytes().startswith(start)


def test_a_late_answer_of_the_server_does_not_wipe_new_results(visit, recording):
    """The comparison starts as soon as the recording is there, while the server still owes the small steps."""
    here = visit()

    here.page.evaluate(LATE_STEPS)
    here.page.get_by_label("Upload file").click()
    here.page.locator("#hw-recording input[type=file]").set_input_files(recording)
    here.page.locator("#hw-base-transcript").wait_for()
    here.page.wait_for_function("window.owed === 0")
    here.settle()
    assert here.page.locator("#hw-base-transcript").is_visible()
    here.page.locator("#hw-recording").get_by_label("Clear").click()
    here.page.locator("#hw-base-transcript").wait_for(state="detached")
    here.open_on_demand("How it works")
    here.page.get_by_text(changed.NOTHING_YET).wait_for()
    playwright.expect(here.page.locator("#hw-magnitude")).to_be_hidden()


def test_the_microphone(visit):
    here = visit()
    here.page.get_by_role("button", name="Record", exact=True).click()
    here.page.wait_for_timeout(1500)
    here.page.locator("#hw-recording").get_by_role("button", name="Stop", exact=True).first.click()
    here.page.locator("#hw-recording").get_by_label("Clear").wait_for()
    here.page.locator("#hw-base-transcript").wait_for()
    assert here.page.locator(".hw-count").count() == 0  # nothing was meant, so nothing is counted
    here.plots_are_visible()


def test_an_example_fills_recording_and_reference(visit):
    if not (ROOT / "examples" / "manifest.csv").is_file():
        pytest.skip("there are no examples yet")
    here = visit()
    here.page.locator("#hw-examples button").first.click()
    here.page.locator("#hw-recording").get_by_label("Clear").wait_for()
    reference = here.page.get_by_label("What was meant").input_value()
    assert reference
    here.page.locator("#hw-base-transcript").wait_for()  # one press was enough
    playwright.expect(here.page.locator(".hw-meant")).to_contain_text(reference)
    assert here.page.locator(".hw-count").count() == 2
    here.page.get_by_label("Clear").click()
    playwright.expect(here.page.get_by_label("What was meant")).to_have_value("")
    playwright.expect(here.page.locator("#hw-base-transcript")).to_have_count(0)  # its results went with it


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_one_recording_is_in_view_after_an_example_and_the_recorder_while_somebody_records(visit, size):
    if not (ROOT / "examples" / "manifest.csv").is_file():
        pytest.skip("there are no examples yet")
    here = visit(size)
    ways, box = here.page.locator("#hw-recording").get_by_label("Upload file"), here.page.locator("#hw-recording")
    with here.page.expect_file_chooser():
        here.page.get_by_role("button", name="Upload a file").click()
    playwright.expect(ways).to_be_visible()
    here.page.get_by_role("button", name="Try an example").click()
    here.page.locator("#hw-base-transcript").wait_for()
    playwright.expect(ways).to_be_hidden()
    assert box.evaluate("box => box.offsetHeight") == 0 and box.get_by_label("Clear").is_visible()
    here.has_no_sideways_scrolling()
    here.page.get_by_role("button", name="Record your voice").click()
    stop = box.get_by_role("button", name="Stop", exact=True).first
    stop.wait_for()
    playwright.expect(ways).to_be_visible()
    here.page.wait_for_timeout(1500)  # something is to be heard
    stop.click()
    here.page.locator("#hw-base-transcript").wait_for()


def test_another_model_brings_its_own_choices_and_clears_the_results(visit, recording):
    here = visit()
    language = here.page.get_by_label("Spoken language")
    playwright.expect(language).to_be_hidden()  # the model that is loaded knows English alone
    here.upload(recording)
    here.open_fold("hw-advanced")
    here.page.locator("#hw-model input").click()
    here.page.get_by_role("option", name="openai/whisper-tiny · ").click()
    playwright.expect(language).to_be_visible()
    playwright.expect(here.page.locator("#hw-phrases")).to_be_hidden()
    playwright.expect(here.page.get_by_text("python -m hyper train --base openai/whisper-tiny")).to_be_visible()
    playwright.expect(here.page.locator("#hw-base-transcript")).to_have_count(0)


def test_a_phrase_to_say_is_the_reference_of_what_is_read_alone(visit, recording):
    if not has_bundled_pair():
        pytest.skip("phrases belong to the bundled pair, which is not here")
    here = visit()
    here.open_fold("hw-more")
    phrases = here.page.locator("#hw-phrases button")
    phrases.first.wait_for()  # the fold's content is drawn when it is opened
    playwright.expect(phrases.nth(1)).to_have_attribute("lang", "en")  # a screen reader would speak it as the page's
    phrases.nth(1).click()
    assert here.page.get_by_label("What was meant").input_value() == phrases.nth(1).inner_text()
    here.upload(recording)  # which said something else
    playwright.expect(here.page.get_by_label("What was meant")).to_have_value("")
    assert here.page.locator(".hw-count").count() == 0
    phrases.nth(0).click()  # to be read: what stands there goes
    playwright.expect(here.page.locator("#hw-base-transcript")).to_have_count(0)
    assert here.page.get_by_label("What was meant").input_value() == phrases.nth(0).inner_text()


@pytest.mark.parametrize("size", [WIDE, (1366, 768), NARROW], ids=str)
def test_what_to_do_is_seen_at_once_in_few_words(visit, size):
    here = visit(size)
    assert "atypical speech" in here.page.locator(".hw-header").inner_text()
    for button in ("Record your voice", "Try an example", "Upload a file"):
        box = here.page.get_by_role("button", name=button).bounding_box()
        assert box["y"] + box["height"] < size[1]
    here.page.wait_for_function(f"({WORDS_IN_VIEW})().length <= 90")  # once it has stopped saying that it loads


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_three_modes_in_sight_and_what_is_on_demand_by_keyboard(visit, size):
    here = visit(size)
    modes = here.page.locator("#hw-tabs").get_by_role("tab")
    playwright.expect(modes).to_have_text(["Try", "Read aloud", "Several"])
    for mode in modes.all():
        box = mode.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= size[0] and box["y"] + box["height"] < size[1]
    here.page.keyboard.press("Tab")
    for text in ("the hypernetwork, listens", "the page was started with"):
        here.page.keyboard.press("Enter")
        here.page.locator(".tabitem:visible").get_by_text(re.compile(text)).first.wait_for()
        here.has_no_sideways_scrolling()
        here.page.keyboard.press("Tab")
    here.open_mode("Try")
    playwright.expect(here.page.get_by_role("button", name="Record your voice")).to_be_visible()


def test_another_reference_recounts_and_old_numbers_never_stand_beside_it(visit, recording):
    here = visit()
    here.upload(recording)
    meant, results = here.page.get_by_label("What was meant"), here.page.locator("#hw-results")
    for text in ("call my daughter", "turn on the lights in the kitchen"):
        meant.fill(text)
        playwright.expect(here.page.locator(".hw-meant")).to_contain_text(text, timeout=PATIENCE_MS)
        playwright.expect(results).not_to_have_class(re.compile("hw-recounting"))
        playwright.expect(here.page.locator(".hw-count")).to_have_count(2)
    here.page.evaluate(LATE_QUEUE)
    meant.fill("good morning")
    playwright.expect(results).to_have_class(re.compile("hw-recounting"))
    playwright.expect(here.page.locator(".hw-count").first).to_be_hidden()


def test_upload_and_record_begin_with_an_empty_page(visit, recording):
    here = visit()
    with here.page.expect_file_chooser() as chosen:
        here.page.get_by_role("button", name="Upload a file").click()
    chosen.value.set_files(recording)
    here.page.locator("#hw-base-transcript").wait_for()
    here.page.get_by_label("What was meant").fill("call my daughter")
    here.page.get_by_role("button", name="Record your voice").click()
    playwright.expect(here.page.locator("#hw-base-transcript")).to_have_count(0)
    assert here.page.get_by_label("What was meant").input_value() == ""
    here.page.wait_for_timeout(1500)
    here.page.locator("#hw-recording").get_by_role("button", name="Stop", exact=True).first.click()
    here.page.locator("#hw-base-transcript").wait_for()


def test_a_telephone(visit, recording):
    here = visit(NARROW)
    here.has_no_sideways_scrolling()
    here.upload(recording)
    here.page.get_by_label("What was meant").fill("supercalifragilisticexpialidocious" * 3)
    here.compare()
    here.plots_are_visible()
    here.page.get_by_role("button", name="Details").click()
    here.page.locator("#hw-details .hw-facts").wait_for()
    here.has_no_sideways_scrolling()


def test_the_keyboard_alone(visit, recording):
    here = visit()
    here.upload(recording)
    here.open_fold("hw-advanced")
    here.page.evaluate("(top => { top.tabIndex = -1; top.focus(); })(document.querySelector('.hw-header'))")
    reached: list[str] = []
    for _ in range(90):
        here.page.keyboard.press("Tab")
        reached.append(
            here.page.evaluate("(e => e.closest('[id^=hw-]')?.id + ' ' + (e.ariaLabel ?? ''))(document.activeElement)")
        )
        if reached[-1].startswith("hw-compare"):
            break
    wanted = (
        "hw-recording Upload file",
        "hw-recording Record audio",
        "hw-player Play the recording",
        "hw-reference",
        "hw-model",
    )
    for control in (*wanted, "hw-advanced", "hw-compare"):
        assert any(name.startswith(control) for name in reached), f"Tab does not reach {control}: {reached}"
    outline = here.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"  # and one sees where one is
    arrived = here.page.locator("#hw-arrived").text_content()
    here.page.keyboard.press("Enter")
    playwright.expect(here.page.locator("#hw-arrived")).not_to_have_text(arrived, timeout=PATIENCE_MS)


def test_errors_are_sentences_that_stay(visit, tmp_path):
    here = visit()
    here.ignored.append("Waveform load error")  # the browser's own player finds no sound in the file either
    again = here.page.get_by_role("button", name="Compare again")
    playwright.expect(again).to_be_hidden()  # nothing was compared
    here.page.evaluate("document.getElementById('hw-compare').click()")
    here.page.get_by_text(notices.NO_RECORDING).wait_for()
    here.page.get_by_label("Upload file").click()
    junk = tmp_path / "junk.wav"
    junk.write_text("no samples")
    here.page.locator("#hw-recording input[type=file]").set_input_files(junk)
    here.page.get_by_text("junk.wav is not an audio recording").wait_for()
    playwright.expect(again).to_be_hidden()


def test_what_a_visitor_types_is_never_run(visit, recording):
    here = visit()
    here.upload(recording)
    attack = "<img src=x onerror=\"alert('run')\"><script>alert('run')</script>"
    here.page.get_by_label("What was meant").fill(attack)
    here.compare()
    assert attack in here.page.locator(".hw-meant").inner_text()


@pytest.mark.parametrize(("system", "switch"), [("dark", ""), ("light", "?__theme=dark"), ("dark", "?__theme=light")])
def test_day_and_night_follow_the_system_and_gradios_switch(visit, recording, system, switch):
    here = visit(color_scheme=system)
    if switch:
        here.page.goto(here.address + switch)
    here.upload(recording)
    is_night = "dark" in (switch or system)
    background = here.page.evaluate("getComputedStyle(document.querySelector('.hw-card')).backgroundColor")
    assert (background == "rgb(255, 255, 255)") != is_night
    here.contrast_is_enough()
    here.plots_are_visible()
    here.contrast_is_enough()
    turned = here.page.locator("#hw-magnitude .js-plotly-plot").evaluate("plot => getComputedStyle(plot).filter")
    assert (turned != "none") == is_night
    for mode in ("Read aloud", "Several"):
        here.open_mode(mode)
        here.contrast_is_enough()
    here.open_on_demand("Models")
    here.contrast_is_enough()


def test_nothing_of_an_earlier_visitor_is_there(visit, recording):
    earlier = visit()
    earlier.upload(recording)
    earlier.page.get_by_label("What was meant").fill("call my daughter")
    earlier.compare()
    assert panels.WER_MEANING in earlier.page.locator("#hw-main").inner_html()
    here = visit()
    assert panels.WER_MEANING not in here.page.locator("#hw-main").inner_html()
    assert here.page.locator("#hw-base-transcript").count() == 0


@pytest.mark.parametrize(
    ("browser_language", "language", "modes", "start", "skip", "lines"),
    [
        ("de-DE", "de", ["Ausprobieren", "Vorlesen", "Mehrere"], "Start", "Überspringen", "Weiter"),
        ("es-MX", "es", ["Probar", "Leer en voz alta", "Varias"], "Empezar", "Omitir", "Siguiente"),
        ("it-IT", "it", ["Prova", "Leggi ad alta voce", "Più file"], "Inizia", "Salta", "Avanti"),
        ("tr-TR", "tr", ["Dene", "Sesli oku", "Birden çok"], "Başla", "Atla", "İleri"),
        ("fr-FR", "en", ["Try", "Read aloud", "Several"], "Start", "Skip", "Next"),  # one that the page lacks
    ],
)
def test_the_interface_speaks_the_browsers_language(visit, browser_language, language, modes, start, skip, lines):
    here = visit(NARROW, locale=browser_language)
    tabs = here.page.locator("#hw-tabs").get_by_role("tab")
    playwright.expect(tabs).to_have_text(modes)
    assert here.page.evaluate("document.documentElement.lang") == language
    headline = here.page.locator("h1").inner_text()
    assert headline == texts(language)[about.HEADLINE] if language != "en" else headline == about.HEADLINE
    for tab in tabs.all():
        box = tab.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= NARROW[0]
    here.open_mode(modes[1])
    here.page.get_by_role("button", name=start, exact=True).click()
    here.page.get_by_role("button", name=skip, exact=True).click()
    playwright.expect(here.page.locator("#hw-reading-next")).to_have_text(lines)  # given by the server
    here.has_no_sideways_scrolling()
