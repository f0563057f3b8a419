"""Trust, the second reference, strength and files: what the page says of them, and what is kept of a visitor."""

from __future__ import annotations

import base64
import errno
import io
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import gradio as gr
import numpy as np
import pytest
import soundfile
from safetensors import SafetensorError
from test_ui_panels import TextOf, comparison, text_of

from hyper.compare.confidence import WordConfidence
from hyper.compare.export import ExportError
from hyper.compare.guards import LEFT_OUT, Flag
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.word_times import PairTimes, WordTime
from hyper.model.lora import StrengthError
from hyper.plots.sweep import SWEEP, UNCOUNTED_SWEEP
from hyper.recordings.audio import SAMPLE_RATE
from hyper.reports.timed_text import transcript_text
from hyper.ui import adaptation_files, marks, notices, panels, server
from hyper.ui.cards.calibration import reliability_html
from hyper.ui.cards.keep import KeepCard
from hyper.ui.cards.strength import StrengthCard
from hyper.ui.cards.takeaway import TakeawayCard
from hyper.ui.examples import Example
from hyper.ui.model_store import ModelStore
from hyper.ui.numbers import short_percent
from hyper.ui.service import Asked, Service
from hyper.ui.tabs.how import HowTab
from hyper.ui.tabs.one_recording import OneRecordingTab
from hyper.ui.templates import TEMPLATES
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors.cache import RecordingCache
from hyper.ui.visitors.uploads import Uploads

MEANT, SAID = "call my sister", "c c call my my sister"
SURE, UNSURE = WordConfidence("turn", 0.95), WordConfidence("<b>off", 0.31)
ATTACK = "<script>alert(1)</script>"
PARTS = TEMPLATES.get_template("parts.html.jinja").module


# Marks.


def transcript_html(text: str, words: tuple[WordConfidence, ...]) -> str:
    return str(PARTS.transcript(SimpleNamespace(text=text, words=words)))


def sureness_html(words: tuple[WordConfidence, ...]) -> str:
    return str(PARTS.sureness("Base", words, "en"))


def test_a_word_that_is_not_sure_is_marked_without_colour_and_stays_text():
    html = transcript_html("turn <b>off", (SURE, UNSURE))
    assert html == 'turn <u class="hw-unsure" title="not sure: 31 %">&lt;b&gt;off</u>'
    assert transcript_html("turn", (SURE,)) == "turn"
    assert transcript_html("turn <b>", ()) == "turn &lt;b&gt;"


def test_how_sure_of_each_word_unfolds_and_nothing_is_certain():
    text = text_of(sureness_html((SURE, UNSURE, WordConfidence("now", 0.9999))))
    assert text == "Base: not sure of 1 of 3 words turn 95 % <b>off 31 % now 99 %"
    assert text_of(sureness_html((SURE,))).startswith("Base: sure of every word")
    assert sureness_html(()) == ""


def test_the_page_says_what_the_marks_mean_and_whether_anybody_checked():
    made = comparison("turn <b>off", "turn <b>off", base_words=(SURE, UNSURE))
    assert marks.NOT_CALIBRATED in panels.results_html(made, "bundled")
    assert marks.CALIBRATED in panels.results_html(replace(made, is_calibrated=True), "bundled")
    assert "fewer than 7 in 10" in marks.CALIBRATED and "below 70 %" in marks.NOT_CALIBRATED
    unmarked = panels.results_html(replace(made, base=replace(made.base, words=(SURE,))), "bundled")
    assert marks.NOT_CALIBRATED not in unmarked and marks.CALIBRATED not in unmarked


@pytest.mark.parametrize(
    ("base", "meant", "is_said"),
    [
        ("turn of", "turn off", True),
        ("turn of", "turn of", False),
        ("turn of", None, False),
        ("turn on", "turn off", False),
    ],
)
def test_where_a_box_takes_the_place_of_a_question_mark_the_page_says_so(base, meant, is_said):
    words = tuple(WordConfidence(word, 0.3 if word == "of" else 0.9) for word in base.split())
    html = panels.results_html(comparison(base, base, meant, base_words=words), "bundled")
    assert (marks.BOXED in text_of(html)) is is_said


def test_a_pair_that_was_never_calibrated_says_what_to_run():
    assert "python -m hyper calibrate" in text_of(reliability_html(None))


