"""Transcripts as files, read back by programs that other people wrote."""

from __future__ import annotations

import html
import io
import unicodedata
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import srt as srt_reader
import webvtt
from hypothesis import given
from hypothesis import strategies as st
from praatio import textgrid as praat
from test_ui_panels import comparison

from hyper.compare.word_times import PairTimes, WordTime
from hyper.reports.timed_text import (
    CUE_SECONDS,
    DRAWN_OUT_SECONDS,
    LINE_LETTERS,
    TimedTextError,
    file_name,
    srt,
    textgrid,
    transcript_text,
    vtt,
)

SAID = (WordTime("Turn", 0.2, 0.5), WordTime("on.", 0.5, 1.0), WordTime("Please", 3661.0, 3661.25))
LONG = "w" * 50
WORDS = st.lists(st.tuples(st.sampled_from(["a", "lights.", "<b>", "R&D", '"so"', "-->", LONG]),
                           st.floats(0, 30), st.floats(0, 30)), max_size=60)  # fmt: skip


def in_order(found: list[tuple[str, float, float]]) -> list[WordTime]:
    """Words as the decoder tells them: one after the other, many of them at one point."""
    times = sorted(second for _, start, end in found for second in (start, end))
    return [WordTime(word, *times[2 * i : 2 * i + 2]) for i, (word, _, _) in enumerate(found)]


def intervals_of(text: str, folder: Path) -> dict[str, list[tuple[float, float, str]]]:
    """Each tier as praatio reads it, empty intervals included."""
    (folder / "read.TextGrid").write_text(text, encoding="utf-8")
    grid = praat.openTextgrid(str(folder / "read.TextGrid"), includeEmptyIntervals=True)
    return {name: [tuple(entry) for entry in grid.getTier(name).entries] for name in grid.tierNames}


def test_words_that_nobody_said_are_in_no_file(tmp_path):
    silence = comparison("invented", "thanks for watching", waveform=np.zeros(8000, np.float32))
    assert transcript_text(silence, "txt") == "(no speech found)\n"
    assert transcript_text(silence, "srt") == ""
    assert transcript_text(silence, "vtt") == "WEBVTT\n\nNOTE (no speech found)\n"
    assert [*webvtt.from_string(transcript_text(silence, "vtt"))] == []
    tiers = intervals_of(transcript_text(silence, "textgrid"), tmp_path)
    assert tiers == {"base": [(0.0, 0.5, "")], "adapted": [(0.0, 0.5, "")]}


def test_subrip_to_the_letter():
    assert srt(SAID, 3662.0) == (
        "1\n00:00:00,200 --> 00:00:01,000\nTurn on.\n\n2\n01:01:01,000 --> 01:01:01,250\nPlease\n"
    )
    assert srt((), 1.0) == ""


def test_webvtt_to_the_letter():
    assert vtt(SAID, 3662.0) == (
        "WEBVTT\n\n00:00:00.200 --> 00:00:01.000\nTurn <00:00:00.500>on.\n\n01:01:01.000 --> 01:01:01.250\nPlease\n"
    )
    assert vtt((WordTime("<i>R&D-->", 0, 1),), 1.0).endswith("\n&lt;i&gt;R&amp;D--&gt;\n")
    assert vtt((), 1.0) == "WEBVTT\n"


def test_textgrid_to_the_letter():
    words = (WordTime('say "yes"', 0.25, 0.5), WordTime("so", 0.5, 1.0))
    assert textgrid({"base": words}, 1.5).splitlines() == [
        'File type = "ooTextFile"', 'Object class = "TextGrid"', "",
        "xmin = 0", "xmax = 1.5", "tiers? <exists>", "size = 1", "item []:",
        "    item [1]:", '        class = "IntervalTier"', '        name = "base"',
        "        xmin = 0", "        xmax = 1.5", "        intervals: size = 4",
        "        intervals [1]:", "            xmin = 0", "            xmax = 0.25", '            text = ""',
        "        intervals [2]:", "            xmin = 0.25", "            xmax = 0.5",
        '            text = "say ""yes"""',
        "        intervals [3]:", "            xmin = 0.5", "            xmax = 1", '            text = "so"',
        "        intervals [4]:", "            xmin = 1", "            xmax = 1.5", '            text = ""',
    ]  # fmt: skip


@given(WORDS)
def test_praat_finds_every_word_once_and_no_gap(tmp_path_factory, found):
    words = in_order(found)
    tiers = intervals_of(textgrid({"base": words, "adapted": ()}, 30.0), tmp_path_factory.mktemp("grid"))
    assert tiers["adapted"] == [(0, 30, "")]
    starts, ends, texts = zip(*tiers["base"], strict=True)
    assert [text for text in texts if text] == [word.word for word in words]
    assert starts[0] == 0 and ends[-1] == 30 and starts[1:] == ends[:-1]
    assert all(start < end for start, end, _ in tiers["base"])


