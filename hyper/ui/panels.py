"""Results as HTML: verdict, two transcript panels, details. All that a visitor or a model wrote is escaped."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from hyper.compare.calibration import UNSURE_BELOW
from hyper.metrics.word_errors import align_words, relative_reduction
from hyper.ui import marks, references, word_diff
from hyper.ui.numbers import count, percent

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.compare.confidence import WordConfidence
    from hyper.compare.guards import Flag
    from hyper.metrics.word_errors import WordErrors
    from hyper.model.subspace import LayerUpdate

TRAIN_COMMAND = "python -m hyper train --base {base} --data MANIFEST.csv --out assets/hypernet-{name}"
STAGES = {"audio": "read the audio", "encode": "encode", "generate": "write the adaptation", "decode": "decode both"}
WER_MEANING = (
    "Word error rate (WER): wrong, missing and added words for every word that was meant; lower is better. "
    "Character error rate (CER): the same, letter by letter. Words are compared in lower case, without punctuation, "
    "numbers as digits."
)
MOST_DIRECTIONS = 4  # singular values of a matrix that are listed, the largest first
NO_REFERENCE = "Without the meant text nobody can say which one is right: type it above to count errors."
EMPTY = """
<div class="hw-panels hw-waiting">
  <article class="hw-panel hw-base"><h3>Base</h3><p class="hw-role">Whisper as it is</p>
    <p class="hw-transcript">What Whisper hears stands here.</p></article>
  <article class="hw-panel hw-adapted"><h3>Adapted</h3><p class="hw-role">Whisper tuned to this recording</p>
    <p class="hw-transcript">What it hears after tuning itself to the voice stands here.</p></article>
