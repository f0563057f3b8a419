"""What the page's scripts and styles do by themselves: in a real browser, without the app."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from matplotlib.image import imread
from test_browser import CHROMIUM, FLAGS, playwright
from test_ui_panels import comparison

from hyper.model.files import ASSETS
from hyper.model.languages import language_names
from hyper.ui import scripts
from hyper.ui.languages import LANGUAGES, texts
from hyper.ui.panels import results_html
from hyper.ui.stage.server import FOLDER, PAGE

SLIDE = {
    "label": "one", "is_simulated": False, "meant": "turn on", "language": "en", "counted": "", "seconds": 1.5,
    "peaks": [1], "base": {"words": [{"text": "turn", "kind": "right", "note": ""}], "score": ""}, "adapted": [],
    "layers": [],
}  # fmt: skip
ADAPTED = SLIDE | {
    "adapted": [{"strength": 1, "line": SLIDE["base"], "verdict": "", "outcome": ""}], "axis": "layers",
    "layers": [{"name": "1", "percent": 14}], "n_written": 1024, "written_percent": 0.023, "is_partly_shared": True,
}  # fmt: skip

BROWSERS_KINDS = {".mp4": "video/mp4", "webm": "video/webm", ".amr": "", ".pdf": "application/pdf"}  # by the ending


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser) -> Iterator[playwright.Page]:
    page = browser.new_page(locale="tr-TR")
    yield page
    page.close()


@pytest.fixture
def stage(page) -> playwright.Page:
    """In Turkish, with one slide and nobody who answers."""
    page.set_content(PAGE.render(language="tr", texts=texts("tr")))
    for script in ("stage.drawing.js", "stage.js"):
        page.add_script_tag(content=(FOLDER / script).read_text(encoding="utf-8"))
    page.evaluate("slide => { now.slides = [slide]; go(0); }", SLIDE)
    return page


def show_result(stage: playwright.Page) -> None:
    """On the slide of the microphone, as after a recording."""
    stage.evaluate("slide => { Object.assign(mic, {state: 'done', slide}); go(1); }", ADAPTED)


MORE = "id => getComputedStyle(at(id), '::after').content.startsWith('\"▼')"


def served(route: playwright.Route, status: dict) -> None:
    """The stage as its server gives it."""
    name = route.request.url.rpartition("/")[2]
    if name == "slides":
        return route.fulfill(json={"done": 0, **status})
    if name.endswith(".js"):
        return route.fulfill(path=FOLDER / name)
    body = b"" if name else PAGE.render(language="en", texts={})
    return route.fulfill(body=body, content_type="text/plain" if name else "text/html")


def dress(stage: playwright.Page) -> None:
    """In the stage's own style, with the slide to be seen."""
    stage.add_style_tag(content=(FOLDER / "stage.css").read_text(encoding="utf-8"))
    stage.evaluate("tell = () => {}; document.body.dataset.view = 'slide'")  # else it would say that nobody answers


FAKE_MICROPHONE = """ends => {
  const stream = {getTracks: () => [{stop() {}}]};
  const refused = new DOMException("", "NotAllowedError");
  const getUserMedia = () => ends === "refused" ? Promise.reject(refused) : Promise.resolve(stream);
  Object.defineProperty(navigator, "mediaDevices", {value: {getUserMedia}});
  window.MediaRecorder = class {
    stream = stream;
    start() {}
    stop() { setTimeout(() => this.onstop()); }
  };
}"""


def test_whoever_leaves_an_example_hears_nothing_with_the_next_result(page):
    page.set_content("<div id='hw-results' class='hw-recounting'></div>")
    page.evaluate(scripts.PLAY)
    page.evaluate(scripts.END_WHAT_RUNS)
    assert page.evaluate("document.querySelector('#hw-results:not(.hw-recounting)').dataset.play") is None


CLOSE = "<button data-testid='toast-close' onclick='this.parentNode.remove()'></button>"
NOTICES = "".join(f"<div class='toast-body {kind}'>{CLOSE}</div>" for kind in ("error", "error", "warning"))


