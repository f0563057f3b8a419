"""Synthetic speech: texts that stay in their split, voices held apart, phones that lie where the sound is."""

from __future__ import annotations

import ctypes
import itertools
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import hyper.speech.make
from hyper.__main__ import is_users, main
from hyper.compare.example_sets import LEARNED_EMBEDDING, manifests
from hyper.compare.row import Row
from hyper.compare.transcript import Transcript
from hyper.compare.utterance import ScoredUtterance
from hyper.metrics.word_errors import WordErrors
from hyper.recordings.audio import SAMPLE_RATE, load_audio, save_audio
from hyper.recordings.manifest import ManifestError, ManifestRow, read_manifest, source_speaker
from hyper.simulate import COHORTS
from hyper.simulate.phones import Phone, format_phones, parse_phones
from hyper.speech.engines import Espeak, Flite, Spoken, SynthesisError, _library, festival_speak
from hyper.speech.examples import (
    MAX_SECONDS,
    ExamplesError,
    choose,
    example_speaker,
    example_texts,
    examples,
    make_examples,
    outcome,
    pooled_errors,
)
from hyper.speech.grammar import PATTERNS, SLOTS
from hyper.speech.make import MARGIN_SECONDS, SpeechError, SpeechSet, finish, make_speech, plan
from hyper.speech.phone_set import PHONES, from_espeak, from_radio
from hyper.speech.simulate_manifest import SimulationError, assign_patients, simulate_manifest
from hyper.speech.speakers import Speaker, draw_speaker
from hyper.speech.texts import (
    DOMAINS,
    SPLITS,
    MixError,
    draw_command,
    draw_word,
    read_open_sentences,
    sentences,
    split_of,
)
from hyper.ui.phrases import PHRASES
from tests.numpy_voice import talk


def has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


needs_espeak = pytest.mark.skipif(not has_library("libespeak-ng.so.1"), reason="libespeak-ng1 is not installed")
needs_flite = pytest.mark.skipif(not has_library("libflite.so.1"), reason="libflite1 is not installed")


def test_a_sentence_is_in_one_split_only() -> None:
    rng = np.random.default_rng(0)
    streams = {split: sentences("command", split, rng, []) for split in SPLITS}
    drawn = {split: {next(stream) for _ in range(300)} for split, stream in streams.items()}
    assert all(len(texts) > 100 for texts in drawn.values())
    assert not drawn["train"] & drawn["test"]
    assert not drawn["train"] & drawn["validation"]


def test_commands_are_plain_words_with_every_slot_filled() -> None:
    rng = np.random.default_rng(1)
    for _ in range(500):
        command = draw_command(rng)
        assert set(command) <= set("abcdefghijklmnopqrstuvwxyz ")
    assert all(phrase == phrase.lower() for slot in SLOTS.values() for phrase in slot)


def test_words_are_single_or_digits() -> None:
    rng = np.random.default_rng(2)
    drawn = [draw_word(rng).split() for _ in range(200)]
    assert all(len(words) == 1 or set(words) <= set(SLOTS["digit"]) for words in drawn)
    assert max(map(len, drawn)) == 5


def test_open_sentences_are_short_and_plain(tmp_path: Path) -> None:
    file = tmp_path / "sentences.txt"
    file.write_text("He rose.\nhe rose and held out his hands\n" + "word " * 10 + "\ndon't go\n'\n' '\n")
    assert read_open_sentences(file) == ["he rose and held out his hands", "don't go"]
    file.write_bytes("où vas-tu\n".encode("latin-1"))
    with pytest.raises(MixError, match="sentences.txt is not a text file in UTF-8"):
        read_open_sentences(file)


