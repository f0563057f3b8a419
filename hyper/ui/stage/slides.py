"""What a slide shows, as data: both transcripts word by word, at every strength, and the change of each layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hyper.compare.columns import Column, align_as_written, columns
from hyper.compare.comparison import Comparison
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.row import Row
from hyper.compare.sweep import sweep
from hyper.compare.verdict import Doubt, judge
from hyper.metrics.word_errors import WordSpan
from hyper.model.subspace import LayerUpdate
from hyper.plots.layers import layer_axis_title, whole_layers
from hyper.recordings.counts import count
from hyper.ui.examples import SIMULATED
from hyper.ui.languages import say, word
from hyper.ui.marks import NO_SPEECH, NO_WORDS

N_PEAKS = 160  # bars of the drawn waveform: as many as the last row can tell apart
BOTH_SIDES = "encoder (enc) and decoder (dec) layer"
DROPPED = "–"  # stands for a word of the base's, as on the page
DOUBTS: dict[Doubt, str] = {  # in few words, to be read from afar
    "no speech": "no speech was found",
    "disagree": "the two transcripts disagree on whether anybody speaks",
    "signs": "words may be invented",
    "far": "the model knows no voice like this",
    "unsure": "the model is unsure of at least half of its words",
}


@dataclass(frozen=True)
class Word:
    """A word and, where something is to be said of it, what."""

    text: str
    kind: str = "right"  # right, wrong, missing, added; without a reference: right, other
    note: str = ""  # "meant: red"


@dataclass(frozen=True)
class Line:
    """One transcript as it stands on a slide."""

    words: tuple[Word, ...]
    score: str  # "1 of 5 words wrong"
    n_errors: int | None  # None where nobody knows what was meant


@dataclass(frozen=True)
class AtStrength:
    """The adapted transcript at one strength."""

    strength: float  # 0 is the base, 1 as trained
    line: Line
    verdict: str  # "better", "not reliable: no speech was found"; "" where nobody can tell


@dataclass(frozen=True)
class Layer:
    """A layer of the model and the size of its change, at strength 1, in percent of its own weights."""

    name: str
    percent: float


@dataclass(frozen=True)
class Slide:
    """Everything of one recording; nothing is asked of the model while it is shown."""

    label: str
    is_simulated: bool
    meant: str  # "" where that is not known
    language: str  # spoken
    counted: str  # as how many words that is counted, where it is written in more or fewer
    seconds: float
    peaks: tuple[float, ...]  # (N_PEAKS,) loudest sample of each part, 0 to 1
    base: Line
    adapted: tuple[AtStrength, ...]  # () without a hypernetwork
    layers: tuple[Layer, ...]  # of the change as trained
    axis: str  # what is said of these layers' sizes
    n_written: int  # numbers that the hypernetwork wrote for this recording
    written_percent: float  # of the model's
    is_partly_shared: bool  # whether some of the change was learned and is the same for every recording


def make_slide(
    asr: PersonalizedAsr, recording: Path, meant: str = "", label: str = "", is_simulated: bool = False
) -> tuple[Slide, np.ndarray]:  # the slide, and (n_samples,) 16 kHz
    """Compare as everywhere, then at every strength. Errors: `AudioError`, `TextError`."""
    prepared = asr.prepare(recording)
    comparison = asr.compare_prepared(prepared, meant or None)
    points = () if comparison.adapted is None else sweep(asr, prepared, comparison.reference)
    line_of = _line_maker(comparison)
    slide = Slide(
        label=label.removeprefix(SIMULATED) if is_simulated else label,
        is_simulated=is_simulated,
        meant=comparison.reference or "",
        language=comparison.language,
        counted=_counted_as(comparison),
        seconds=comparison.seconds,
        peaks=_peaks(comparison.waveform),
        base=line_of(comparison.base),
        adapted=tuple(AtStrength(p.strength, line_of(p.row), _verdict(comparison, p.row)) for p in points),
        layers=tuple(Layer(name, 100 * size) for name, size in whole_layers(comparison.layers).items()),
        axis=f"Change of each {_of_layers(comparison.layers)}, in percent of its own weights",
        n_written=comparison.generated_parameters,
        written_percent=100 * comparison.generated_share,
        is_partly_shared=comparison.shared_parameters > 0,
    )
    return slide, comparison.waveform


def said_slide(slide: Slide) -> dict[str, Any]:
    """The slide as data, its texts in the language of whoever asks for it."""
    data = asdict(slide) | {"label": ", ".join(map(word, slide.label.split(", ")))}
    data |= {"axis": say(slide.axis), "counted": say(slide.counted)}
    for each in data["adapted"]:
        verdict = each["verdict"].split(": ")
        each |= {"outcome": verdict[0], "verdict": ": ".join(map(say, verdict))}
    for line in (data["base"], *(each["line"] for each in data["adapted"])):
        line["score"] = say(line["score"])
        for own in line["words"]:
            own["note"] = say(own["note"])
    for layer in data["layers"]:
        layer["name"] = say(layer["name"])
    return data


def _of_layers(layers: Sequence[LayerUpdate]) -> str:
    """What the layers are called, with the short names where both kinds stand under the bars."""
    title = layer_axis_title(layers)
    return BOTH_SIDES if " and " in title else title


def _verdict(comparison: Comparison, row: Row) -> str:
    """What can be said of the row, judged as the page judges it."""
    verdict = judge(comparison.base, row, comparison.where, comparison.language)
    return f"{verdict.outcome}: {DOUBTS[verdict.doubts[0]]}" if verdict.doubts else verdict.outcome or ""


def _line_maker(comparison: Comparison) -> Callable[[Row], Line]:
    """Words against what was meant; where that is not known, against the base's."""
    if meant := comparison.reference:
        return lambda row: _counted(meant, row, comparison.language)
    return lambda row: _uncounted(comparison.base, row, comparison.language)


