"""The results of one comparison as HTML: the verdict in a sentence, two transcripts word under word, details."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from hyper.compare.columns import Column, columns
from hyper.compare.verdict import REASONS, Doubt, Verdict
from hyper.metrics.normalize import ENGLISH, counting_note
from hyper.recordings.counts import count
from hyper.ui import marks
from hyper.ui.languages import say
from hyper.ui.layout import capitalised
from hyper.ui.numbers import words_wrong
from hyper.ui.player import N_BARS
from hyper.ui.templates import render
from hyper.ui.waveform import wave_path

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.compare.row import Row

TRAIN_COMMAND = "python -m hyper train --base {base} --data MANIFEST.csv --out assets/hypernet-{name}"
STAGES = {"audio": "read the audio", "encode": "encode", "generate": "write the adaptation", "decode": "decode both"}
DIGITS = ", numbers as digits."
WER_MEANING = (
    "Word error rate (WER): wrong, missing and added words for every word that was meant; lower is better. "
    "Character error rate (CER): the same, letter by letter. Words are compared in lower case, without punctuation"
    + DIGITS
)
MOST_DIRECTIONS = 4  # singular values of a matrix that are listed, the largest first
NO_REFERENCE = "Without what was meant, nobody can say which transcript is right: type it below to count errors."
MANY_COLUMNS = 24  # more than two lines of large type: smaller type then
LONGEST_NAME = 48  # signs of a file's name: one line of a phone
SAME_WORDS = "Both transcripts have the same words."
OTHER_WORDS = "The transcripts differ in the words that stand out."
LIKELIER = "Judging by the model's confidence, the {row} transcript is more likely to be right."
DOUBTS: dict[Doubt, str] = {  # each with what would work
    "no speech": f"{REASONS['no speech']} Speak closer to the microphone, or choose another recording.",
    "disagree": f"{REASONS['disagree']} Speak closer to the microphone, or try another model.",
    "signs": f"{REASONS['signs']} Try shorter phrases, or another model in the settings.",
    "far": f"{REASONS['far']} Try another model in the settings.",
    "unsure": f"{REASONS['unsure']} Try shorter phrases, or another model in the settings.",
}
EMPTY = render("no_comparison", is_again=False)
AGAIN = render("no_comparison", is_again=True)  # of the recording that is there, with other settings


@dataclass(frozen=True)
class Panel:
    """One transcript as it is shown."""

    name: str  # base or adapted
    role: str
    row: Row
    words: list[tuple[str, bool | None]]  # as they were written, and whether the model was unsure
    mistakes: list[str]  # in words, for those who do not see the columns


def results_html(
    comparison: Comparison,
    model: str,
    recording: str | None = None,
    offer: str = "",
    name: str = "",
    is_example: bool = False,
) -> str:
    """The verdict and both rows. `model` is what the visitor chose, as a command would name it.

    `recording` is the file that the player plays, `offer` what the button under a verdict says that asks for another
    model, `name` what tells the recording from others. Nobody can speak an example anew: it brings no advice to.
    """
    verdict = comparison.verdict
    is_hidden = any(row.heard_nobody for row in comparison.rows)  # one row must not tell what the other hides
    texts = [row.text for row in comparison.rows]
    found = (
        ()
        if is_hidden
        else columns(texts[0], texts[1] if len(texts) == 2 else None, comparison.reference, comparison.language)
    )
    strength = "" if comparison.strength == 1 else f", strength {comparison.strength:g}"
    roles = (say("Whisper as it is"), say(f"tuned to this recording{strength}"))
    panels = [
        _panel(name, role, row, found, i)
        for i, (name, role, row) in enumerate(zip(("base", "adapted"), roles, comparison.rows, strict=False))
    ]
    return render(
        "comparison",
        comparison=comparison,
        verdict=verdict,
        sentence=say(verdict_sentence(comparison, verdict, is_example)),
        offer=say(offer) if offer and asks_for_another_model(verdict) else "",
        panels=panels,
        columns=found,
        is_long=len(found) > MANY_COLUMNS,
        recording=recording,
        name=name,
        short_name=shortened(name),
        wave=wave_path(comparison.waveform, N_BARS),
        train_command=train_command(model),
        reading_help=_reading_help(comparison, panels, found),
        wer_meaning=_wer_meaning(comparison.language),
    )


def shortened(name: str) -> str:
    """A long name without its middle: beginning and end tell one file from another."""
    if len(name) <= LONGEST_NAME:
        return name
    n_first = LONGEST_NAME // 2
    return f"{name[:n_first]}…{name[n_first + 1 - LONGEST_NAME :]}"


def verdict_sentence(comparison: Comparison, verdict: Verdict, is_example: bool = False) -> str:
    """What came of it: of a result that is not reliable why, and, of a recording of one's own, what would work."""
    if verdict.doubts:
        return (REASONS if is_example else DOUBTS)[verdict.doubts[0]]
    base, adapted = comparison.base.errors, comparison.adapted and comparison.adapted.errors
    if base is not None and base.wer is None:
        return "The reference has no words, so there is nothing to count."
    if comparison.adapted is None:
        return "This model has no adaptation yet, so there is only one transcript."
    if base is None or adapted is None:
        if verdict.outcome == "same":
            return SAME_WORDS
        likelier = LIKELIER.format(row=comparison.preferred) if comparison.preferred else ""
        return f"{OTHER_WORDS} {likelier}".rstrip()
    before, after = words_wrong(base), words_wrong(adapted)
    if verdict.outcome == "same":
        return f"{capitalised(before)} in both." if adapted.n_errors else "Every word is right in both."
    if not base.n_errors:
        return f"Every word right before adapting, {after} after."
    return f"{capitalised(before)} before adapting, {adapted.n_errors or 'none'} after."