@pytest.mark.parametrize(
    ("domain", "split", "message"),
    [
        ("poem", "train", "poem/train"),
        ("command", "dev", "command/dev"),
        ("open", "train", "give a file with --sentences"),
    ],
)
def test_texts_that_do_not_exist_are_refused(domain: str, split: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        next(sentences(domain, split, np.random.default_rng(0), []))


def test_voices_never_heard_are_not_among_the_known() -> None:
    known = {draw_speaker("known", seed).voice_name for seed in range(600)}
    unheard = {draw_speaker("unheard", seed).voice_name for seed in range(300)}
    assert not known & unheard
    assert not any(voice.startswith("festival") for voice in known)
    assert "flite:slt" not in known  # festival's slt is the same woman
    assert {"festival:ked_diphone", "festival:cmu_us_slt_arctic_hts", "flite:slt"} <= unheard
    assert draw_speaker("known", 7) == draw_speaker("known", 7) != draw_speaker("known", 8)


def test_a_population_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="population 'new'"):
        draw_speaker("new", 0)


def test_every_synthesiser_ends_in_one_phone_set() -> None:
    assert [from_espeak(name) for name in ("aI", "tS", "@L", "_:", "3:", "r-", "t2")] == "ay ch l _ er r t".split()
    assert [from_radio(name) for name in ("pau", "ax", "dx", "zh")] == "_ ah d zh".split()
    with pytest.raises(ValueError, match="phoneme '%'"):
        from_espeak("%")
    with pytest.raises(ValueError, match="phone 'qq'"):
        from_radio("qq")


def test_a_missing_library_names_its_package() -> None:
    with pytest.raises(SynthesisError, match="install Debian's package libnothing1"):
        _library("libnothing-of-that-name.so", "libnothing1")


def loudness(spoken: Spoken, phone: Phone) -> float:
    part = spoken.samples[int(phone.start * spoken.sample_rate) : int(phone.end * spoken.sample_rate)]
    return float(np.sqrt(np.mean(part**2))) if len(part) else 0.0


def check_phones(spoken: Spoken, n_words: int) -> None:
    """Phones follow one another, cover all words in order, and vowels are louder than silences."""
    phones = spoken.phones
    assert all(left.end <= right.start + 1e-6 for left, right in zip(phones, phones[1:], strict=False))
    assert [w for w in dict.fromkeys(p.word for p in phones) if w >= 0] == list(range(n_words))
    assert {p.symbol for p in phones} <= set(PHONES)
    silent = [loudness(spoken, p) for p in phones if p.symbol == "_" and p.end - p.start > 0.03]
    vowels = [loudness(spoken, p) for p in phones if p.symbol in ("ay", "iy", "ow", "ae")]
    assert min(vowels) > 5 * max(silent, default=0.001)


@needs_espeak
def test_espeak_says_words_and_tells_when() -> None:
    espeak = Espeak()
    check_phones(espeak.speak("i don't see two two cats", "en-us+f2", rate=150), 6)
    slow = espeak.speak("turn on the lights", "en+m3", rate=110)
    fast = espeak.speak("turn on the lights", "en+m3", rate=220)
    assert len(slow.samples) > 1.4 * len(fast.samples)
    with pytest.raises(SynthesisError, match="no voice 'nobody'"):
        espeak.speak("hello", "nobody")


@needs_flite
def test_flite_says_words_and_tells_when() -> None:
    flite = Flite()
    check_phones(flite.speak("i don't see two two cats", "rms"), 6)
    assert len(flite.speak("hello", "awb", stretch=1.5).samples) > 1.2 * len(flite.speak("hello", "awb").samples)


def test_festival_says_words_and_tells_when() -> None:
    try:
        first, plain, slow = festival_speak(["i see two two cats", "hello", "hello"], "ked_diphone", [1.0, 1.0, 1.5])
    except SynthesisError as error:
        pytest.skip(str(error))
    check_phones(first, 5)
    assert len(slow.samples) > 1.2 * len(plain.samples)


def test_a_missing_festival_names_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SynthesisError, match="festvox-kdlpc16k") as refused:
        festival_speak(["hello"], "ked_diphone", [1.0])
    assert is_users(refused.value)  # whoever asked for speech reads the sentence, and no stack trace


