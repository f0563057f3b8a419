"""The models that a visitor can choose: the one the app was started with, and at most one other at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from hyper.model.device import choose_device
from hyper.model.files import ASSETS, BUNDLED, BackboneError
from hyper.ui.languages import word

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.model.backbone import Backbone

BETWEEN = " · "  # the parts of a label
PAPER_FORM = "hypernet-mini-paper"  # the bundled base's hypernetwork in the paper's form


@dataclass(frozen=True)
class HubModel:
    """A Whisper on the Hugging Face hub."""

    name: str
    parameters: int  # millions
    megabytes: int  # of the checkpoint that is downloaded

    @property
    def size(self) -> str:
        """Of the download."""
        return f"{self.megabytes / 1000:.1f} GB" if self.megabytes >= 1000 else f"{self.megabytes} MB"

    @property
    def label(self) -> str:
        """As the model list shows it."""
        return BETWEEN.join((self.name, f"{self.parameters} M", self.size, "downloaded once"))

    @property
    def is_multilingual(self) -> bool:
        """OpenAI's name for those that know English alone ends so."""
        return not self.name.endswith(".en")


HUB_MODELS = (  # parameters x 4 bytes (float32), large ones x 2 (float16)
    HubModel("openai/whisper-tiny.en", 38, 151),
    HubModel("openai/whisper-tiny", 38, 151),
    HubModel("openai/whisper-base", 73, 290),
    HubModel("openai/whisper-small", 242, 967),
    HubModel("openai/whisper-medium", 764, 3056),
    HubModel("openai/whisper-large-v3", 1543, 3087),
    HubModel("openai/whisper-large-v3-turbo", 809, 1618),
)
CPU_LIMIT_MB = 1000  # larger ones take a minute for a sentence on a processor, and more memory than a laptop has free


