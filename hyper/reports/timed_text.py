"""A transcript as a file: plain text, subtitles as SRT and WebVTT, and a TextGrid for Praat, with the word times."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from html import escape
from typing import Literal, get_args

from hyper.compare.comparison import Comparison
from hyper.compare.word_times import WordTime
from hyper.reports.parts import NO_SPEECH

RowName = Literal["base", "adapted"]
Kind = Literal["txt", "srt", "vtt", "textgrid"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# https://partnerhelp.netflixstudios.com/hc/en-us/articles/217350977 : English timed text style guide
LINE_LETTERS = 42
CUE_LINES = 2
CUE_SECONDS = 7.0
DRAWN_OUT_SECONDS = 1.5  # a word that lasts longer has a pause behind it: its time ends where the next word begins
# Longer ones are whole sentences, in languages that are written without spaces: they are split over cues.
LONGEST_WORD = 30  # letters
SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")
SHORTEST_SECONDS = 0.01  # of a word: half of what the model can tell apart
TO_TEXTGRID = 1_000_000  # its times are written in whole microseconds

TEXTGRID_HEAD = """\
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = {seconds}
tiers? <{exists}>
size = {n_tiers}
item []:
"""
TEXTGRID_TIER = """\
    item [{number}]:
        class = "IntervalTier"
        name = {name}
        xmin = 0
        xmax = {seconds}
        intervals: size = {n_intervals}
"""
TEXTGRID_INTERVAL = """\
        intervals [{number}]:
            xmin = {start}
            xmax = {end}
            text = {text}
"""


class TimedTextError(ValueError):
    """There is no such transcript; the message says why."""


def transcript_text(comparison: Comparison, kind: Kind, row: RowName | None = None) -> str:
    """The transcript of a row, by default the adapted one where there is one; a TextGrid has a tier for each row.

    Where nobody speaks, there are no words in it.
    Errors: `TimedTextError` where there is no adapted transcript.
    """
    row = row or ("base" if comparison.adapted is None else "adapted")
    if row == "adapted" and comparison.adapted is None:
        raise TimedTextError(f"There is no hypernetwork for {comparison.base_model}, so no adapted transcript.")
    heard_nobody = getattr(comparison, row).heard_nobody
    if kind == "txt":
        return f"{NO_SPEECH if heard_nobody else getattr(comparison, row).text.strip()}\n"
    if kind == "vtt" and heard_nobody:
        return f"WEBVTT\n\nNOTE {NO_SPEECH}\n"
    times = {
        name: () if getattr(comparison, name).heard_nobody else own
        for name, own in comparison.word_times._asdict().items()
        if own is not None
    }
    if kind == "textgrid":
        return textgrid(times, comparison.seconds)
    return {"srt": srt, "vtt": vtt}[kind](times[row], comparison.seconds)


def file_name(recording: str, kind: Kind, row: RowName) -> str:
    """After the recording, "talk-adapted.srt"; a TextGrid holds both rows, and Praat writes its name like this."""
    return f"{recording}.TextGrid" if kind == "textgrid" else f"{recording}-{row}.{kind}"


def srt(words: Sequence[WordTime], seconds: float) -> str:  # the length of the recording
    """SubRip: numbered cues, times with a comma."""
    blocks = []
    for number, cue in enumerate(_cues(words, seconds), start=1):
        start, end = _cue_ms(cue)
        text = "\n".join(" ".join(word.word for word in line) for line in _lines(cue))
        text = text.replace("-->", "→")  # which would be read as a time
        blocks.append(f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text}\n")
    return "\n".join(blocks)


def vtt(words: Sequence[WordTime], seconds: float) -> str:  # the length of the recording
    """WebVTT, in which each word but a cue's first has its own time, so that players light them one by one."""
    blocks = ["WEBVTT\n"]
    for cue in _cues(words, seconds):
        start, end = _cue_ms(cue)
        text = "\n".join(_timed_lines(cue, start, end))
        blocks.append(f"{_clock(start, '.')} --> {_clock(end, '.')}\n{text}\n")
    return "\n".join(blocks)


def textgrid(tiers: Mapping[str, Sequence[WordTime]], seconds: float) -> str:  # the length of the recording
    """Praat's long text format: one interval for each word, and an empty one wherever there is none."""
    end = round(seconds * TO_TEXTGRID)
    text = TEXTGRID_HEAD.format(exists="exists", seconds=_decimal(end), n_tiers=len(tiers))
    for number, (name, words) in enumerate(tiers.items(), start=1):
        intervals = _intervals(_spread(words, seconds), end)
        text += TEXTGRID_TIER.format(
            number=number, name=_quoted(name), seconds=_decimal(end), n_intervals=len(intervals)
        )
        for i, (word, start, stop) in enumerate(intervals, start=1):
            text += TEXTGRID_INTERVAL.format(number=i, start=_decimal(start), end=_decimal(stop), text=_quoted(word))
    return text