def asks_for_another_model(verdict: Verdict) -> bool:
    """Whether the sentence says that another model may do better."""
    return bool(verdict.doubts) and verdict.doubts[0] != "no speech"


def details_html(comparison: Comparison, is_per_piece: bool = False) -> str:
    """Model, device, timings, parameters, and the change of each layer as a table.

    `is_per_piece`: each piece has an adaptation of its own, and the table is of the first.
    """
    timings = {label: comparison.timings_ms[key] for key, label in STAGES.items() if key in comparison.timings_ms}
    times = ", ".join(f"{say(label)} {say(f'{milliseconds:,.0f} ms')}" for label, milliseconds in timings.items())
    facts = {
        "Base model": comparison.base_model,
        "Hypernetwork": comparison.hypernetwork or say("none for this model"),
        "Device": comparison.device,
        "Recording": f"{say(f'{comparison.seconds:.1f} s')}, {say(count(comparison.n_pieces, 'piece'))}",
        "Time": f"{times}; {say('together {n} ms', n=f'{sum(timings.values()):,.0f}')}",
        "Written for each piece" if is_per_piece else "Written for this recording": say(
            "{n} parameters, {share} % of the model's",
            n=f"{comparison.generated_parameters:,}",
            share=f"{100 * comparison.generated_share:.3f}",
        ),
    }
    if comparison.shared_parameters:
        facts["Learned, the same for all recordings"] = say(
            "{n} parameters of the update, which those above vary", n=f"{comparison.shared_parameters:,}"
        )
    return render(
        "details",
        facts=facts,
        layers=comparison.layers,
        most_directions=MOST_DIRECTIONS,
        is_per_piece=is_per_piece,
    )


def train_command(model: str) -> str:
    """What to run to get a hypernetwork for a model; from assets/ it is found by itself."""
    name = re.sub(r"[^\w.-]+", "-", model.rstrip("/").split("/")[-1])
    return TRAIN_COMMAND.format(base=shlex.quote(model), name=name)


def _panel(name: str, role: str, row: Row, found: Sequence[Column], place: int) -> Panel:
    words = row.text.split()
    unsure = [marks.is_unsure(word) for word in row.words]
    mistakes = []
    for column in found:
        cell = column.cells[place]
        if cell.is_right is False:
            heard = " ".join(words[i] for i in cell.words)
            mistakes.append(say(_mistake(heard, column.meant)))
    return Panel(name, role, row, list(zip_longest(words, unsure[: len(words)])), mistakes)


def _has_boxed(panel: Panel, found: Sequence[Column], place: int) -> bool:
    """Whether an uncertain word has the box of a wrong one in place of its mark: else marks and count would differ."""
    wrong = (column.cells[place].words for column in found if column.cells[place].is_right is False)
    return any(panel.words[i][1] for words in wrong for i in words)


def _mistake(heard: str, meant: str) -> str:
    if not heard:
        return f"{meant} is missing"
    return f"{heard} instead of {meant}" if meant else f"{heard} was not meant"


def _wer_meaning(language: str) -> str:
    """What the rates mean; only English has its number words made digits."""
    if language == ENGLISH:
        return say(WER_MEANING)
    return f"{say(WER_MEANING.removesuffix(DIGITS) + '.')} {say(counting_note(language))}".strip()


def _reading_help(comparison: Comparison, panels: Sequence[Panel], found: Sequence[Column]) -> list[str]:
    """How to read what stands above."""
    if comparison.heard_nobody:
        return []
    texts = []
    if any(marks.is_unsure(word) for row in comparison.rows for word in row.words):
        texts.append(marks.CALIBRATED if comparison.is_calibrated else marks.NOT_CALIBRATED)
    if any(_has_boxed(panel, found, i) for i, panel in enumerate(panels)):
        texts.append(marks.BOXED)
    texts.append(comparison.count_note if comparison.base.errors is not None else NO_REFERENCE)
    return list(filter(None, texts))
