"""A real Whisper that adapts, offered beside the bundled pair: one press, and it is downloaded, loaded and chosen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import gradio as gr

from hyper.model.files import downloaded_bytes
from hyper.model.info import gigabytes, local_folder
from hyper.ui import notices
from hyper.ui.languages import say
from hyper.ui.model_store import HubModel, ModelStore

OFFER = "Real Whisper for open speech"
TAKE_IT = "Get real Whisper for open speech"
MEANING = (
    "OpenAI's Whisper for English, with a hypernetwork of this project's own. It is downloaded once and kept, and the "
    "page starts with it from then on. In tests it made a little fewer errors with simulated disorders and left "
    "typical speech about as it was; they used a copy of this Whisper with another token embedding, so with the "
    "original it may help more or less."
)
STEP_SECONDS = 0.5  # between two words on how far it is
DOWNLOADED_SHARE = 0.9  # of the way: loading what was downloaded takes a second or two


def offer_text(models: ModelStore) -> str:
    """What a button says that takes the offer."""
    return f"{TAKE_IT} ({models.offer.size})" if models.offer else TAKE_IT


def offer_button(models: ModelStore, elem_id: str) -> gr.Button:
    """The button; there is nothing to see where nothing is offered."""
    return gr.Button(offer_text(models), visible=models.offer is not None, elem_id=elem_id, elem_classes="hw-offer")


def taken(models: ModelStore, progress: gr.Progress) -> Any:
    """The list of models with the offered one chosen, once it is loaded; without a network a notice."""
    model = models.offer
    assert model is not None  # the button is not there without one
    with notices.errors_as_notices():
        fetch(models, model, progress)
    return gr.update(choices=models.choices(), value=model.name)


def fetch(models: ModelStore, model: HubModel, progress: gr.Progress) -> None:
    """Download it if it is not here, and load it; meanwhile the visitor is told how far that is.

    Errors: what loading raises.
    """
    with ThreadPoolExecutor(1) as worker:
        loading = worker.submit(models.get, model.name)
        is_done = False
        while not is_done:
            share, doing = _how_far(model)
            progress(share, desc=say(doing))
            is_done = bool(wait([loading], STEP_SECONDS).done)
        loading.result()


def _how_far(model: HubModel) -> tuple[float, str]:
    """The share of the way, and what is done, in words: the hub's own bars count files, and one is nearly all of it."""
    if local_folder(model.name):
        return DOWNLOADED_SHARE, f"Loading {model.name}"
    n_bytes = min(downloaded_bytes(model.name), model.megabytes * 10**6)
    share = DOWNLOADED_SHARE * n_bytes / (model.megabytes * 10**6)
    return share, f"Downloading {model.name}: {gigabytes(n_bytes)} of {model.size}"