def test_a_row_of_which_words_were_left_out_is_not_called_uncertain_for_that():
    made = comparison("turn on", "turn off")
    left_out = Flag(LEFT_OUT, 8.0, None, "In 8 s nobody speaks.")
    both = (left_out, Flag("length", "length", None, "Too long."))
    made = replace(made, base=replace(made.base, flags=(left_out,)), adapted=replace(made.adapted, flags=both))
    text = text_of(panels.results_html(made, "bundled"))
    assert "Base: words left out In 8 s nobody speaks. Adapted: uncertain In 8 s nobody speaks. Too long." in text


def test_both_rows_give_every_reason():
    flags = (Flag("loop", "repetition", None, f"It repeats {ATTACK}."), Flag("length", "length", None, "Too long."))
    made = comparison("turn on", "turn off")
    made = replace(made, base=replace(made.base, flags=flags), adapted=replace(made.adapted, flags=flags[1:]))
    html = panels.results_html(made, "bundled")
    assert f"Base: uncertain It repeats {ATTACK}. Too long. Adapted: uncertain Too long." in text_of(html)
    assert "script" not in TextOf(html).tags


def test_another_model_is_offered_right_under_the_verdict_that_asks_for_it():
    made = comparison("turn on", "turn off")
    looped = replace(made, adapted=replace(made.adapted, flags=(Flag("loop", "repetition", None, "It repeats."),)))
    html = panels.results_html(looped, "bundled", offer=ATTACK)
    assert f"{panels.DOUBTS['signs']} {ATTACK} What was heard" in text_of(html)
    for unasked in (made, silent("thank you", "thank you")):
        assert ATTACK not in text_of(panels.results_html(unasked, "bundled", offer=ATTACK))


# Nobody speaks.


def silent(base: str, adapted: str | None, **changes):
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 8000).astype(np.float32)
    return comparison(base, adapted, waveform=noise, **changes)


def test_where_nobody_speaks_the_words_are_folded_away():
    made = silent("thank you", "thanks a lot", base_words=(WordConfidence("thank", 0.5), WordConfidence("you", 0.9)))
    html = panels.results_html(made, "bundled")
    shown = re.sub(r"<details.*?</details>", "", html, flags=re.S)
    assert text_of(shown).count(marks.NO_SPEECH) == 2 and panels.DOUBTS["no speech"] in text_of(shown)
    assert "thank" not in text_of(shown) and "stand out from its own background noise" in text_of(shown)
    folded = re.findall(r"<details.*?</details>", html, flags=re.S)
    assert [text_of(fold) for fold in folded] == [
        "What the model wrote anyway thank you", "What the model wrote anyway thanks a lot"
    ]  # fmt: skip
    assert marks.CALIBRATED not in html and panels.NO_REFERENCE not in html


def test_errors_of_hidden_words_are_hidden_with_them():
    reference = "call the nurse"
    html = panels.results_html(silent("you", "you", reference=reference), "bundled")
    assert "%" not in text_of(re.sub(r"<details.*?</details>", "", html, flags=re.S))
    assert "characters (CER)" in text_of(html)


def test_one_row_that_hears_nobody_hides_only_its_own_words():
    made = silent("thank you", "")
    text = text_of(panels.results_html(made, "bundled"))
    assert panels.DOUBTS["no speech"] in text
    assert marks.NO_WORDS in text and text.count(marks.NO_SPEECH) == 1
    alone = text_of(panels.results_html(silent("thank you", None), "openai/whisper-tiny"))
    assert panels.DOUBTS["no speech"] in alone


# Two references.


def test_both_references_stand_in_one_table():
    base, adapted = "call my my sister", MEANT  # each is the better one by one of the references
    made = comparison(base, adapted, MEANT, SAID)
    table = text_of(panels.results_html(made, "bundled"))
    assert "words wrong (WER) intended verbatim" in table
    assert "Base 33.3 % (1 of 3) 33.3 % (2 of 6)" in table and "Adapted 0 % (0 of 3) 50 % (3 of 6)" in table
    assert "Intended is what was meant; verbatim is every sound that was said" in table
    assert "verbatim" not in panels.results_html(comparison(base, adapted, MEANT), "bundled")
    only_said = comparison(base, None, verbatim=SAID)
    assert "Base – 33.3 % (2 of 6)" in text_of(panels.results_html(only_said, "bundled"))
    html = panels.results_html(replace(made, verbatim=ATTACK), "bundled")
    assert "What was said: " + ATTACK in text_of(html) and "script" not in TextOf(html).tags


