"""The page for everybody: what axe-core finds, the focus, the order of the keyboard, still pages, day and night."""

from __future__ import annotations

import pytest
from accessible import COLOURS, EVERYTHING, shuts_out
from test_browser import (  # noqa: F401  pytest finds fixtures by their names
    NARROW,
    ROOT,
    WIDE,
    address,
    browser,
    playwright,
    recording,
    visit,
)

EXAMPLES = ("dysarthria_mild.wav", "typical_1.wav")
# All that moved without a press. Its sources are kept for the message.
WATCH_SHIFTS = """window.shifts = [];
new PerformanceObserver(list => {
  for (const {value, startTime, hadRecentInput, sources} of list.getEntries()) {
    const moved = sources.map(({node}) => node?.id || node?.className || node?.nodeName);
    if (!hadRecentInput) shifts.push([value, startTime, moved]);
  }
}).observe({type: "layout-shift", buffered: true});"""
MOST_SHIFT = 0.1
# Everything that takes the focus, from top to bottom where the keyboard goes: places are those of its middle.
STOPS = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter(node => node.tabIndex >= 0 && !node.disabled && !node.closest("[inert], [role=tablist]"))
  .filter(node => node.checkVisibility({visibilityProperty: true}) && node.getBoundingClientRect().width > 1)
  .map(node => {
    const box = node.getBoundingClientRect();
    const name = node.ariaLabel || node.textContent || node.placeholder || node.type;
    return {name, top: box.top, bottom: box.bottom};
  })"""
MOVING = """() => [...document.querySelectorAll("*")].filter(node => {
  const style = getComputedStyle(node);
  return style.animationName !== "none" || style.transitionDuration.split(", ").some(each => each !== "0s");
}).map(node => node.id || node.className)"""
FOCUS = "(e => e === document.body ? '' : (e.ariaLabel || e.textContent || e.id).trim())(document.activeElement)"
BACKGROUND = "getComputedStyle(document.querySelector('.hw-card')).backgroundColor"


def show(here, view: str) -> None:
    """A mode, or what is shown on demand."""
    if view in ("How it works", "Models"):
        here.open_on_demand(view)
        here.page.locator("#hw-inside svg.main-svg >> nth=0").wait_for(state="attached")
    else:
        here.open_mode(view)
    here.page.locator(".tabitem:visible").first.wait_for()


@pytest.mark.skipif(not (ROOT / "examples" / EXAMPLES[0]).is_file(), reason="the examples are not here")
def test_nobody_is_shut_out(visit):  # noqa: F811
    """Every mode with results and folds open, at both widths, by day and by night."""
    here = visit(NARROW, reduced_motion="reduce")  # colours on their way from day to night would be measured
    page = here.page
    assert shuts_out(page) == []
    here.page.locator("#hw-examples button").first.click()
    page.locator("#hw-open-how").wait_for()
    for fold in ("hw-more", "hw-advanced", "hw-take-away"):
        here.open_fold(fold)
        playwright.expect(page.locator(f"#{fold} > button")).to_have_attribute("aria-expanded", "true")
    here.open_mode("Several")
    assert shuts_out(page) == []  # with nothing sent yet
    page.locator("#hw-sent input[type=file]").set_input_files(ROOT / "examples" / EXAMPLES[0])
    with page.expect_file_chooser() as chosen:  # the one button for more that is left of two
        page.get_by_role("button", name="+ Recordings").press("Enter")
    chosen.value.set_files(ROOT / "examples" / EXAMPLES[1])
    playwright.expect(page.locator("#hw-sent tr.file")).to_have_count(2)
    page.get_by_role("button", name="Transcribe all").click()
    page.locator("#hw-keep").wait_for()
    here.open_mode("Read aloud")
    page.get_by_role("button", name="Start", exact=True).click()
    recorder = page.locator("#hw-reading-recording")
    recorder.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(800)
    recorder.get_by_role("button", name="Stop", exact=True).first.click()
    recorder.get_by_label("Play", exact=True).wait_for()

    switch = page.get_by_role("button", name="Switch between light and dark")
    for view in ("Try", "Several", "Read aloud", "How it works", "Models"):
        show(here, view)
        for size, options in ((NARROW, EVERYTHING), (WIDE, EVERYTHING), (WIDE, COLOURS), (NARROW, COLOURS)):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            if (size, options) == (WIDE, COLOURS):
                switch.click()  # and back below; structure is the same by night
            assert shuts_out(page, options) == [], f"{view} at {size}"
        switch.click()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_little_moves_by_itself(visit, size):  # noqa: F811
    here = visit(size)
    here.page.add_init_script(WATCH_SHIFTS)
    here.page.reload()
    here.page.locator("#hw-examples button").first.wait_for()
    here.settle()
    here.page.get_by_role("button", name="Try an example").click()
    here.page.locator("#hw-keep-one").wait_for()
    here.settle()
    shifts = here.page.evaluate("shifts")
    assert cumulative_shift(shifts) <= MOST_SHIFT, shifts


def cumulative_shift(shifts) -> float:
    """Cumulative Layout Shift as web.dev defines it: of all stretches of at most 5 s with no second without a shift,
    the worst."""
    worst = total = 0.0
    began = last = float("-inf")
    for value, at_ms, _ in shifts:
        if at_ms - last >= 1000 or at_ms - began >= 5000:
            total, began = 0.0, at_ms
        total, last = total + value, at_ms
        worst = max(worst, total)
    return worst


def test_shifts_are_added_up_as_browsers_do():
    early, late = [[0.04, 100, []], [0.03, 900, []]], [[0.05, 1900, []], [0.01, 2500, []]]
    assert cumulative_shift([*early, *late]) == pytest.approx(0.07)  # a second lies between
    steady = [[0.01, 500 * i, []] for i in range(14)]
    assert cumulative_shift(steady) == pytest.approx(0.1)  # what begins in five seconds
    assert cumulative_shift([]) == 0


def test_the_focus_stays_where_the_work_is_by_day_and_night(visit):  # noqa: F811
    here = visit(color_scheme="light", reduced_motion="reduce")
    page = here.page

    def press(name: str, within: str = "body") -> str:
        page.locator(within).get_by_role("button", name=name, exact=True).first.press("Enter")
        return page.evaluate(FOCUS)

    assert press("Try an example") == "Try an example"
    page.locator("#hw-open-how").wait_for()
    here.settle()
    assert page.evaluate(FOCUS) == "Try an example"
    assert "Settings" in press("Settings")
    here.compare()
    assert page.evaluate(MOVING) == []
    stops = page.evaluate(STOPS)
    for before, after in zip(stops, stops[1:], strict=False):
        assert after["bottom"] > before["top"], f"the keyboard goes up from {before['name']} to {after['name']}"

    page.locator("#hw-recording").get_by_label("Clear").press("Enter")
    page.wait_for_function(f"{FOCUS} === 'Record'")
    page.get_by_role("button", name="Try an example").click()
    page.locator("#hw-open-how").wait_for()
    press("What changed in the model")
    page.wait_for_function("document.activeElement.id === 'hw-tab-how'")
    here.open_mode("Read aloud")
    press("Start")
    page.locator("#hw-reading-next").wait_for()
    page.wait_for_function(f"{FOCUS} !== ''")
    press("Skip")
    here.settle()
    page.wait_for_function(f"{FOCUS} !== ''")

    switch = page.get_by_role("button", name="Switch between light and dark")
    day = page.evaluate(BACKGROUND)
    switch.press("Enter")
    night = page.evaluate(BACKGROUND)
    assert night != day
    page.reload()
    page.locator("#hw-begin-upload").wait_for()
    assert page.evaluate(BACKGROUND) == night
    switch.click()
    assert page.evaluate(BACKGROUND) == day


def test_the_list_of_endpoints_opens_by_its_address_and_back_closes_it(visit):  # noqa: F811
    here = visit()
    here.page.goto(f"{here.address}?view=api")
    here.page.locator(".api-docs").get_by_text("/compare").first.wait_for()
    here.page.go_back()
    here.page.locator(".api-docs").wait_for(state="detached")
    here.page.get_by_text("Use via API").click()
    here.page.locator(".api-docs .backdrop").click(position={"x": 10, "y": 400})
    here.page.locator(".api-docs").wait_for(state="detached")
    here.page.wait_for_url(here.address)
    here.open_on_demand("How it works")
    here.page.go_back()
    playwright.expect(here.page.get_by_role("tab", name="Try")).to_have_attribute("aria-selected", "true")
    not_here = ("/monitoring/summary", "/mcp/schema", "status of 404 (Not Found)")  # gradio's list asks for them
    here.problems[:] = [each for each in here.problems if not each.endswith(not_here)]