def speaker(warp: float = 1.0) -> Speaker:
    return Speaker("s", "espeak", "en-us+f1", 1.0, 50.0, 50.0, warp)


def test_finishing_warps_cuts_and_moves_the_phones() -> None:
    rate = 22_050
    samples = np.zeros(3 * rate, np.float32)
    samples[rate : 2 * rate] = 0.1 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)
    phones = (Phone("_", 0.0, 1.0, -1), Phone("iy", 1.0, 2.0, 0), Phone("_", 2.0, 3.0, -1))
    waveform, moved = finish(Spoken(samples, rate, phones), speaker(warp=1.1))
    assert len(waveform) / SAMPLE_RATE == pytest.approx(1 / 1.1 + 2 * MARGIN_SECONDS, abs=0.01)
    vowel = next(p for p in moved if p.symbol == "iy")
    assert (vowel.start, vowel.end) == pytest.approx((MARGIN_SECONDS, MARGIN_SECONDS + 1 / 1.1), abs=0.01)
    spectrum = np.abs(np.fft.rfft(waveform))
    assert np.argmax(spectrum) * SAMPLE_RATE / len(waveform) == pytest.approx(330, abs=5)  # formants move with the warp
    assert np.abs(waveform).max() == pytest.approx(0.5, abs=0.01)


def speech_set(**changes: object) -> SpeechSet:
    settings = dict(
        split="test", population="known", n_speakers=4, n_utterances=12, domains=(("command", 1.0),), seed=0
    )
    return SpeechSet(**(settings | changes))


def test_plans_repeat_and_share_no_speaker_between_splits() -> None:
    assert plan(speech_set(), []) == plan(speech_set(), [])
    by_set = [
        {job.speaker.name for job in plan(speech_set(split=split, seed=seed, n_speakers=12), [])}
        for split in SPLITS
        for seed in (0, 1)
    ]
    assert len(set.union(*by_set)) == sum(map(len, by_set))
    assert {job.domain for job in plan(speech_set(domains=tuple(zip(DOMAINS, (1, 0, 1, 0), strict=True))), [])} == {
        "command",
        "word",
    }


@needs_espeak
@needs_flite
def test_more_speakers_than_a_seed_has_are_refused() -> None:
    assert len(plan(speech_set(n_speakers=10_000, n_utterances=1), [])) == 1
    with pytest.raises(SpeechError, match="10,001 speakers were asked for, but a seed has 10,000, and the next are in"):
        plan(speech_set(n_speakers=10_001), [])


def test_made_speech_is_in_its_manifest(tmp_path: Path) -> None:
    rows = make_speech(speech_set(), tmp_path, [], n_workers=1)
    read = read_manifest(tmp_path / "manifest.csv")
    assert [row.reference for row in read] == [row.reference for row in rows]
    assert {split_of(row.reference) for row in read} == {"test"}
    for row in read[:3]:
        seconds = len(load_audio(row.path)) / SAMPLE_RATE
        assert parse_phones(row.phones)[-1].end <= seconds + 0.02


@needs_espeak
@needs_flite
def test_the_same_set_is_the_same_sound_with_any_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hyper.speech.make, "BATCH", 12)  # several for each worker
    made = []
    for n_workers in (1, 3):
        rows = make_speech(speech_set(n_utterances=40), tmp_path / str(n_workers), [], n_workers)
        made.append({row.file: (row.path.read_bytes(), row.phones) for row in rows})
    assert len(made[0]) > 24 and made[0] == made[1]


def test_patients_are_dealt_evenly() -> None:
    patients = assign_patients([f"s{i}" for i in range(18)], 1, COHORTS, seed=3)
    cells = [(p.cohort, p.severity) for dealt in patients.values() for p in dealt]
    assert len(set(cells)) == 9
    assert all(cells.count(cell) == 2 for cell in set(cells))
    several = assign_patients(["a", "b"], 3, COHORTS, seed=3)
    assert all({p.cohort for p in dealt} == set(COHORTS) for dealt in several.values())


