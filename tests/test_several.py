"""Many recordings on the page, without a browser: matching, progress, cancel, opening, files to keep, privacy."""

from __future__ import annotations

import base64
import csv
import io
import re
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import openpyxl
import pytest
import soundfile

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.recordings.audio import SAMPLE_RATE
from hyper.recordings.manifest import ManifestRow
from hyper.ui import notices
from hyper.ui.model_store import ModelShelf
from hyper.ui.tabs import several_handlers, several_html
from hyper.ui.tabs.several_handlers import SeveralHandlers
from hyper.ui.visitors.lists import Batches
from hyper.ui.visitors.uploads import Uploads

ANNA, PETER = SimpleNamespace(session_hash="anna"), SimpleNamespace(session_hash="peter")
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
def handlers(asr, cache) -> SeveralHandlers:
    return SeveralHandlers(ModelShelf(asr, "bundled", lambda name: asr), Uploads(cache), Batches())


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


def run(handlers: SeveralHandlers, sent: list[dict], table: dict | None = None, who=ANNA) -> list[tuple]:
    """All that the page is given from Transcribe all to the end."""
    handlers.begin(sent, table, who)
    return list(handlers.transcribe("bundled", "en", who))


def saved(html: str) -> dict[str, bytes]:
    """The files behind the links."""
    links = re.findall(r'download="([\w.]+)" href="data:[\w/.+-]+;base64,([\w+/=]+)"', html)
    return {name: base64.b64decode(content) for name, content in links}


def test_good_bad_refused_and_unlisted_files_side_by_side(handlers, send, asr, cache):
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(send("inner.wav", seed=3)["path"], "visit/inner.wav")
        archive.writestr("visit/notes.txt", "no sound")
    listed = "file;what was meant;patient;note\nA;turn it on;p1;first\ninner.wav;call me;p2;\ngone.wav;hello;p1;\n"
    sent = [send("a.wav", seed=1), send("b.wav", seed=2), send("v.zip", zipped.getvalue()), send("bad.wav", b"no")]
    steps = run(handlers, sent, send("list.csv", listed.encode()))
    status, left_over, outcome, links, keep = steps[-1]
    assert "All 5 done. 2 could not be used" in status
    assert "without a line in your list, transcribed but not counted:</b> b.wav; visit/notes.txt; bad.wav" in left_over
    assert "Lines of your list without a recording:</b> line 4: gone.wav" in left_over
    assert "bad.wav is not an audio recording" in outcome and "notes.txt is not an audio recording" in outcome
    assert keep.visible is True

    rows = [ManifestRow("a.wav", Path(sent[0]["path"]), "turn it on"), ManifestRow("b.wav", Path(sent[1]["path"]))]
    direct = score_manifest(asr, rows).utterances
    lines = list(csv.DictReader(io.StringIO(saved(links)["recordings.csv"].decode("utf-8-sig"), newline="")))
    assert [line["file"] for line in lines] == ["a.wav", "b.wav", "visit/inner.wav", "visit/notes.txt", "bad.wav"]
    assert [(line["base"], line["adapted"]) for line in lines[:2]] == [(u.base.text, u.adapted.text) for u in direct]
    assert float(lines[0]["base WER"]) == direct[0].base.errors.wer
    assert lines[1]["base WER"] == "" and lines[0]["speaker"] == "p1" and lines[0]["note"] == "first"
    book = openpyxl.load_workbook(io.BytesIO(saved(links)["recordings.xlsx"]))
    assert book.sheetnames == ["recordings", "groups"]
    assert [row[1].value for row in book["recordings"].iter_rows(min_row=2)] == [line["file"] for line in lines]
    assert not list(cache.glob("tmp*"))  # nothing of the run stays on disk


def test_cancel_keeps_what_is_done(handlers, send, asr, monkeypatch):
    monkeypatch.setattr(several_handlers, "BATCH", 2)
    handlers.begin([send(f"{i}.wav", seed=i) for i in range(5)], None, ANNA)
    steps = handlers.transcribe("bundled", "en", ANNA)
    assert "0 of 5 done" in next(steps)[0]
    assert re.search("2 of 5 done, (less than a|about)", next(steps)[0])
    assert handlers.open(SimpleNamespace(row=1), ANNA)[2].count("1.wav") == 1  # what is done can be opened already
    button = handlers.stop(ANNA)
    assert button.interactive is False
    (last,) = steps
    assert "Stopped: 2 of 5 done." in last[0] and last[4].visible is True
    assert len(saved(last[3])["recordings.csv"].decode().splitlines()) == 1 + 2
    assert len(handlers.batches.outcome("anna").evaluation.utterances) == 2
    assert "report.pdf" in saved(handlers.report("", "", True, ANNA))


