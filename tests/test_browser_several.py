"""The mode Several in a real browser: from a folder of recordings and a list to a table and a report."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import soundfile
from pypdf import PdfReader

from hyper.recordings.tables import csv_bytes
from hyper.reports.table import recordings_sheet
from tests.test_browser import (  # noqa: F401  pytest finds fixtures by their names
    CONTRASTS,
    NARROW,
    ROOT,
    WIDE,
    Visit,
    address,
    browser,
    playwright,
    recording,
    visit,
)
from tests.test_clinic_report import evaluation, utterance

DAY = r"\d{4}-\d\d-\d\d"  # today, or since midnight
TABLE, BOOK = (rf"recordings-{DAY}\.{ending}" for ending in ("csv", "xlsx"))
PAPER, REPORT = (rf"report-{DAY}\.{ending}" for ending in ("pdf", "html"))
EXAMPLES = ("stuttering_mild.wav", "dysarthria_severe.wav", "typical_1.wav")
LIST = """File;What was meant;Speaker;Note;Simulated
STUTTERING_mild;what is the weather today;p1;first <b>visit</b>;1
dysarthria_severe.wav;how far is it to the post office;p2;;1
elsewhere/typical_1.wav;set a timer for seventeen seconds;p2;;0
nobody.wav;hello;p3;;0
"""


@pytest.fixture(autouse=True)
def _examples_are_here():
    if not all((ROOT / "examples" / name).is_file() for name in EXAMPLES):
        pytest.skip("the examples are not here")


def transcribe(here: Visit, tmp_path, *more) -> None:
    """From the first look at the page to the finished table."""
    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")
    here.open_mode("Several")
    here.page.locator("#hw-sent input[type=file]").set_input_files([*(ROOT / "examples" / n for n in EXAMPLES), *more])
    arrived(here, "#hw-sent", "typical_1.wav")
    here.settle()  # nobody is faster with a second dialogue
    give_list(here, tmp_path / "list.csv")
    here.page.get_by_role("button", name="Transcribe all").click()
    here.page.locator("#hw-keep").wait_for()


def give_list(here: Visit, path: Path) -> None:
    """Give the list and wait until it is shown."""
    here.page.locator("#hw-list input[type=file]").set_input_files(path)
    arrived(here, "#hw-list", path.name)


def arrived(here: Visit, box: str, name: str) -> None:
    """Wait until the box holds this file: its name stands there in two parts, in one only while it is sent."""
    here.page.locator(f"{box} td[aria-label='{name}']").wait_for()


def saved(here: Visit, name: str) -> bytes:
    """The file behind the link of this name, a pattern, as the browser saves it."""
    with here.page.expect_download() as download:
        here.page.get_by_role("link", name=re.compile(name)).click()
    assert re.fullmatch(name, download.value.suggested_filename)
    return download.value.path().read_bytes()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_list_a_table_a_recording_and_files_to_keep(visit, tmp_path, size):  # noqa: F811
    here = visit(size)
    bad = tmp_path / "bad.wav"
    bad.write_text("no samples")
    transcribe(here, tmp_path, bad)
    assert "All 4 done. 1 could not be used" in here.page.locator("#hw-several-status").inner_text()
    assert "line 5: nobody.wav" in here.page.locator("#hw-left-over").inner_text()
    rows = here.page.locator(".hw-recordings tbody tr")
    assert rows.count() == 4
    assert "first <b>visit</b>" in rows.nth(0).inner_text() and "simulated" in rows.nth(0).inner_text()
    assert "bad.wav is not an audio recording" in rows.nth(3).inner_text()
    here.has_no_sideways_scrolling()
    lowest, text = here.page.evaluate(CONTRASTS)[0]
    assert lowest >= 4.5, f"contrast {lowest:.2f}: {text}"

    lines = list(csv.DictReader(io.StringIO(saved(here, TABLE).decode("utf-8-sig"), newline="")))
    assert [line["what was meant"] for line in lines[:3]] == [each.split(";")[1] for each in LIST.splitlines()[1:4]]
    book = openpyxl.load_workbook(io.BytesIO(saved(here, BOOK)))
    assert book["recordings"]["B2"].value == EXAMPLES[0]
    outcome, corrected = here.page.locator("#hw-outcome .hw-verdict"), here.page.locator("tr[data-row='0'] .hw-correct")
    before = outcome.inner_text()
    for text, is_as_before in (("what is the weather today please", False), ("what is the weather today", True)):
        corrected.fill(text)
        corrected.press("Enter")
        here.page.wait_for_function(
            "([text, same]) => (document.querySelector('#hw-outcome .hw-verdict').innerText === text) === same",
            arg=[before, is_as_before],
        )
        assert here.page.evaluate("document.activeElement.value") == text  # the focus is where it was
    here.page.get_by_label("Only rows with errors").check()
    shown = [each.is_visible() for each in rows.all()]
    assert shown == [each.get_attribute("data-wrong") != "0" for each in rows.all()] and not all(shown)
    here.page.get_by_label("Only rows with errors").uncheck()
    here.page.get_by_label("Who or what it is about").fill("Case 12")
    here.page.get_by_role("button", name="Make the report").click()
    report = PdfReader(io.BytesIO(saved(here, PAPER)))
    assert "Case 12" in report.pages[0].extract_text()
    assert b"Case 12" in saved(here, REPORT)

    here.page.get_by_role("button", name="2 dysarthria_severe.wav").click()
    here.page.locator("#hw-base-transcript").wait_for()
    assert here.page.locator(".hw-meant").inner_text().endswith("how far is it to the post office")
    assert here.page.locator("#hw-base-transcript").inner_text() == lines[1]["base"]
    assert (
        "From your recordings: dysarthria_severe.wav (simulated)" in here.page.locator("#hw-example-note").inner_text()
    )
    here.plots_are_visible()
    here.has_no_sideways_scrolling()


def test_the_report_is_made_after_a_correction_that_enter_has_sent(visit, tmp_path):  # noqa: F811
    here = visit()
    transcribe(here, tmp_path)
    outcome, field = here.page.locator("#hw-outcome .hw-verdict"), here.page.locator("tr[data-row='0'] .hw-correct")
    before = outcome.inner_text()
    field.press_sequentially(" please ")
    field.press("Enter")
    playwright.expect(outcome).not_to_have_text(before)
    asked = []
    here.page.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)
    here.page.get_by_role("button", name="Make the report").click()
    assert saved(here, PAPER).startswith(b"%PDF")
    assert len(asked) == 1  # the text is not sent again


def test_columns_sort_both_ways_and_rows_without_a_value_stay_last(visit, tmp_path):  # noqa: F811
    here = visit()
    bad = tmp_path / "bad.wav"
    bad.write_text("no samples")
    transcribe(here, tmp_path, bad)
    names = here.page.locator(".hw-recordings tbody th")
    head = here.page.get_by_role("columnheader", name="What was meant")
    meant = {line.split(";")[1]: i for i, line in enumerate(LIST.splitlines()[1:4], start=1)}
    for direction, order in (("ascending", sorted(meant)), ("descending", sorted(meant, reverse=True))):
        head.get_by_role("button").press("Enter")  # by keyboard
        assert head.get_attribute("aria-sort") == direction
        assert [int(name.split()[0]) for name in names.all_inner_texts()] == [*(meant[each] for each in order), 4]


def test_without_recordings_the_button_says_what_is_missing(visit):  # noqa: F811
    here = visit()
    here.open_mode("Several")
    here.page.get_by_role("button", name="Transcribe all").click()
    here.page.get_by_text("There are no recordings yet: drop audio files").wait_for()
    playwright.expect(here.page.get_by_role("button", name="Transcribe all")).to_be_enabled()


def test_after_a_list_that_fails_another_can_be_transcribed(visit, tmp_path):  # noqa: F811
    here = visit()
    (tmp_path / "list.csv").write_text("name,words\na,b\n")
    here.open_mode("Several")
    here.page.locator("#hw-sent input[type=file]").set_input_files(ROOT / "examples" / EXAMPLES[0])
    arrived(here, "#hw-sent", "stuttering_mild.wav")
    give_list(here, tmp_path / "list.csv")
    here.page.get_by_role("button", name="Transcribe all").click()
    here.page.locator("[data-testid=toast-text]").first.wait_for()
    playwright.expect(here.page.get_by_role("button", name="Transcribe all")).to_be_enabled()
    playwright.expect(here.page.get_by_role("button", name="Cancel")).to_be_hidden()
    playwright.expect(here.page.locator("#hw-several-status")).to_have_text("")


def test_sessions_come_one_after_the_other_and_go(visit, tmp_path):  # noqa: F811
    here = visit()
    table = csv_bytes(recordings_sheet(evaluation(utterance("a.wav", "turn it off", "turn it of", "turn it off"))))
    for month in (1, 2, 3):
        (tmp_path / f"recordings-2030-0{month}-01.csv").write_bytes(table)
    here.open_mode("Several")
    here.open_fold("hw-sessions")
    box, rows = here.page.locator("#hw-session-files"), here.page.locator("#hw-session-table tbody tr")
    for month, n_rows in ((1, 0), (2, 2), (3, 3)):
        name = f"recordings-2030-0{month}-01.csv"
        box.locator("input[type=file]").first.set_input_files(tmp_path / name)
        arrived(here, "#hw-session-files", name)
        playwright.expect(rows).to_have_count(n_rows)
    box.get_by_role("button", name="Remove this file").first.click()
    playwright.expect(rows).to_have_count(2)
    box.get_by_role("button", name="Remove this file").first.click()
    playwright.expect(rows).to_have_count(0)


def test_cancel_keeps_what_is_done(visit, tmp_path):  # noqa: F811
    here = visit()
    copies = []
    for i in range(60):
        samples, rate = soundfile.read(ROOT / "examples" / EXAMPLES[i % 3])
        copies.append(tmp_path / f"{i}.wav")
        soundfile.write(copies[-1], np.tile(samples, 12), rate)  # half a minute: Cancel comes before the end
    here.open_mode("Several")
    here.page.locator("#hw-sent input[type=file]").set_input_files(copies)
    playwright.expect(here.page.locator("#hw-sent tr")).to_have_count(60)
    here.page.get_by_role("button", name="Transcribe all").click()
    here.page.locator(".hw-recordings").wait_for()
    here.page.get_by_role("button", name="Cancel").click()
    here.page.locator("#hw-keep").wait_for()
    status = here.page.locator("#hw-several-status").inner_text()
    done = int(status.removeprefix("Stopped: ").split()[0])
    assert 0 < done < 60 and "of 60 done" in status
    assert here.page.locator(".hw-recordings tbody tr").count() == done
    playwright.expect(here.page.get_by_role("button", name="Cancel")).to_be_hidden()
    playwright.expect(here.page.get_by_role("button", name="Transcribe all")).to_be_enabled()


def test_who_has_no_recordings_tries_it_with_the_examples_by_one_press(visit):  # noqa: F811
    here = visit()
    here.open_mode("Several")
    here.page.get_by_role("button", name="Try it with the examples").click()
    here.page.locator("#hw-keep").wait_for()
    for box, n in (("#hw-sent", 12), ("#hw-list", 1), (".hw-recordings", 12)):
        playwright.expect(here.page.locator(f"{box} tbody tr")).to_have_count(n)
    assert "All 12 done" in here.page.locator("#hw-several-status").inner_text()
    assert "simulated" in here.page.locator("#hw-outcome").inner_text()
    assert here.page.locator("#hw-left-over").inner_text() == ""
