"""Results as HTML: verdict, two transcript panels, details. All that a visitor or a model wrote is escaped."""

from __future__ import annotations

import re
import shlex
from html import escape
from typing import TYPE_CHECKING

from hyper.metrics import align_words, relative_reduction
from hyper.ui import words

if TYPE_CHECKING:
    from hyper.comparison import Comparison, Transcript
    from hyper.metrics import WordErrors

TRAIN_COMMAND = "python -m hyper train --base {base} --data MANIFEST.csv --out assets/hypernet-{name}"
UNCERTAIN = {
    "repetition": "Uncertain: the model began to repeat itself and was stopped.",
    "length": "Uncertain: stopped at the length limit, so the end may be missing or invented.",
}
STAGES = {"audio": "read the audio", "encode": "encode", "generate": "write the adaptation", "decode": "decode both"}
WER_MEANING = (
    "Word error rate (WER): wrong, missing and added words for every word that was meant; lower is better. "
    "Character error rate (CER): the same, letter by letter. Words are compared in lower case, without punctuation, "
    "numbers as digits."
)
NO_REFERENCE = "Without the meant text nobody can say which one is right: type it above to count errors."
EMPTY = """
<div class="hw-panels hw-waiting">
  <article class="hw-panel hw-base"><h3>Base</h3><p class="hw-role">Whisper as it is</p>
    <p class="hw-transcript">What Whisper hears stands here.</p></article>
  <article class="hw-panel hw-adapted"><h3>Adapted</h3><p class="hw-role">Whisper tuned to this recording</p>
    <p class="hw-transcript">What it hears after tuning itself to the voice stands here.</p></article>
</div>"""


def results_html(comparison: Comparison, model: str) -> str:
    """Verdict and panels of one comparison; `model` is what the visitor chose, as a command would name it."""
    base_words, adapted_words = _word_strips(comparison)
    panels = [_panel("base", "Base", "Whisper as it is", comparison.base, comparison.base_errors, base_words)]
    if comparison.adapted is None:
        panels.append(_no_adaptation(model))
    else:
        role = "Whisper tuned to this recording"
        errors = comparison.adapted_errors
        panels.append(_panel("adapted", "Adapted", role, comparison.adapted, errors, adapted_words))
    return (
        f'<p class="hw-verdict" role="status">{verdict(comparison)}</p>{_meant(comparison)}'
        f'<div class="hw-panels">{"".join(panels)}</div>{_reading_help(comparison)}'
    )


def verdict(comparison: Comparison) -> str:
    """The outcome in one sentence."""
    base, adapted = comparison.base_errors, comparison.adapted_errors
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
    body = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())
    return f'<dl class="hw-facts">{body}</dl>{_layer_table(comparison)}'


def train_command(model: str) -> str:
    """What to run to get a hypernetwork for a model; from assets/ it is found by itself."""
    return TRAIN_COMMAND.format(
        base=shlex.quote(model), name=re.sub(r"[^\w.-]+", "-", model.rstrip("/").split("/")[-1])
    )


def _panel(kind: str, title: str, role: str, transcript: Transcript, errors: WordErrors | None, word_strip: str) -> str:
    """One transcript with its errors."""
    text = escape(transcript.text.strip()) or '<span class="hw-nothing">(no words)</span>'
    return (
        f'<article class="hw-panel hw-{kind}" aria-label="{title} transcript">'
        f'<div class="hw-panel-head"><div><h3>{title}</h3><p class="hw-role">{role}</p></div>{_score(errors)}</div>'
        f'<p class="hw-transcript" id="hw-{kind}-transcript">{text}</p>{_flag(transcript)}{word_strip}'
        f"{_counts(errors)}</article>"
    )


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
    if comparison.base_errors is not None and reference:
        other = words.against_reference(align_words(reference, adapted.text)) if adapted else ""
        return words.against_reference(align_words(reference, base.text)), other
    if adapted is None:
        return "", ""
    spans = align_words(base.text, adapted.text)
    if all(span.kind == "hit" for span in spans):
        return "", ""
    return words.against_each_other(spans)


def _meant(comparison: Comparison) -> str:
    """What was meant, where it was said."""
    if not comparison.reference:
        return ""
    return f'<p class="hw-meant"><span>What was meant</span> {escape(comparison.reference)}</p>'


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


def _flag(transcript: Transcript) -> str:
    """A warning if the model did not end by itself."""
    if transcript.stopped not in UNCERTAIN:
        return ""
    return f'<p class="hw-flag">{UNCERTAIN[transcript.stopped]}</p>'


def _reading_help(comparison: Comparison) -> str:
    """How to read what stands above."""
    if comparison.base_errors is not None:
        return f'<p class="hw-help">{WER_MEANING}</p>'
    return f'<p class="hw-help">{NO_REFERENCE}</p>'


def _layer_table(comparison: Comparison) -> str:
    """The numbers behind the plots."""
    if not comparison.layers:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(layer.name)}</th><td>{layer.frobenius:.4g}</td>"
        f"<td>{100 * layer.relative_frobenius:.3g} %</td>"
        f"<td>{', '.join(f'{value:.3g}' for value in layer.singular_values)}</td>"
        f"<td>{layer.mean_angle_deg:.1f}°, {layer.max_angle_deg:.1f}°</td></tr>"
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
        "0° means that nothing turned.</p>"
    )


def percent(fraction: float) -> str:
    """With one decimal, unless it is a whole number of percent."""
    return f"{100 * fraction:.1f}".removesuffix(".0") + "%"


def _n_errors(errors: WordErrors) -> int:
    """Wrong, missing and added words."""
    return errors.substitutions + errors.deletions + errors.insertions


def _errors_text(n: int) -> str:
    """A number of errors in words."""
    return count(n, "error")


def count(n: int, noun: str) -> str:
    """The number with its noun, which gets an s where there is not exactly one."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
