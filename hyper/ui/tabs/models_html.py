"""Models as HTML: what each is, was trained on and measured at, and what it costs in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hyper.model.files import ASSETS, BUNDLED, BUNDLED_FOLDER, BackboneError
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
from hyper.recordings.counts import count
from hyper.recordings.manifest import COHORT_NAMES
from hyper.ui.languages import say
from hyper.ui.model_store import BETWEEN
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.ui.model_store import ModelStore

# A line of a card, as `training_data_lines` writes it; the card of another model may say what it wants.
TRAINING_LINE = re.compile(r"(.+), (simulated )?(\w+): ([\d,]+) recordings? of ([\d,]+) speakers?")
SYNTHETIC = "synthetic speech"
LINES_SHOWN = 4  # of what a model was trained on; the others are folded
MEMORY_MEANING = "Memory figures are for the weights alone; transcribing takes a little more."
NO_CARD = "Its folder has no card that says what it was trained on."
HUB_CARD = "What it was trained on is described on its page on the Hugging Face hub."
NO_HYPERNET = "none for this model"
NOT_MEASURED = "Not measured by this project."


@dataclass(frozen=True)
class ModelCard:
    """What is shown of one model."""

    title: str
    state: str
    name: str = ""  # of the choice that loads it
    facts: dict[str, str] = field(default_factory=dict)
    problem: str = ""  # why it cannot be used
    trained_on: tuple[str, ...] = ()
    no_training: str = ""  # where nothing is known of that
    measured: tuple[MeasuredSet, ...] | None = None  # None unless it is loaded

    @property
    def is_loaded(self) -> bool:
        """Whether it can be used at once."""
        return self.measured is not None


def models_html(models: ModelStore) -> str:
    """Every model that can be chosen, then the hypernetworks that are there."""
    found = hypernets_in(ASSETS)
    hypernets = [
        ModelCard(
            info.name,
            f"hypernetwork for {info.base_model}",
            facts={"Size": f"{info.parameters:,} parameters", "Writes": info.writes},
            trained_on=tuple(map(said_training, info.trained_on)),
            no_training=NO_CARD,
        )
        for info in found
    ]
    cards = [_model_card(models, found, _title(models, label, name), name) for label, name in models.choices()]
    return render("models", models=cards, hypernets=hypernets, lines_shown=LINES_SHOWN, not_measured=NOT_MEASURED)


def cost_html(name: str, cost: MemoryCost | None, is_here: bool) -> str:
    """What loading costs, before it is loaded."""
    return render("model_cost", name=name, cost=cost, is_here=is_here)


def loaded_html(asr: PersonalizedAsr, is_named: bool) -> str:
    """That a model is loaded, and, of one that a visitor named, how it adapts."""
    return render("model_loaded", asr=asr, named=is_named)


def said_training(line: str) -> str:
    """A line of a card in the visitor's language; one of another form as it stands."""
    found = TRAINING_LINE.fullmatch(line)
    if found is None:
        return line
    corpus, simulated, cohort, recordings, speakers = found.groups(default="")
    kind = simulated + COHORT_NAMES.get(cohort, cohort)
    counts = ", ".join(
        say(count(int(n.replace(",", "")), noun)) for n, noun in ((recordings, "recording"), (speakers, "speaker"))
    )
    return f"{say(SYNTHETIC) if corpus == 'synthetic' else corpus}, {say(kind)}: {counts}"


def _title(models: ModelStore, label: str, name: str) -> str:
    """The name in the list of models; without the sizes of those on the hub, which are facts of the card."""
    return label if models.base_of(name) == BUNDLED else label.split(BETWEEN)[0]


def _model_card(models: ModelStore, hypernets: Sequence[HypernetInfo], title: str, name: str) -> ModelCard:
    asr, folder = models.loaded(name), local_folder(models.base_of(name))
    if folder is None:
        state = "not on this machine: downloaded once when it is chosen"
        facts = {"Size": _offered_size(models, name), "Hypernetwork": _hypernetwork(models, hypernets, name)}
        return ModelCard(title, state, name, facts, no_training=HUB_CARD)
    try:
        info = base_info(folder)
    except BackboneError as error:
        return ModelCard(title, "cannot be used", name, problem=str(error))
    facts = {**_base_facts(info), "Hypernetwork": _hypernetwork(models, hypernets, name)}
    return ModelCard(
        title,
        "on this machine" if asr is None else "loaded",
        name,
        facts,
        trained_on=tuple(map(said_training, info.trained_on)),
        no_training=HUB_CARD if "/" in name else NO_CARD,
        measured=None if asr is None else _measured(asr),
    )


def _hypernetwork(models: ModelStore, hypernets: Sequence[HypernetInfo], name: str) -> str:
    """The one that adapts a model; before it is loaded, the one that was named with it or made for a base so called."""
    asr = models.loaded(name)
    if asr is not None:
        return asr.hypernetwork or NO_HYPERNET
    base = models.base_of(name)
    own = BUNDLED_FOLDER.name if base == BUNDLED else base
    made_for_it = (info.name for info in hypernets if info.base_model == own)
    return models.hypernet_of(name) or next(made_for_it, NO_HYPERNET)


def _base_facts(info: BaseInfo) -> dict[str, str]:
    cost = memory_cost(info.parameters)
    languages = f"{info.n_languages} languages" if info.n_languages > 1 else "English only"
    return {
        "Size": f"{info.parameters:,} parameters, {info.encoder_layers} + {info.decoder_layers} layers",
        "Memory": f"{gigabytes(cost.n_bytes)} ({cost.dtype}); {gigabytes(cost.free_bytes)} free",
        "Hears": f"{info.window_seconds:g} s at once, {languages}",
    }


def _offered_size(models: ModelStore, name: str) -> str:
    model = models.hub_model(name)
    if model is None:
        return "not known"
    cost = memory_cost(model.parameters * 1_000_000)
    return (
        f"{model.parameters} million parameters; memory {gigabytes(cost.n_bytes)} ({cost.dtype}), "
        f"{gigabytes(cost.free_bytes)} free; download {gigabytes(model.megabytes * 1_000_000)}"
    )


def _measured(asr: PersonalizedAsr) -> tuple[MeasuredSet, ...]:
    """The scorecard of these very weights, if there is one."""
    if asr.fingerprints is None:
        return ()
    return measured_sets(SCORECARD_FILE, asr.backbone.fingerprint, asr.fingerprints[1])