# What is kept of a visitor.


def test_what_is_prepared_for_whoever_has_left_is_not_kept():
    cached = RecordingCache()

    def prepare(kept: object, leaves: bool) -> object:
        if leaves:
            cached.drop("anna")
        return kept

    assert cached.get("anna", "a.wav", lambda: prepare("encoded", True)) == "encoded" and len(cached) == 0
    assert cached.get("anna", "a.wav", lambda: prepare("anew", False)) == "anew" and cached.sessions() == {"anna"}
    with pytest.raises(KeyError):
        cached.get("anna", "b.wav", lambda: {}["damaged"])
    assert cached.sessions() == set()


def test_a_few_recordings_are_kept_and_the_oldest_makes_room():
    prepared: list[str] = []

    def prepare(name: str):
        return lambda: prepared.append(name) or SimpleNamespace(name=name)

    cached = RecordingCache(size=2)
    assert cached.get("anna", "a.wav", prepare("a")) is cached.get("anna", "a.wav", prepare("a again"))
    cached.get("peter", "p.wav", prepare("p"))
    cached.get("anna", "a.wav", prepare("a again"))  # used last: peter's is now the oldest
    cached.get("john", "j.wav", prepare("j"))
    assert prepared == ["a", "p", "j"] and len(cached) == 2
    cached.get("anna", "a.wav", prepare("a again"))
    cached.get("peter", "p.wav", prepare("p again"))  # dropped before, so encoded again
    assert prepared == ["a", "p", "j", "p again"]
    cached.get("peter", "other.wav", prepare("other"))
    assert prepared[-1] == "other" and len(cached) == 2
    cached.drop("peter")
    cached.drop("nobody")
    assert len(cached) == 1
    assert cached.get(None, "x.wav", prepare("x")) is not cached.get(None, "x.wav", prepare("y"))
    assert len(cached) == 1  # without a visitor nothing is cached


def test_files_of_every_kind_go_with_their_visitor(tmp_path):
    uploads = Uploads(tmp_path)
    files = {kind: tmp_path / kind / "file" for kind in ("recording", "adapter", "newer")}
    for file in files.values():
        file.parent.mkdir()
        file.write_text("x")
    uploads.hold("anna", "one recording", [str(files["recording"])])
    uploads.hold("anna", "adapter.zip", [files["adapter"]])
    assert files["recording"].exists()  # another kind takes no place
    uploads.hold("anna", "adapter.zip", [files["newer"]])
    assert not files["adapter"].parent.exists()
    uploads.release("anna")
    assert list(tmp_path.iterdir()) == []


# Handlers.


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    return tmp_path / "gradio"


@pytest.fixture
def tab(backbone, make_hypernet, cache) -> OneRecordingTab:
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "random")
    service = Service(ModelStore(asr, "bundled", server.load_by_name), Uploads(cache))
    with gr.Blocks(), gr.Tabs():
        tab = OneRecordingTab(service, TriedExamples(service, []))
        HowTab(tab)
        return tab


@pytest.fixture
def card_of(tab):
    """The card of a kind."""
    return lambda kind: next(card for card in tab.cards if isinstance(card, kind))


@pytest.fixture
def asked(speech_like, tmp_path) -> Asked:
    soundfile.write(tmp_path / "a.wav", speech_like(1.5), SAMPLE_RATE)
    return Asked(str(tmp_path / "a.wav"), MEANT, "bundled", "en", "recording", "")


@pytest.fixture
def encodes(backbone, monkeypatch) -> list[int]:
    """One entry for each time that the encoder runs."""
    counted: list[int] = []
    encode = type(backbone).encode
    monkeypatch.setattr(type(backbone), "encode", lambda self, log_mel: counted.append(1) or encode(self, log_mel))
    return counted


def of(session: str) -> gr.Request:
    return SimpleNamespace(session_hash=session)