@pytest.mark.parametrize(
    "begin",
    [
        "document.querySelector('#hw-compare').click()",
        "document.querySelector('#hw-begin span').click()",
        "document.querySelector('#hw-recount').click()",
        "document.querySelector('input').dispatchEvent(new Event('change', {bubbles: true}))",
        "document.body.dispatchEvent(new DragEvent('drop', {bubbles: true}))",
        f"({scripts.SHOW_RESULTS})()",
    ],
)
def test_errors_go_when_something_else_is_begun_or_done_and_other_notices_stay(page, begin):
    begins = "<div id='hw-begin'><button><span>Upload</span></button></div>"
    begins += "<p id='hw-compare'></p><p id='hw-recount'></p>"
    page.set_content(f"<main id='hw-result'></main>{begins}<input type='file'><i>elsewhere</i>{NOTICES}")
    page.evaluate(scripts.WATCH_ERRORS)
    page.locator("i").click()
    assert page.locator(".toast-body").count() == 3
    page.evaluate(begin)
    assert page.locator(".toast-body").evaluate_all("all => all.map(each => each.className)") == ["toast-body warning"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("VISIT.MP4", "audio/mp4"),  # a browser calls it a film
        ("visit.webm", "audio/webm"),
        ("visit.amr", "audio/amr"),  # and of this it says nothing
        ("report.pdf", "application/pdf"),
    ],
)
@pytest.mark.parametrize("is_dropped", [False, True], ids=["chosen", "dropped"])
def test_what_can_be_decoded_is_sound_to_the_recorder(page, name, kind, is_dropped):
    page.set_content("<div class='hw-recorder'><button><input type='file'></button></div>")
    page.evaluate(scripts.TAKE_RECORDINGS)
    page.evaluate(
        """() => ["change", "drop"].forEach(kind => document.querySelector("button").addEventListener(kind, event => {
          const [file] = (event.dataTransfer ?? event.target).files;
          file.text().then(text => { window.taken = [file.name, file.type, text]; });
        }))"""
    )
    own = {"name": name, "mimeType": BROWSERS_KINDS[name.lower()[-4:]], "buffer": b"sound"}
    if is_dropped:
        page.evaluate(
            """({name, mimeType}) => {
              const dataTransfer = new DataTransfer();
              dataTransfer.items.add(new File(["sound"], name, {type: mimeType}));
              document.querySelector("input").dispatchEvent(new DragEvent("drop", {bubbles: true, dataTransfer}));
            }""",
            {key: own[key] for key in ("name", "mimeType")},
        )
    else:
        page.locator("input").set_input_files(own)
    assert page.wait_for_function("window.taken").json_value() == [name, kind, "sound"]


def test_the_file_dialog_offers_films_that_hold_sound(page):
    page.set_content("<div class='hw-recorder'><input type='file' accept='audio/*'></div>")
    page.evaluate(scripts.TAKE_RECORDINGS)
    with page.expect_file_chooser():
        page.locator("input").click()
    assert {"audio/*", ".mp4", ".mov"} <= set(page.locator("input").get_attribute("accept").split(","))


TABS = """<nav id='views'><button data-view='models'>Models</button></nav><textarea></textarea><div id='hw-tabs'>
<button role='tab' data-tab-id='try' aria-selected='true'></button><button role='tab' data-tab-id='how'></button>
<button role='tab' data-tab-id='models'></button><p id='hw-tab-how'></p></div>
<script>document.querySelectorAll('[role=tab]').forEach(tab => tab.addEventListener('click', () => {
  document.querySelector('[aria-selected]').removeAttribute('aria-selected');
  tab.ariaSelected = true;
}))</script>"""


