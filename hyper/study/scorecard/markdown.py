"""The scorecard as a page of Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyper.metrics.percent import percent
from hyper.study.cells import interval_cell, markdown_table
from hyper.study.scorecard.bars import Bar
from hyper.study.scorecard.earlier import base_wer_before
from hyper.study.scorecard.sets import NO_SPEECH, PEOPLE

Record = Mapping[str, Any]  # of scorecard.json

PARTS = ("cohort", "severity")  # lines of their own below a simulated set
AGES = {"child": "children under 16", "adult": "adults of known age"}
SIGN_MARKS = {"<=": "≤", ">=": "≥", "<": "<"}

READING = """\
Interval: 95 % of the relative reduction, bootstrap over voices: all that one person or one synthesiser's voice says is
drawn together (– with fewer than five voices; with fewer than ten an interval is narrower than it should be). Made
worse: recordings with more word errors once adapted. First row: WER of the row that the pair would show first, by a
rule fitted on validation recordings; better row: as if that were always the one with fewer errors. Loops: recordings
where a row was stopped in a phrase that repeated without end, and decoded once more with that forbidden."""


@dataclass(frozen=True)
class _Line:
    title: str
    set_name: str
    group: Record
    is_whole: bool  # a set or a corpus, not a part of one


def scorecard_page(report: Record, bars: Sequence[Bar], before: Record | None = None) -> str:
    """Sets, kinds of errors, sounds without speech, bars; `before` adds the base's WER of an earlier scorecard."""
    lines = list(_lines(report))
    tables = [_main_table(lines, before), READING, *_left_out(report), _error_table(lines)]
    if NO_SPEECH in report["sets"]:
        tables.append(made_up_table(report["sets"][NO_SPEECH]["made_up_words"]))
    tables.append(_bar_table(bars))
    measured = f"Measured by `{report['command']}`."
    if before:
        measured += f" Before: `{before['base_model']}` ({before['base_fingerprint']})."
    return "\n\n".join([*tables, measured]) + "\n"


def _lines(report: Record) -> Iterator[_Line]:
    """What the tables show, in order; every line that holds simulated speech says so."""
    for name, record in report["sets"].items():
        groups = record["groups"]
        if name == PEOPLE:
            for group in (group for group in groups if group["by"] in ("corpus", "age_group")):
                value = AGES.get(group["value"], group["value"])
                yield _Line(f"real people as they are: {value}", name, group, group["by"] == "corpus")
            continue
        for group in (group for group in groups if group["by"] == "all"):
            yield _Line(f"**{record['title']}**", name, group, True)
        for column in PARTS:
            parts = [group for group in groups if group["by"] == column]
            if len(parts) > 1:  # the only part is the whole
                yield from (_Line(f"· simulated {part['value']}", name, part, False) for part in parts)


def _left_out(report: Record) -> list[str]:
    """Which sets lack recordings that could not be scored; nothing where none does."""
    lost = [
        f"{record['failures']} of {'real people' if name == PEOPLE else record['title']}"
        for name, record in report["sets"].items()
        if record.get("failures")
    ]
    return [f"Left out, since they could not be read or are too short or silent: {', '.join(lost)}."] if lost else []


def _main_table(lines: Sequence[_Line], before: Record | None) -> str:
    header = [
        "base WER",
        "adapted WER",
        "first row",
        "better row",
        "relative reduction",
        "95 % interval",
        "made worse",
        "base CER",
        "adapted CER",
    ]
    header = ["held-out set", "utterances", "voices", *(["base WER before"] if before else []), *header]
    rows = []
    for line in lines:
        group = line.group
        rates = [group[name] for name in ("base_wer", "adapted_wer", "chosen_wer", "oracle_wer", "relative_reduction")]
        if before:
            rates.insert(0, base_wer_before(before, line.set_name, group))
        cells = [line.title, str(group["n_utterances"]), str(group["n_speakers"] or "–"), *map(percent, rates)]
        ends = group["relative_reduction_interval"]
        cells.append(interval_cell(ends) + (" %" if ends else ""))
        rows.append([*cells, *map(percent, (group["worse_share"], group["base_cer"], group["adapted_cer"]))])
    return markdown_table(header, rows)


def _error_table(lines: Sequence[_Line]) -> str:
    """What the WER of each whole set is the sum of, base and adapted, and how often a row ran away."""
    kinds = {"substituted": "substitution_rate", "left out": "deletion_rate", "inserted": "insertion_rate"}
    kinds["loops"] = "loop_share"
    rows = []
    for line in (line for line in lines if line.is_whole):
        pairs = [(line.group[f"base_{name}"], line.group[f"adapted_{name}"]) for name in kinds.values()]
        rows.append([line.title, *(f"{100 * base:.1f} → {100 * adapted:.1f} %" for base, adapted in pairs)])
    return markdown_table(["base → adapted", *kinds], rows)


def made_up_table(records: Sequence[Record]) -> str:
    """Before the guards and after, base and adapted; of far-off speech every "no speech found" is a mistake."""
    header = ["words that nobody said (base → adapted)", "recordings", "words a minute", "with such words"]
    header += ["shown as no speech", "such words still shown"]
    rows = []
    for record in records:
        rates = [
            (record[f"base_{name}"], record[f"adapted_{name}"]) for name in ("share", "no_speech_share", "shown_share")
        ]
        cells = [f"{percent(base)} → {percent(adapted)}" for base, adapted in rates]
        words = f"{record['base_words_per_minute']:.1f} → {record['adapted_words_per_minute']:.1f}"
        rows.append([record["kind"], str(record["n_recordings"]), words, *cells])
    return markdown_table(header, rows)


def _bar_table(bars: Sequence[Bar]) -> str:
    rows = []
    for bar in bars:
        value = "–" if bar.value is None else f"{bar.value:.2%}"
        rows.append([bar.name, value, f"{SIGN_MARKS[bar.sign]} {bar.limit:.2%}", "yes" if bar.met else "**no**"])
    return markdown_table(["bar", "value", "wanted", "met"], rows)