@given(WORDS)
def test_subtitles_hold_every_word_and_never_overlap(found):
    words = in_order(found)
    captions = webvtt.from_buffer(io.StringIO(vtt(words, 30.0)))
    subtitles = list(srt_reader.parse(srt(words, 30.0)))
    said = [word.word for word in words]
    if LONG not in said:  # which takes two lines
        assert [word for each in captions for word in html.unescape(each.text).split()] == said
    assert letters_of(html.unescape(each.text) for each in captions) == letters_of(said)
    assert letters_of(each.content.replace("→", "-->") for each in subtitles) == letters_of(said)
    times = [(each.start.total_seconds(), each.end.total_seconds()) for each in subtitles]
    assert [srt_reader.timedelta_to_srt_timestamp(each.start).replace(",", ".") for each in subtitles] == [
        each.start for each in captions
    ]
    assert all(start < end < start + CUE_SECONDS + 0.002 for start, end in times)  # rounded to ms
    assert all(end <= start for (_, end), (start, _) in zip(times, times[1:], strict=False))
    assert all(len(each.content.split("\n")) <= 2 for each in subtitles)
    lines = [line for each in subtitles for line in each.content.split("\n")]
    assert all(len(line) <= LINE_LETTERS for line in lines)


def letters_of(texts):
    """Without what parts words and lines."""
    return "".join("".join(text.split()) for text in texts)


@pytest.mark.parametrize(("sentence", "n_letters"), [("电气" * 59 + "好。", 120), ("ที่นี่" * 40, 80)], ids=["zh", "th"])
def test_a_sentence_without_spaces_is_shown_for_as_long_as_it_is_said(sentence, n_letters):
    cues = list(srt_reader.parse(srt((WordTime(sentence, 1.0, 21.0),), 30.0)))
    times = [(each.start.total_seconds(), each.end.total_seconds()) for each in cues]
    assert (times[0][0], times[-1][1]) == (1.0, 21.0) and all(end == start for (_, end), (start, _) in pairwise(times))
    assert all(end - start <= CUE_SECONDS for start, end in times)
    lines = [
        [c for c in line if unicodedata.category(c)[0] != "M"] for each in cues for line in each.content.split("\n")
    ]
    assert "".join(each.content.replace("\n", "") for each in cues) == sentence
    assert max(map(len, lines)) <= LINE_LETTERS
    assert not any(
        unicodedata.category(each.content[0]).startswith("M") for each in cues
    )  # signs stay with their letter
    seconds = times[0][1] - times[0][0]
    assert len(lines[0]) == pytest.approx(n_letters * seconds / 20, abs=1)


def test_a_short_word_before_a_long_pause_is_not_shown_all_the_time():
    (cue,) = srt_reader.parse(srt((WordTime("on.", 1.0, 21.0),), 30.0))
    assert cue.end.total_seconds() == 1 + CUE_SECONDS


def test_a_cue_ends_with_the_sentence_and_at_a_pause():
    words = [WordTime("one", 0, 0.5), WordTime("two.", 0.5, 1), WordTime("three", 1, 1.5 + DRAWN_OUT_SECONDS),
             WordTime("four", 4, 4.5)]  # fmt: skip
    assert [each.content for each in srt_reader.parse(srt(words, 5.0))] == ["one two.", "three", "four"]


def test_which_transcript_is_written():
    made = replace(comparison("turn on", "turn off"), word_times=PairTimes(SAID[:1], SAID[1:2]))
    assert transcript_text(made, "txt") == "turn off\n" and transcript_text(made, "txt", "base") == "turn on\n"
    assert "on." in transcript_text(made, "srt") and "Turn" in transcript_text(made, "srt", "base")
    assert {'name = "base"', 'name = "adapted"'} <= {
        line.strip() for line in transcript_text(made, "textgrid").split("\n")
    }
    alone = replace(comparison("turn on", None), word_times=PairTimes(SAID[:1], None))
    assert transcript_text(alone, "txt") == "turn on\n" and "size = 1" in transcript_text(alone, "textgrid")
    with pytest.raises(TimedTextError, match="no hypernetwork for .*, so no adapted transcript"):
        transcript_text(alone, "vtt", "adapted")


def test_files_are_named_after_the_recording():
    names = [file_name("talk 1", kind, "adapted") for kind in ("txt", "srt", "vtt", "textgrid")]
    assert names == ["talk 1-adapted.txt", "talk 1-adapted.srt", "talk 1-adapted.vtt", "talk 1.TextGrid"]