@pytest.mark.parametrize("asked", ["", "?view=how", "#hw-tab-how"])
def test_back_closes_what_was_opened_and_leaves_the_page_as_it_is(page, asked):
    shown = "document.querySelector('[aria-selected]').dataset.tabId"
    page.route("http://page/**", lambda route: route.fulfill(body=TABS, content_type="text/html"))
    page.goto(f"http://page/{asked}")
    page.evaluate(scripts.KEEP_HISTORY)
    page.evaluate(f"element => {{ {scripts.OPEN_VIEWS} }}", page.query_selector("#views"))
    page.locator("textarea").fill("typed")
    page.evaluate(f"({scripts.open_view('how')})()")
    page.get_by_text("Models").click()
    page.get_by_text("Models").click()
    assert (page.evaluate(shown), page.url) == ("models", f"http://page/{asked}")
    for view in ("how", "try"):
        page.go_back()
        page.wait_for_function(f"{shown} === '{view}'")
    page.go_forward()
    page.wait_for_function(f"{shown} === 'how'")
    page.evaluate("location.hash = 'elsewhere'")
    assert page.evaluate(shown) == "how" and page.locator("textarea").input_value() == "typed"
    page.go_back()
    page.go_back()
    page.wait_for_function(f"{shown} === 'try'")


# As gradio opens and closes its list of endpoints.
API = """<footer><button class='show-api'>API</button></footer><script>{
  const link = document.querySelector('.show-api'), isAsked = () => new URL(location).searchParams.has('view');
  let isOpen = isAsked(), isLoaded = false;
  const draw = () => {
    document.querySelector('.api-docs')?.remove();
    if (isOpen && isLoaded) link.insertAdjacentHTML('afterend', "<p class='api-docs'><button>Close</button></p>");
  };
  const set = open => {
    isOpen = open;
    isLoaded ||= open;
    draw();
    history.replaceState(null, '', isOpen ? '?view=api' : '?');
  };
  link.onclick = () => set(!isOpen);
  document.addEventListener('click', ({target}) => { if (target.matches('.api-docs button')) set(false); });
}</script>"""


@pytest.mark.parametrize("asked", ["", "?view=api"])
@pytest.mark.parametrize("is_closed_by", ["Close", "Back"])
def test_back_closes_the_list_of_endpoints_too_however_it_was_opened(page, asked, is_closed_by):
    shown = "document.querySelector('[aria-selected]').dataset.tabId"
    page.route("http://page/**", lambda route: route.fulfill(body=TABS + API, content_type="text/html"))
    page.goto(f"http://page/{asked}")
    page.evaluate(scripts.KEEP_HISTORY)
    page.evaluate(f"element => {{ {scripts.OPEN_VIEWS} }}", page.query_selector("#views"))
    page.locator("textarea").fill("typed")
    if not asked:
        page.get_by_text("API").click()
    assert page.url == "http://page/?view=api"
    page.locator(".api-docs").wait_for()
    if is_closed_by == "Close":
        page.get_by_text("Close").click()
    else:
        page.go_back()
    page.locator(".api-docs").wait_for(state="detached")
    page.wait_for_url("http://page/")
    page.get_by_text("Models").click()
    assert page.evaluate(shown) == "models"
    page.go_back()
    page.wait_for_function(f"{shown} === 'try'")
    assert page.url == "http://page/" and page.locator("textarea").input_value() == "typed"
    page.get_by_text("API").click()
    page.go_back()
    page.go_forward()
    page.locator(".api-docs").wait_for()
    assert page.evaluate("history.state.hwView") == "try" and page.url == "http://page/?view=api"


@pytest.mark.parametrize("y", [0, 900])
def test_the_phrase_to_read_comes_into_sight_and_stays_where_it_is_seen(page, y):
    page.set_viewport_size({"width": 390, "height": 700})
    page.set_content("<p id='hw-reading-phrase' style='margin: 300px 0 2000px'>Phrase 2 of 8</p>")
    page.evaluate(f"scrollTo(0, {y})")
    page.evaluate(scripts.SHOW_PHRASE)
    assert page.evaluate("scrollY") == (300 if y else 0)


@pytest.mark.parametrize("begin", [scripts.END_WHAT_RUNS, scripts.SHOW_RESULTS])
def test_where_there_is_nothing_to_compare_no_button_offers_it_until_something_else_is_begun(page, begin):
    recording = "<div id='hw-recording'><audio></audio></div>"
    result = "<div id='hw-results'><p id='hw-result'></p></div><button id='hw-compare'>Compare</button>"
    page.set_content(f"<div class='gradio-container'><div id='hw-tab-try'>{recording}{result}</div></div>")
    page.add_style_tag(content=(ASSETS / "style.css").read_text(encoding="utf-8"))
    seen = [page.locator("#hw-compare").is_visible()]
    for step in (scripts.TELL_UNUSABLE, begin):
        page.evaluate(step)
        seen.append(page.locator("#hw-compare").is_visible())
    assert seen == [True, False, True]


