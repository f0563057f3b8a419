"""Guided reading without a browser: what is read, what each button does, the table at the end."""

from __future__ import annotations

import base64
import re
from collections import Counter
from datetime import date
from functools import partial
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from hyper.compare.evaluation import Evaluation
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.speaker import split_references
from hyper.compare.utterance import Failure, ScoredUtterance
from hyper.metrics.word_errors import word_errors
from hyper.recordings.audio import save_audio
from hyper.recordings.manifest import ManifestRow
from hyper.speech.grammar import PATTERNS, SLOTS
from hyper.speech.phone_set import PHONES, SILENCE
from hyper.ui.languages import said
from hyper.ui.layout import SEVERAL
from hyper.ui.tabs import reading_html
from hyper.ui.tabs.reading import ReadingTab
from hyper.ui.tabs.reading import scored as scored_by
from hyper.ui.tabs.reading_state import Reading
from hyper.ui.tabs.reading_texts import ALL_SOUNDS, EVERYDAY, N_SHORT, READING_SETS
from hyper.ui.tabs.speaker import ONE_SPEAKER
from hyper.ui.visitors.results import Results

ANNA = SimpleNamespace(session_hash="anna")

# Words of the first ten sentences that have each phone, by ear: for machines without a synthesiser.
SPOKEN_IN = (
    "aa:father ae:jacket ah:under ao:caught aw:found ay:shines b:boy ch:kitchen d:day dh:the eh:yellow er:early "
    "ey:they f:found g:good hh:huge ih:bridge iy:bee jh:bridge k:kitchen l:old m:moon n:nose ng:sang ow:old oy:boy "
    "p:put r:treasure s:song sh:shelf t:put th:think uh:put uw:moon v:visit w:we y:young z:buzzed zh:treasure"
)


def test_the_short_set_has_every_phone_of_english_by_ear():
    by_ear = dict(pair.split(":") for pair in SPOKEN_IN.split())
    assert set(by_ear) == set(PHONES) - {SILENCE}
    words = set(" ".join(ALL_SOUNDS[:N_SHORT]).split())
    assert [word for word in by_ear.values() if word not in words] == []


def test_every_phone_is_spoken_by_the_synthesiser():
    from hyper.speech.engines import Espeak, SynthesisError

    try:
        espeak = Espeak()
    except SynthesisError as error:
        pytest.skip(str(error))
    spoken = [{phone.symbol for phone in espeak.speak(text, "en-us").phones} for text in ALL_SOUNDS]
    wanted = set(PHONES) - {SILENCE}
    assert wanted - set().union(*spoken[:N_SHORT]) == set()
    counts = Counter(symbol for symbols in spoken for symbol in symbols)
    assert min(counts[phone] for phone in wanted) >= 3


def test_sentences_are_short_plain_and_each_its_own():
    assert len(ALL_SOUNDS) == len(set(ALL_SOUNDS)) == 40
    for text in (*ALL_SOUNDS, *EVERYDAY):
        assert re.fullmatch(r"[a-z]+( [a-z]+){2,9}", text), text
    assert len(set(EVERYDAY)) == len(EVERYDAY)
    assert [len(each.phrases) for each in READING_SETS.values()] == [8, 20, 10, 40]
    for each in READING_SETS.values():
        assert f"({len(each.phrases)})" in each.label


@pytest.mark.parametrize("phrase", EVERYDAY)
def test_the_grammar_makes_every_everyday_request(phrase):
    patterns = (re.sub(r"\{(\w+)\}", lambda slot: f"({'|'.join(SLOTS[slot[1]])})", pattern) for pattern in PATTERNS)
    assert any(re.fullmatch(pattern, phrase) for pattern in patterns)


def test_what_each_button_makes_of_the_reading():
    reading = Reading.begin(("one", "two", "three", "four"))
    reading = reading.keep("1.wav").skip().keep("3.wav")
    assert (reading.position, reading.is_last) == (3, True)
    assert reading.read() == [("one", "1.wav"), ("three", "3.wav")]
    again = reading.back()
    assert (again.position, again.recording) == (2, "3.wav")
    assert again.redo().read() == [("one", "1.wav")] and again.redo().position == 2
    assert again.skip().read() == [("one", "1.wav")]
    assert again.keep("new.wav").read()[1] == ("three", "new.wav")
    assert Reading.begin(("one",)).back().position == 0
    for pressed_twice in (Reading.skip, Reading.redo, lambda ended: ended.keep("late.wav")):
        assert pressed_twice(reading.finish()) == reading.finish()
    ended = reading.finish()
    assert ended.is_finished and ended.recording is None and len(ended.read()) == 2
    assert hash(ended) != hash(reading)  # gradio tells by it whether the state changed


