"""Signs of a wrong transcript: each limit from both sides, on texts and sounds whose numbers are known by hand."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hyper.compare.guards import (
    COMPRESSION_LIMIT,
    LEAST_SPEECH_SECONDS,
    LOG_PROB_LIMIT,
    NO_SPEECH_LIMIT,
    STOCK_PHRASES,
    WORDS_PER_SECOND_LIMIT,
    Flag,
    Heard,
    compression_ratio,
    guard,
    heard_nobody,
    measure_sound,
)
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.row import make_row
from hyper.compare.terminal import comparison_text
from hyper.compare.transcribe import join_heard, join_pieces
from hyper.compare.transcript import Transcript
from hyper.model.backbone import Backbone
from hyper.model.decoding import DecodedRow
from hyper.recordings.audio import SAMPLE_RATE, load_audio
from hyper.recordings.manifest import read_manifest
from hyper.speech.no_speech import no_speech

EXAMPLES = Path(__file__).parent.parent / "examples" / "manifest.csv"


def transcript(text: str, **changes) -> Transcript:
    made = Transcript(text=text, tokens=(1, 2), log_probs=(-0.1, -0.3), stopped="end", no_speech_prob=0.01)
    return replace(made, **changes)


def noise(seconds: float, level: float = 0.001) -> np.ndarray:
    return level * np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE)).astype(np.float32)


def tone(seconds: float, level: float = 0.1) -> np.ndarray:
    return level * np.sin(2 * np.pi * 200 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE).astype(np.float32)


TALK = np.concatenate([noise(1.0), tone(1.0), noise(1.0)])  # 1 s of sound: with 0.1 s on both sides 1.2 s of speech


def names(found: Transcript, waveform: np.ndarray = TALK) -> list[str]:
    return [flag.name for flag in guard(found, Heard(waveform))]


def test_limits_are_those_of_openai_whisper():
    assert (COMPRESSION_LIMIT, LOG_PROB_LIMIT, NO_SPEECH_LIMIT) == (2.4, -1.0, 0.6)


def test_an_ordinary_transcript_has_no_flag():
    assert guard(transcript("turn on the lights"), Heard(TALK)) == ()


def test_no_example_that_comes_with_the_project_is_flagged_for_what_was_meant():
    if not EXAMPLES.is_file():
        pytest.skip("the examples are not here")
    rows = read_manifest(EXAMPLES)
    assert len(rows) >= 12
    assert {row.file: names(transcript(row.reference), load_audio(row.path)) for row in rows} == {
        row.file: [] for row in rows
    }


# Text.


@pytest.mark.parametrize(
    "text", ["turn on the lights", "no no no no no no no no", "où est la gare ?", "turn it off " * 30]
)
def test_compression_ratio_is_bytes_by_deflated_bytes(text):
    deflated = len(gzip.compress(text.encode(), mtime=0)) - 18 + 6  # gzip frames with 18 bytes where zlib has 6
    assert compression_ratio(text) == pytest.approx(len(text.encode()) / deflated)


def test_other_scripts_do_not_repeat_themselves_by_their_bytes():
    """The first article of the Universal Declaration of Human Rights, and a loop."""
    tamil = (
        "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்; அவர்கள் மதிப்பிலும், உரிமைகளிலும் சமமானவர்கள், "
        "அவர்கள் நியாயத்தையும் மனச்சாட்சியையும் இயற்பண்பாகப் பெற்றவர்கள். அவர்கள் ஒருவருடனொருவர் சகோதர "
        "உணர்வுப் பாங்கில் நடந்துகொள்ளல் வேண்டும்."
    )
    assert len(tamil.encode()) / len(gzip.compress(tamil.encode())) > 2
    assert compression_ratio(tamil) < 1.8 < COMPRESSION_LIMIT < compression_ratio("அவர்கள் " * 30)


def test_a_loop_in_one_part_of_a_long_text_is_not_hidden_by_the_rest():
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefghijklmnop"), 6)) for _ in range(800)]
    text = " ".join([*words[:400], "I do not know. " * 70, *words[400:]])
    assert compression_ratio(text) > COMPRESSION_LIMIT
    assert len(text.encode()) / len(gzip.compress(text.encode())) < COMPRESSION_LIMIT
    assert compression_ratio("") == 0


def test_repeated_text_is_flagged():
    assert names(transcript("the lights the lights")) == []
    (flag,) = guard(transcript("turn on the lights " * 6), Heard(np.concatenate([TALK] * 8)))
    assert (flag.name, flag.limit) == ("compression", 2.4) and flag.value > 2.4
    assert flag.reason == f"The text repeats itself: it packs {flag.value:.1f} times smaller, speech seldom over 2.4."


def test_stopping_early_is_flagged_even_without_text():
    (flag,) = guard(transcript("", stopped="repetition"), Heard(TALK))
    assert (flag.name, flag.value, flag.limit) == ("loop", "repetition", None)
    assert flag.reason == (
        "The model began to say the same thing over and over and was made to go on without; what follows may be wrong."
    )
    (flag,) = guard(transcript("turn on", stopped="length"), Heard(TALK))
    assert (flag.name, flag.value, flag.limit) == ("length", "length", None)
    assert flag.reason.startswith("The model wrote more than fits the recording and was stopped")


@pytest.mark.parametrize("phrase", STOCK_PHRASES)
def test_stock_phrases_are_flagged_however_they_are_written(phrase):
    assert "stock_phrase" in names(transcript(phrase.upper() + "!"), np.concatenate([TALK] * 4))
    assert "stock_phrase" not in names(transcript(f"She said {phrase}"), np.concatenate([TALK] * 4))


def test_what_people_say_is_no_stock_phrase():
    (flag,) = guard(transcript("Thanks for watching!"), Heard(TALK))
    assert (flag.value, flag.limit) == ("Thanks for watching!", None)
    assert flag.reason == "The whole text is a phrase that Whisper is known to write where nobody speaks."
    for said in ("thank you", "thanks for watching the dog", "watching"):
        assert names(transcript(said)) == []


# Probabilities.


def test_a_mean_log_probability_below_minus_one_is_flagged():
    assert names(transcript("turn on", log_probs=(-0.5, -1.5))) == []
    (flag,) = guard(transcript("turn on", log_probs=(-0.5, -1.6)), Heard(TALK))
    assert (flag.name, flag.limit) == ("log_probability", -1.0) and flag.value == pytest.approx(-1.05)
    assert "a probability of 35 %, and below 37 % is doubtful" in flag.reason  # exp(-1.05), exp(-1)
    assert names(transcript("turn on", tokens=(), log_probs=())) == []


@pytest.mark.parametrize(
    ("no_speech_prob", "log_prob", "expected"),
    [
        (0.7, -1.2, ["log_probability", "no_speech"]),
        (0.7, -0.9, []),  # sure of its words: openai/whisper keeps them too
        (0.6, -1.2, ["log_probability"]),
        (None, -1.2, ["log_probability"]),  # a model without that token
    ],
)
def test_no_speech_counts_only_where_the_words_are_unsure_as_well(no_speech_prob, log_prob, expected):
    found = transcript("turn on", log_probs=(log_prob, log_prob), no_speech_prob=no_speech_prob)
    assert names(found) == expected
    if "no_speech" in expected:
        flag = guard(found, Heard(TALK))[1]
        assert (flag.value, flag.limit) == (0.7, 0.6)
        assert flag.reason == "The model itself doubts that anybody speaks here (70 % for silence)."


# Sound.


def test_sound_is_measured_above_the_recordings_own_noise():
    sound = measure_sound(TALK)
    assert sound.loud_seconds == pytest.approx(1.0, abs=0.021)
    assert sound.speech_seconds == pytest.approx(1.2, abs=0.041)
    louder = measure_sound(30 * TALK)
    assert (louder.loud_seconds, louder.speech_seconds) == (sound.loud_seconds, sound.speech_seconds)


def test_pauses_shorter_than_a_fifth_of_a_second_are_speech():
    def seconds_of(pause: float) -> float:
        return measure_sound(
            np.concatenate([noise(1.0), tone(0.5), noise(pause), tone(0.5), noise(1.0)])
        ).speech_seconds

    assert seconds_of(0.18) == pytest.approx(1.2 + 0.18, abs=0.041)
    assert seconds_of(0.50) == pytest.approx(1.4, abs=0.041)


@pytest.mark.parametrize(
    "waveform",
    [
        noise(3.0, 0.1),
        noise(3.0) + np.linspace(-0.3, 0.3, 3 * SAMPLE_RATE, dtype=np.float32),  # the offset of a bad microphone
        tone(3.0) + noise(3.0, 0.01),  # mains hum, or a machine
        np.concatenate([noise(1.0), tone(0.06), noise(1.0)]),  # a click
        np.concatenate([np.zeros(SAMPLE_RATE, np.float32), noise(1.0, 1e-5), tone(0.06)]),  # dither stands out of zeros
    ],
    ids=["noise", "offset", "hum", "click", "dither"],
)
def test_words_from_a_recording_in_which_nothing_stands_out_are_flagged(waveform):
    (flag,) = guard(transcript("turn on"), Heard(waveform))
    assert (flag.name, flag.limit) == ("quiet", LEAST_SPEECH_SECONDS) and flag.value < 0.1
    assert flag.reason == (
        f"Only {flag.value:.2f} s of the recording stand out from its own background noise, so there may be nobody to "
        "hear."
    )
    assert guard(transcript(""), Heard(waveform)) == ()  # nothing was claimed


@pytest.mark.parametrize("silence", [noise(1.0), np.zeros(SAMPLE_RATE, np.float32)], ids=["noise", "digital silence"])
def test_a_short_word_stands_out(silence):
    assert names(transcript("no"), np.concatenate([silence, tone(0.2), silence])) == []
    assert names(transcript("no"), np.concatenate([silence, 0.01 * tone(0.2), silence / 100, silence / 100])) == []


def test_more_than_six_words_a_second_of_speech_are_flagged():
    words = "we went out to buy some bread and milk".split()  # of 1.2 s of speech
    assert len(words) == 9 and names(transcript(" ".join(words[:7]))) == []
    (flag,) = guard(transcript(" ".join(words[:8])), Heard(TALK))
    assert (flag.name, flag.limit) == ("words_per_second", WORDS_PER_SECOND_LIMIT)
    assert flag.value == pytest.approx(8 / 1.2, rel=0.04)
    assert flag.reason == (
        f"There are {flag.value:.1f} words for each second of speech, but people say 6 at most, "
        "so some may be invented."
    )
    assert names(transcript(" ".join(words)), np.concatenate([TALK, TALK])) == []


# In a comparison.


@pytest.fixture
def asr(backbone, make_hypernet):
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


@pytest.fixture
def comparison(asr, speech_like):
    return asr.compare(speech_like(2.0))


def test_both_rows_are_judged_by_the_same_guards(comparison):
    suspicious, plain = transcript("Thanks for watching!", stopped="length"), transcript("turn on the lights")
    for row in (comparison.base, comparison.adapted):
        assert row.flags == guard(row.transcript, Heard(comparison.waveform))
    found = make_row(suspicious, Heard(comparison.waveform))
    assert found.flags == guard(suspicious, Heard(comparison.waveform))
    assert {"length", "stock_phrase"} <= {flag.name for flag in found.flags}
    assert make_row(plain, Heard(comparison.waveform)).flags == guard(plain, Heard(comparison.waveform))
    assert replace(comparison, adapted=None).to_json()["flags"]["adapted"] == []


def test_flags_are_in_the_record_and_on_the_terminal(comparison):
    suspicious, plain = transcript("Thanks for watching!", stopped="length"), transcript("turn on the lights")
    base, adapted = (make_row(each, Heard(comparison.waveform)) for each in (suspicious, plain))
    found = replace(comparison, base=base, adapted=adapted)
    record = json.loads(json.dumps(found.to_json()))
    assert record["flags"] == {
        "base": [dict(vars(flag)) for flag in base.flags],
        "adapted": [dict(vars(flag)) for flag in adapted.flags],
    }
    assert record["flags"]["base"][0].keys() == {"name", "value", "limit", "reason"}
    lines = comparison_text(found, "a.wav").splitlines()
    assert [line.strip() for line in lines if "caution: " in line] == [
        f"caution: {flag.reason}" for flag in (*base.flags, *adapted.flags)
    ]


# Who speaks.


def breath() -> np.ndarray:
    """It swells and fades, but has no pitch."""
    return no_speech("breathing", np.random.default_rng(4))


@pytest.mark.parametrize(
    ("log_prob", "waveform", "flagged"),
    [
        (-1.2, breath(), True),
        (-0.8, breath(), False),  # whispering, which a model that is sure has heard
        (-1.2, TALK, False),
    ],
)
def test_no_voice_counts_only_where_the_words_are_unsure_as_well(log_prob, waveform, flagged):
    flags = guard(transcript("hello there", log_probs=(log_prob,)), Heard(waveform))
    assert ("no_voice" in {flag.name for flag in flags}) == flagged
    if flagged:
        (reason,) = [flag.reason for flag in flags if flag.name == "no_voice"]
        assert reason == "No voiced sound was found: only 0.0 s of the recording have the pitch of a voice."


@pytest.mark.parametrize(
    ("name", "expected"),
    [("quiet", True), ("no_speech", True), ("no_voice", True), ("log_probability", False), ("loop", False),
     ("length", False), ("compression", False), ("words_per_second", False), ("stock_phrase", False)],
)  # fmt: skip
def test_doubt_in_the_words_is_not_yet_silence(name, expected):
    assert heard_nobody([Flag("loop", 1.0, None, ""), Flag(name, 1.0, None, "")]) == expected
    assert not heard_nobody([])


# Of a recording in pieces.


def piece(backbone: Backbone, text: str, log_prob: float = -0.1, no_speech_prob: float = 0.01) -> DecodedRow:
    tokens = tuple(backbone.to_tokens(text))
    return DecodedRow(tokens, (log_prob,) * len(tokens), "end", no_speech_prob)


def test_one_piece_with_speech_does_not_excuse_those_in_which_nobody_speaks(backbone):
    sounds = [TALK, noise(4.0), TALK, breath(), TALK]
    pieces = [
        piece(backbone, "turn on"),
        piece(backbone, "down"),  # quiet
        piece(backbone, "no", -1.2, 0.7),  # no_speech
        piece(backbone, "so", -1.2),  # no_voice
        piece(backbone, "the lights"),
    ]
    whole, heard = Heard(np.concatenate(sounds)), [Heard(sound) for sound in sounds]
    found = join_heard(backbone, pieces, whole, heard)
    assert found.text == "turn on the lights"
    assert found.piece_lengths == (len(pieces[0].tokens), 0, 0, 0, len(pieces[4].tokens))
    assert found.tokens == pieces[0].tokens + pieces[4].tokens
    assert found.log_probs == pieces[0].log_probs + pieces[4].log_probs
    seconds = sum(len(sound) for sound in sounds[1:4]) / SAMPLE_RATE
    (flag,) = guard(found, whole)
    assert (flag.name, flag.value, flag.limit) == ("left_out", seconds, None)
    assert flag.reason == (
        f"In {seconds:.0f} s of the recording nobody seems to speak; the words that the model wrote there were left "
        "out."
    )
    assert not heard_nobody([flag])


def test_what_is_left_out_is_told_even_where_nothing_else_was_written(backbone):
    pieces, sounds = [piece(backbone, ""), piece(backbone, "down")], [TALK, noise(4.0)]
    found = join_heard(backbone, pieces, Heard(np.concatenate(sounds)), [Heard(sound) for sound in sounds])
    assert (found.text, names(found)) == ("", ["left_out"])


@pytest.mark.parametrize(("text", "flags"), [("down", ["left_out"]), (". .", [])])
def test_a_loop_in_a_pause_says_nothing_of_the_words_around_it(backbone, text, flags):
    pieces, sounds = [piece(backbone, "turn on"), piece(backbone, text)], [TALK, noise(4.0)]
    pieces[1] = replace(pieces[1], stopped="repetition")
    whole = Heard(np.concatenate(sounds))
    found = join_heard(backbone, pieces, whole, [Heard(sound) for sound in sounds])
    assert (found.text, found.stopped, [flag.name for flag in guard(found, whole)]) == ("turn on", "end", flags)
    looped = [replace(pieces[0], stopped="repetition"), pieces[1]]  # where somebody speaks it does
    found = join_heard(backbone, looped, whole, [Heard(sound) for sound in sounds])
    assert [flag.name for flag in guard(found, whole)] == ["loop", *flags]


def test_where_nobody_speaks_at_all_the_words_stay_and_the_flags_tell(backbone):
    pieces, sounds = [piece(backbone, "down"), piece(backbone, "now")], [noise(4.0), noise(3.0)]
    for n_pieces in (1, 2):
        whole = Heard(np.concatenate(sounds[:n_pieces]))
        found = join_heard(backbone, pieces[:n_pieces], whole, [Heard(sound) for sound in sounds[:n_pieces]])
        assert found == join_pieces(backbone, pieces[:n_pieces])
        assert [flag.name for flag in guard(found, whole)] == ["quiet"]


def test_silence_behind_an_example_adds_no_words_to_either_transcript():
    if not EXAMPLES.is_file():
        pytest.skip("the examples are not here")
    asr = PersonalizedAsr.load("bundled", device="cpu")
    said = load_audio(EXAMPLES.parent / "stuttering_severe.wav")
    found = asr.compare(np.concatenate([said, noise(25.0, 4e-4)]))
    for row, times in zip(found.rows, found.word_times, strict=True):
        assert "down" not in row.text.split() and [flag.name for flag in row.flags] == ["left_out"]
        assert [word for word, _ in row.words] == [each.word for each in times] == row.text.split()
    assert found.adapted.text == "show me the red slippers" and not found.verdict.doubts


def test_the_sound_is_measured_once_for_all_rows(asr, speech_like, monkeypatch):
    measured = []
    monkeypatch.setattr(
        "hyper.compare.guards.measure_sound", lambda sound: measured.append(sound) or measure_sound(sound)
    )
    found = asr.compare(speech_like(2.0))
    assert all(row.text for row in found.rows) and len(measured) == 1