def test_a_page_that_is_loaded_anew_after_the_server_was_lost_says_so_once(page):
    notice = "<div><p data-testid='toast-text'>Connection to the server was lost. Attempting reconnection...</p></div>"
    html = f"<script>hwSay = text => text</script><main id='hw-main'></main>{notice}"
    page.route("http://page/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto("http://page/")
    page.evaluate(scripts.MEND_ACCESS)
    page.wait_for_function("history.state?.hwLost")
    assert page.locator("#hw-main").inner_text() == ""  # it is not back yet
    html = html.replace(notice, "<button id='hw-compare'></button>")
    shown = []
    for _ in range(2):
        page.reload()
        page.evaluate(scripts.WATCH_ERRORS)
        page.evaluate(scripts.MEND_ACCESS)
        page.wait_for_timeout(200)
        shown.append(page.locator(".hw-lost").all_inner_texts())
    gone = "The server was restarted or could not be reached for a while: what was here is gone."
    assert shown == [[gone], []]


def type_a_text(page: playwright.Page, box: str) -> None:
    """The title of the page says whether the count was asked for."""
    page.set_content(f"<div id='hw-results'></div><div id='{box}'><textarea></textarea></div><button id='hw-recount'>")
    page.evaluate(scripts.WATCH_REFERENCE)
    page.evaluate("document.querySelector('button').onclick = () => { document.title = 'counted'; }")
    page.locator("textarea").fill("turn on")


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("", ["b", "v"]),  # typed for what is to be uploaded
        ("taken out", ["", ""]),
        ("taken out, then typed", ["b", ""]),
    ],
)
def test_what_was_typed_for_a_recording_that_was_taken_out_is_not_of_the_next(page, before, kept):
    boxes = "".join(f"<div id='{box}'><textarea></textarea></div>" for box in ("hw-reference", "hw-verbatim"))
    page.set_content(f"<div id='hw-results'></div>{boxes}<button id='hw-recount'>")
    page.evaluate(scripts.WATCH_REFERENCE)
    if before:
        page.evaluate(scripts.REMEMBER_WHOSE)
    if "typed" in before:
        page.locator("#hw-reference textarea").fill("b")
    uploaded = f"texts => ({scripts.texts_of_upload(['read this'])})(...texts)"
    assert page.evaluate(uploaded, ["b", "v"]) == kept
    assert page.evaluate(uploaded, ["b", "v"]) == ["b", "v"]  # once: these are of the new recording
    assert page.evaluate(uploaded, ["read this", ""]) == ["", ""]


@pytest.mark.parametrize("text", ["hw-reference", "hw-verbatim"])
def test_each_text_that_errors_are_counted_against_counts_them_again(page, text):
    type_a_text(page, text)
    assert page.locator("#hw-results.hw-recounting").count() == 1
    page.wait_for_function("document.title === 'counted'")


def test_another_beginning_ends_a_count_that_is_still_to_be_asked_for(page):
    type_a_text(page, "hw-reference")
    page.wait_for_function("document.title === 'counted'")
    typed = "document.querySelector('textarea').dispatchEvent(new Event('input', {bubbles: true}))"
    page.evaluate(f"() => {{ document.title = ''; {typed}; ({scripts.END_WHAT_RUNS})(); }}")
    page.wait_for_timeout(2 * scripts.RECOUNT_PAUSE_MS)
    assert page.title() == ""


