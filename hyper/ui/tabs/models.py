"""The view "Models": what is there, what it was trained on and measured at, what loading another costs."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr
from gradio.events import Dependency

from hyper.model.info import cost_of, local_folder
from hyper.ui import notices
from hyper.ui.inputs import Inputs
from hyper.ui.languages import say
from hyper.ui.layout import MODELS, Values, card, go_button, heading, lead, note, pair, view
from hyper.ui.model_store import ModelStore
from hyper.ui.offer import MEANING, OFFER, fetch, offer_button, taken
from hyper.ui.queues import ON_MODEL, QUIET
from hyper.ui.tabs import models_html
from hyper.ui.tabs.tab import Tab

INTRODUCTION = (
    "The model the page was started with stays loaded; you can load one more beside it. Each hypernetwork belongs to "
    "one base: a base without one transcribes without adaptation until a hypernetwork is trained for it."
)
NAME_MISSING = "Please name a Whisper: a folder on this machine, or a hub model such as openai/whisper-small."


class ModelsTab(Tab):
    """What is offered, what may be named, and an overview; where visitors may not name models, there is no place to."""

    def __init__(self, models: ModelStore) -> None:
        self.models = models
        with view("Models", MODELS) as self.tab:
            lead(f"{INTRODUCTION} {models_html.MEMORY_MEANING}")
            if models.offer:
                self._offer_card()
            with pair():
                with card():
                    heading(1 if models.takes_any else None, "Choose a model")
                    self.offered = gr.Dropdown(
                        models.choices(), value=models.first_name, label="Model", filterable=False,
                        elem_id="hw-models-offered",
                    )  # fmt: skip
                    self.choose = go_button("Load", "hw-models-choose")
                if models.takes_any:
                    self._naming_card()
            self.status = gr.HTML("", elem_id="hw-models-status")
            self.overview = gr.HTML(self.show(), elem_id="hw-models-overview")

    def _offer_card(self) -> None:
        """A real Whisper, by one press."""
        with card():
            heading(None, OFFER)
            note(MEANING)
            self.offer = offer_button(self.models, "hw-models-offer")

    def _naming_card(self) -> None:
        """Where a visitor names a base and its hypernetwork."""
        with card():
            heading(2, "Or load another by name", "a folder on this machine, or a hub model")
            self.base = _name_box("Whisper", "runs/base or openai/whisper-small", "hw-models-base")
            hint = "runs/hypernet-small; empty: the one in assets/ that belongs to it"
            self.hypernet = _name_box("Folder of its hypernetwork (optional)", hint, "hw-models-hypernet")
            with gr.Row(elem_classes="hw-chips"):
                self.ask_cost = gr.Button("What does it cost?", elem_id="hw-models-cost")
                self.load = gr.Button("Load", variant="primary", elem_id="hw-models-load")

    @property
    def begins(self) -> list[Callable[..., Dependency]]:
        """Presses that choose another model under Try."""
        buttons = [self.choose]
        buttons += [self.offer] if self.models.offer else []
        buttons += [self.load] if self.models.takes_any else []
        return [button.click for button in buttons]

    def connect(self, inputs: Inputs) -> None:
        """Loading chooses the model under Try."""
        self.chosen = inputs.model
        loaded = [self.chosen, self.status, self.overview]
        self.tab.select(self.show, None, self.overview, **QUIET)
        self.choose.click(self.choose_model, self.offered, loaded, **ON_MODEL)
        if self.models.offer:
            self.offer.click(self.take_offer, None, loaded, **ON_MODEL)
        if self.models.takes_any:
            named = [self.base, self.hypernet]
            self.ask_cost.click(self.cost, named, self.status, api_visibility="private", concurrency_limit=2)
            self.load.click(self.load_model, named, loaded, **ON_MODEL)

    def clear(self) -> Values:
        """Nothing was loaded yet."""
        return {self.status: ""}

    def show(self) -> str:
        """All models as they are now."""
        return models_html.models_html(self.models)

    def cost(self, base: str, hypernet: str) -> str:
        """What loading would cost; the hub is asked for at most seven seconds."""
        base = _named(base)
        with notices.errors_as_notices():
            return models_html.cost_html(base, cost_of(base, hypernet.strip()), local_folder(base) is not None)

    def load_model(
        self,
        base: str,
        hypernet: str,
        progress: gr.Progress = gr.Progress(track_tqdm=True),  # noqa: B008  gradio finds it by this default
    ) -> Values:
        """Load what the visitor named and choose it under Try."""
        base = _named(base)
        with notices.errors_as_notices():
            is_here = local_folder(base) is not None
            progress(0.1, desc=say(f"Loading {base}" if is_here else f"Loading {base} (downloaded once, then kept)"))
            choice = self.models.open(base, hypernet.strip())
        return self._loaded(choice, is_named=True)

    def choose_model(
        self,
        name: str,
        progress: gr.Progress = gr.Progress(track_tqdm=True),  # noqa: B008
    ) -> Values:
        """Load a model that the page offers and choose it under Try."""
        hub_model = self.models.hub_model(name)
        with notices.errors_as_notices():
            if hub_model is not None:
                fetch(self.models, hub_model, progress)
            else:
                progress(0.1, desc=say(f"Loading {name}"))
                self.models.get(name)
        return self._loaded(name)

    def take_offer(
        self,
        progress: gr.Progress = gr.Progress(track_tqdm=True),  # noqa: B008
    ) -> Values:
        """Load the real Whisper that is offered and choose it under Try."""
        chosen = taken(self.models, progress)
        return self._loaded(chosen["value"])

    def _loaded(self, choice: str, is_named: bool = False) -> Values:
        """The choice under Try, and that it is made; of a model that the visitor named, also how it adapts."""
        return {
            self.chosen: gr.update(choices=self.models.choices(), value=choice),
            self.status: models_html.loaded_html(self.models.get(choice), is_named),
            self.overview: self.show(),
        }


def _named(base: str) -> str:
    """What the visitor named, or a notice that nothing is named."""
    if not base.strip():
        raise notices.notice(NAME_MISSING, "No model named")
    return base.strip()


def _name_box(label: str, placeholder: str, elem_id: str) -> gr.Textbox:
    return gr.Textbox("", label=label, placeholder=placeholder, max_length=500, elem_id=elem_id)