def test_others_use_the_model_between_batches(handlers, send, asr, monkeypatch):
    monkeypatch.setattr(several_handlers, "BATCH", 1)
    handlers.begin([send(f"{i}.wav", seed=i) for i in range(3)], None, ANNA)
    came_through: list[bool] = []

    def come_through() -> None:
        came_through.append(asr.backbone.lock.acquire(timeout=5))
        if came_through[-1]:
            asr.backbone.lock.release()

    for _ in handlers.transcribe("bundled", "en", ANNA):
        other = threading.Thread(target=come_through)
        other.start()
        other.join()
    assert came_through == [True] * 5  # before, after each of the three, and at the end


def test_without_references_there_is_no_rate_at_all(handlers, send):
    _, left_over, outcome, links, _ = run(handlers, [send("a.wav"), send("b.wav", seed=1)])[-1]
    assert left_over == ""
    for word in ("WER", "Change", "interval", "error"):
        assert word not in outcome
    lines = list(csv.DictReader(io.StringIO(saved(links)["recordings.csv"].decode("utf-8-sig"), newline="")))
    assert {line["base WER"] + line["adapted WER"] + line["change of WER"] for line in lines} == {""}


def test_what_anybody_wrote_stays_text(handlers, send):
    table = f"file,meant,speaker,note\n{ATTACK}.wav,{ATTACK},{ATTACK},{ATTACK}\n<b>x</b>,y,,\n"
    steps = run(handlers, [send(f"{ATTACK}.wav"), send("<i>.wav", b"no")], send("l.csv", table.encode()))
    page = "".join(part for step in steps for part in step if isinstance(part, str))
    assert "&lt;script&gt;" in page
    assert not re.search("<(script|b>x|i>)", page)
    report = saved(handlers.report(ATTACK, ATTACK, True, ANNA))["report.html"].decode()
    assert "&lt;script&gt;" in report and "<script" not in report and "<i>" not in report


def test_a_row_opens_the_recording_with_what_was_meant(handlers, send):
    zipped = io.BytesIO()
    inner = Path(send("inner.wav", seed=3)["path"]).read_bytes()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("v/bad.wav", "no sound")
        archive.writestr("v/in.wav", inner)
    sent = [send("a.wav"), send("v.zip", zipped.getvalue())]
    run(handlers, sent, send("l.csv", b"file,meant,simulated\nin,call me,1\n"))
    path, reference, note, model, language = handlers.open(SimpleNamespace(row=1), ANNA)
    assert Path(path).read_bytes() == inner and Path(path).name == "in.wav"
    assert (reference, model, language) == ("call me", "bundled", "en")
    assert "From your recordings: v/in.wav (simulated)" in note
    assert Path(handlers.open(SimpleNamespace(row=0), ANNA)[0]).read_bytes() == Path(sent[0]["path"]).read_bytes()
    Path(sent[0]["path"]).unlink()  # half an hour later
    with pytest.raises(gr.Error, match=notices.RECORDING_GONE):
        handlers.open(SimpleNamespace(row=0), ANNA)


def test_nothing_of_one_visitor_reaches_another_or_stays(handlers, send):
    run(handlers, [send("a.wav")])
    for ask in (lambda: handlers.open(SimpleNamespace(row=0), PETER), lambda: handlers.report("", "", True, PETER)):
        with pytest.raises(gr.Error, match=several_handlers.NO_OUTCOME):
            ask()
    handlers.leave(ANNA)
    with pytest.raises(gr.Error, match=several_handlers.NO_OUTCOME):
        handlers.report("", "", True, ANNA)


def test_whoever_leaves_ends_the_run_and_it_leaves_nothing(handlers, send, cache, monkeypatch):
    monkeypatch.setattr(several_handlers, "BATCH", 1)
    handlers.begin([send(f"{i}.wav", seed=i) for i in range(4)], None, ANNA)
    steps = handlers.transcribe("bundled", "en", ANNA)
    next(steps), next(steps)
    handlers.leave(ANNA)
    assert len(list(steps)) == 1  # nothing more is transcribed
    assert handlers.batches.outcome("anna") is None and not list(cache.glob("tmp*"))


def test_a_new_run_ends_the_one_before_and_its_outcome_counts(handlers, send, monkeypatch):
    monkeypatch.setattr(several_handlers, "BATCH", 1)
    files = [send(f"{i}.wav", seed=i) for i in range(4)]
    handlers.begin(files, None, ANNA)
    first = handlers.transcribe("bundled", "en", ANNA)
    next(first)
    run(handlers, files[:1])
    assert "Stopped: 1 of 4" in list(first)[-1][0]
    assert len(handlers.batches.outcome("anna").shown) == 1


