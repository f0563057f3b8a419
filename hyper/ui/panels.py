"""The results of one comparison as HTML: the outcome in a sentence, two transcript panels, details."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyper.metrics.normalize import ENGLISH, counting_note
from hyper.metrics.word_errors import align_words, relative_reduction
from hyper.ui import marks, word_diff
from hyper.ui.numbers import count
from hyper.ui.templates import render
from hyper.ui.word_diff import MarkedWord

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
EMPTY = render("no_comparison")


@dataclass(frozen=True)
class Panel:
    """One transcript as it is shown."""

    name: str  # base or adapted
    role: str
    row: Row
    diff: list[MarkedWord] | None  # its words against what was meant ([]: all right), or against the other transcript


def results_html(comparison: Comparison, model: str) -> str:
    """The two panels of one comparison; `model` is what the visitor chose, as a command would name it."""
    base_diff, adapted_diff = _word_diffs(comparison)
    panels = [Panel("base", "Whisper as it is", comparison.base, base_diff)]
    if comparison.adapted is not None:
        strength = "" if comparison.strength == 1 else f", strength {comparison.strength:g}"
        panels.append(Panel("adapted", f"Whisper tuned to this recording{strength}", comparison.adapted, adapted_diff))
    return render(
        "comparison",
        comparison=comparison,
        outcome=comparison_outcome(comparison),
        panels=panels,
        train_command=train_command(model),
        reading_help=_reading_help(comparison),
    )


def comparison_outcome(comparison: Comparison) -> str:
    """What came of it, in one sentence."""
    base, adapted = comparison.base.errors, comparison.adapted and comparison.adapted.errors
    if comparison.heard_nobody:
        return "No speech was found in this recording."
    if any(row.heard_nobody for row in comparison.rows):
        return "The two disagree on whether anybody speaks here."
    if base is not None and base.wer is None:
        return "The reference has no words, so there is nothing to count."
    if comparison.adapted is None:
        return "This model has no adaptation yet, so there is only one transcript."
    if base is None or adapted is None:
        same = all(
            span.kind == "hit"
            for span in align_words(comparison.base.text, comparison.adapted.text, comparison.language)
        )
        return "Both transcripts have the same words." if same else "The transcripts differ in the marked words."
    before, after = base.n_errors, adapted.n_errors
    if before == after:
        return "Both transcripts have every word right." if not after else f"Both have {count(after, 'error')}."
    if after > before:
        return f"Adapting did harm here: {count(after, 'error')} instead of {before}."
    fewer = relative_reduction(base, adapted)
    return f"{count(before, 'error')} before, {after or 'none'} after adapting: {fewer:.0%} fewer."


def details_html(comparison: Comparison) -> str:
    """Model, device, timings, parameters, and the change of each layer as a table."""
    timings = {label: comparison.timings_ms[key] for key, label in STAGES.items() if key in comparison.timings_ms}
    times = ", ".join(f"{label} {milliseconds:,.0f} ms" for label, milliseconds in timings.items())
    facts = {
        "Base model": comparison.base_model,
        "Hypernetwork": comparison.hypernetwork or "none for this model",
        "Device": comparison.device,
        "Recording": f"{comparison.seconds:.1f} s, {count(comparison.n_pieces, 'piece')}",
        "Time": f"{times}; together {sum(timings.values()):,.0f} ms",
        "Written for this recording": (
            f"{comparison.generated_parameters:,} parameters, {100 * comparison.generated_share:.3f} % of the model's"
        ),
    }
    if comparison.shared_parameters:
        facts["Learned, the same for all recordings"] = (
            f"{comparison.shared_parameters:,} parameters of the update, which those above vary"
        )
    return render("details", facts=facts, layers=comparison.layers, most_directions=MOST_DIRECTIONS)


def train_command(model: str) -> str:
    """What to run to get a hypernetwork for a model; from assets/ it is found by itself."""
    name = re.sub(r"[^\w.-]+", "-", model.rstrip("/").split("/")[-1])
    return TRAIN_COMMAND.format(base=shlex.quote(model), name=name)


def _word_diffs(comparison: Comparison) -> tuple[list[MarkedWord] | None, list[MarkedWord] | None]:
    """Words of each panel against the reference where there is one, else against each other; None: not compared."""
    reference, base, adapted = comparison.reference, comparison.base, comparison.adapted
    if base.errors is not None and reference:
        base_diff = word_diff.against_reference(align_words(reference, base.text, comparison.language))
        return base_diff, adapted and word_diff.against_reference(
            align_words(reference, adapted.text, comparison.language)
        )
    if adapted is None or base.heard_nobody or adapted.heard_nobody:
        return None, None  # the words of one panel must not tell what the other hides
    spans = align_words(base.text, adapted.text, comparison.language)
    if all(span.kind == "hit" for span in spans):
        return None, None
    base_diff, adapted_diff = word_diff.against_each_other(spans)
    return base_diff or None, adapted_diff or None


def _wer_meaning(language: str) -> str:
    """What the rates mean; only English has its number words made digits."""
    if language == ENGLISH:
        return WER_MEANING
    return f"{WER_MEANING.removesuffix(DIGITS)}. {counting_note(language)}".strip()


def _reading_help(comparison: Comparison) -> list[str]:
    """How to read what stands above."""
    if comparison.heard_nobody:
        return []
    of_errors = _wer_meaning(comparison.language) if comparison.base.errors is not None else NO_REFERENCE
    if not any(marks.is_unsure(word) for row in comparison.rows for word in row.words):
        return [of_errors]
    return [marks.CALIBRATED if comparison.is_calibrated else marks.NOT_CALIBRATED, of_errors]