@pytest.fixture
def tab() -> ReadingTab:
    with gr.Blocks(), gr.Tabs():
        return ReadingTab(service=None)


def test_what_is_seen_at_each_point(tab):
    def seen(reading):
        values = tab.show(reading)
        following = values[tab.next]
        choose, read, buttons, *end = (
            values[block]["visible"] for block in (tab.choose, tab.read, tab.buttons, tab.count, tab.as_speaker)
        )
        return choose, read, buttons, following["interactive"], following["value"], *end

    begun = Reading.begin(("one", "two"))
    assert seen(None)[:2] == (True, False)
    assert seen(begun) == (False, True, True, False, said("Next"), False, False)
    assert seen(begun.keep("1.wav").back()) == (False, True, True, True, said("Next"), False, False)
    assert seen(begun.skip())[4] == said("Finish")
    assert seen(begun.keep("1.wav").skip()) == (True, True, False, False, said("Next"), True, False)
    assert seen(begun.keep("1.wav").keep("2.wav"))[5:] == (True, True)
    assert seen(begun.finish())[5] is False  # nothing to count


def test_what_was_read_is_handed_over_to_one_speaker_in_files_that_say_it(tab, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    files = [tmp_path / f"{i}.wav" for i in range(25)]
    reading = Reading.begin(tuple(f"phrase {i}" for i in range(25)))
    for i, file in enumerate(files):
        file.write_bytes(bytes([i]))
        reading = reading.keep(str(file))
    given, meant, who_speaks, tabs = tab.hand_over(reading)
    assert [Path(file).read_bytes() for file in given] == [file.read_bytes() for file in files[:20]]
    assert [Path(file).name for file in given] == [f"{i + 1:02d} phrase {i}.wav" for i in range(20)]
    assert split_references(meant, 20) == [f"phrase {i}" for i in range(20)]
    assert (who_speaks, tabs.selected) == (ONE_SPEAKER, SEVERAL)
    for file in files:
        file.unlink()
    with pytest.raises(gr.Error, match="no longer on the server"):
        tab.hand_over(reading)


def test_progress_and_phrase_are_written_and_escaped():
    page = reading_html.phrase_html(Reading.begin(("<b>one</b>", "two", "three")))
    assert "1 of 3" in page and 'max="3" value="0"' in page and "&lt;b&gt;one" in page
    assert "2 recordings of 3 phrases" in reading_html.phrase_html(
        Reading.begin(("one", "two", "three")).keep("a").keep("b").finish()
    )


def test_next_without_a_recording_is_a_sentence(tab):
    with pytest.raises(gr.Error, match="There is no recording yet"):
        tab.go_on(Reading.begin(("one",)), None)
    with pytest.raises(gr.Error, match="no longer on the server"):
        tab.go_on(Reading.begin(("one",)), "/gone/one.wav")


def test_what_was_read_may_be_forgotten_and_counting_says_so(tab):
    lost = tab.go(Reading.back, None)
    assert lost[tab.choose]["visible"] and not lost[tab.read]["visible"]
    for ask in (lambda: tab.hand_over(None), lambda: tab.count_errors(None, "bundled", None, lambda *_, **__: None)):
        with pytest.raises(gr.Error, match="no longer here: the server was restarted, or the page was left open"):
            ask()


def test_what_was_deleted_for_its_age_is_left_out_and_told(tab, tmp_path, monkeypatch, speech_like):
    reading = Reading.begin(("one", "two", "three"))
    for name in ("gone", "there", "here"):
        save_audio(tmp_path / f"{name}.wav", speech_like(1.0))
        reading = reading.keep(str(tmp_path / f"{name}.wav"))
    (tmp_path / "gone.wav").unlink()
    found = []
    nothing = Evaluation("base", "net", "cpu", (), ())
    monkeypatch.setattr("hyper.ui.tabs.reading.scored", lambda _asr, rows, _way: found.extend(rows) or nothing)
    give_service(tab)
    ask = partial(tab.count_errors, reading, "bundled", ANNA, lambda *_, **__: None)
    html = ask()[tab.results]
    assert [(row.path.stem, row.reference) for row in found] == [("there", "two"), ("here", "three")]
    assert "1 of the recordings were deleted after half an hour; their phrases are left out." in html
    for name in ("there", "here"):
        (tmp_path / f"{name}.wav").unlink()
    with pytest.raises(gr.Error, match="no longer on the server"):
        ask()


def scored(reference: str, base: str, adapted: str) -> ScoredUtterance:
    from hyper.compare.row import Row
    from hyper.compare.transcript import Transcript

    row = ManifestRow("f.wav", Path("f.wav"), reference)
    transcripts = [Transcript(text, (1,), (-0.1,), "end", 0.0) for text in (base, adapted)]
    return ScoredUtterance(row, *(Row(each, word_errors(reference, each.text)) for each in transcripts))


def test_what_was_read_can_be_saved_until_the_visitor_leaves(tab, tmp_path, monkeypatch, speech_like):
    save_audio(tmp_path / "1.wav", speech_like(1.0))
    reading = Reading.begin(("turn on the lights",)).keep(str(tmp_path / "1.wav"))
    utterance = scored("turn on the lights", "turn of the lights", "turn on the lights")
    found = Evaluation("base", "net", "cpu", (utterance,), ())
    monkeypatch.setattr("hyper.ui.tabs.reading.scored", lambda *_: found)
    give_service(tab)
    shown = tab.count_errors(reading, "bundled", ANNA, lambda *_, **__: None)
    stem = f"reading-{date.today()}"
    files = saved(shown[tab.saving.table_links])
    assert list(files) == [f"{stem}.csv", f"{stem}.xlsx"] and b"turn of the lights" in files[f"{stem}.csv"]
    stem = f"reading-report-{date.today()}"
    files = saved(tab.saving.save_report("Case <12>", ANNA))
    assert list(files) == [f"{stem}.pdf", f"{stem}.html"] and files[f"{stem}.pdf"].startswith(b"%PDF")
    assert b"Case &lt;12&gt;" in files[f"{stem}.html"]
    with pytest.raises(gr.Error, match="no longer here"):
        tab.saving.save_report("", SimpleNamespace(session_hash="somebody else"))
    assert tab.saving.service.results.sessions() == {"anna"}
    tab.saving.service.results.forget("anna")
    with pytest.raises(gr.Error, match="no longer here"):
        tab.saving.save_report("", ANNA)


def give_service(tab: ReadingTab) -> None:
    """One that asks no model."""
    tab.service = SimpleNamespace(models=SimpleNamespace(get=lambda name: None), transcribe=print, results=Results())
    tab.saving.service = tab.service


def saved(links: str) -> dict[str, bytes]:
    """The files that links hold, by their names."""
    found = re.findall(r'download="([^"]+)" href="data:[^,]*;base64,([^"]+)"', links)
    return {name: base64.b64decode(content) for name, content in found}


def test_the_interval_is_over_recordings():
    errors = [word_errors("a b", text) for text in ("a b", "a x", "x x", "a b", "a")]
    interval = reading_html.recordings_interval(errors)
    draws = np.random.default_rng(1).choice([0, 1, 2, 0, 1], size=(20_000, 5)).sum(axis=1) / 10
    assert (interval.low, interval.high) == pytest.approx(tuple(np.percentile(draws, [2.5, 97.5])), abs=0.051)
    assert reading_html.recordings_interval(errors[:4]) is None


def test_the_table_at_the_end():
    utterances = [scored("turn on the lights", "turn of the lights", "turn on the lights")] * 4
    utterances += [scored("<i>help</i> me", "help me", "he me")]
    evaluation = Evaluation(
        "base", "net", "cpu", tuple(utterances), (Failure(ManifestRow("phrase 6", Path("6.wav")), "It is silent."),)
    )
    page = reading_html.results_html(evaluation)
    assert 'role="status">5 recordings. Word error rate, all words pooled: base 22.2 %, adapted 5.6 %.' in page
    assert "<b>22.2 %</b>" in page  # 4 errors in 18 words
    assert "<b>5.6 %</b>" in page  # 1 in 18
    assert page.count("1 error fewer") == 4 and page.count("1 error more") == 1
    assert "95 % interval" in page and "<i>" not in page
    assert "phrase 6 could not be used: It is silent." in page


def test_the_recordings_are_scored_as_a_manifest_is(backbone, make_hypernet, speech_like, tmp_path):
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "random")
    for i in range(2):
        save_audio(tmp_path / f"{i}.wav", speech_like(1.5, seed=i))
    rows = [ManifestRow(f"phrase {i + 1}", tmp_path / f"{i}.wav", "turn on the lights") for i in range(2)]
    page = reading_html.results_html(scored_by(asr, rows))
    shown = unescape(page)
    for row in rows:
        comparison = asr.compare(row.path, row.reference)
        assert comparison.base.text in shown and comparison.adapted.text in shown
    assert reading_html.TOO_FEW in page
