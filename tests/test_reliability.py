"""A result that is not reliable is called so wherever it is told, for the same reasons everywhere."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_clinic_report import QUIET, evaluation, utterance
from test_story import ASR, STUTTER
from test_ui_panels import MEANT, said, text_of
from test_verdict import FAR

from hyper.compare import pipeline
from hyper.compare.evaluation import table
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.compare.speaker import LEVELS, compare_speaker
from hyper.compare.terminal import comparison_text, speaker_text
from hyper.compare.verdict import REASONS, unreliable_text
from hyper.metrics.word_errors import WordErrors
from hyper.recordings.audio import save_audio
from hyper.recordings.manifest import ManifestRow
from hyper.reports.content import clinic_report
from hyper.reports.one_recording import recording_report
from hyper.reports.parts import HIDDEN_MEANING
from hyper.reports.story import chapter, story_html
from hyper.reports.table import recordings_sheet
from hyper.ui.examples import Example
from hyper.ui.marks import NO_SPEECH
from hyper.ui.tabs import reading_html, several_html, speaker_html
from hyper.ui.tabs.speaker import SpeakerTab

WHY = REASONS["far"]


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


@pytest.fixture(scope="module")
def waveforms(speech_like) -> list[np.ndarray]:
    return [speech_like(1.2, seed) for seed in range(2)]


def test_one_recordings_record_report_and_text_say_it():
    better = said("turn off the light", "turn on the light", MEANT)
    assert better.to_json()["verdict"] == {"outcome": "better", "doubts": []}
    assert "verdict    better\n" in comparison_text(better, "a.wav")
    assert "reliable" not in recording_report(better, "a", "f").outcome + comparison_text(better, "a.wav")
    far = replace(better, where=FAR)
    assert far.to_json()["verdict"] == {"outcome": "not reliable", "doubts": [{"name": "far", "reason": WHY}]}
    assert recording_report(far, "a", "f").outcome.startswith(f"Not reliable: {WHY} Base: 2 errors in 4 words")
    assert f"verdict    not reliable: {WHY}\n" in comparison_text(far, "a.wav")
    assert f"Not reliable: {WHY} Base: 2 errors" in text_of(story_html([chapter(far, STUTTER, ASR)]))


def test_of_many_recordings_it_is_said_how_many_and_of_each_why():
    fine, doubted = (utterance(f"{name}.wav", MEANT, "turn on", MEANT) for name in "ab")
    found = evaluation(fine, replace(doubted, doubts=("far", "unsure")))
    summary = f"1 of 2 is not reliable: {WHY}"
    assert summary in several_html.outcome_html(found)
    assert summary in reading_html.results_html(found)
    assert summary in table(found)
    report = clinic_report(found)
    assert report.outcome.endswith(summary)
    assert [f"Not reliable: {WHY}" in each.heading for each in report.recordings] == [False, True]
    for page in (several_html.outcome_html(found), reading_html.results_html(found)):
        assert text_of(page).count(f"Not reliable: {WHY} {REASONS['unsure']}") == 1
    sheet = recordings_sheet(found)
    own = [line[sheet.columns.index("not reliable")] for line in sheet.lines]
    assert own == ["", f"{WHY} {REASONS['unsure']}"]
    record = json.loads(json.dumps(found.to_json()))["utterances"]
    assert [each["verdict"]["outcome"] for each in record] == ["better", "not reliable"]


def test_words_that_nobody_said_stand_in_no_table_of_the_page():
    silent = utterance("a.wav", MEANT, "thanks for watching", "invented", flags=(QUIET,))
    found = evaluation(replace(silent, adapted=replace(silent.adapted, flags=(QUIET,))))
    for page in map(text_of, (several_html.outcome_html(found), reading_html.results_html(found))):
        assert "watching" not in page and "invented" not in page and page.count(NO_SPEECH) == 2
        assert page.count(QUIET.reason) == 2 and HIDDEN_MEANING in page
    shown = evaluation(utterance("a.wav", MEANT, "turn on", MEANT))
    assert HIDDEN_MEANING not in several_html.outcome_html(shown) + reading_html.results_html(shown)


def test_reasons_are_counted_where_there_is_more_than_one():
    assert unreliable_text([(), ()]) == ""
    assert unreliable_text([("far",), ("far", "unsure"), ()]) == f"2 of 3 are not reliable: {WHY}"
    many = unreliable_text([("far",), ("unsure",), ("far",), ("no speech",)])
    assert many == f"4 of 4 are not reliable: {WHY} (2) {REASONS['unsure']} (1) {REASONS['no speech']} (1)"


def test_a_list_and_a_speaker_are_judged_as_each_recording_is(asr, waveforms, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "whereabouts_of", lambda _asr, embedding, is_mean=False: FAR)
    rows = []
    for i, waveform in enumerate(waveforms):
        save_audio(tmp_path / f"{i}.wav", waveform)
        rows.append(ManifestRow(f"{i}.wav", Path(tmp_path / f"{i}.wav"), MEANT))
    alone = [asr.compare(row.path, row.reference).verdict.doubts for row in rows]
    assert all("far" in doubts for doubts in alone) and any("unsure" in doubts for doubts in alone)
    assert [each.doubts for each in score_manifest(asr, rows).utterances] == alone
    of_speaker = compare_speaker(asr, waveforms, [MEANT, MEANT])
    assert all("far" in each.verdict.doubts for each in of_speaker.recordings)
    record = of_speaker.to_json()["recordings"]
    assert [each["verdict"]["outcome"] for each in record] == ["not reliable", "not reliable"]
    assert "verdict         not reliable: " in speaker_text(of_speaker) and "2 of 2 are not reliable" in speaker_text(
        of_speaker
    )
    page = text_of(speaker_html.results_html(of_speaker, "en"))
    assert "2 of 2 are not reliable" in page and page.count("Not reliable:") == 2


def test_no_figure_of_one_speaker_stands_without_that_the_recordings_are_simulated(asr, waveforms):
    of_speaker = compare_speaker(asr, waveforms, [MEANT, MEANT])
    for simulated, note in (([True, True], "(simulated)"), ([False, True], "(1 of 2 simulated)")):
        page = text_of(speaker_html.results_html(of_speaker, "en", simulated))
        assert page.count(note) == 4 and re.search(
            rf"tuned to the speaker {re.escape(note)}\. 2 of 2 are", page
        )  # and each rate
        assert page.count("s · simulated") == sum(simulated)
    assert "simulated" not in text_of(speaker_html.results_html(of_speaker, "en", [False, False]))


def test_an_example_is_known_as_simulated_from_the_copy_that_is_sent(tmp_path):
    (tmp_path / "sent").mkdir()
    for place, name, content in (
        ("", "a.wav", b"a"), ("", "b.wav", b"b"), ("sent/", "a.wav", b"a"), ("sent/", "b.wav", b"b"),
        ("sent/", "own.wav", b"a"),
    ):  # fmt: skip
        (tmp_path / f"{place}{name}").write_bytes(content)
    examples = [Example(tmp_path / f"{name}.wav", "", "", "", is_simulated=name == "a") for name in "ab"]
    tab = SimpleNamespace(examples=SimpleNamespace(all=examples))
    sent = [str(tmp_path / "sent" / name) for name in ("a.wav", "b.wav", "own.wav")]
    assert SpeakerTab._simulated(tab, sent) == [True, False, False]


@pytest.mark.parametrize(("n_errors", "text"), [(1, "1 error in 16 words (WER)"), (2, "2 errors in 16 words (WER)")])
def test_one_error_of_a_speaker_is_not_called_errors(asr, waveforms, n_errors, text):
    errors = WordErrors(16 - n_errors, n_errors, 0, 0)
    of_speaker = replace(compare_speaker(asr, waveforms, [MEANT, MEANT]))
    of_speaker.__dict__["pooled"] = dict.fromkeys(LEVELS, errors)
    assert text_of(speaker_html.results_html(of_speaker, "en")).count(text) == 3


def test_a_place_on_the_map_is_that_of_the_embedding(asr, waveforms, monkeypatch):
    asked = []
    monkeypatch.setattr(pipeline, "whereabouts_of", lambda _asr, given, is_mean=False: asked.append((given, is_mean)))
    pairs = asr.transcribe_pairs(waveforms)
    singles = [asr.compare(waveform).embedding for waveform in waveforms]
    for pair, single in zip(pairs, singles, strict=True):
        np.testing.assert_allclose(pair.embedding, single, atol=1e-4)
    compare_speaker(asr, waveforms)
    means = [given for given, is_mean in asked if is_mean]
    assert len(means) == 2
    np.testing.assert_allclose(means[0], np.mean(singles, axis=0), atol=1e-4)