def _counted(meant: str, row: Row, language: str) -> Line:
    if row.heard_nobody:
        return Line((), NO_SPEECH, None)
    words = tuple(map(_against_meant, align_as_written(meant, row.text, language)))
    return Line(words, _score(row.counted.n_errors, row.counted.n_reference), row.counted.n_errors)


def _uncounted(base: Row, row: Row, language: str) -> Line:
    if row.heard_nobody:
        return Line((), NO_SPEECH, None)
    texts = ("" if base.heard_nobody else base.text, row.text)
    if not row.text.split():
        return Line((), NO_WORDS, None)
    words = (_against_base(column, *map(str.split, texts)) for column in columns(*texts, None, language))
    return Line(tuple(words), "", None)


def _against_meant(span: WordSpan) -> Word:
    return {
        "hit": Word(span.hypothesis),
        "substitution": Word(span.hypothesis, "wrong", f"meant: {span.reference}"),
        "deletion": Word(span.reference, "missing", "missing"),
        "insertion": Word(span.hypothesis, "added", "added"),
    }[span.kind]


def _against_base(column: Column, base: Sequence[str], written: Sequence[str]) -> Word:
    base_text, text = (
        " ".join(words[i] for i in cell.words) for cell, words in zip(column.cells, (base, written), strict=True)
    )
    if column.agree:
        return Word(text)
    return Word(text or DROPPED, "other", f"base: {base_text}" if base_text else "not in base")


def _score(n_errors: int, n_meant: int) -> str:
    """The count in a few words; insertions can make more errors than words."""
    if n_errors == 0:
        return "every word right"
    if n_errors > n_meant:
        return f"{count(n_errors, 'error')} in {count(n_meant, 'word')}"
    return f"{n_errors} of {count(n_meant, 'word')} wrong"


def _counted_as(comparison: Comparison) -> str:
    return f"counted as {count(comparison.base.counted.n_reference, 'word')}" if comparison.count_note else ""


def _peaks(waveform: np.ndarray) -> tuple[float, ...]:  # (n_samples,) 16 kHz
    parts = np.array_split(np.abs(waveform), N_PEAKS)
    loudest = max(float(np.abs(waveform).max()), 1e-9)
    return tuple(round(float(part.max()) / loudest, 3) for part in parts)
