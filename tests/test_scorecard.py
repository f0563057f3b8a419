"""The scorecard: its sets, its bars by hand, its tables, its files, its refusals."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import hyper.commands.scorecard
import hyper.study.scorecard.sets
from hyper.__main__ import main
from hyper.compare.evaluation import Evaluation
from hyper.compare.guards import Heard
from hyper.compare.row import Row, make_row
from hyper.compare.transcript import Pair, Transcript
from hyper.compare.utterance import ScoredUtterance
from hyper.metrics.word_errors import word_errors
from hyper.recordings.audio import SAMPLE_RATE, load_audio, save_audio
from hyper.recordings.manifest import ManifestRow, read_manifest, write_manifest
from hyper.speech.far_off import far_off, make_far_off
from hyper.speech.make import plan
from hyper.speech.no_speech import KINDS, make_no_speech, no_speech
from hyper.study.provenance import StudyError
from hyper.study.scorecard.bars import Bar, measure_bars
from hyper.study.scorecard.earlier import ScorecardError, base_wer_before, read_bars, read_scorecard, replace_bars
from hyper.study.scorecard.invented_words import made_up_words
from hyper.study.scorecard.markdown import scorecard_page
from hyper.study.scorecard.score import scorecard_record
from hyper.study.scorecard.sets import (
    TEST_SETS,
    HeldOutSet,
    SetOptions,
    held_out_sets,
    make_test_set,
    speech_set,
)


def scored(cohort: str, reference: str, base: str, adapted: str, **columns: str) -> ScoredUtterance:
    columns = {"speaker": "s", "severity": "mild", "corpus": "synthetic"} | columns
    row = ManifestRow("a.wav", Path("a.wav"), reference, cohort=cohort, simulated=cohort != "typical", **columns)
    return ScoredUtterance(row, *(Row(transcript(text), word_errors(reference, text)) for text in (base, adapted)))


def heard_in(row: ManifestRow, base: str, adapted: str) -> ScoredUtterance:
    """What would have been written of a recording that is there."""
    heard = Heard(load_audio(row.path))
    return ScoredUtterance(row, *(make_row(transcript(text), heard, row.reference) for text in (base, adapted)))


def transcript(text: str) -> Transcript:
    return Transcript(text, (), (), "repetition" if text.count("no ") > 3 else "end", None)


def evaluation(*utterances: ScoredUtterance) -> Evaluation:
    return Evaluation("base", "hypernet", "cpu", utterances, ())


@pytest.fixture
def evaluations() -> dict[str, Evaluation]:
    typical = scored("typical", "one big red dog", "one big red dog", "one big red cat")
    stuttering = scored("stuttering", "one big red dog", "a small blue cat", "one big red cat")  # 4 errors, then 1
    dysarthria = scored("dysarthria", "one big red dog", "one big red cat", "one big red cat")  # 1 error, then 1
    return {
        "typical-commands-known": evaluation(typical),
        "typical-commands-unheard": evaluation(
            replace(typical, adapted=replace(typical.adapted, errors=typical.base.errors))
        ),
        "atypical-commands-known": evaluation(stuttering, dysarthria),
        "people": evaluation(replace(dysarthria, recording=replace(dysarthria.recording, simulated=False, age="9"))),
    }


def report(evaluations: dict[str, Evaluation], titles: dict[str, str] | None = None) -> dict:
    """What the command would put in scorecard.json."""
    asr = SimpleNamespace(
        base_model="mini",
        hypernetwork="hyper-mini",
        fingerprints=("b0d", "4e7"),
        backbone=SimpleNamespace(fingerprint="f00", n_parameters=1000),
        hypernet=SimpleNamespace(n_parameters=10, n_generated=1),
    )
    titles = {each.name: each.title for each in TEST_SETS} | (titles or {})
    sets = [HeldOutSet(name, titles.get(name, name), ()) for name in evaluations]
    return json.loads(json.dumps(scorecard_record(asr, sets, evaluations), allow_nan=False))


# ---- sets


def test_the_first_eight_sets_stay_as_results_were_measured_on_them() -> None:
    """Written out: a change here would break the comparison with every earlier scorecard."""
    first = [(each.name, each.domain, each.n_utterances, each.n_speakers, each.seed) for each in TEST_SETS[:8]]
    assert first == [
        ("typical-commands-known", "command", 600, 60, 0),
        ("typical-commands-unheard", "command", 600, 60, 1),
        ("typical-open-known", "open", 400, 40, 2),
        ("typical-open-unheard", "open", 400, 40, 3),
        ("atypical-commands-known", "command", 1080, 108, 4),
        ("atypical-commands-unheard", "command", 540, 54, 5),
        ("atypical-open-known", "open", 540, 54, 6),
        ("atypical-open-unheard", "open", 360, 36, 7),
    ]
    assert not any(each.cohort for each in TEST_SETS[:8])
    assert [each.simulated for each in TEST_SETS] == 4 * [False] + 10 * [True]


def test_no_two_sets_share_a_speaker() -> None:
    sentences = [f"sentence number {i} of many" for i in range(2000)]
    speakers = {}
    for each in (each for each in TEST_SETS if not each.spoken):
        jobs = plan(replace(speech_set(each), n_utterances=each.n_speakers), sentences)
        speakers[each.name] = {job.speaker.name for job in jobs}
        assert len(speakers[each.name]) == each.n_speakers
    for first, second in itertools.combinations(speakers, 2):
        assert not speakers[first] & speakers[second], f"{first} and {second} share speakers"
    assert len({each.seed for each in TEST_SETS}) == len(speakers) == 12
    shared = {each.name: each.spoken for each in TEST_SETS if each.spoken}  # on purpose: other ways, same speakers
    assert shared == {f"held-out-commands-{who}": f"atypical-commands-{who}" for who in ("known", "unheard")}


def test_a_set_of_one_disorder_is_simulated_as_that_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def simulate(rows, out, *, cohorts, seed, n_workers, ways):
        calls.append((cohorts, seed, ways))
        write_manifest(out / "manifest.csv", [ManifestRow("a.wav", out / "a.wav", "hello")])

    monkeypatch.setattr("hyper.speech.make.make_speech", lambda *_: [])
    monkeypatch.setattr("hyper.speech.simulate_manifest.simulate_manifest", simulate)
    sets = {each.name: each for each in TEST_SETS}
    for name in (
        "atypical-commands-known",
        "ood-mixed",
        "ood-dysphonia-unheard",
        "ood-mixed",
        "held-out-commands-known",
    ):
        make_test_set(sets[name], tmp_path, None, 1)
    trained_on = ("stuttering", "dysarthria", "parkinsons")
    by_phones = [(trained_on, 4), (("mixed",), 8), (("dysphonia",), 19)]  # the second ood-mixed is reused
    assert calls == [*((*each, "phones") for each in by_phones), (trained_on, 4, "held-out")]


def test_other_ways_are_made_of_the_same_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken, given = [], []

    def speak(speech, out, *_: object) -> list[ManifestRow]:
        spoken.append(out.name)
        write_manifest(out / "manifest.csv", rows := [ManifestRow("a.wav", out / "a.wav", "hello")])
        return rows

    def simulate(rows, out, **_: object) -> None:
        given.append(rows[0].path)
        write_manifest(out / "manifest.csv", rows)

    monkeypatch.setattr("hyper.speech.make.make_speech", speak)
    monkeypatch.setattr("hyper.speech.simulate_manifest.simulate_manifest", simulate)
    sets = {each.name: each for each in TEST_SETS}
    for name in ("held-out-commands-known", "atypical-commands-known"):
        make_test_set(sets[name], tmp_path, None, 1)
    assert spoken == ["atypical-commands-known-spoken"] and given[0] == given[1]


def test_test_speech_of_other_sentences_is_not_taken_for_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def speak(speech, out, *_: object) -> list[ManifestRow]:
        write_manifest(out / "manifest.csv", rows := [ManifestRow("a.wav", out / "a.wav", "hello")])
        return rows

    monkeypatch.setattr("hyper.speech.make.make_speech", speak)
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("we saw the red kite over the hill\n")
    second.write_text("the old boat lay in the harbour\n")
    sets = {each.name: each for each in TEST_SETS}
    for _ in range(2):
        make_test_set(sets["typical-open-known"], tmp_path, first, 1)
    with pytest.raises(StudyError, match="typical-open-known-spoken holds a study with sentences"):
        make_test_set(sets["typical-open-known"], tmp_path, second, 1)
    make_test_set(sets["typical-commands-known"], tmp_path, first, 1)
    make_test_set(sets["typical-commands-known"], tmp_path, second, 1)  # commands are the same with any sentences


def test_two_recordings_of_each_person_are_simulated_by_both_kinds_of_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def simulate(rows, out, *, cohorts, seed, n_workers, ways):
        calls.append((ways, [row.file for row in rows], seed))
        write_manifest(out / "manifest.csv", rows)

    monkeypatch.setattr("hyper.speech.simulate_manifest.simulate_manifest", simulate)
    monkeypatch.setattr(hyper.study.scorecard.sets, "make_test_set", lambda *_: [ManifestRow("a", tmp_path, "a")])
    monkeypatch.setattr(hyper.study.scorecard.sets, "make_distant", lambda *_: [])
    people = [ManifestRow(f"anna{i}.wav", tmp_path, "hello", speaker="anna") for i in range(9)]
    people += [ManifestRow("ben.wav", tmp_path, "hello", speaker="ben", cohort="typical")]
    left_out = [
        ManifestRow("carl.wav", tmp_path, "hello", speaker="carl", cohort="dysarthria"),
        ManifestRow("who.wav", tmp_path, "hello"),
        ManifestRow("what.wav", tmp_path, "", speaker="dora"),
    ]
    asked = SetOptions(work=tmp_path / "work", workers=1, people=tmp_path / "people.csv")
    for rows in (people, people, [*people, *left_out]):
        write_manifest(tmp_path / "people.csv", rows)
        sets = {each.name: each for each in held_out_sets(asked)}
        assert [len(sets[name].rows) for name in ("people", "atypical-people", "held-out-people")] == [len(rows), 3, 3]
    assert [ways for ways, *_ in calls] == 2 * ["train", "held-out"]  # the same again is reused, another is not
    first, second, *_ = calls
    assert first[1:] == second[1:] and len({*first[1]} & {row.file for row in people[:9]}) == 2
    assert first[1][-1] == "ben.wav"
    write_manifest(tmp_path / "people.csv", left_out)
    assert "atypical-people" not in [each.name for each in held_out_sets(asked)]


def test_sets_follow_from_the_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ManifestRow("a.wav", tmp_path / "a.wav", "hello", domain="open")
    monkeypatch.setattr(hyper.study.scorecard.sets, "make_test_set", lambda *_: [row])
    save_audio(row.path, no_speech("chords", np.random.default_rng(0)))
    write_manifest(tmp_path / "people.csv", [row])
    asked = SetOptions(work=tmp_path, workers=1)
    names = [each.name for each in held_out_sets(asked)]
    assert names == [each.name for each in TEST_SETS if each.domain == "command"] + ["far-off", "no-speech"]
    asked = replace(asked, **dict.fromkeys(("sentences", "people"), tmp_path / "people.csv"))
    sets = {each.name: each for each in held_out_sets(asked)}
    assert list(sets) == [*(each.name for each in TEST_SETS), "people", "far-off", "no-speech"]  # it names nobody
    assert sets["people"].rows[0].domain == "people"
    assert len(sets["no-speech"].rows) == 100
    held_out_sets(replace(asked, test_share=0.1))
    assert sorted(path.name for path in tmp_path.glob("far-off*")) == ["far-off", "far-off-0.1"]


# ---- sounds without speech


def test_sounds_are_usable_seeded_and_of_every_kind(tmp_path: Path) -> None:
    rows = make_no_speech(tmp_path / "a", 12, seed=30)
    assert [row.domain for row in rows] == 2 * list(KINDS)
    assert [replace(row, path=Path()) for row in read_manifest(tmp_path / "a" / "manifest.csv")] == [
        replace(row, path=Path()) for row in rows
    ]
    again, other = make_no_speech(tmp_path / "b", 12, seed=30), make_no_speech(tmp_path / "c", 12, seed=31)
    for row, same, different in zip(rows, again, other, strict=True):
        waveform = load_audio(row.path)  # it refuses what is silent
        assert SAMPLE_RATE <= len(waveform) <= 8 * SAMPLE_RATE
        assert row.path.read_bytes() == same.path.read_bytes() != different.path.read_bytes()
        assert row.reference == ""


@pytest.mark.parametrize(("kind", "decibels"), [("white noise", 0.0), ("pink noise", -3.01), ("room", -5.0)])
def test_noise_falls_with_frequency_as_its_kind_does(kind: str, decibels: float) -> None:
    power = np.zeros(3)
    for seed in range(20):
        waveform = no_speech(kind, np.random.default_rng(seed))
        spectrum = np.abs(np.fft.rfft(waveform / waveform.std())) ** 2 / len(waveform)
        hertz = np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE)
        power += [spectrum[(hertz >= low) & (hertz < 2 * low)].mean() for low in (500, 1000, 2000)]
    assert np.diff(10 * np.log10(power)) == pytest.approx([decibels] * 2, abs=0.5)


def test_a_kind_of_sound_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="There is no sound of the kind 'rain'; there are room, white noise"):
        no_speech("rain", np.random.default_rng(0))


def test_made_up_words_by_hand(tmp_path: Path) -> None:
    rows = make_no_speech(tmp_path, 3, seed=1)  # room, white noise, pink noise
    texts = [("", "thank you"), ("no no no no no", ""), ("[music]", "you")]  # the normaliser drops what is in brackets
    heard = [heard_in(row, *both) for row, both in zip(rows, texts, strict=True)]
    everything, *kinds = made_up_words(heard)
    minutes = sum(len(load_audio(row.path)) for row in rows) / SAMPLE_RATE / 60
    assert (everything.kind, everything.n_recordings, everything.minutes) == ("all", 3, pytest.approx(minutes))
    assert (everything.base.share, everything.adapted.share) == (1 / 3, 2 / 3)
    assert everything.base.words_per_minute == pytest.approx(5 / minutes)
    assert everything.adapted.words_per_minute == pytest.approx(3 / minutes)
    assert [(kind.kind, kind.base.share) for kind in kinds] == [("pink noise", 0), ("room", 0), ("white noise", 1)]
    # Nothing stands out of either noise, so that words written of it are hidden; of no words there is nothing to hide.
    white = kinds[2]
    assert (white.base.no_speech_share, white.adapted.no_speech_share) == (1, 0)
    assert (white.base.share, white.base.shown_share, white.adapted.shown_share) == (1, 0, 0)
    assert kinds[0].adapted.no_speech_share == 1 and kinds[0].adapted.shown_share == 0


def test_words_made_up_of_far_off_speech_are_those_that_nobody_said(tmp_path: Path, speech_like) -> None:
    save_audio(tmp_path / "a.wav", speech_like(2.0))
    row = ManifestRow("a.wav", tmp_path / "a.wav", "call the nurse", domain="far-off speech")
    heard = [heard_in(row, "call a big nurse", "the nurse")]
    assert made_up_words([], heard)[0].kind == "far-off speech"
    far = made_up_words([], heard)[-1]
    assert far.base.words_per_minute * far.minutes == pytest.approx(2)  # a for the, and big
    assert (far.base.share, far.adapted.share) == (1, 0)  # a word left out is not made up
    assert (far.base.shown_share, far.base.no_speech_share) == (1, 0)


def test_far_off_speech_is_quiet_reverberant_and_keeps_its_words(tmp_path: Path, speech_like) -> None:
    save_audio(tmp_path / "near.wav", speech_like(2.0))
    near = ManifestRow("near.wav", tmp_path / "near.wav", "call the nurse", speaker="s", phones="k:0:1:0")
    rows = make_far_off([near, near], tmp_path / "far", seed=3)
    assert [(row.reference, row.speaker, row.domain, row.phones) for row in rows] == 2 * [
        ("call the nurse", "s", "far-off speech", "")
    ]
    assert [row.file for row in read_manifest(tmp_path / "far" / "manifest.csv")] == ["000.wav", "001.wav"]
    for row in rows:
        peak = 20 * np.log10(np.abs(load_audio(row.path)).max())
        assert -46 < peak < -29
    assert rows[0].path.read_bytes() != rows[1].path.read_bytes()


def test_far_off_speech_dies_away_as_in_a_room() -> None:
    """A click's energy still to come falls by 60 dB in 0.4 to 1 s (Schroeder 1965), read from its fall by 10 dB."""
    click = np.zeros(2 * SAMPLE_RATE, np.float32)
    click[0] = 1.0
    for seed in range(10):
        heard = far_off(click, np.random.default_rng(seed)).astype(np.float64)
        noise = np.mean(heard[SAMPLE_RATE + SAMPLE_RATE // 4 :] ** 2)  # after the longest tail
        remaining = np.cumsum((heard**2 - noise)[: SAMPLE_RATE + SAMPLE_RATE // 4][::-1])[::-1]
        level = 10 * np.log10(np.maximum(remaining[1:] / remaining[1], 1e-9))  # without the direct sound
        seconds = np.argmax(level < -10) / SAMPLE_RATE
        assert 0.3 < 6 * seconds < 1.3


# ---- bars


def test_bars_by_hand(evaluations: dict[str, Evaluation]) -> None:
    bars = {bar.name: bar for bar in measure_bars(evaluations, 0.0009)}
    assert bars["base WER, typical commands, new speakers"].value == 0
    pooled = bars["relative WER reduction, simulated atypical commands"]
    assert (pooled.value, pooled.met) == (pytest.approx(1 - 2 / 5), True)
    assert not bars["relative WER reduction, simulated atypical commands, goal"].met
    assert bars["relative WER reduction, simulated stuttering commands"].value == pytest.approx(0.75)
    assert not bars["relative WER reduction, simulated dysarthria commands"].met
    assert not bars["rise of WER on typical commands, new speakers"].met  # 25 points
    assert bars["rise of WER on typical commands, voices never heard"].met
    assert bars["generated parameters an utterance, share of the base"].met


def test_bars_of_sets_that_are_not_always_scored(evaluations: dict[str, Evaluation]) -> None:
    few = {bar.name for bar in measure_bars(evaluations, 0.0009)}
    half = scored("stuttering", "one big red dog", "a small blue cat", "one big blue cat", severity="severe")
    tenth = scored("dysarthria", 10 * "red ", 10 * "blue ", 9 * "blue " + "red")
    harmed = scored("typical", "red dog", "red cat", "red cat")
    people = [
        scored("", "red dog", "red cat", "red dog", corpus="fsdd"),
        scored("", "dog", "cat", "dog", corpus="commonvoice_x"),
    ]
    evaluations |= {
        "typical-open-known": evaluation(replace(harmed, preferred="adapted")),
        "atypical-commands-known": evaluation(half),
        "atypical-open-known": evaluation(tenth),
        "held-out-commands-known": evaluation(tenth),
        "atypical-commands-unheard": evaluation(half),
        "people": evaluation(*people),
    }
    bars = {bar.name: bar for bar in measure_bars(evaluations, 0.0009) if bar.name not in few}
    assert {name: (bar.value, bar.sign, bar.limit, bar.met) for name, bar in bars.items()} == {
        "base WER, typical open sentences, new speakers": (0.5, "<=", 0.25, False),
        "base WER, real people as they are, fsdd": (0.5, "<=", 0.3, False),
        "base WER, real people as they are, commonvoice_x": (1.0, "<=", 0.75, False),
        "base WER, real people as they are, fsdd, goal": (0.5, "<=", 0.2, False),
        "base WER, real people as they are, commonvoice_x, goal": (1.0, "<=", 0.55, False),
        "relative WER reduction, simulators not trained on, new speakers": (pytest.approx(0.1), ">=", 0.4, False),
        "relative WER reduction, simulators not trained on, new speakers, simulated dysarthria": (
            pytest.approx(0.1), ">=", 0.15, False,
        ),
        "rise of WER on typical open sentences, new speakers, row shown first": (0.0, "<=", 0.003, True),
        "relative WER reduction, simulated severe commands": (0.5, ">=", 0.5, True),
        "relative WER reduction, simulated atypical open sentences, new speakers: half of the main set's": (
            pytest.approx(0.1), ">=", 0.25, False,
        ),
        "relative WER reduction, simulated atypical commands, voices never heard: half of the main set's": (
            0.5, ">=", 0.25, True,
        ),
        "rise of WER on typical open sentences, new speakers": (0.0, "<=", 0.005, True),
    }  # fmt: skip


def test_insertions_and_loops_must_get_fewer(evaluations: dict[str, Evaluation]) -> None:
    loop = scored("stuttering", "stop", "no no no no no stop", "stop please")  # 5 insertions and a loop, then 1
    (bar,) = [bar for bar in measure_bars(evaluations | {"atypical-commands-known": evaluation(loop)}, 0.0)][-1:]
    assert (bar.value, bar.sign, bar.limit, bar.met) == (1.0, "<", 6.0, True)
    (bar,) = [bar for bar in measure_bars(evaluations, 0.0)][-1:]
    assert (bar.value, bar.limit, bar.met) == (0.0, 0.0, False)  # as many is not fewer


def test_a_bar_is_met_at_its_limit_and_says_so() -> None:
    assert Bar("b", 0.03, "<=", 0.03).met
    assert not Bar("b", 0.03, "<", 0.03).met
    assert not Bar("b", 0.49, ">=", 0.5).met
    assert Bar("b", 0.49, ">=", 0.5).to_json("do") == {
        "name": "b",
        "value": 0.49,
        "bar": ">= 0.5",
        "met": False,
        "command": "do",
    }
    assert Bar("b", None, ">=", -9.0).to_json("do")["value"] is None
    assert not Bar("b", None, ">=", -9.0).met


def test_bars_without_an_error_to_reduce_are_not_met(evaluations: dict[str, Evaluation]) -> None:
    flawless = scored("stuttering", "one big red dog", "one big red dog", "one big red dog")
    bars = measure_bars(evaluations | {"atypical-commands-known": evaluation(flawless)}, 0.0)
    reductions = [bar for bar in bars if bar.name.startswith("relative")]
    assert len(reductions) == 4 and {(bar.value, bar.met) for bar in reductions} == {(None, False)}


# ---- page


def test_the_page_has_every_set_and_says_simulated(evaluations: dict[str, Evaluation]) -> None:
    page = scorecard_page(report(evaluations), measure_bars(evaluations, 0.0009))
    assert (
        "| **simulated atypical commands, new speakers** | 2 | 1 | 62.5 % | 25.0 % | – | 25.0 % | 60.0 % | – | 0.0 % |"
        in page
    )
    assert "| · simulated stuttering | 1 | 1 | 100.0 % | 25.0 % | – | 25.0 % | 75.0 % |" in page
    assert "simulated mild" not in page  # there is no other severity: it would be the set again
    assert "| real people as they are: synthetic | 1 |" in page
    assert "| real people as they are: children under 16 | 1 |" in page
    assert "| **simulated atypical commands, new speakers** | 62.5 → 25.0 % | 0.0 → 0.0 % |" in page
    assert "| 0.00% | ≤ 2.00% | yes |" in page
    assert "before" not in page.lower() and "Left out" not in page


def test_recordings_that_could_not_be_scored_are_told(evaluations: dict[str, Evaluation]) -> None:
    record = report(evaluations)
    record["sets"]["people"]["failures"] = 42
    page = scorecard_page(record, [])
    assert "Left out, since they could not be read or are too short or silent: 42 of real people." in page


def test_every_line_of_simulated_speech_says_so(evaluations: dict[str, Evaluation]) -> None:
    (first, second) = evaluations["atypical-commands-known"].utterances
    severe = replace(second, recording=replace(second.recording, severity="severe"))  # so that severities have lines
    names = ("atypical-commands-known", "ood-mixed", "ood-dysphonia-unheard", "atypical-people")
    evaluations |= {name: evaluation(first, severe) for name in names}
    titles = {"atypical-people": "simulated atypical speech of real people"}
    page = scorecard_page(report(evaluations, titles), [])
    heads = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith(("| **", "| ·"))]
    assert len(heads) == 2 * (2 + len(names)) + 4 * len(names)  # sets in two tables; cohorts and severities in one
    assert {head for head in heads if "simulated" not in head} == {
        "**typical commands, new speakers**", "**typical commands, voices never heard**"
    }  # fmt: skip


def test_the_page_gives_intervals_and_the_share_made_worse(evaluations: dict[str, Evaluation]) -> None:
    """Five speakers: 50 % mended, and 10 more each time that the last one is drawn; see tests/test_statistics.py."""
    half, whole = (scored("stuttering", "red blue", "no no", text) for text in ("no blue", "red blue"))
    utterances = [replace(half, recording=replace(half.recording, speaker=name)) for name in "abcd"]
    utterances.append(replace(whole, recording=replace(whole.recording, speaker="e")))
    evaluations["atypical-commands-known"] = evaluation(*utterances)
    page = scorecard_page(report(evaluations), [])
    assert "| 5 | 5 | 100.0 % | 40.0 % | – | 40.0 % | 60.0 % | 50.0 to 80.0 % | 0.0 % |" in page
    assert "| 1 | 1 | 0.0 % | 25.0 % | – | 0.0 % | – | – | 100.0 % |" in page  # typical speech, made worse


def test_a_scorecard_before_adds_a_column_of_base_wer(evaluations: dict[str, Evaluation]) -> None:
    before = {"base_model": "old", "base_fingerprint": "0ld", "sets": {
        "atypical-commands-known": {"groups": [
            {"by": "all", "value": "all", "base_wer": 0.9}, {"by": "cohort", "value": "stuttering", "base_wer": 0.8},
        ]},
    }}  # fmt: skip
    page = scorecard_page(report(evaluations), [], before)
    assert "| held-out set | utterances | voices | base WER before | base WER |" in page
    assert "| **simulated atypical commands, new speakers** | 2 | 1 | 90.0 % | 62.5 % |" in page
    assert "| · simulated stuttering | 1 | 1 | 80.0 % | 100.0 % |" in page
    assert "| · simulated dysarthria | 1 | 1 | – | 25.0 % |" in page
    assert "| **typical commands, new speakers** | 1 | 1 | – | 0.0 % |" in page
    assert "Before: `old` (0ld)." in page


def test_every_table_has_as_many_cells_as_columns(evaluations: dict[str, Evaluation], tmp_path: Path) -> None:
    rows = make_no_speech(tmp_path, 6, seed=1)
    silence = [heard_in(row, "", "you") for row in rows]
    record = report(evaluations | {"no-speech": evaluation(*silence)})
    page = scorecard_page(record, measure_bars(evaluations, 0.0009), before=record)
    assert re.search(r"\| all \| 6 \| 0\.0 → [\d.]+ \| 0\.0 % → 100\.0 % \| 0\.0 % → [\d.]+ % \| 0\.0 % → ", page)
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4
    assert all(len({line.count("|") for line in table}) == 1 for table in tables)


# ---- files


def test_an_older_scorecard_is_read_and_no_other_file(tmp_path: Path) -> None:
    older = read_scorecard(Path(__file__).parents[1] / "assets" / "results" / "scorecard.json")
    group = {"by": "all", "value": "all"}
    assert (
        base_wer_before(older, "typical-commands-known", group)
        == older["sets"]["typical-commands-known"]["groups"][0]["base_wer"]
    )
    assert base_wer_before(older, "ood-nothing", group) is None
    assert base_wer_before(None, "typical-commands-known", group) is None
    (tmp_path / "no.json").write_text("{")
    with pytest.raises(ScorecardError, match=r"no\.json is not JSON \(Expecting"):
        read_scorecard(tmp_path / "no.json")
    (tmp_path / "no.json").write_text("[1]")
    with pytest.raises(ScorecardError, match="is no scorecard: it has no `sets`. Name a scorecard.json"):
        read_scorecard(tmp_path / "no.json")


def test_bars_are_replaced_by_name_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "bars.json"
    assert read_bars(path) == []
    kept = [{"name": "other command's", "value": 1}, {"name": "ours", "value": 2}]
    path.write_text(json.dumps(kept))
    measured = [{"name": "ours", "value": 3}, {"name": "new", "value": 4}]
    assert [(bar["name"], bar["value"]) for bar in replace_bars(read_bars(path), measured)] == [
        ("other command's", 1), ("ours", 3), ("new", 4)
    ]  # fmt: skip
    path.write_text('{"name": 1}')
    with pytest.raises(ScorecardError, match=r"bars\.json is no list of bars with a name each; move it away"):
        read_bars(path)


class FakeAsr:
    """Writes the reference of each recording, wrongly as base; knows it by its number of samples."""

    base_model, hypernetwork, device, fingerprint = "fake", "fake-hypernet", "cpu", "f"
    fingerprints = ("b0d", "4e7")
    backbone = SimpleNamespace(fingerprint="f", n_parameters=1000)
    hypernet = SimpleNamespace(n_parameters=10, n_generated=1)

    def doubts(self, *_: object, **__: object) -> tuple[()]:
        """All of it is reliable."""
        return ()

    def prefers(self, *_: object) -> None:
        """No rule was fitted."""

    def transcribe_pairs(self, waveforms: Sequence[np.ndarray], batch_size: int, **_: object) -> list[Pair]:
        return [Pair(transcript("a cold night"), transcript("a cold day")) for _ in waveforms]


def test_the_command_writes_its_files_and_keeps_bars_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (sound,) = make_no_speech(tmp_path / "sounds", 1, seed=0)

    def made(test_set, *_):
        return [replace(sound, reference="a cold day", cohort="stuttering", severity="mild", simulated=True)]

    monkeypatch.setattr(hyper.study.scorecard.sets, "make_test_set", made)
    monkeypatch.setattr(hyper.commands.scorecard, "load_asr", lambda _: FakeAsr())
    out = tmp_path / "out"
    out.mkdir()
    (out / "bars.json").write_text('[{"name": "of another command"}]')
    people = tmp_path / "people.csv"
    write_manifest(people, [replace(sound, file="sounds/000.wav", reference="a day", corpus="fsdd", speaker="p")])
    arguments = ["--work", tmp_path / "work", "--out", out, "--people", people]
    assert main(["scorecard", *map(str, arguments)]) == 0
    page = (out / "scorecard.md").read_text()
    assert page in capsys.readouterr().out
    record = json.loads((out / "scorecard.json").read_text())
    assert record["sets"]["ood-mixed"]["groups"][0]["base_wer"] == pytest.approx(1 / 3)
    assert record["sets"]["ood-mixed"]["cells"][0]["value"] == "stuttering, mild"
    assert record["hypernetwork_fingerprint"] == "4e7"
    assert record["sets"]["no-speech"]["groups"] == []
    assert record["sets"]["no-speech"]["made_up_words"][0]["adapted_share"] == 1
    bars = json.loads((out / "bars.json").read_text())
    assert bars[0] == {"name": "of another command"} and bars[1:] == record["bars"]
    assert {path.name for path in out.iterdir()} == {
        "bars.json", "scorecard.json", "scorecard.md",
        "simulated-severity.pdf", "simulated-severity.png", "real-people.pdf", "real-people.png",
    }  # fmt: skip
    assert re.search(r"Measured by `python -m hyper ", page)


def test_words_that_nobody_said_are_counted_alone_for_any_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = make_no_speech(tmp_path, 2, seed=0)
    monkeypatch.setattr(hyper.commands.scorecard, "load_asr", lambda _: FakeAsr())
    assert main(["scorecard", "--nobody-speaks", str(tmp_path / "manifest.csv"), "--out", str(tmp_path / "out")]) == 0
    table = capsys.readouterr().out
    minutes = sum(len(load_audio(row.path)) for row in rows) / SAMPLE_RATE / 60
    assert f"| all | 2 | {6 / minutes:.1f} → {6 / minutes:.1f} | 100.0 % → 100.0 % |" in table
    assert "| room | 1 |" in table and "| white noise | 1 |" in table
    assert not (tmp_path / "out").exists()


def test_a_base_without_hypernetwork_is_refused(
    whisper_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_no_speech(tmp_path, 1, seed=0)
    for only in ([], ["--nobody-speaks", str(tmp_path / "manifest.csv")]):
        assert main(["scorecard", *only, "--base", str(whisper_folder), "--device", "cpu"]) == 1
        assert "has no hypernetwork to score; train one" in capsys.readouterr().err
