"""Models as HTML: what each is, was trained on and measured at, and what it costs in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from hyper.model.files import ASSETS, BackboneError
from hyper.model.info import (
    SCORECARD_FILE,
    BaseInfo,
    HypernetInfo,
    MeasuredSet,
    MemoryCost,
    base_info,
    gigabytes,
    hypernets_in,
    local_folder,
    measured_sets,
    memory_cost,
)
from hyper.ui.record_table import record_table
from hyper.ui.references import percent

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.ui.model_store import ModelShelf

LOADED = "loaded"
LINES_SHOWN = 4  # of what a model was trained on; the others are folded
MEMORY_MEANING = "Memory for the weights alone: parameters times their bytes. Transcribing takes some more."
NO_CARD = "Its folder has no card that says what it was trained on."
HUB_CARD = "What it was trained on stands on its page on the Hugging Face hub."
NOT_MEASURED = "Not measured by this project."


def models_html(shelf: ModelShelf) -> str:
    """Every model that can be chosen, then the hypernetworks that are there."""
    cards = "".join(_choice_card(shelf, label, name) for label, name in shelf.choices())
    return f'<div class="hw-models">{cards}</div>{_hypernetworks(hypernets_in(ASSETS))}'


def cost_html(name: str, cost: MemoryCost | None, is_here: bool) -> str:
    """What loading costs, before it is loaded."""
    download = "" if is_here else " It is not on this machine and is downloaded once."
    if cost is None:
        return f'<p class="hw-help">The hub does not say how large {escape(name)} is.{download}</p>'
    text = (
        f"{escape(name)} takes <b>{gigabytes(cost.n_bytes)}</b> of memory ({cost.parameters:,} parameters, base in "
        f"{cost.dtype}); {gigabytes(cost.free_bytes)} are free.{download}"
    )
    if cost.fits:
        return f'<p class="hw-help">{text}</p>'
    return f'<p class="hw-flag">{text} It does not fit: choose a smaller one or close other programs.</p>'


def _choice_card(shelf: ModelShelf, label: str, name: str) -> str:
    asr = shelf.loaded(name)
    folder = local_folder(shelf.base_of(name))
    if folder is None:
        state = "not on this machine: downloaded once when it is chosen"
        return _card(label, name, state, {"Size": _offered_size(shelf, name)}, f'<p class="hw-help">{HUB_CARD}</p>')
    state = LOADED if asr is not None else "on this machine"
    try:
        info = base_info(folder)
    except BackboneError as error:
        return _card(label, name, "cannot be used", {}, f'<p class="hw-flag">{escape(str(error))}</p>')
    facts = _base_facts(info)
    if asr is not None:
        facts["Hypernetwork"] = asr.hypernetwork or "none for this model"
    body = _lines(info.trained_on, HUB_CARD if "/" in name else NO_CARD)
    return _card(label, name, state, facts, body + (_measured(asr) if asr is not None else ""))


def _base_facts(info: BaseInfo) -> dict[str, str]:
    cost = memory_cost(info.parameters)
    languages = f"{info.n_languages} languages" if info.n_languages > 1 else "English only"
    return {
        "Size": f"{info.parameters:,} parameters, {info.encoder_layers} + {info.decoder_layers} layers",
        "Memory": f"{gigabytes(cost.n_bytes)} ({cost.dtype}); {gigabytes(cost.free_bytes)} free",
        "Hears": f"{info.window_seconds:g} s at once, {languages}",
    }


def _offered_size(shelf: ModelShelf, name: str) -> str:
    model = shelf.hub_model(name)
    if model is None:
        return "not known"
    cost = memory_cost(model.parameters * 1_000_000)
    return (
        f"{model.parameters} million parameters; memory {gigabytes(cost.n_bytes)} ({cost.dtype}), "
        f"{gigabytes(cost.free_bytes)} free; download {gigabytes(model.megabytes * 1_000_000)}"
    )


def _card(label: str, name: str, state: str, facts: dict[str, str], body: str) -> str:
    lines = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items())
    style = "hw-card hw-model-card hw-loaded" if state == LOADED else "hw-card hw-model-card"
    title = label.split(" · ")[0]
    return (
        f'<article class="{style}" data-model="{escape(name)}"><h3>{escape(title)}</h3>'
        f'<p class="hw-role">{state}</p><dl class="hw-facts">{lines}</dl>{body}</article>'
    )


def _lines(lines: Sequence[str], otherwise: str) -> str:
    """What a model was trained on, the first lines in sight."""
    if not lines:
        return f'<p class="hw-help">{otherwise}</p>'
    shown, folded = lines[:LINES_SHOWN], lines[LINES_SHOWN:]
    more = f"<details><summary>{len(folded)} more</summary>{_list(folded)}</details>" if folded else ""
    return f'<p class="hw-chips-title">Trained on</p>{_list(shown)}{more}'


def _list(lines: Iterable[str]) -> str:
    return '<ul class="hw-order">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _measured(asr: PersonalizedAsr) -> str:
    """The scorecard of these very weights, if there is one."""
    sets = measured_sets(SCORECARD_FILE, asr.backbone.fingerprint, asr.hypernetwork)
    if not sets:
        return f'<p class="hw-help">{NOT_MEASURED}</p>'
    table = record_table("Measured", ("Held-out set", "Recordings", "Base WER", "Adapted WER"), map(_set_row, sets))
    return f"<details open><summary>Measured at (WER: words wrong of 100 meant)</summary>{table}</details>"


def _set_row(measured: MeasuredSet) -> list[str]:
    rates = ("–" if rate is None else percent(rate) for rate in (measured.base_wer, measured.adapted_wer))
    return [escape(measured.title), f"{measured.n_utterances:,}", *rates]


def _hypernetworks(found: Sequence[HypernetInfo]) -> str:
    """All hypernetworks in assets/, and which base each belongs to."""
    if not found:
        return '<p class="hw-help">There is no hypernetwork in assets/.</p>'
    cards = "".join(
        f'<article class="hw-card hw-model-card"><h3>{escape(info.name)}</h3><p class="hw-role">hypernetwork for '
        f'{escape(info.base_model)}</p><dl class="hw-facts"><dt>Size</dt><dd>{info.parameters:,} parameters</dd>'
        f"<dt>Writes</dt><dd>{escape(info.writes)}</dd></dl>"
        f"{_lines(info.trained_on, NO_CARD)}</article>"
        for info in found
    )
    return f'<h2 class="hw-section">Hypernetworks</h2><div class="hw-models">{cards}</div>'
