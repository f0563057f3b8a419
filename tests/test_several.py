"""Many recordings on the page, without a browser: matching, progress, cancel, opening, files to keep, privacy."""

from __future__ import annotations

import base64
import csv
import errno
import io
import os
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import openpyxl
import pytest
import soundfile

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.metrics.word_errors import word_errors
from hyper.recordings.audio import SAMPLE_RATE
from hyper.recordings.manifest import ManifestRow
from hyper.ui import notices
from hyper.ui import service as service_module
from hyper.ui.examples import Example
from hyper.ui.inputs import take_out_example
from hyper.ui.model_store import ModelStore
from hyper.ui.service import Service
from hyper.ui.tabs import several, several_html, several_run
from hyper.ui.tabs.several import SeveralTab
from hyper.ui.tabs.several_examples import ExamplesAsList
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors import folder
from hyper.ui.visitors.uploads import Uploads

ANNA, PETER = SimpleNamespace(session_hash="anna"), SimpleNamespace(session_hash="peter")
TABLE, BOOK = (f"recordings-{date.today()}.{ending}" for ending in ("csv", "xlsx"))
REPORT_PDF, REPORT = (f"report-{date.today()}.{ending}" for ending in ("pdf", "html"))
ATTACK = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """Where gradio keeps what visitors send."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


@pytest.fixture
def tab(asr, cache) -> SeveralTab:
    with gr.Blocks():
        service = Service(ModelStore(asr, "bundled", lambda name: asr), Uploads(cache))
        return SeveralTab(service, TriedExamples(service, []))


@pytest.fixture
def send(cache, speech_like):
    """Puts files into the cache as gradio does, and gives what the page says of them."""

    def file(name: str, content: bytes | None = None, seed: int = 0) -> dict:
        folder = cache / f"{name.encode().hex()[:20]}{seed}"
        folder.mkdir()
        path = folder / re.sub(r"[<>/]", "", name)
        if content is None:
            soundfile.write(path, speech_like(1.0 + seed / 10, seed), SAMPLE_RATE, format="WAV")
        else:
            path.write_bytes(content)
        return {"path": str(path), "orig_name": name}

    return file


def begin(tab: SeveralTab, sent: list[dict] | None, table: dict | None, who, language: str = "en") -> dict:
    """Transcribe all is pressed."""
    return tab.begin(sent, table, "bundled", language, who)


def steps_of(tab: SeveralTab, who=ANNA) -> Iterator[SimpleNamespace]:
    """What stands on the page after each step."""
    shown = tab.clear()
    for values in tab.transcribe(who):
        shown |= values
        step = SimpleNamespace(status=shown[tab.status], left_over=shown[tab.left_over], outcome=shown[tab.outcome])
        assert not shown[tab.keeping]["visible"] and not shown[tab.table_links]  # before the last status is drawn
        yield step
    shown |= tab.offer(who)
    if shown[tab.status] == "":  # nothing was done
        return
    step.links, step.is_kept = shown[tab.table_links], shown[tab.keeping]["visible"]


def run(tab: SeveralTab, sent: list[dict], table: dict | None = None, who=ANNA) -> list[SimpleNamespace]:
    """All that the page shows from Transcribe all to the end."""
    begin(tab, sent, table, who)
    return list(steps_of(tab, who))


def saved(html: str) -> dict[str, bytes]:
    """The files behind the links."""
    links = re.findall(r'download="([\w.-]+)" href="data:[\w/.+-]+;base64,([\w+/=]+)"', html)
    return {name: base64.b64decode(content) for name, content in links}


def test_good_bad_refused_and_unlisted_files_side_by_side(tab, send, asr, cache):
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(send("inner.wav", seed=3)["path"], "visit/inner.wav")
        archive.writestr("visit/notes.txt", "no sound")
    listed = "file;what was meant;patient;note\nA;turn it on;p1;first\ninner.wav;call me;p2;\ngone.wav;hello;p1;\n"
    sent = [send("a.wav", seed=1), send("b.wav", seed=2), send("v.zip", zipped.getvalue()), send("bad.wav", b"no")]
    steps = run(tab, sent, send("list.csv", listed.encode()))
    last = steps[-1]
    left_over, outcome, links = last.left_over, last.outcome, last.links
    assert "All 5 done. 2 could not be used" in last.status
    assert "without a line in your list, so not counted:</b> b.wav; visit/notes.txt; bad.wav" in left_over
    assert "Lines of your list without a recording:</b> line 4: gone.wav" in left_over
    assert "bad.wav is not an audio recording" in outcome and "notes.txt is not an audio recording" in outcome
    assert last.is_kept

    rows = [ManifestRow("a.wav", Path(sent[0]["path"]), "turn it on"), ManifestRow("b.wav", Path(sent[1]["path"]))]
    direct = score_manifest(asr, rows).utterances
    lines = list(csv.DictReader(io.StringIO(saved(links)[TABLE].decode("utf-8-sig"), newline="")))
    assert [line["file"] for line in lines] == ["a.wav", "b.wav", "visit/inner.wav", "visit/notes.txt", "bad.wav"]
    assert [(line["base"], line["adapted"]) for line in lines[:2]] == [(u.base.text, u.adapted.text) for u in direct]
    assert float(lines[0]["base WER"]) == direct[0].base.errors.wer
    assert lines[1]["base WER"] == "" and lines[0]["speaker"] == "p1" and lines[0]["note"] == "first"
    book = openpyxl.load_workbook(io.BytesIO(saved(links)[BOOK]))
    assert book.sheetnames == ["recordings", "groups"]
    assert [row[1].value for row in book["recordings"].iter_rows(min_row=2)] == [line["file"] for line in lines]
    assert not list(cache.glob("tmp*"))  # nothing of the run stays on disk


def test_cancel_keeps_what_is_done(tab, send, asr, monkeypatch):
    monkeypatch.setattr(several_run, "BATCH", 2)
    begin(tab, [send(f"{i}.wav", seed=i) for i in range(5)], None, ANNA)
    steps = steps_of(tab)
    assert "0 of 5 done" in next(steps).status
    assert re.search("2 of 5 done, (less than a|about)", next(steps).status)
    assert tab.open(SimpleNamespace(row=1), ANNA)[4].count("1.wav") == 1  # what is done can be opened already
    told = tab.stop(ANNA)
    assert list(told) == [tab.cancel] and told[tab.cancel]["interactive"] is False
    (last,) = steps
    assert "Stopped: 2 of 5 done." in last.status and last.is_kept
    assert len(saved(last.links)[TABLE].decode().splitlines()) == 1 + 2
    assert len(tab.batches.outcome("anna").evaluation.utterances) == 2
    assert list(saved(tab.report("", "", True, ANNA))) == [REPORT_PDF, REPORT]  # sessions are told apart by the day


def test_a_list_that_is_cancelled_while_it_waits_transcribes_nothing(tab, send, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(several_run, "gather", lambda *_, **__: pytest.fail("it was unpacked"))
        begin(tab, [send("a.wav")], None, ANNA)
        told = tab.stop(ANNA)
        assert told[tab.start]["interactive"] is True and told[tab.cancel]["visible"] is False
        assert {tab.outcome: "", tab.keeping: several.HIDDEN, tab.status: ""}.items() <= told.items()
        assert list(steps_of(tab)) == []


def test_the_next_list_takes_the_place_in_the_line_of_one_that_was_cancelled_and_is_transcribed_once(tab, send):
    begin(tab, [send("a.wav")], None, ANNA, language="de")  # which this model does not know
    tab.stop(ANNA)
    begin(tab, [send("b.wav", seed=2), send("c.wav", seed=3)], None, ANNA)
    *_, last = steps_of(tab)  # of the place that the first had
    assert "All 2 done." in last.status
    assert list(steps_of(tab)) == []  # of the second's own
    outcome = tab.batches.outcome("anna")
    assert len(outcome.evaluation.utterances) == 2 and outcome.language == "en"  # its own, not that of the first


def test_files_that_are_no_longer_there_are_told_before_a_list_waits_and_when_its_turn_comes(tab, send):
    gone, table = send("Anna May.wav"), send("list.csv", LISTED.encode())
    for missing in (gone, table):
        kept = Path(missing["path"]).read_bytes()
        Path(missing["path"]).unlink()
        with pytest.raises(gr.Error, match="no longer on the server") as told:
            begin(tab, [gone], table, ANNA)
        assert "Anna May" not in str(told.value)
        Path(missing["path"]).write_bytes(kept)
    begin(tab, [gone], table, ANNA)
    Path(gone["path"]).unlink()  # half an hour behind others
    with pytest.raises(gr.Error, match="no longer on the server") as told:
        list(steps_of(tab))
    assert told.value.print_exception is False and told.value.__cause__ is None


def test_corrections_at_the_same_time_are_all_kept(tab, send, monkeypatch):
    run(tab, [send("a.wav"), send("b.wav", seed=2)], send("l.csv", LISTED.encode()))
    keep = tab.batches.keep

    def slowly(*given):
        time.sleep(0.2)
        keep(*given)

    monkeypatch.setattr(tab.batches, "keep", slowly)
    asking = [threading.Thread(target=corrected, args=(tab, row, f"text {row}")) for row in (0, 1)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    written = [each.recording.reference for each in tab.batches.outcome("anna").evaluation.utterances]
    assert written == ["text 0", "text 1"]


def test_a_list_that_waits_is_told_about_how_long(tab, send, monkeypatch):
    own, others = [send("own.wav", seed=9)], [SimpleNamespace(session_hash=f"other {i}") for i in range(2)]

    def told(places: int) -> str:
        monkeypatch.setattr(service_module, "MOST_LISTS", places)
        return begin(tab, own, None, ANNA)[tab.status]

    assert "Waiting for the model." in told(places=1)
    begin(tab, [send(f"{i}.wav", seed=i) for i in range(5)], None, others[0])
    begin(tab, [send(f"b{i}.wav", seed=i) for i in range(3)], None, others[1])
    steps = steps_of(tab, others[0])
    assert "0 of 5 done" in next(steps).status and "4 of 5 done" in next(steps).status
    tab.service.scheduler._seconds_each = 1.5
    # One and three are left, and both lists get one in turn until the first has ended: twice 1.5 s.
    assert "Others are before you: about 3 s." in told(places=2)
    assert "Waiting for the model." in told(places=3)
    assert "Others are before you: about 6 s." in told(places=1)  # all that are left
    for who in others:
        tab.stop(who)
    assert "Waiting for the model." in told(places=1)


def test_who_has_left_is_offered_no_table(tab, send):
    (*_, last) = run(tab, [send("a.wav")])
    assert last.is_kept
    tab.service.leave(ANNA)
    offered = tab.offer(ANNA)
    assert not offered[tab.keeping]["visible"] and offered[tab.table_links] == ""


def test_others_use_the_model_between_batches(tab, send, asr, monkeypatch):
    monkeypatch.setattr(several_run, "BATCH", 1)
    begin(tab, [send(f"{i}.wav", seed=i) for i in range(3)], None, ANNA)
    came_through: list[bool] = []

    def come_through() -> None:
        came_through.append(asr.backbone.lock.acquire(timeout=5))
        if came_through[-1]:
            asr.backbone.lock.release()

    for _ in steps_of(tab):
        other = threading.Thread(target=come_through)
        other.start()
        other.join()
    assert came_through == [True] * 5  # before, after each of the three, and at the end


def test_without_references_there_is_no_rate_at_all(tab, send):
    last = run(tab, [send("a.wav"), send("b.wav", seed=1)])[-1]
    outcome, links = last.outcome, last.links
    assert last.left_over == ""
    for word in ("WER", "Change", "interval", "error"):
        assert word not in outcome
    lines = list(csv.DictReader(io.StringIO(saved(links)[TABLE].decode("utf-8-sig"), newline="")))
    assert {line["base WER"] + line["adapted WER"] + line["change of WER"] for line in lines} == {""}


def test_what_anybody_wrote_stays_text(tab, send):
    table = f"file,meant,speaker,note\n{ATTACK}.wav,{ATTACK},{ATTACK},{ATTACK}\n<b>x</b>,y,,\n"
    steps = run(tab, [send(f"{ATTACK}.wav"), send("<i>.wav", b"no")], send("l.csv", table.encode()))
    page = "".join(step.status + step.left_over + step.outcome for step in steps) + steps[-1].links
    assert "&lt;script&gt;" in page
    assert not re.search("<(script|b>x|i>)", page)
    report = saved(tab.report(ATTACK, ATTACK, True, ANNA))[REPORT].decode()
    assert "&lt;script&gt;" in report and "<script" not in report and "<i>" not in report


def test_a_row_opens_the_recording_with_what_was_meant(tab, send):
    zipped = io.BytesIO()
    inner = Path(send("inner.wav", seed=3)["path"]).read_bytes()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("v/bad.wav", "no sound")
        archive.writestr("v/in.wav", inner)
    sent = [send("a.wav"), send("v.zip", zipped.getvalue())]
    run(tab, sent, send("l.csv", b"file,meant,simulated\nin,call me,1\n"))
    for each in (Path(sent[1]["path"]), Path(sent[1]["path"]).parent):
        os.utime(each, (1e9, 1e9))
    path, reference, verbatim, brought, note, model, language = tab.open(SimpleNamespace(row=1), ANNA)
    assert Path(path).read_bytes() == inner and Path(path).name == "in.wav"
    assert (reference, model, language) == ("call me", "bundled", "en")
    assert verbatim == "" and take_out_example(reference, brought) == (
        "",
        "",
    )  # of another recording; goes with its own
    assert "From your recordings: v/in.wav (simulated)" in note
    assert Path(tab.open(SimpleNamespace(row=0), ANNA)[0]).read_bytes() == Path(sent[0]["path"]).read_bytes()
    assert folder.came_at(Path(path)) == pytest.approx(folder.came_at(Path(sent[1]["path"])))  # goes when that does
    Path(sent[0]["path"]).unlink()  # half an hour later
    with pytest.raises(gr.Error, match=notices.RECORDING_GONE):
        tab.open(SimpleNamespace(row=0), ANNA)


def test_a_full_disk_is_said_wherever_it_fills(tab, send, cache, monkeypatch):
    def full(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    sent = [send("a.wav"), send("b.wav", seed=1)]
    run(tab, sent)
    before = sorted(cache.rglob("*"))
    with monkeypatch.context() as patch, pytest.raises(gr.Error, match=notices.DISK_FULL):
        patch.setattr("hyper.ui.visitors.own_files.shutil.copyfile", full)
        tab.open(SimpleNamespace(row=0), ANNA)
    for where in ("os.link", "os.mkdir"):  # of the recordings, of the folder for them
        with monkeypatch.context() as patch, pytest.raises(gr.Error, match=r"[Tt]he disk") as caught:
            patch.setattr(where, full)
            patch.setattr("shutil.copyfile", full)
            run(tab, sent)
        assert caught.value.title in ("These files cannot be used", "No room left")
    assert sorted(cache.rglob("*")) == before
    assert "a.wav" in run(tab, sent)[-1].outcome  # there is room again


def test_nothing_of_one_visitor_reaches_another_or_stays(tab, send):
    run(tab, [send("a.wav")])
    for ask in (lambda: tab.open(SimpleNamespace(row=0), PETER), lambda: tab.report("", "", True, PETER)):
        with pytest.raises(gr.Error, match=several.NO_OUTCOME):
            ask()
    tab.service.leave(ANNA)
    with pytest.raises(gr.Error, match=several.NO_OUTCOME):
        tab.report("", "", True, ANNA)


def test_whoever_leaves_ends_the_run_and_it_leaves_nothing(tab, send, cache, monkeypatch):
    monkeypatch.setattr(several_run, "BATCH", 1)
    begin(tab, [send(f"{i}.wav", seed=i) for i in range(4)], None, ANNA)
    steps = steps_of(tab)
    next(steps), next(steps)
    tab.service.leave(ANNA)
    assert len(list(steps)) == 1  # nothing more is transcribed
    assert tab.batches.outcome("anna") is None and not list(cache.glob("tmp*"))


def test_a_new_run_ends_the_one_before_and_its_outcome_counts(tab, send, monkeypatch):
    monkeypatch.setattr(several_run, "BATCH", 1)
    files = [send(f"{i}.wav", seed=i) for i in range(4)]
    begin(tab, files, None, ANNA)
    first = steps_of(tab)
    next(first)
    run(tab, files[:1])
    assert "Stopped: 0 of 4" in list(first)[-1].status
    assert len(tab.batches.outcome("anna").shown) == 1


@pytest.mark.parametrize(
    ("sent", "table", "title", "words"),
    [
        ([], None, "Nothing to transcribe", several.NO_RECORDINGS),
        ([("v.zip", b"no")], None, "These files cannot be used", "v.zip is not a zip archive"),
        ([("a.wav", None)], ("l.csv", b"x,y\n1,2\n"), "These files cannot be used", "one must be called `file`"),
        ([("a.wav", None)], ("l.pdf", b"x"), "These files cannot be used", "l.pdf is not a table"),
    ],
)
def test_errors_are_notices_and_leave_nothing(tab, send, cache, sent, table, title, words):
    with pytest.raises(gr.Error) as caught:
        run(tab, [send(*each) for each in sent], send(*table) if table else None)
    assert caught.value.title == title and words in caught.value.message
    assert not list(cache.glob("tmp*"))


def test_files_are_held_until_they_are_replaced(tab, send):
    one, two, table = send("a.wav"), send("b.wav", seed=1), send("l.csv", b"file\n")
    tab.track([one, two], table, ANNA)
    tab.service.uploads.hold("anna", "one recording", [two["path"]])  # opened in the first tab
    tab.track([one], None, ANNA)
    assert Path(one["path"]).exists() and Path(two["path"]).exists() and not Path(table["path"]).exists()
    tab.service.uploads.hold("anna", "one recording", [])
    assert not Path(two["path"]).exists()
    tab.service.uploads.release("anna")
    assert not Path(one["path"]).parent.exists()


def test_the_file_names_go_into_the_report_only_when_asked_for_or_listed(tab, send):
    sent = [send("listed.wav"), send("Jane Doe.wav", seed=1), send("John Doe.wav", b"no")]
    run(tab, sent, send("l.csv", b"file,meant\nlisted.wav,call me\n"))
    without, with_names = (saved(tab.report("", "", ask, ANNA))[REPORT].decode() for ask in (False, True))
    assert "listed.wav" in without and "Doe" not in without
    assert "Jane Doe.wav" in with_names and "John Doe.wav" in with_names


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "less than a minute left"), (80, "about 1 minute left"), (400, "about 7 minutes left")],
)
def test_time_left_in_words(seconds, words):
    assert words in several_html.progress_html(1, 10, seconds)
    assert 'value="1" aria-label="recordings transcribed"' in several_html.progress_html(1, 10, seconds)


def test_change_in_words_and_to_sort_by(tab, send, asr):
    sent = [send(f"{i}.wav", seed=i) for i in range(6)]
    table = "file,meant\n" + "".join(f"{i},turn on the light in the hall {i}\n" for i in range(6))
    outcome = run(tab, sent, send("l.csv", table.encode()))[-1].outcome
    evaluation = tab.batches.outcome("anna").evaluation
    cells = re.findall(r'data-name="Change" data-value="([-\d.e]+)">([\w ]+)<', outcome)
    assert len(cells) == 6
    for utterance, (value, words) in zip(evaluation.utterances, cells, strict=True):
        more = utterance.adapted.errors.n_errors - utterance.base.errors.n_errors
        assert float(value) == pytest.approx(utterance.adapted.errors.wer - utterance.base.errors.wer)
        assert words.split()[0] == (str(abs(more)) if more else "none")
        assert words.endswith("fewer") == (more < 0) and words.endswith("more") == (more > 0)


def test_the_examples_are_a_list_like_a_visitors_own_and_said_to_be_simulated_where_they_are(tab, send):
    made = [("a.wav", "turn on the light", True), ("b.wav", "=1, or not", False)]
    paths = {name: send(name, seed=seed)["path"] for seed, (name, *_) in enumerate(made)}
    examples = [Example(Path(paths[name]), meant, name, "CC0", is_simulated=flag) for name, meant, flag in made]
    with gr.Blocks():
        button = ExamplesAsList(TriedExamples(tab.service, examples))
    files, table = button.take_examples("bundled")
    assert [each.value for each in button.buttons] == ["Try it with the examples"] and files == list(paths.values())
    tab.begins += button.buttons
    assert begin(tab, [{"path": each} for each in files], None, ANNA)[button.buttons[0]]["interactive"] is False
    assert tab.end()[button.buttons[0]]["interactive"] and tab.examples.buttons == []  # where there are no examples
    last = run(tab, [{"path": each} for each in files], {"path": table})[-1]
    assert last.left_over == "" and last.is_kept
    rows = [each.recording for each in tab.batches.outcome("anna").evaluation.utterances]
    assert {row.file: row.simulated for row in rows} == {"a.wav": True, "b.wav": False}
    assert next(row.reference for row in rows if row.simulated) == "turn on the light"


def test_flags_of_both_rows_stand_in_the_table(tab, send):
    noise = io.BytesIO()
    soundfile.write(noise, np.random.default_rng(0).uniform(-0.3, 0.3, SAMPLE_RATE), SAMPLE_RATE, format="WAV")
    outcome = run(tab, [send("noise.wav", noise.getvalue())])[-1].outcome
    reasons = [flag.reason for flag in tab.batches.outcome("anna").evaluation.utterances[0].base.flags]
    assert any("stand out from its own background noise" in reason for reason in reasons)
    assert "<b>Base:</b>" in outcome and "<b>Adapted:</b>" in outcome
    assert outcome.count("stand out from its own background noise") == 2


def test_what_is_typed_for_the_report_on_one_list_goes_with_the_next():
    with gr.Blocks() as demo:
        own = SeveralTab(SimpleNamespace(batches=None), SimpleNamespace(all=[]))
        filled = [gr.State() for _ in range(5)]
        own.connect(SimpleNamespace(model=gr.State(), language=gr.State(), filled=filled))
    typed = [own.subject, own.remarks, own.with_names]
    (step,) = (each for each in demo.fns.values() if each.outputs == typed)
    assert step.targets == [(own.sent._id, "change"), (own.list._id, "change")]
    assert step.js == '() => ["", "", false]' and step.fn is None  # in the page itself


@pytest.mark.parametrize(("subject", "remarks"), [("x" * 20_001, ""), ("", "x" * 20_001)])
def test_a_report_takes_no_endless_text(tab, send, subject, remarks):
    run(tab, [send("a.wav")])
    with pytest.raises(gr.Error, match=r"is 20,001 characters long, but the limit is 20,000; please shorten it\."):
        tab.report(subject, remarks, True, ANNA)


LISTED = "file,what was meant,speaker\na.wav,turn on the light,p1\nb.wav,,p1\n"


def corrected(tab: SeveralTab, row: int, text: str, who=ANNA) -> dict:
    return tab.correct(SimpleNamespace(row=row, text=text), who)


def test_columns_that_are_not_understood_are_told_before_anything_is_transcribed(tab, send):
    begin(tab, [send("a.wav")], send("l.csv", f"file;Ziel;{ATTACK}\na.wav;Licht an;p1\n".encode()), ANNA)
    told = next(steps_of(tab)).left_over
    assert f"{several_html.NOTHING_MEANT}:</b> Ziel; &lt;script&gt;alert(1)&lt;/script&gt;<" in told
    assert "Columns that are understood:</b> file; what was meant; speaker; note; simulated<" in told
    begin(tab, [send("a.wav", seed=1)], send("l.csv", b"file;meant;Sprecher\na.wav;on;p1\n", seed=1), ANNA)
    assert f"{several_html.UNKNOWN}:</b> Sprecher<" in next(steps_of(tab)).left_over


def test_cohorts_that_are_read_as_typical_are_told(tab, send):
    begin(tab, [send("a.wav")], send("l.csv", b"file,meant,cohort\na.wav,on,Control\nb.wav,off,HC\n"), ANNA)
    assert "Cohorts of your list that are read as typical speech:</b> Control; HC<" in next(steps_of(tab)).left_over


def test_a_recording_whose_text_was_typed_is_not_said_to_be_left_over(tab, send):
    sent = [send("a.wav"), send("b.wav", seed=2), send("c.wav", seed=3)]
    run(tab, sent, send("l.csv", b"file,meant\na.wav,turn on the light\nd.wav,hello\n"))
    told = "without a line in your list, so not counted:</b> "
    assert f"{told}c.wav<" in (after := corrected(tab, 1, "call me")[tab.left_over]) and "d.wav" in after
    assert told not in (after := corrected(tab, 2, "call me")[tab.left_over]) and "d.wav" in after
    assert f"{told}b.wav<" in corrected(tab, 1, "")[tab.left_over]


def test_a_text_that_is_corrected_is_counted_at_once_everywhere(tab, send):
    first = run(tab, [send("a.wav"), send("b.wav", seed=2)], send("l.csv", LISTED.encode()))[-1]
    heard = tab.batches.outcome("anna").evaluation.utterances[0].base.text
    meant = f"{heard.strip()} indeed"
    shown = corrected(tab, 0, f"  {meant} ")
    outcome, links, report = (shown[each] for each in (tab.outcome, tab.table_links, tab.report_links))
    evaluation = tab.batches.outcome("anna").evaluation
    assert evaluation.utterances[0].recording.reference == meant
    assert evaluation.utterances[0].base.errors == word_errors(meant, heard)
    assert evaluation.group("all", "all").base == evaluation.group("speaker", "p1").base == word_errors(meant, heard)
    assert f"{100 * word_errors(meant, heard).wer:.1f}" in outcome and outcome != first.outcome and report == ""
    (line, _) = csv.DictReader(io.StringIO(saved(links)[TABLE].decode("utf-8-sig"), newline=""))
    assert (line["what was meant"], line["base deleted"]) == (meant, "1")
    assert tab.batches.outcome("anna").place_of(evaluation.utterances[0].recording)  # it still opens
    assert "indeed" in saved(tab.report("", "", True, ANNA))[REPORT].decode()
    emptied = corrected(tab, 0, "")[tab.outcome]
    assert tab.batches.outcome("anna").evaluation.groups == () and "nothing is counted" in emptied


def test_only_what_was_counted_can_be_corrected_and_only_by_its_visitor(tab, send):
    steps = run(tab, [send("a.wav"), send("b.wav", seed=2)], send("l.csv", LISTED.encode()))
    assert steps[-1].outcome.count("<textarea") == 2 and "<textarea" not in steps[-2].outcome
    assert re.findall(r'data-wrong="(\d+)"', steps[-1].outcome)[1] == "0"
    with pytest.raises(gr.Error, match="press Transcribe all again"):
        corrected(tab, 0, "mine", PETER)
    with pytest.raises(gr.Error, match="What was meant is 20,001 characters long"):
        corrected(tab, 0, "x" * 20_001)
    assert "<textarea" not in run(tab, [send("c.wav", seed=4)])[-1].outcome  # no list, nothing counted
