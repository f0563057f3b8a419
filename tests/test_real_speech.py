"""Real recordings to pieces: every piece holds the words that are said in it, and only what fits badly is left out."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hyper.recordings.audio import save_audio
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.resampling import resample
from hyper.simulate.phones import Phone, parse_phones
from hyper.training.base import real_speech
from hyper.training.base.alignment import Alignment
from hyper.training.base.real_speech import align_rows, words_said
from hyper.training.base.small_whisper import make_feature_extractor, mel_settings
from hyper.training.begun_with import RunError


def has_espeak() -> bool:
    try:
        ctypes.CDLL("libespeak-ng.so.1")
    except OSError:
        return False
    return True


needs_espeak = pytest.mark.skipif(not has_espeak(), reason="libespeak-ng1 is not installed")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the cat  sat", "the cat sat"),
        ("the\tcat\n sat", "the cat sat"),
        ("the cat - sat -- here …", "the cat sat here"),
        ("salt & pepper, 5 % more", "salt & pepper, 5 % more"),
        ("“Well”—he's x-rayed", "“Well”—he's x-rayed"),
        (" - ", ""),
    ],
)
def test_words_that_are_said(text: str, words: str) -> None:
    assert " ".join(words_said(text)) == words


def written_pieces(text: str, folder: Path) -> list[ManifestRow]:
    """The pieces of a recording of espeak's own, whose phone times are therefore known."""
    from hyper.speech.engines import Espeak

    spoken = Espeak().speak(" ".join(words_said(text)), "en-us")
    save_audio(folder / "whole.wav", resample(spoken.samples, spoken.sample_rate, SAMPLE_RATE))
    row = ManifestRow("whole.wav", folder / "whole.wav", text)
    (expected,) = real_speech._read(([row], mel_settings(make_feature_extractor())))[2]
    assert [p.symbol for p in expected] == [p.symbol for p in spoken.phones]
    return real_speech._write_pieces((folder, 0, [(row, Alignment(tuple(expected), 0.0))]))


@needs_espeak
@pytest.mark.parametrize("between", [" ", "  ", "\t", " - ", " -- "])
def test_a_piece_holds_the_words_that_are_said_in_it(between: str, tmp_path: Path) -> None:
    words = ["one cat", *["two dogs see"] * 20, "three fat mats"]
    pieces = written_pieces(between.join(words), tmp_path)
    assert len(pieces) > 1
    assert " ".join(piece.reference for piece in pieces) == " ".join(words)
    first_sound = {"one": "w", "cat": "k", "two": "t", "dogs": "d", "see": "s", "three": "th", "fat": "f", "mats": "m"}
    for piece in pieces:
        heard: dict[int, str] = {}
        for phone in parse_phones(piece.phones):
            if phone.word >= 0:
                heard.setdefault(phone.word, phone.symbol)
        assert [heard[i] for i in sorted(heard)] == [first_sound[word] for word in piece.reference.split()]


@needs_espeak
def test_words_that_are_said_as_one_stay_together(tmp_path: Path) -> None:
    text = " ".join(["the dog sat on the mat in the house"] * 6 + ["it was out of"])
    pieces = written_pieces(text, tmp_path)
    assert len(pieces) > 3
    assert " ".join(piece.reference for piece in pieces) == text  # no "the" is lost at a cut, no "of" at the end


def test_a_piece_is_of_whoever_spoke_the_whole(tmp_path: Path) -> None:
    save_audio(tmp_path / "whole.wav", np.random.default_rng(0).uniform(-0.1, 0.1, SAMPLE_RATE).astype(np.float32))
    kind = {"speaker": "p1", "cohort": "dysarthria", "severity": "mild", "simulated": True, "age": "61", "note": "b 3"}
    row = ManifestRow("whole.wav", tmp_path / "whole.wav", "ah", **kind)
    spoken = Alignment((Phone("aa", 0.2, 0.8, 0),), 0.0)
    pieces = real_speech._write_pieces((tmp_path, 0, [(row, spoken), (replace(row, cohort=""), spoken)]))
    assert {name: getattr(pieces[0], name) for name in kind} == kind
    assert [piece.cohort for piece in pieces] == ["dysarthria", "typical"]


def alignments(scores: list[float]) -> list[tuple[ManifestRow, Alignment]]:
    phones = (Phone("aa", 0.0, 0.5, 0),)
    return [(ManifestRow(str(i), Path(str(i))), Alignment(phones, score)) for i, score in enumerate(scores)]


def test_one_in_twenty_is_left_out_and_of_fewer_none() -> None:
    few = alignments([-1.0, -3.0, -2.0])
    assert real_speech._without_worst(few) == few
    assert real_speech._without_worst(alignments([-1.0])) == alignments([-1.0])
    many = alignments([-1.0, -9.0, *[-2.0] * 37, -8.0, -1.0])  # 41: two are left out
    assert real_speech._without_worst(many) == [pair for pair in many if pair[1].score > -8]


def test_no_more_is_heard_than_is_about_to_be_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    counted: list[int] = []

    def one_by_one(_function, tasks, *_options, n_tasks: int):
        counted.append(n_tasks)
        return ([task] for task in tasks)

    monkeypatch.setattr(real_speech, "_posterior_tasks", lambda *_: (heard.append(i) or i for i in range(5)))
    monkeypatch.setattr(real_speech, "parallel", one_by_one)
    aligned = real_speech._aligned([None] * 300, None, None, None, 1)  # type: ignore[list-item, arg-type]
    assert next(aligned) == 0 and heard == [0]
    assert [*aligned] == [1, 2, 3, 4] and counted == [5]  # 64 recordings each


def test_recordings_in_which_no_word_is_heard_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_speech, "_aligned", lambda *_: alignments([-1.0, -1.0]))
    monkeypatch.setattr(real_speech, "parallel", lambda *_: [[], []])
    with pytest.raises(RunError, match="No word was heard in 2 recordings that were aligned; check that"):
        align_rows([], None, None, None, tmp_path / "out", 1)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