def _spread(words: Sequence[WordTime], seconds: float) -> list[WordTime]:
    """The same words in order and within the recording, none of them without a length.

    Words that the model could not tell apart in time begin and end at one point: they get as little as can be shown.
    """
    shortest = min(SHORTEST_SECONDS, seconds / max(1, len(words)))
    starts, ends, last = [], [], 0.0
    for word in words:
        starts.append(max(word.start, last))
        last = max(word.end, starts[-1] + shortest)
        ends.append(last)
    limit = seconds
    for i in reversed(range(len(words))):  # what was pushed past the end is pushed back
        ends[i] = min(ends[i], limit)
        starts[i] = limit = min(starts[i], ends[i] - shortest)
    return [WordTime(word.word, max(0.0, start), end) for word, start, end in zip(words, starts, ends, strict=True)]


def _intervals(words: Sequence[WordTime], end: int) -> list[tuple[str, int, int]]:
    """(text, start, end) in microseconds, one touching the next, from 0 to `end`."""
    intervals, last = [], 0
    for word in words:
        start, stop = round(word.start * TO_TEXTGRID), round(word.end * TO_TEXTGRID)
        if start > last:
            intervals.append(("", last, start))
        intervals.append((word.word, start, stop))
        last = stop
    return intervals if last == end else [*intervals, ("", last, end)]


def _cues(words: Sequence[WordTime], seconds: float) -> list[list[WordTime]]:
    """Words that are shown together: at most two lines and seven seconds, a sentence or what lies between pauses."""
    cues: list[list[WordTime]] = []
    for word in _spread([part for whole in words for part in _parts(whole)], seconds):
        if not cues or _is_over(cues[-1], word):
            cues.append([])
        cues[-1].append(word)
    return cues


def _parts(word: WordTime) -> list[WordTime]:
    """The word itself; of a sentence without spaces as many parts as it needs lines and cues, each with its share of
    the time.
    """
    letters: list[str] = []  # with their signs
    for character in word.word:
        if letters and unicodedata.category(character).startswith("M"):
            letters[-1] += character
        else:
            letters.append(character)
    if len(letters) <= LONGEST_WORD:
        return [word]
    seconds = word.end - word.start
    n_parts = max(-(-len(letters) // LINE_LETTERS), math.ceil(seconds / CUE_SECONDS))
    ends = [len(letters) * i // n_parts for i in range(n_parts + 1)]
    at = [word.start + seconds * end / len(letters) for end in ends]
    return [WordTime("".join(letters[ends[i] : ends[i + 1]]), at[i], at[i + 1]) for i in range(n_parts)]


def _is_over(cue: Sequence[WordTime], following: WordTime) -> bool:
    last = cue[-1]
    return (
        last.word.endswith(SENTENCE_ENDS)
        or last.end - last.start > DRAWN_OUT_SECONDS
        or following.start - last.end > DRAWN_OUT_SECONDS
        or following.end - cue[0].start > CUE_SECONDS
        or len(_lines([*cue, following])) > CUE_LINES
    )


def _lines(words: Sequence[WordTime]) -> list[list[WordTime]]:
    """As many words in each line as it has room for."""
    lines: list[list[WordTime]] = []
    for word in words:
        if not lines or len(" ".join(each.word for each in [*lines[-1], word])) > LINE_LETTERS:
            lines.append([])
        lines[-1].append(word)
    return lines


def _timed_lines(cue: Sequence[WordTime], start: int, end: int) -> list[str]:
    """The lines of a cue (ms) in WebVTT, where times grow from one to the next."""
    last = start

    def timed(word: WordTime) -> str:
        nonlocal last
        text, at = escape(word.word, quote=False), round(1000 * word.start)
        if not last < at < end:
            return text
        last = at
        return f"<{_clock(at, '.')}>{text}"

    return [" ".join(map(timed, line)) for line in _lines(cue)]


def _cue_ms(cue: Sequence[WordTime]) -> tuple[int, int]:
    """Start and end of a cue in ms, never the same."""
    start = round(1000 * cue[0].start)
    return start, max(start + 1, round(1000 * min(cue[-1].end, cue[0].start + CUE_SECONDS)))


def _clock(ms: int, comma: str) -> str:
    """Hours, minutes, seconds and thousandths."""
    minutes, ms = divmod(ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{comma}{ms % 1000:03}"


def _decimal(microseconds: int) -> str:
    """Seconds, without zeros at the end."""
    return f"{microseconds / TO_TEXTGRID:.6f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    """As Praat writes a text: a quotation mark within it is doubled."""
    return '"{}"'.format(text.replace('"', '""'))
