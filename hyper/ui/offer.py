"""A real Whisper that adapts, offered beside the bundled pair: one press, and it is downloaded, loaded and chosen."""

from __future__ import annotations

from typing import Any

import gradio as gr

from hyper.model.info import local_folder
from hyper.ui import notices
from hyper.ui.languages import say
from hyper.ui.model_store import HubModel, ModelStore

OFFER = "Real Whisper for open speech"
TAKE_IT = "Get real Whisper for open speech"
MEANING = (
    "OpenAI's Whisper for English, with a hypernetwork of this project's own. It is downloaded once and kept, and the "
    "page starts with it from then on. In tests it helped with simulated stuttering and hardly with other atypical "
    "speech; they used a copy of this Whisper with another vocabulary table, so with the original it may help more or "
    "less."
)


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
        progress(0.1, desc=say(_doing(model)))
        models.get(model.name)
    return gr.update(choices=models.choices(), value=model.name)


def _doing(model: HubModel) -> str:
    return f"Loading {model.name}" if local_folder(model.name) else f"Downloading {model.name}, {model.size}"