def test_patients_of_another_seed_are_other_people() -> None:
    """By their names; and these tell mild from moderate, and still lead back to who is behind."""
    dealt = [assign_patients([f"s-{i}" for i in range(18)], 9, COHORTS, seed=seed) for seed in (0, 1, 11)]
    patients = [patient for each in dealt for own in each.values() for patient in own]
    assert len({patient.name for patient in patients}) == len(patients) == 3 * 18 * 9
    cells = {patient.name.rsplit("-", 1)[1][:6]: (patient.cohort, patient.severity) for patient in patients}
    assert len(cells) == len(set(cells.values())) == 9
    for speaker, own in dealt[2].items():
        rows = [ManifestRow("a.wav", Path("a.wav"), speaker=patient.name, simulated=True) for patient in own]
        assert {source_speaker(row) for row in rows} == {speaker}


def test_patients_who_would_be_those_of_the_next_speaker_are_refused() -> None:
    assert len(assign_patients(["a"], 101, COHORTS, seed=3)["a"]) == 101
    with pytest.raises(SimulationError, match="would become 102 patients, but at most 101 of one can be told apart"):
        assign_patients(["a"], 102, COHORTS, seed=3)


def test_a_simulated_manifest_keeps_what_was_meant(tmp_path: Path) -> None:
    waveform, phones = talk()
    save_audio(tmp_path / "a.wav", waveform)
    typical = ManifestRow("a.wav", tmp_path / "a.wav", "one two", speaker="s", phones=format_phones(phones))
    simulate_manifest([typical], tmp_path / "out", cohorts=("stuttering",), seed=5, n_workers=1)
    (row,) = read_manifest(tmp_path / "out" / "manifest.csv")
    assert (row.reference, row.cohort, row.simulated) == ("one two", "stuttering", True)
    assert row.speaker.startswith("s-stut")
    assert not np.array_equal(load_audio(row.path)[:1000], waveform[:1000])


def test_recordings_that_cannot_be_simulated_are_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waveform, phones = talk()
    save_audio(tmp_path / "a.wav", waveform)
    save_audio(tmp_path / "silent.wav", np.zeros(16_000, np.float32))
    good = ManifestRow("a.wav", tmp_path / "a.wav", "one two", speaker="s", phones=format_phones(phones))
    bad = [
        replace(good, file=f"{i}.wav", phones=column)
        for i, column in enumerate(["hello", "_:0.000:0.500:-1", "aI:500.000:501.000:0"])
    ]
    bad.append(replace(good, file="3.wav", path=tmp_path / "silent.wav"))
    written = simulate_manifest([*bad, good], tmp_path / "out", cohorts=("stuttering",), seed=5, n_workers=1)
    assert [row.file for row in written] == ["000/000004.wav"]
    assert "left out 4 of 5 recordings, the first is 0.wav: silent, broken, or without" in capsys.readouterr().out
    with pytest.raises(
        SimulationError, match=r"None of 4 recordings can be simulated, the first is 0\.wav: .*`phones`"
    ):
        simulate_manifest(bad, tmp_path / "none", cohorts=("stuttering",), seed=5, n_workers=1)
    assert not (tmp_path / "none" / "manifest.csv").exists()


def test_a_manifest_without_speakers_is_refused(tmp_path: Path) -> None:
    rows = [ManifestRow(f"{who}.wav", tmp_path / f"{who}.wav", "one two", speaker=who) for who in "ab"]
    nobody = ManifestRow("c.wav", tmp_path / "c.wav", "one two")
    asked = r"the first is c\.wav; please fill in the column `speaker`, since each speaker becomes a patient\."
    with pytest.raises(ManifestError, match=rf"1 of 3 recordings name no speaker, {asked}"):
        simulate_manifest([*rows, nobody], tmp_path / "out", cohorts=COHORTS, seed=0, n_workers=1)