def test_the_page_names_languages_and_seconds_as_its_own_does(page):
    choices = [[name, code] for code, name in language_names().items()]
    dropdown = {"type": "dropdown", "props": {"elem_id": "hw-language", "choices": choices}}
    config = {"components": [dropdown], "i18n_translations": {each: texts(each) for each in LANGUAGES}}
    page.add_script_tag(content=f"var gradio_config = {json.dumps(config)};")
    page.add_script_tag(content=(ASSETS / "language.js").read_text(encoding="utf-8"))
    shown = page.evaluate("gradio_config.components[0].props.choices")
    assert shown[:2] == [["İngilizce", "en"], ["Afrikaanca", "af"]] and ["Türkçe", "tr"] in shown
    assert {code for _, code in shown} == set(language_names())
    assert not {"Turkish", "German"} & {name for name, _ in shown}
    assert page.evaluate("hwSeconds(1.5, 1)") == "1,5 sn"


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_the_mark_of_a_word_that_is_not_sure_is_read_in_the_pages_language(page, language):
    words = "<u class='hw-unsure'>on</u><b class='hw-wrong'><u class='hw-unsure'>off</u></b>"
    page.set_content(f"<html lang='{language}'><body><bdi lang='en'>{words}</bdi></body></html>")
    page.add_style_tag(content=(ASSETS / "style.css").read_text(encoding="utf-8"))
    read = page.evaluate("[...document.querySelectorAll('u')].map(word => getComputedStyle(word, '::after').content)")
    said = "not sure" if language == "en" else texts(language)["not sure: {share}"].removesuffix(": {share}")
    assert read == [f'"?" / " ({said})"', "none"]


def test_what_was_meant_is_named_in_front_of_a_word_that_is_read_from_the_right(page):
    html = results_html(replace(comparison("שלום", "עולם", "בית"), language="he"), "tiny")
    page.set_content(f"<html lang='de'><body>{html}</body></html>")
    page.add_style_tag(content=(ASSETS / "style.css").read_text(encoding="utf-8"))
    places = """[...document.querySelectorAll('.hw-meant-here')].map(meant => {
      const word = document.createRange();
      word.selectNodeContents(meant);
      return word.getBoundingClientRect().left - meant.getBoundingClientRect().left;
    })"""
    assert [place > 20 for place in page.evaluate(places)] == [True]  # "gemeint: "


def test_the_stage_marks_what_was_spoken_and_writes_numbers_as_the_page_does(stage):
    stage.evaluate("reveal(BASE)")
    marked = "[...document.querySelectorAll('#slide [lang], #spoken [lang]')].map(node => [node.innerText, node.lang])"
    assert [each for each in stage.evaluate(marked) if each[0]] == [["turn on", "en"], ["turn", "en"], ["turn", "en"]]
    assert stage.locator("#clock").inner_text() == "1,5 sn"
    assert stage.evaluate("hwPercent(5)") == "%5"


def test_the_first_slide_and_the_microphone_bear_the_medical_caution(stage):
    stage.evaluate("slide => { now.slides = [slide, slide, slide]; }", SLIDE)
    shown = "number => { go(number); return !document.getElementById('caution').hidden; }"
    assert [stage.evaluate(shown, number) for number in range(4)] == [True, False, False, True]


def test_while_somebody_records_the_stage_says_so_once(stage):
    stage.evaluate("""() => {
      Object.assign(mic, {recorder: {stop() {}}, since: performance.now()});
      now.number = 1;
      window.said = [];
      const status = document.querySelector("#asking [role=status]");
      new MutationObserver(() => said.push(status.textContent)).observe(status, {childList: true});
      setMicrophone("recording");
      tick();
    }""")
    stage.wait_for_function("document.querySelector('#so-far').textContent === '1 sn'")
    assert stage.evaluate("said") == [texts("tr")["Recording. Space ends it."]]
    assert stage.locator("#so-far").get_attribute("aria-hidden") == "true"


