"""What the tabs share: the way to the model through the line, its errors as notices, the warm-up."""

from __future__ import annotations

import threading
from functools import partial
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import soundfile

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scheduler import Scheduler
from hyper.compare.speaker import compare_speaker
from hyper.recordings.audio import SAMPLE_RATE, load_audio
from hyper.ui import server, warm_up
from hyper.ui.model_store import ModelStore
from hyper.ui.service import Asked, Service
from hyper.ui.visitors.uploads import Uploads


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


@pytest.fixture
def asked(speech_like, tmp_path) -> Asked:
    soundfile.write(tmp_path / "a.wav", speech_like(1.5), SAMPLE_RATE)
    return Asked(str(tmp_path / "a.wav"), "turn on", "bundled", "en", "recording", "", 0.5)


def service(asr, tmp_path, scheduler) -> Service:
    return Service(ModelStore(asr, "bundled", server.load_by_name), Uploads(tmp_path), scheduler=scheduler)


@pytest.mark.parametrize("scheduler", [None, Scheduler(idle=0.05)], ids=["shared GPU", "in line"])
def test_a_comparison_is_the_librarys_with_and_without_a_line(asr, asked, tmp_path, scheduler):
    own = service(asr, tmp_path, scheduler)
    direct = asr.compare(asked.recording, asked.reference, strength=asked.strength)
    for session in (None, "anna", "anna"):  # the third time it is encoded already
        found = own.compare(asked, session)
        assert found.base == direct.base and found.adapted.transcript.tokens == direct.adapted.transcript.tokens
        assert set(found.timings_ms) == {"audio", "encode", "generate", "decode"}
    assert len(own.cache) == 1
    waveform = load_audio(asked.recording)
    (pair,) = own.transcribe(asr, "en", "anna", [waveform])
    (other,) = asr.transcribe_pairs([waveform])
    assert (pair.base.tokens, pair.adapted.tokens) == (other.base.tokens, other.adapted.tokens)
    assert own.more("anna", lambda: "by itself") == "by itself"


def test_what_is_measured_after_the_transcripts_is_measured_on_the_models_thread(asr, asked, tmp_path, monkeypatch):
    threads, measure = [], asr.backbone.site_weight
    monkeypatch.setattr(
        asr.backbone, "site_weight", lambda *given: threads.append(threading.current_thread().name) or measure(*given)
    )
    found = service(asr, tmp_path, Scheduler(idle=0.05)).compare(asked, "anna")
    assert found.word_times.adapted and found.layers
    assert threads and set(threads) == {"model"}


def test_layers_that_are_wanted_at_once_need_no_second_visit(asr, asked, tmp_path, monkeypatch):
    scheduler = Scheduler(idle=0.05)
    found = service(asr, tmp_path, scheduler).compare(asked, "anna", is_kept=False, with_layers=True)
    monkeypatch.setattr(scheduler, "ask", lambda *given, **named: pytest.fail("a second visit"))
    direct = asr.compare(asked.recording, asked.reference, strength=asked.strength).to_json()
    told = found.to_json()
    assert told["word_times"] == direct["word_times"] and told["word_times"]["adapted"]
    assert told["layers"] == direct["layers"] and told["layers"]


def test_who_waits_for_the_model_does_not_keep_it_from_another_comparison(asr, asked, tmp_path):
    scheduler = Scheduler(idle=0.05, patience=5.0)
    own = service(asr, tmp_path, scheduler)
    first, second = own.compare(asked, "anna"), own.compare(asked, "peter")
    told = []

    def meanwhile() -> int:
        waiting = threading.Thread(target=lambda: told.append(len(first.layers)))
        waiting.start()
        while not len(scheduler):
            assert waiting.is_alive()
        told.append(waiting)
        return len(second.layers)

    assert own.more("peter", meanwhile) > 0
    told[0].join(20)
    assert told[1:] == [len(second.layers)]


def test_who_waits_too_long_for_more_is_told_so(asr, asked, tmp_path):
    own = service(asr, tmp_path, Scheduler(idle=0.05, patience=1.0))
    found = own.compare(asked, "anna")
    is_held, is_open = threading.Event(), threading.Event()
    holder = threading.Thread(target=own.more, args=("peter", lambda: is_held.set() or is_open.wait(20)))
    holder.start()
    assert is_held.wait(20)
    with pytest.raises(gr.Error, match="Too many others were waiting"):
        _ = found.layers
    is_open.set()
    holder.join(20)


def test_who_leaves_waits_no_longer_and_is_told_nothing_that_is_not_a_notice(asr, asked, tmp_path):
    scheduler = Scheduler(idle=0.05)
    own = service(asr, tmp_path, scheduler)
    is_held, is_open = threading.Event(), threading.Event()
    holder = threading.Thread(target=own.more, args=("peter", lambda: is_held.set() or is_open.wait(20)))
    holder.start()
    assert is_held.wait(20)
    notices = []

    def visit() -> None:
        with pytest.raises(gr.Error) as caught:
            own.compare(asked, "anna")
        notices.append(caught.value)

    visitor = threading.Thread(target=visit)
    visitor.start()
    while not len(scheduler):
        assert visitor.is_alive()
    own.leave(SimpleNamespace(session_hash="anna"))
    visitor.join(20)
    is_open.set()
    holder.join(20)
    assert notices[0].message == "The page was left before this request was worked on."
    assert notices[0].title == "Too many visitors at once"
    assert len(scheduler) == len(own.cache) == 0


def test_others_come_in_between_the_recordings_of_one_speaker(asr, asked, tmp_path, monkeypatch):
    scheduler = Scheduler(idle=0.05)
    own = service(asr, tmp_path, scheduler)
    steps, is_held, is_open = [], threading.Event(), threading.Event()
    prepare = asr.prepare

    def watched(waveform, **settings):
        steps.append("anna")
        is_held.set()
        assert is_open.wait(20)
        return prepare(waveform, **settings)

    monkeypatch.setattr(asr, "prepare", watched)
    found = []
    work = partial(own.speaker, asr, "en", "anna", [asked.recording] * 3, [None] * 3)
    anna = threading.Thread(target=lambda: found.append(work()))
    anna.start()
    assert is_held.wait(20)
    peter = threading.Thread(target=own.more, args=("peter", lambda: steps.append("peter")))
    peter.start()
    while not len(scheduler):
        assert peter.is_alive()
    is_open.set()
    peter.join(20)
    anna.join(20)
    assert steps == ["anna", "peter", "anna", "anna"]
    monkeypatch.undo()
    assert found[0].to_json() == compare_speaker(asr, [asked.recording] * 3).to_json()


def test_the_warm_up_compares_a_recording_as_a_visitor_does_or_noise(asr, monkeypatch, tmp_path, speech_like):
    compared = []
    compare = PersonalizedAsr.compare
    monkeypatch.setattr(PersonalizedAsr, "compare", lambda *a, **k: compared.append(a[1]) or compare(*a, **k))
    soundfile.write(tmp_path / "talk.wav", speech_like(0.5), SAMPLE_RATE)
    warm_up.warm_up(asr, "bundled", tmp_path / "talk.wav")
    warm_up.warm_up(asr, "bundled", None)
    assert [len(each) for each in compared] == [SAMPLE_RATE // 2, SAMPLE_RATE]
    assert np.std(compared[1]) == pytest.approx(warm_up.NOISE_LEVEL, rel=0.02)