def test_another_strength_decodes_again_and_encodes_nothing(tab, asked, encodes):
    shown = tab.cards[0].panels
    first = next(tab.compare_on_page(of("anna"), lambda *_, **__: None, *asked))[shown]
    assert len(encodes) == 1
    asr, cache = tab.service.models.get("bundled"), tab.service.cache
    for times in (0.0, 0.5, 2.0):
        values = next(tab.compare_at_strength(of("anna"), *asked._replace(strength=times)))
        cached = cache.get("anna", (asked.recording, "bundled", "en", "recording"), pytest.fail)
        assert values[shown] == panels.results_html(
            asr.compare_prepared(cached, MEANT, times), "bundled", asked.recording, name="a.wav"
        )
        assert values[shown] != first
    assert len(encodes) == 1
    next(tab.compare_at_strength(of("peter"), *asked))  # another visitor's is not his
    assert len(encodes) == 2
    tab.track(None, of("anna"))
    tab.service.leave(of("peter"))
    assert len(cache) == 0


def test_the_sweep_shows_each_strength_and_encodes_nothing(tab, card_of, asked, encodes):
    next(tab.compare_on_page(of("anna"), lambda *_, **__: None, *asked))
    card = card_of(StrengthCard)
    values = card.sweep_on_page(of("anna"), *asked)
    figure, html = json.loads(values[card.plot].plot), values[card.table]
    assert len(encodes) == 1 and len(figure["data"][0]["x"]) == 9
    text = text_of(html)
    row = tab.service.models.get("bundled").compare(asked.recording, MEANT, strength=1.5).adapted
    written = marks.NO_SPEECH if row.heard_nobody else re.sub(r"\s+", " ", row.text)
    assert f"1.5 {short_percent(row.errors.wer)} {written}".strip() in text
    assert re.findall(r'download="([^"]+)"', html) == ["strength.png", "strength.pdf"]
    assert SWEEP.reading in text_of(values[card.caption])
    untold = card.sweep_on_page(of("anna"), *asked._replace(reference=""))
    assert UNCOUNTED_SWEEP.reading in text_of(untold[card.caption])


@pytest.mark.parametrize("make", ["adapter_zip", "merged_zip"])
def test_the_files_to_take_away_are_gone_with_the_visitor(tab, card_of, asked, cache, make):
    card = card_of(TakeawayCard)
    first = getattr(card, make)(of("anna"), *asked)
    second = getattr(card, make)(of("anna"), *asked._replace(strength=0.5))
    files = [file for file in cache.rglob("*") if file.is_file()]
    assert [str(file) for file in files] == [second] and first != second
    with ZipFile(io.BytesIO(files[0].read_bytes())) as archive:
        folders = {name.split("/")[0] for name in archive.namelist()}
        readme = archive.read(f"{files[0].stem}/README.md").decode()
    assert folders == {files[0].stem} and "strength 0.5" in readme
    tab.service.leave(of("anna"))
    assert list(cache.rglob("*")) == []


@pytest.mark.parametrize("make", ["adapter_zip", "merged_zip"])
@pytest.mark.parametrize("words", ["Error while serializing: I/O error: No space left on device (os error 28)", None])
def test_a_full_disk_is_said_where_the_files_to_take_away_are_made(
    tab, card_of, asked, cache, monkeypatch, make, words
):
    def full(*_args: object, **_options: object) -> None:
        raise SafetensorError(words) if words else OSError(errno.ENOSPC, "No space left on device")

    for where in ("hyper.compare.export.save_file", "transformers.PreTrainedModel.save_pretrained"):
        monkeypatch.setattr(where, full)
    with pytest.raises(gr.Error, match=notices.DISK_FULL):
        getattr(card_of(TakeawayCard), make)(of("anna"), *asked)
    assert [file for file in cache.rglob("*") if file.is_file()] == []
    assert tab.service.compare(asked, "anna").base.text  # the model is as it was


def saved(html: str) -> dict[str, bytes]:
    """The files that links hold."""
    links = re.findall(r'download="([^"]+)" href="data:[^,]+;base64,([^"]+)"', html)
    return {name: base64.b64decode(content) for name, content in links}