@pytest.mark.parametrize("n_words", [98, 360])
def test_a_long_text_of_what_was_meant_leaves_the_transcripts_their_room(stage, n_words):
    stage.set_viewport_size({"width": 1024, "height": 768})
    dress(stage)
    heights = "['meant', 'base'].map(id => at(id).clientHeight)"
    stage.evaluate("reveal(BASE)")
    one_line, base = stage.evaluate(heights)
    stage.evaluate("text => { now.slides[0].meant = text; go(0, BASE); }", "hypernetwork " * n_words)
    meant, left = stage.evaluate(heights)
    assert meant <= 3 * one_line + 1 and left >= 0.75 * base
    assert stage.evaluate(MORE, "meant") and stage.evaluate("at('meant').tabIndex") == 0
    stage.evaluate("at('meant').scrollTo(0, 1e6)")
    stage.wait_for_function("!at('meant').classList.contains('has-more')")


def test_recording_closes_the_view_of_what_changed(stage):
    show_result(stage)
    shown = "() => [now.change, at('change').hidden, at('ask').textContent !== '']"
    for state, asks in (("recording", True), ("working", True), ("done", False)):
        stage.evaluate("now.change = true")
        stage.evaluate("state => setMicrophone(state)", state)
        assert stage.evaluate(shown) == [False, True, asks], state


@pytest.mark.parametrize("ends", ["left", "failed", "refused"])
def test_a_result_stays_until_there_is_another(stage, ends):
    dress(stage)
    show_result(stage)
    stage.evaluate(FAKE_MICROPHONE, ends)
    stage.keyboard.press("r")
    if ends != "refused":
        stage.locator("body.is-recording").wait_for()
        assert stage.locator("#rows").is_hidden() and stage.locator("#ask").is_visible()
        stage.keyboard.press("ArrowLeft" if ends == "left" else " ")
    stage.wait_for_function(f"mic.state === '{'done' if ends == 'left' else 'idle'}'")
    stage.keyboard.press("l")
    assert stage.locator("#base .words").is_visible() and stage.locator("#base .words").inner_text() == "turn"
    stage.wait_for_function("mic.state === 'done'")  # Space plays it again
    assert stage.locator("#ask").is_hidden() and stage.locator("#wave").is_visible()


def test_a_reload_comes_back_to_the_same_slide_in_the_same_light(page):
    status = {"state": "ready", "slides": [ADAPTED] * 3, "total": 3, "left_out": [], "chosen_with": []}
    page.route("http://stage.test/**", lambda route: served(route, status))
    at_slide = "[document.body.dataset.view, now.number, now.step, document.documentElement.matches('[data-light]')]"
    page.goto("http://stage.test/")
    page.locator("body[data-view=slide]").wait_for()
    assert page.evaluate(at_slide) == ["slide", 0, 0, False]
    for key in ("n", "ArrowRight", "d"):
        page.keyboard.press(key)
    page.reload()
    page.locator("body[data-view=slide]").wait_for()
    assert page.evaluate(at_slide) == ["slide", 1, 1, True]
    assert page.evaluate("Object.entries(sessionStorage)") == [["stage", '{"number":1,"step":1,"isLight":true}']]
    status["state"] = "loading"  # the program was started again, maybe with another talk
    page.reload()
    page.wait_for_function("isNew")
    status["state"] = "ready"
    page.locator("body[data-view=slide]").wait_for()
    assert page.evaluate(at_slide) == ["slide", 0, 0, True]


def test_the_letters_fit_beside_the_key_that_scrolls(stage):
    stage.set_viewport_size({"width": 1920, "height": 1080})
    dress(stage)
    stage.evaluate("at('scroll-key').style.width = '100%'")  # a line more below the transcripts
    for n_words in range(20, 60, 4):
        slide = ADAPTED | {"meant": "turn on " * 200, "base": {"words": SLIDE["base"]["words"] * n_words, "score": ""}}
        stage.evaluate("slide => { now.slides = [slide]; go(0, ADAPTED); }", slide)
        row = "[at('base').scrollHeight > at('base').clientHeight + 1, at('base').tabIndex === 0]"
        is_cut, is_told = stage.evaluate(row)
        assert is_cut == is_told