def test_no_patient_is_made_of_a_patient(tmp_path: Path) -> None:
    row = ManifestRow("a.wav", tmp_path / "a.wav", "one two", speaker="a", cohort="ALS")
    with pytest.raises(SimulationError, match=r"1 of 2 recordings are no typical speech, the first is a\.wav \(ALS\);"):
        simulate_manifest([replace(row, cohort="Typical"), row], tmp_path / "out", cohorts=COHORTS, seed=0, n_workers=1)


def test_a_manifest_without_phone_times_is_refused(tmp_path: Path) -> None:
    row = ManifestRow("a.wav", tmp_path / "a.wav", "one two", speaker="s")
    with pytest.raises(SimulationError, match="1 recordings have no phone times, the first is a.wav"):
        simulate_manifest([row], tmp_path, cohorts=COHORTS, seed=0, n_workers=1)


def test_examples_follow_their_rule() -> None:
    cells = [(example.cohort, example.severity) for example in examples()]
    assert len(set(cells)) == 10  # nine cells, and typical
    assert len({example.name for example in examples()}) == len(cells) == 12
    first, again = ([next(texts) for _ in range(200)] for texts in (example_texts(), example_texts()))
    assert first == again
    assert len(set(first)) == 200
    assert {split_of(text) for text in first} == {"test"}


def drawn(i: int, n_base: int, n_adapted: int) -> ScoredUtterance:
    """The i-th candidate of a set in which the ten cells take turns, with so many errors of five words."""
    cells = list(dict.fromkeys((example.cohort, example.severity) for example in examples()))
    cohort, severity = cells[i % len(cells)]
    rows = [Row(Transcript("", (), (), "end", 0.0), WordErrors(5 - n, n)) for n in (n_base, n_adapted)]
    return ScoredUtterance(ManifestRow(f"{i}.wav", Path(f"{i}.wav"), cohort=cohort, severity=severity), *rows)


def test_the_choice_shows_gain_tie_and_harm_and_takes_the_first_drawn() -> None:
    turns = [(0, 0), (1, 1), (0, 1), (2, 1), (2, 1)]  # right, tie, harm, gain, gain: of each cell, in this order
    candidates = [drawn(10 * turn + cell, *errors) for turn, errors in enumerate(turns) for cell in range(10)]
    chosen = choose(candidates)
    assert [(c.recording.cohort, c.recording.severity) for c in chosen] == [(e.cohort, e.severity) for e in examples()]
    assert Counter(map(outcome, chosen[:9])) == {"gain": 5, "tie": 1, "harm": 1, "right": 2}
    turn_of = {"right": 0, "tie": 1, "harm": 2, "gain": 3}  # never the second gain
    assert all(int(Path(c.recording.file).stem) // 10 == turn_of[outcome(c)] for c in chosen[:9])
    assert [c.recording.file for c in chosen[9:]] == ["9.wav", "19.wav", "29.wav"]
    assert pooled_errors(candidates) == "all 50: WER 20.0 % base, 16.0 % adapted"


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([drawn(i, 1, 0) for i in range(8)], "No recording was drawn for parkinsons severe; draw more"),
        ([drawn(i, 1, 0) for i in range(50)], "None of the 50 recordings left to choose from is a harm; draw more"),
        (
            [drawn(i, *errors) for i in range(9) for errors in ((1, 1), (0, 1), (1, 0))],
            "0 typical recordings were drawn, 3 are wanted; draw more",
        ),
    ],
)
def test_a_draw_that_cannot_keep_the_rule_is_refused(candidates: list[ScoredUtterance], message: str) -> None:
    with pytest.raises(ExamplesError, match=message):
        choose(candidates)


def test_examples_need_a_pair(tmp_path: Path) -> None:
    with pytest.raises(ExamplesError, match="this model has no hypernetwork"):
        make_examples(SimpleNamespace(hypernet=None), tmp_path, 200)