def test_the_transcripts_and_the_report_are_links_and_nothing_is_written(tab, card_of, asked, cache):
    made = tab.service.compare(asked, "anna")
    card, stem = card_of(KeepCard), Path(asked.recording).stem
    html = card.render(made, asked)[card.files]
    files = saved(html)
    assert [name.removeprefix(stem) for name in files] == [
        "-adapted.txt", "-adapted.srt", "-adapted.vtt", "-base.txt", "-base.srt", "-base.vtt", ".TextGrid",
    ]  # fmt: skip
    assert files[f"{stem}-base.srt"].decode() == transcript_text(made, "srt", "base")
    assert files[f"{stem}.TextGrid"].decode() == transcript_text(made, "textgrid")
    assert unescape(re.findall(r'data-copy="([^"]*)"', html)[1]) == made.base.text.strip()
    reports = saved(card.report(of("anna"), "Case <12>", *asked))
    assert list(reports) == [f"{stem}-report.pdf", f"{stem}-report.html"]
    page = reports[f"{stem}-report.html"].decode()
    assert "Case &lt;12&gt;" in page and "comes with HyperWhisper" not in page
    assert [file for file in cache.rglob("*") if file.is_file()] == []
    with pytest.raises(gr.Error, match="The subject is 20,001 characters long"):
        card.report(of("anna"), "x" * 20_001, *asked)


def test_the_report_on_an_example_says_that_it_is_simulated(card_of, asked, cache):
    card = card_of(KeepCard)
    card.inputs = SimpleNamespace(examples=[Example(Path(asked.recording), "", "simulated stuttering, mild", "")])
    page = saved(card.report(of("anna"), "", *asked))[f"{Path(asked.recording).stem}-report.html"].decode()
    assert "This is an example that comes with HyperWhisper: simulated stuttering, mild." in page


def test_where_nobody_speaks_there_is_nothing_to_keep(card_of, asked):
    card = card_of(KeepCard)
    silence = comparison("invented", "invented", waveform=np.zeros(8000, np.float32))
    assert card.render(silence, asked) == card.clear()


def test_words_that_the_page_hides_are_not_handed_out(card_of, asked):
    card, stem = card_of(KeepCard), Path(asked.recording).stem
    made = comparison("Thanks for watching!", "turn on the light")
    nobody = Flag("no_voice", 0.0, 0.1, "Nothing in the recording sounds like a voice.")
    times = PairTimes((WordTime("Thanks", 0.1, 0.2),), (WordTime("turn", 0.1, 0.2),))
    made = replace(made, base=replace(made.base, flags=(nobody,)), word_times=times)
    html = card.render(made, asked)[card.files]
    files = saved(html)
    assert list(files) == [f"{stem}-adapted.txt", f"{stem}-adapted.srt", f"{stem}-adapted.vtt", f"{stem}.TextGrid"]
    assert "hanks" not in html and not any(b"hanks" in content for content in files.values())
    assert b'"adapted"' in files[f"{stem}.TextGrid"] and b'"turn"' in files[f"{stem}.TextGrid"]
    made = replace(made, base=made.adapted, adapted=made.base)  # the other row
    files = saved(card.render(made, asked)[card.files])
    assert list(files)[0] == f"{stem}-base.txt" and b'"turn"' not in files[f"{stem}.TextGrid"]


def test_of_adaptations_to_each_piece_none_is_saved_alone(tab, card_of, asked, cache, monkeypatch):
    of_pieces = replace(tab.service.compare(asked, "anna"), n_pieces=2)
    monkeypatch.setattr(Service, "compare", lambda *_, **__: of_pieces)
    card = card_of(TakeawayCard)
    with pytest.raises(gr.Error, match="Each piece of this recording has an adaptation of its own"):
        card.adapter_zip(of("anna"), *asked._replace(adaptation="piece"))
    assert [file for file in cache.rglob("*") if file.is_file()] == []
    card.adapter_zip(of("anna"), *asked)  # one for the whole recording


def test_a_large_model_is_not_sent(card_of, asked, monkeypatch, cache):
    monkeypatch.setattr(adaptation_files, "MERGED_LIMIT", 10)
    card = card_of(TakeawayCard)
    with pytest.raises(gr.Error, match="too large to be sent by this page. Take the adapter, or run: python -m hyper"):
        card.merged_zip(of("anna"), *asked)
    card.adapter_zip(of("anna"), *asked)
    assert len([file for file in cache.rglob("*") if file.is_file()]) == 1


@pytest.mark.parametrize("error", [StrengthError("The strength is 3"), ExportError("There is no hypernetwork")])
def test_errors_of_the_adaptation_become_notices(error):
    with pytest.raises(gr.Error) as caught, notices.errors_as_notices():
        raise error
    assert (caught.value.message, caught.value.title) == (str(error), "No adaptation available")