def test_the_key_that_scrolls_is_listed_and_the_next_slide_has_the_arrows_back(stage):
    dress(stage)
    long = ADAPTED | {"base": {"words": SLIDE["base"]["words"] * 900, "score": ""}}
    stage.evaluate("slides => { now.slides = slides; go(0, ADAPTED); }", [long, long, ADAPTED])
    listed = stage.locator("#scroll-key")
    assert listed.is_visible()
    stage.keyboard.press("Tab")
    stage.keyboard.press("ArrowDown")
    stage.wait_for_function("at('base').scrollTop >= 40")  # as far as the key scrolls
    stage.keyboard.press("n")
    assert stage.evaluate("[document.activeElement.tagName, at('base').scrollTop]") == ["BODY", 0]
    stage.keyboard.press("n")
    assert listed.is_hidden()


def test_a_notice_that_faded_gives_its_room_to_the_transcripts(stage):
    stage.set_viewport_size({"width": 1920, "height": 1080})
    dress(stage)
    stage.evaluate("at('notice').textContent = 'a.wav is not a recording. '.repeat(30)")
    stage.evaluate("slide => { now.slides = [slide]; go(0, ADAPTED); }", ADAPTED)
    rows = "[at('rows').clientHeight, Number(at('rows').style.getPropertyValue('--fit'))]"
    stage.evaluate("words => { now.slides[0].base.words = words; draw(); }", SLIDE["base"]["words"] * 36)
    before = stage.evaluate(rows)
    assert stage.locator("#notice").is_visible()
    stage.keyboard.press("?")
    after = stage.evaluate(rows)
    assert stage.locator("#notice").is_hidden() and after[0] > before[0] and after[1] > before[1]


def test_what_changed_says_what_of_it_is_no_recordings_own(stage):
    learned = texts("tr")["Part of the change was learned and is the same for every recording."]
    for is_shared in (True, False):
        slide = ADAPTED | {"is_partly_shared": is_shared}
        stage.evaluate("slide => { now.slides = [slide]; go(0); toggleChange(); }", slide)
        assert (learned in stage.locator("#change-note").text_content()) == is_shared


def test_the_bar_of_nothing_done_looks_empty(stage):
    stage.add_style_tag(content=":root { --back: #000; --front: #fff; --rule: #888; --adapted-tone: #0f0; }")
    stage.add_style_tag(content=(FOLDER / "stage.css").read_text(encoding="utf-8"))
    inside = []
    for share in (0, 1):
        stage.evaluate("share => { tell = () => {}; at('bar').value = share; }", share)
        bar = imread(io.BytesIO(stage.locator("#bar").screenshot()))  # (height, width, colours), 0 to 1
        inside.append([*bar[bar.shape[0] // 2, bar.shape[1] // 2, :3]])
    assert inside == [[0, 0, 0], [0, 1, 0]]


def test_after_what_changed_the_slide_shows_what_it_showed_before(stage):
    dress(stage)
    stage.evaluate("slide => { now.slides = [slide]; go(0); }", ADAPTED)
    covered = "['base', 'adapted'].map(id => at(id).classList.contains('is-covered'))"
    for n_revealed in range(3):
        stage.keyboard.press("c")
        stage.keyboard.press("ArrowUp")  # the bars follow
        stage.keyboard.press("c")
        assert stage.evaluate(covered) == [n_revealed < 1, n_revealed < 2]
        stage.keyboard.press("ArrowRight")
    stage.evaluate("go(0)")
    stage.keyboard.press("ArrowUp")  # asks for a transcript
    assert stage.evaluate(covered) == [False, False]


def test_a_row_that_goes_on_below_says_so_until_its_end_is_in_sight(stage):
    dress(stage)
    stage.evaluate("reveal(BASE)")
    assert not stage.evaluate(MORE, "base")
    words = [{"text": "turn", "kind": "right", "note": ""}] * 900
    stage.evaluate("words => { now.slides[0].base.words = words; go(0); }", words)
    assert not stage.evaluate(MORE, "base")  # covered as yet
    stage.evaluate("reveal(BASE)")
    assert stage.evaluate(MORE, "base") and not stage.evaluate(MORE, "adapted")
    before = stage.evaluate("at('base').scrollHeight")
    stage.evaluate("at('base').scrollTo(0, 1e6)")
    stage.wait_for_function("!at('base').classList.contains('has-more')")
    assert stage.evaluate("at('base').scrollHeight") == before