@pytest.mark.parametrize(
    ("sent", "table", "title", "words"),
    [
        ([], None, "Nothing to transcribe", several_handlers.NO_RECORDINGS),
        ([("v.zip", b"no")], None, "These files cannot be used", "v.zip is not a zip archive"),
        ([("a.wav", None)], ("l.csv", b"x,y\n1,2\n"), "These files cannot be used", "one must be called `file`"),
        ([("a.wav", None)], ("l.pdf", b"x"), "These files cannot be used", "l.pdf is not a table"),
    ],
)
def test_errors_are_notices_and_leave_nothing(handlers, send, cache, sent, table, title, words):
    with pytest.raises(gr.Error) as caught:
        run(handlers, [send(*each) for each in sent], send(*table) if table else None)
    assert caught.value.title == title and words in caught.value.message
    assert not list(cache.glob("tmp*"))


def test_files_are_held_until_they_are_replaced(handlers, send):
    one, two, table = send("a.wav"), send("b.wav", seed=1), send("l.csv", b"file\n")
    handlers.keep_track([one, two], table, ANNA)
    handlers.uploads.hold("anna", two["path"])  # opened in the first tab
    handlers.keep_track([one], None, ANNA)
    assert Path(one["path"]).exists() and Path(two["path"]).exists() and not Path(table["path"]).exists()
    handlers.uploads.hold("anna", None)
    assert not Path(two["path"]).exists()
    handlers.uploads.release("anna")
    assert not Path(one["path"]).parent.exists()


def test_the_file_names_go_into_the_report_only_when_asked_for_or_listed(handlers, send):
    sent = [send("listed.wav"), send("Jane Doe.wav", seed=1), send("John Doe.wav", b"no")]
    run(handlers, sent, send("l.csv", b"file,meant\nlisted.wav,call me\n"))
    without, with_names = (saved(handlers.report("", "", ask, ANNA))["report.html"].decode() for ask in (False, True))
    assert "listed.wav" in without and "Doe" not in without
    assert "Jane Doe.wav" in with_names and "John Doe.wav" in with_names


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "less than a minute left"), (80, "about 1 minute left"), (400, "about 7 minutes left")],
)
def test_time_left_in_words(seconds, words):
    assert words in several_html.progress_html(1, 10, seconds)


def test_change_in_words_and_to_sort_by(handlers, send, asr):
    sent = [send(f"{i}.wav", seed=i) for i in range(6)]
    table = "file,meant\n" + "".join(f"{i},turn on the light in the hall {i}\n" for i in range(6))
    outcome = run(handlers, sent, send("l.csv", table.encode()))[-1][2]
    evaluation = handlers.batches.outcome("anna").evaluation
    cells = re.findall(r'data-name="Change" data-value="([-\d.e]+)">([\w ]+)<', outcome)
    assert len(cells) == 6
    for utterance, (value, words) in zip(evaluation.utterances, cells, strict=True):
        more = utterance.adapted.errors.n_errors - utterance.base.errors.n_errors
        assert float(value) == pytest.approx(utterance.adapted.errors.wer - utterance.base.errors.wer)
        assert words.split()[0] == (str(abs(more)) if more else "none")
        assert words.endswith("fewer") == (more < 0) and words.endswith("more") == (more > 0)


def test_flags_of_both_rows_stand_in_the_table(handlers, send):
    noise = io.BytesIO()
    soundfile.write(noise, np.random.default_rng(0).uniform(-0.3, 0.3, SAMPLE_RATE), SAMPLE_RATE, format="WAV")
    outcome = run(handlers, [send("noise.wav", noise.getvalue())])[-1][2]
    reasons = [flag.reason for flag in handlers.batches.outcome("anna").evaluation.utterances[0].base.flags]
    assert any("stand out from its own background noise" in reason for reason in reasons)
    assert "<b>Base:</b>" in outcome and "<b>Adapted:</b>" in outcome
    assert outcome.count("stand out from its own background noise") == 2


@pytest.mark.parametrize(("subject", "remarks"), [("x" * 20_001, ""), ("", "x" * 20_001)])
def test_a_report_takes_no_endless_text(handlers, send, subject, remarks):
    run(handlers, [send("a.wav")])
    with pytest.raises(gr.Error, match=r"is 20,001 characters long, but the limit is 20,000; please shorten it\."):
        handlers.report(subject, remarks, True, ANNA)