class ModelStore:
    """Gives the chosen model, loading it when it is first asked for."""

    def __init__(
        self,
        asr: PersonalizedAsr | None,
        name: str,
        load: Callable[..., PersonalizedAsr],
        takes_any: bool = False,
        adapting: Collection[str] = (),
        forms: Sequence[Path] = (),
    ) -> None:
        """`asr` stays loaded for ever; None: it is the delivered pair, and `arrived` brings it soon. `load` brings
        another one by its name, and the hypernetwork's folder if one is named; `takes_any`: visitors may name models,
        as on a machine of their own; `adapting`: the hub models for which a hypernetwork is here; `forms`: the
        folders of further hypernetworks for the bundled base."""
        self.first_name = name
        self.takes_any = takes_any
        self.adapting = frozenset(adapting)
        self._forms = {f"{BUNDLED} + {folder.name}": folder for folder in forms}  # choice -> hypernetwork
        # choice -> base and, if one was named, hypernetwork
        self._named: dict[str, tuple[str, ...]] = {choice: (BUNDLED, str(own)) for choice, own in self._forms.items()}
        self._first: Future[PersonalizedAsr] = Future()
        self._load = load
        self._other: tuple[str, PersonalizedAsr] | None = None
        self._lock = threading.Lock()
        self._given: WeakKeyDictionary[PersonalizedAsr, str] = WeakKeyDictionary()  # what somebody may hold
        if asr is not None:
            self.arrived(asr)

    def arrived(self, asr: PersonalizedAsr) -> None:
        """The first model is here; whoever asked for it has waited."""
        self._given[asr] = self.first_name
        self._first.set_result(asr)

    def never_comes(self, why: Exception) -> None:
        """The first model cannot be loaded; whoever asked for it has waited, and is told why."""
        self._first.set_exception(why)

    def choices(self) -> list[tuple[str, str]]:
        """(label, name) of every model offered; assets/language.js says those labels that the page is built with."""
        labels = {BUNDLED: BETWEEN.join(("Bundled pair", "commands and short phrases"))}
        for choice, folder in self._forms.items():
            form = "as in the paper" if self.is_paper_form(choice) else folder.name
            labels[choice] = BETWEEN.join(("Bundled pair", form))
        labels |= {model.name: self._label(model) for model in HUB_MODELS if self._is_listed(model)}
        labels |= {choice: choice for choice in self._named if choice not in labels}
        label = labels.pop(self.first_name, "")
        first = label if self.first_name == BUNDLED else self.first_name  # it is here: nothing is downloaded
        named = [(first, self.first_name), *((label, name) for name, label in labels.items())]
        return [(BETWEEN.join(map(word, label.split(BETWEEN))), name) for label, name in named]

    def _label(self, model: HubModel) -> str:
        return BETWEEN.join((model.label, *(["adapts"] if model.name in self.adapting else [])))

    def _is_listed(self, model: HubModel) -> bool:
        """What a processor bears; what knows English alone is worth a place where it adapts."""
        asr = self.loaded(self.first_name)
        on_cpu = str(choose_device(None) if asr is None else asr.backbone.device).startswith("cpu")
        is_wanted = model.is_multilingual or model.name in self.adapting
        return is_wanted and (not on_cpu or model.megabytes <= CPU_LIMIT_MB)

    @property
    def offer(self) -> HubModel | None:
        """A real Whisper with a hypernetwork of its own, where the page was started on the bundled pair."""
        adapting = (model for model in HUB_MODELS if model.name in self.adapting)
        return next(adapting, None) if self.first_name == BUNDLED else None

    def offers(self, name: str) -> bool:
        """Whether the page that runs this model speaks of its offer."""
        return name == BUNDLED and self.offer is not None

    def came_with_page(self, name: str) -> bool:
        """Whether this is the pair that the examples were chosen with: bundled, with its own hypernetwork."""
        asr = self.loaded(self.first_name)
        folder: Path | None = None if asr is None else asr.hypernet_folder
        is_other = name == self.first_name and folder is not None and folder.resolve().parent != ASSETS.resolve()
        return name == BUNDLED and not is_other

    def is_loaded(self, name: str) -> bool:
        """Whether the model can be used at once, or nearly so."""
        return name == self.first_name or self.loaded(name) is not None

    def get(self, name: str) -> PersonalizedAsr:
        """The model; the second one that was loaded makes room for a third."""
        if name == self.first_name:
            return self._first.result()
        with self._lock:
            if self._other is None or self._other[0] != name:
                self._other = None  # free its memory before the next one needs it
                self._other = (name, self._load(*self._named.get(name, (name,))))
                self._given[self._other[1]] = name
            return self._other[1]

    def name_of(self, model: PersonalizedAsr | Backbone) -> str:
        """By which it was asked for."""
        return next(name for asr, name in self._given.items() if model in (asr, asr.backbone))

    def open(self, base: str, hypernet: str = "") -> str:
        """Load a base that a visitor names, with a hypernetwork's folder or the one that is found; the choice's name.

        Errors: `BackboneError` where visitors may not, and what loading raises; then nothing new is offered.
        """
        if not self.takes_any:
            raise BackboneError("This page loads only the models that it offers.")
        choice = f"{base} + {hypernet}" if hypernet else base
        if choice == self.first_name:
            return choice
        is_new = choice not in self._named
        self._named[choice] = (base, hypernet) if hypernet else (base,)
        try:
            self.get(choice)
        except Exception:
            if is_new:
                del self._named[choice]
            raise
        return choice

    def is_paper_form(self, choice: str) -> bool:
        """Whether this is the bundled base, adapted as in the paper."""
        return choice in self._forms and self._forms[choice].name == PAPER_FORM

    def base_of(self, choice: str) -> str:
        """The base of a choice, as a command would name it."""
        return self._named.get(choice, (choice,))[0]

    def hypernet_of(self, choice: str) -> str:
        """The folder of the hypernetwork that was named with a choice, by its name; "" where its base tells which."""
        return "".join(Path(folder).name for folder in self._named.get(choice, ())[1:])

    @staticmethod
    def hub_model(name: str) -> HubModel | None:
        """What is known beforehand of a hub model that is offered."""
        return next((model for model in HUB_MODELS if model.name == name), None)

    def loaded(self, name: str) -> PersonalizedAsr | None:
        """The model, if it is loaded."""
        other = self._other
        if name == self.first_name:
            return self._first.result() if self._first.done() and self._first.exception() is None else None
        return other[1] if other is not None and other[0] == name else None

    def is_multilingual(self, name: str) -> bool:
        """Whether a language can be chosen; of a model that is not loaded its name tells."""
        asr, hub = self.loaded(name), self.hub_model(name)
        if asr is not None:
            return asr.backbone.is_multilingual
        return self.base_of(name) != BUNDLED and (hub is None or hub.is_multilingual)
