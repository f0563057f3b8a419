"""The tab "Models": what is there, what it was trained on and measured at, what loading another costs."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from hyper.model.info import cost_of, local_folder
from hyper.ui import notices
from hyper.ui.layout import Inputs
from hyper.ui.model_store import ModelShelf
from hyper.ui.queues import MODEL_QUEUE, QUIET
from hyper.ui.tabs import models_html

INTRODUCTION = (
    "The model that the page was started with stays loaded; one other can be loaded beside it. A hypernetwork belongs "
    "to one base: another base transcribes without adaptation until a hypernetwork is trained for it."
)
NAME_MISSING = "Please name a Whisper: a folder on this machine, or a hub model such as openai/whisper-small."


@dataclass(frozen=True)
class ModelHandlers:
    """What happens on the tab."""

    shelf: ModelShelf

    def show(self) -> str:
        """All models as they are now."""
        return models_html.models_html(self.shelf)

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
    ) -> tuple[gr.Dropdown, str, str]:
        """Load what the visitor named and choose it on the first tab."""
        base = _named(base)
        with notices.errors_as_notices():
            is_here = local_folder(base) is not None
            progress(0.1, desc=f"Loading {base}" if is_here else f"Downloading {base}")
            choice = self.shelf.open(base, hypernet.strip())
        asr = self.shelf.get(choice)
        adapts = f"adapts with {asr.hypernetwork}" if asr.hypernetwork else "has no hypernetwork: base transcripts only"
        done = f'<p class="hw-help" role="status"><b>Loaded and chosen.</b> {asr.base_model} {adapts}.</p>'
        return gr.Dropdown(choices=self.shelf.choices(), value=choice), done, self.show()

    def choose_model(
        self,
        name: str,
        progress: gr.Progress = gr.Progress(track_tqdm=True),  # noqa: B008
    ) -> tuple[gr.Dropdown, str, str]:
        """Load a model that the page offers and choose it on the first tab."""
        with notices.errors_as_notices():
            progress(0.1, desc=f"Loading {name} (downloaded once, then kept)")
            asr = self.shelf.get(name)
        done = f'<p class="hw-help" role="status"><b>Loaded and chosen.</b> {asr.base_model}.</p>'
        return gr.Dropdown(value=name), done, self.show()


def _named(base: str) -> str:
    """What the visitor named, or a notice that nothing is named."""
    if not base.strip():
        raise notices.notice(NAME_MISSING, "No model named")
    return base.strip()


def models_tab(shelf: ModelShelf, inputs: Inputs) -> None:
    """Build the tab and connect it; where visitors may not name models, there is nothing to name them in."""
    handlers = ModelHandlers(shelf)
    with gr.Tab("Models", elem_id="hw-tab-models") as tab:
        gr.HTML(f'<p class="hw-lead">{INTRODUCTION} {models_html.MEMORY_MEANING}</p>')
        with gr.Row(equal_height=True, elem_classes="hw-pair"):
            with gr.Column(elem_classes="hw-card", min_width=320):
                gr.HTML("<h2>1 <span>Load one that is offered</span></h2>")
                offered = gr.Dropdown(
                    shelf.choices(),
                    value=shelf.first_name,
                    label="Model",
                    filterable=False,
                    elem_id="hw-models-offered",
                )
                choose = gr.Button("Load", variant="primary", elem_id="hw-models-choose", elem_classes="hw-go")
            named = _naming_card() if shelf.takes_any else None
        status = gr.HTML("", elem_id="hw-models-status")
        overview = gr.HTML(handlers.show(), elem_id="hw-models-overview")
    loaded = [inputs.model, status, overview]
    tab.select(handlers.show, None, overview, **QUIET)
    choose.click(handlers.choose_model, offered, loaded, api_visibility="private", **MODEL_QUEUE)
    if named is not None:
        base, hypernet, cost, load = named
        cost.click(handlers.cost, [base, hypernet], status, api_visibility="private", concurrency_limit=2)
        load.click(handlers.load_model, [base, hypernet], loaded, api_visibility="private", **MODEL_QUEUE)


def _naming_card() -> tuple[gr.Textbox, gr.Textbox, gr.Button, gr.Button]:
    """Where a visitor names a base and its hypernetwork."""
    with gr.Column(elem_classes="hw-card", min_width=320):
        gr.HTML("<h2>2 <span>Or name another</span> <small>a folder on this machine, or a hub model</small></h2>")
        base = gr.Textbox(
            "",
            label="Whisper",
            placeholder="runs/base or openai/whisper-small",
            max_length=500,
            elem_id="hw-models-base",
        )
        hypernet = gr.Textbox(
            "",
            label="Folder of its hypernetwork (optional)",
            placeholder="runs/hypernet-small; empty: the one in assets/ that belongs to it",
            max_length=500,
            elem_id="hw-models-hypernet",
        )
        with gr.Row(elem_classes="hw-chips"):
            cost = gr.Button("What does it cost?", elem_id="hw-models-cost")
            load = gr.Button("Load", variant="primary", elem_id="hw-models-load")
    return base, hypernet, cost, load