</div>"""


@dataclass(frozen=True)
class Row:
    """What a panel shows of one transcript."""

    kind: str  # base or adapted
    title: str
    role: str
    text: str
    words: tuple[WordConfidence, ...]
    flags: tuple[Flag, ...]
    heard_nobody: bool
    errors: WordErrors | None
    word_strip: str


def results_html(comparison: Comparison, model: str) -> str:
    """Verdict and panels of one comparison; `model` is what the visitor chose, as a command would name it."""
    base_strip, adapted_strip = _word_strips(comparison)
    base, adapted = comparison.base, comparison.adapted
    rows = [
        _panel(
            Row("base", "Base", "Whisper as it is", base.text, base.words, base.flags, base.heard_nobody,
                base.errors, base_strip)
        )
    ]  # fmt: skip
    if adapted is None:
        rows.append(_no_adaptation(model))
    else:
        rows.append(
            _panel(
                Row("adapted", "Adapted", _adapted_role(comparison.strength), adapted.text, adapted.words,
                    adapted.flags, adapted.heard_nobody, adapted.errors, adapted_strip)
            )
        )  # fmt: skip
    return (
        f'<p class="hw-verdict" role="status">{verdict(comparison)}</p>{_meant(comparison)}'
        f'<div class="hw-panels">{"".join(rows)}</div>{references.table_html(comparison)}{_reading_help(comparison)}'
    )


def verdict(comparison: Comparison) -> str:
    """The outcome in one sentence."""
    base, adapted = comparison.base.errors, comparison.adapted and comparison.adapted.errors
    if _all_hidden(comparison):
        return "No speech was found in this recording."
    if any(row.heard_nobody for row in comparison.rows):
        return "The two disagree whether anybody speaks here."
    if base is not None and base.wer is None:
        return "The reference has no words, so there is nothing to count."
    if comparison.adapted is None:
        return "This model has no adaptation yet, so there is one transcript."
    if base is None or adapted is None:
        same = all(span.kind == "hit" for span in align_words(comparison.base.text, comparison.adapted.text))
        return "Both transcripts have the same words." if same else "The transcripts differ in the marked words."
    before, after = _n_errors(base), _n_errors(adapted)
    if before == after:
        return "Both transcripts have every word right." if not after else f"Both have {_errors_text(after)}."
    if after > before:
        return f"Adapting did harm here: {_errors_text(after)} instead of {before}."
    fewer = relative_reduction(base, adapted)
    return f"{_errors_text(before)} before, {after or 'none'} after adapting: {fewer:.0%} fewer."


def details_html(comparison: Comparison) -> str:
    """Model, device, timings, parameters, and the change of each layer as a table."""
    timings = {label: comparison.timings_ms[key] for key, label in STAGES.items() if key in comparison.timings_ms}
    lines = [f"{label} {milliseconds:,.0f} ms" for label, milliseconds in timings.items()]
    rows = {
        "Base model": comparison.base_model,
        "Hypernetwork": comparison.hypernetwork or "none for this model",
        "Device": comparison.device,
        "Recording": f"{comparison.seconds:.1f} s, {count(comparison.n_pieces, 'piece')}",
        "Time": ", ".join(lines) + f"; together {sum(timings.values()):,.0f} ms",
        "Written for this recording": (
            f"{comparison.generated_parameters:,} parameters, {100 * comparison.generated_share:.3f} % of the model's"
        ),
    }
    if comparison.shared_parameters:
        rows["Learned, the same for all"] = (
            f"{comparison.shared_parameters:,} parameters of the update, which these vary"
        )
    body = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())
    return f'<dl class="hw-facts">{body}</dl>{_layer_table(comparison)}'


def train_command(model: str) -> str:
    """What to run to get a hypernetwork for a model; from assets/ it is found by itself."""
    return TRAIN_COMMAND.format(
        base=shlex.quote(model), name=re.sub(r"[^\w.-]+", "-", model.rstrip("/").split("/")[-1])
    )


def _all_hidden(comparison: Comparison) -> bool:
    """Whether no panel shows words."""
    return all(row.heard_nobody for row in comparison.rows)


def _panel(row: Row) -> str:
    """One transcript with its errors; where nobody speaks, that sentence, and the words folded away."""
    if row.heard_nobody:
        score, text, mark = "", marks.NO_SPEECH, " hw-nobody"
        anyway = f'<p class="hw-anyway">{marks.transcript_html(row.text, row.words)}</p>{row.word_strip}'
        rest = marks.flags_html("Why the words are hidden", row.flags)
        rest += marks.fold_html("What the model wrote anyway", anyway + _counts(row.errors))
    else:
        score, text, mark = _score(row.errors), marks.transcript_html(row.text, row.words), ""
        rest = marks.flags_html("Uncertain", row.flags) + row.word_strip + _counts(row.errors)
        rest += marks.sureness_html(row.words)
    return (
        f'<article class="hw-panel hw-{row.kind}" aria-label="{row.title} transcript">'
        f'<div class="hw-panel-head"><div><h3>{row.title}</h3><p class="hw-role">{row.role}</p></div>{score}</div>'
        f'<p class="hw-transcript{mark}" id="hw-{row.kind}-transcript">{text}</p>{rest}</article>'
    )


def _adapted_role(strength: float) -> str:
    return "Whisper tuned to this recording" + ("" if strength == 1 else f", strength {strength:g}")


def _no_adaptation(model: str) -> str:
    """The second panel of a model without hypernetwork."""
    words_unbroken = " ".join(f"<span>{escape(word)}</span>" for word in train_command(model).split(" "))
    return (
        '<article class="hw-panel hw-adapted hw-absent"><div class="hw-panel-head"><div><h3>Adapted</h3>'
        '<p class="hw-role">not there yet</p></div></div>'
        "<p>No hypernetwork was trained for this model. To train one, run:</p>"
        f"<pre><code>{words_unbroken}</code></pre></article>"
    )


def _word_strips(comparison: Comparison) -> tuple[str, str]:
    """Word comparison for each panel: with the reference where there is one, else with each other."""
    reference, base, adapted = comparison.reference, comparison.base, comparison.adapted
    if base.errors is not None and reference:
        other = word_diff.against_reference(align_words(reference, adapted.text)) if adapted else ""
        return word_diff.against_reference(align_words(reference, base.text)), other
    if adapted is None or base.heard_nobody or adapted.heard_nobody:
        return "", ""  # the words of one panel must not tell what the other hides
    spans = align_words(base.text, adapted.text)
    if all(span.kind == "hit" for span in spans):
        return "", ""
    return word_diff.against_each_other(spans)


def _meant(comparison: Comparison) -> str:
    """The references that were given."""
    texts = {"What was meant": comparison.reference, "What was said": comparison.verbatim}
    return "".join(
        f'<p class="hw-meant"><span>{name}</span> {escape(text)}</p>' for name, text in texts.items() if text
    )


def _score(errors: WordErrors | None) -> str:
    """The large number of a panel."""
    if errors is None or errors.wer is None:
        return ""
    return f'<p class="hw-score"><b>{percent(errors.wer)}</b> <span>words wrong (WER)</span></p>'


def _counts(errors: WordErrors | None) -> str:
    """The kinds of errors, and the character error rate."""
    if errors is None or errors.wer is None:
        return ""
    cells = {
        "substituted": str(errors.substitutions),
        "missing (deleted)": str(errors.deletions),
        "added (inserted)": str(errors.insertions),
        "characters (CER)": percent(errors.cer),
    }
    body = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in cells.items())
    return f'<dl class="hw-counts">{body}</dl>'


def _reading_help(comparison: Comparison) -> str:
    """How to read what stands above."""
    if _all_hidden(comparison):
        return ""
    errors = WER_MEANING if comparison.base.errors is not None else NO_REFERENCE
    has_marks = any(word.confidence < UNSURE_BELOW for row in comparison.rows for word in row.words)
    meaning = marks.CALIBRATED if comparison.is_calibrated else marks.NOT_CALIBRATED
    return "".join(f'<p class="hw-help">{text}</p>' for text in ((meaning, errors) if has_marks else (errors,)))


def _layer_table(comparison: Comparison) -> str:
    """The numbers behind the plots."""
    if not comparison.layers:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(layer.name)}</th><td>{layer.frobenius:.4g}</td>"
        f"<td>{100 * layer.relative_frobenius:.3g} %</td>"
        f"<td>{', '.join(f'{value:.3g}' for value in layer.singular_values[:MOST_DIRECTIONS])}"
        f"{', …' if len(layer.singular_values) > MOST_DIRECTIONS else ''}</td>"
        f"<td>{_angles_text(layer)}</td></tr>"
        for layer in comparison.layers
    )
    head = "".join(
        f"<th scope='col'>{name}</th>"
        for name in ("changed matrix", "size (Frobenius)", "of its weights", "singular values", "angles: mean, largest")
    )
    return (
        f'<div class="hw-scroll" tabindex="0" role="region" aria-label="Change of each layer">'
        f'<table class="hw-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        '<p class="hw-help">Angles are principal angles between the spaces that the weights span before and after: '
        "0° means that nothing turned. Square matrices have no such spaces of their own.</p>"
    )


def _angles_text(layer: LayerUpdate) -> str:
    """Mean and largest angle, where they were measured."""
    measured = len(layer.principal_angles_deg) > 0
    return f"{layer.mean_angle_deg:.1f}°, {layer.max_angle_deg:.1f}°" if measured else "–"


def _n_errors(errors: WordErrors) -> int:
    """Wrong, missing and added words."""
    return errors.substitutions + errors.deletions + errors.insertions


def _errors_text(n: int) -> str:
    """A number of errors in words."""
    return count(n, "error")