EXAMPLES = Path(__file__).parents[1] / "examples" / "manifest.csv"


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples have not been made yet")
@pytest.mark.parametrize("of_base", list(manifests(EXAMPLES)))
def test_the_examples_are_those_of_the_rule(of_base: str) -> None:
    rows = read_manifest(manifests(EXAMPLES)[of_base])
    assert [(row.cohort, row.severity) for row in rows] == [(e.cohort, e.severity) for e in examples()]
    numbers = [int(row.speaker.removeprefix("example")) for row in rows]
    texts = list(itertools.islice(example_texts(), max(numbers) + 1))
    assert [row.reference for row in rows] == [texts[i] for i in numbers]
    assert [row.voice for row in rows] == [example_speaker(i).voice_name for i in numbers]
    outcomes = Counter(row.outcome for row in rows[:9])
    assert outcomes["gain"] >= 5 and outcomes["tie"] >= 1 and outcomes["harm"] >= 1
    assert all(re.match(rf"{row.outcome}: \d+ of \d+ drawn; all \d+: WER", row.note) for row in rows)
    assert all(row.simulated == (row.cohort != "typical") and row.licence for row in rows)
    assert {row.chosen_with for row in rows} == {LEARNED_EMBEDDING if of_base == "whisper-tiny.en" else ""}
    assert all(SAMPLE_RATE / 2 < len(load_audio(row.path)) <= MAX_SECONDS * SAMPLE_RATE for row in rows)


def test_fixed_sentences_are_never_tested_on() -> None:
    assert split_of("what time is it") == split_of("make it a lot quieter please") == "train"
    assert {split_of(f"my birthday is in {month}") for month in SLOTS["month"]} >= {"train", "test"}


def test_phrases_are_for_training_only_and_no_commands() -> None:
    with pytest.raises(ValueError, match="Phrases are for training only, but they were asked for in split test"):
        next(sentences("phrase", "test", np.random.default_rng(0), []))
    commands = [re.sub(r"\{(\w+)\}", lambda slot: f"({'|'.join(SLOTS[slot[1]])})", pattern) for pattern in PATTERNS]
    drawn = sentences("phrase", "train", np.random.default_rng(0), [])
    texts = {next(drawn) for _ in range(500)}
    assert len(texts) > 450
    assert not any(re.fullmatch(command, text) for command in commands for text in texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--mix 1 0 0 0 1", "--mix has 5 shares, but there are 4: command, open, word, phrase."),
        ("--mix 0 0", "--mix is 0 0, but no share may be below 0 and one at least must be above it."),
        ("--mix 1 -0.5", "--mix is 1 -0.5, but no share may be below 0"),
        ("--mix nan", "--mix is nan, but no share may be below 0"),
        ("--mix 0.5 0.5", "Open sentences were asked for, but none of the train split are there; give a file with"),
        ("--mix 0.5 0 0 0.5 --split test", "asked for in split test; leave them out of --mix."),
    ],
)
def test_shares_of_texts_that_cannot_be_said_are_refused(
    arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["make-speech", "--out", str(tmp_path / "out"), *arguments.split()]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_open_sentences_commands_are_said_in_their_place(tmp_path: Path, monkeypatch) -> None:
    asked: list[SpeechSet] = []
    monkeypatch.setattr("hyper.speech.make.make_speech", lambda speech, *_: asked.append(speech) or [])
    file = tmp_path / "sentences.txt"
    file.write_text("he rose and held out his hands\n")
    for more in ([], ["--sentences", str(file)]):
        assert main(["make-speech", "--out", str(tmp_path / "out"), *more]) == 0
    without, with_them = (dict(speech.domains) for speech in asked)
    assert without == {"command": 0.8, "open": 0.0, "word": 0.2}
    assert with_them == {"command": 0.5, "open": 0.3, "word": 0.2}


def test_things_to_say_are_sentences_of_the_grammar() -> None:
    def matches(pattern: str, phrase: str) -> bool:
        expression = re.sub(r"\{(\w+)\}", lambda slot: f"({'|'.join(SLOTS[slot[1]])})", pattern)
        return re.fullmatch(expression, phrase) is not None

    for phrase in PHRASES:
        assert any(matches(pattern, phrase) for pattern in PATTERNS), phrase
