"""Sessions over time: from the files that the page and the commands save, counted anew; wrong files in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import gradio as gr
import pytest
from test_clinic_report import evaluation, utterance
from test_ui_panels import comparison, text_of
from test_ui_said import asked_in

from hyper.compare.guards import Flag
from hyper.compare.utterance import Failure
from hyper.metrics.word_errors import word_errors
from hyper.recordings.limits import TextError
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.tables import TableError, csv_bytes, xlsx_bytes
from hyper.reports.content import clinic_report
from hyper.reports.html import html_text
from hyper.reports.one_recording import recording_report
from hyper.reports.sessions import SessionError, read_sessions
from hyper.reports.table import recordings_sheet, sheets
from hyper.ui.tabs.sessions import SessionsTab, sessions_html, sessions_plot

MEANT, BASE, ADAPTED = "-turn on the light", "turn on a night", "turn on the night"


@pytest.fixture
def written(tmp_path):
    """One evaluation as the page and the commands save it; one of its recordings had no text, one was broken."""
    found = evaluation(
        utterance("a.wav", MEANT, BASE, ADAPTED, speaker="p1"),
        utterance("b.wav", "call my sister", "call my sister", "call my sister"),
        utterance("c.wav", "", "so", "so"),
        failures=(Failure(ManifestRow("bad.wav", tmp_path / "bad.wav", "hello"), "It is broken."),),
    )
    contents = {
        "recordings-2030-03-02.csv": csv_bytes(recordings_sheet(found)),
        "visit 20290131.xlsx": xlsx_bytes(sheets(found)),
        "report-2028-01-01.html": html_text(clinic_report(found)).encode(),
        "third.json": json.dumps(found.to_json()).encode(),
        "2031.01.05.json": json.dumps(comparison("so be", "so be it", "so be it").to_json()).encode(),
    }

    def file(name: str, content: bytes | None = None):
        path = tmp_path / f"sent-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(contents[name] if content is None else content)
        path = path.rename(path.with_suffix(name[name.rindex(".") :]))
        return name, path

    return file


def test_every_kind_of_saved_file_is_counted_alike_and_in_order_of_time(written):
    names = (
        "third.json",
        "report-2028-01-01.html",
        "recordings-2030-03-02.csv",
        "2031.01.05.json",
        "visit 20290131.xlsx",
    )
    sessions = read_sessions([written(name) for name in names])
    assert [(each.label, each.day) for each in sessions] == [
        ("1 Jan 2028", date(2028, 1, 1)),
        ("31 Jan 2029", date(2029, 1, 31)), ("2 Mar 2030", date(2030, 3, 2)), ("5 Jan 2031", date(2031, 1, 5)),
        ("third", None),
    ]  # fmt: skip
    right = word_errors("call my sister", "call my sister")
    for each in (*sessions[:3], sessions[4]):
        assert each.n_recordings == 2
        assert each.base == word_errors(MEANT, BASE) + right and each.adapted == word_errors(MEANT, ADAPTED) + right
    assert (sessions[3].base.n_errors, sessions[3].adapted.n_errors, sessions[3].base.n_reference) == (1, 0, 3)


def test_words_where_nobody_was_heard_are_counted_as_they_are_in_the_report(written):
    """The report on many and the tables hide and count them, that on one says that no speech was found and counts
    nothing.
    """
    quiet = Flag("quiet", 0.0, 0.1, "Nothing stands out from the noise.")
    heard = utterance("a.wav", "yes please", "yes please", "yes", flags=(quiet,))
    found = evaluation(replace(heard, adapted=replace(heard.adapted, flags=(quiet,))))
    made = comparison("yes please", "yes", "yes please")
    one = recording_report(replace(made, base=replace(made.base, flags=(quiet,))), "a.wav", "abc")
    files = {
        "2030-01-01.html": html_text(clinic_report(found)).encode(),
        "2030-01-02.csv": csv_bytes(recordings_sheet(found)),
        "2030-01-03.json": json.dumps(found.to_json()).encode(),
        "2030-01-04.xlsx": xlsx_bytes(sheets(found)),
    }
    for session in read_sessions([written(*each) for each in files.items()]):
        assert (session.base.wer, session.adapted.wer) == (0, 1 / 2)
    without = replace(found, utterances=(replace(found.utterances[0], adapted=None),))
    for name in ("2030-01-05.csv", "2030-01-06.csv"):
        files[name] = csv_bytes(recordings_sheet(without))
    assert all(each.base.wer == 0 and each.adapted is None
               for each in read_sessions([written(*each) for each in files.items()])[-2:])  # fmt: skip
    with pytest.raises(SessionError, match="one.html holds no recording with what was meant"):
        read_sessions([written("third.json"), written("one.html", html_text(one).encode())])
    assert "yes please" in html_text(one) and '"base"' not in one.texts


def test_sessions_say_what_is_simulated_and_how_strongly_it_was_adapted(written):
    found = evaluation(
        utterance("a.wav", MEANT, BASE, ADAPTED, simulated=True),
        utterance("b.wav", "call my sister", "call my sister", "call my sister"),
    )
    weak = replace(comparison("so be", "so be it", "so be it"), strength=0.5)
    one = recording_report(weak, "a.wav", "abc", is_simulated=True)
    files = {
        "2030-01-01.csv": csv_bytes(recordings_sheet(found)),
        "2030-01-02.xlsx": xlsx_bytes(sheets(found)),
        "2030-01-03.html": html_text(clinic_report(found)).encode(),
        "2030-01-04.json": json.dumps(found.to_json()).encode(),
        "2030-01-05.html": html_text(one).encode(),
        "2030-01-06.json": json.dumps(weak.to_json()).encode(),
    }
    sessions = read_sessions([written(*each) for each in files.items()])
    assert [each.n_simulated for each in sessions] == [1, 1, 1, 1, 1, 0]
    assert [each.strength for each in sessions] == [1, 1, 1, 1, 0.5, 0.5]
    *_, fifth, last = sessions_plot(sessions).layout.xaxis.ticktext
    assert (fifth, last) == ("5 Jan 2030<br>(simulated) strength 0.5", "6 Jan 2030<br>strength 0.5")
    shown = text_of(sessions_html(sessions))
    assert shown.count("(1 of 2 simulated)") == 4 and "Errors in each session (5 of 10 simulated)" in shown
    assert "5 Jan 2030 2030-01-05.html (simulated) strength 0.5" in shown
    with asked_in("de"):
        assert "(simuliert) Stärke 0,5" in text_of(sessions_html(sessions))
    plain = text_of(sessions_html(read_sessions([written("third.json"), written("visit 20290131.xlsx")])))
    assert "simulated" not in plain and "strength" not in plain


def test_the_days_of_sessions_are_written_in_the_visitors_language(written):
    sessions = read_sessions([written(name) for name in ("third.json", "recordings-2030-03-02.csv")])
    with asked_in("de"):
        assert list(sessions_plot(sessions).layout.xaxis.ticktext) == ["2. März 2030", "third"]
        assert "2. März 2030" in text_of(sessions_html(sessions))


def test_without_a_hypernetwork_there_is_no_adapted_session(written):
    alone = evaluation(utterance("a.wav", "so be it", "so be", None))
    files = [written(f"{i}.csv", csv_bytes(recordings_sheet(alone))) for i in range(2)]
    assert [each.adapted for each in read_sessions(files)] == [None, None]
    assert sessions_plot(read_sessions(files)).data[1].y == (None, None)


WRONG = {
    "photo.csv": (b"\x00\x01", TableError, "photo.csv is not a text file"),
    "list.csv": (b"file,what was meant\na,b\n", SessionError, "list.csv is not a table that was saved here"),
    "empty.csv": (b"file,what was meant,base,adapted\na,,so,so\n", SessionError, "empty.csv holds no recording with"),
    "x.json": (b"[1, 2", SessionError, "x.json is not a report that was saved here, nor of `evaluate --json`"),
    "page.html": (b"<p id=hyperwhisper-texts>so</p>", SessionError, "page.html is not a report that was saved here"),
    "y.json": (b'{"utterances": [3]}', SessionError, "y.json is not a report"),
    "z.json": (b'{"utterances": [{"reference": 3, "base": 4, "adapted": []}]}', SessionError, "z.json is not a report"),
    "long.json": (
        json.dumps({"utterances": [{"reference": "x" * 20_001, "base": "x", "adapted": "x"}]}).encode(),
        TextError, "A text in long.json is 20,001 characters long",
    ),
    "large.json": (b" " * 10_000_001, SessionError, "large.json is larger than 10 MB"),
    "talk.wav": (b"RIFF", TableError, "talk.wav is not a table"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_answered_in_one_sentence(written, name):
    content, kind, sentence = WRONG[name]
    with pytest.raises(kind) as caught:
        read_sessions([written("third.json"), written(name, content)])
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


@pytest.mark.parametrize("words", [("a", "b", "c"), ("x y " * 5000,) * 3], ids=["many", "long"])
def test_more_than_can_be_counted_soon_is_refused_before_anything_is_counted(written, words, monkeypatch):
    monkeypatch.setattr("hyper.reports.sessions.word_errors", lambda *_: pytest.fail("counted"))
    record = dict(zip(("reference", "base", "adapted"), words, strict=True))
    n = 2_501 if len(words[0]) == 1 else 17
    files = [written(f"{i}.json", json.dumps({"utterances": [record] * n}).encode()) for i in range(2)]
    with pytest.raises(SessionError, match="These files hold more than 5,000 recordings or 2,000,000 characters toge"):
        read_sessions(files)


def test_sessions_are_counted_for_one_visitor_at_a_time():
    with gr.Blocks() as demo:
        tab = SessionsTab(SimpleNamespace())
        tab.connect(SimpleNamespace(language=gr.Textbox()))
    (step,) = [each for each in demo.fns.values() if each.fn == tab.compare]
    assert step.concurrency_limit == 1


def test_one_session_is_none_to_compare(written):
    with pytest.raises(SessionError, match="Comparing takes 2 to 50 files, one for each session; 1 came"):
        read_sessions([written("third.json")])


def test_the_page_shows_a_line_and_a_point_for_each_and_holds_what_is_in_the_box(written):
    held = []
    service = SimpleNamespace(uploads=SimpleNamespace(hold=lambda *given: held.append(given)))
    with gr.Blocks():
        tab = SessionsTab(service)
    sent = [written("third.json"), written("recordings-2030-03-02.csv")]
    files = [{"path": str(path), "orig_name": name} for name, path in sent]
    anna = SimpleNamespace(session_hash="anna")
    values = tab.compare(files, "en", anna)
    text = text_of(values[tab.table])
    assert "2 Mar 2030 recordings-2030-03-02.csv 2 7 2 errors (28.6 %) 1 error (14.3 %) 1 error fewer" in text
    plot = json.loads(values[tab.plot]["value"].plot)
    assert [line["name"] for line in plot["data"]] == ["base", "adapted"]
    assert plot["data"][0]["y"] == [pytest.approx(100 * 2 / 7)] * 2
    assert held == [("anna", "sessions", [str(path) for _, path in sent])]
    with pytest.raises(gr.Error, match="is not a table"):
        tab.compare([{"path": str(path), "orig_name": "a.wav"} for _, path in sent], "en", anna)
    assert tab.compare([], "en", anna)[tab.table] == ""
    assert held[-1] == ("anna", "sessions", [])
