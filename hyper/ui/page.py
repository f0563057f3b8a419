"""The one page: its modes, what is shown on demand, and what is let go when a visitor leaves."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from hyper.ui import about, scripts
from hyper.ui.endpoints import Endpoints
from hyper.ui.examples import Example
from hyper.ui.gpu import way_to_model
from hyper.ui.line import open_line
from hyper.ui.model_store import ModelStore
from hyper.ui.service import Service
from hyper.ui.session_config import note_once
from hyper.ui.tabs.how import HowTab
from hyper.ui.tabs.many_or_one import ManyOrOne
from hyper.ui.tabs.models import ModelsTab
from hyper.ui.tabs.one_recording import OneRecordingTab
from hyper.ui.tabs.reading import ReadingTab
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors.folder import FILE_AGE_SECONDS
from hyper.ui.visitors.uploads import Uploads

FILE_CHECK_SECONDS = 60  # how often old files are looked for


def build_demo(models: ModelStore, examples: Sequence[Example]) -> gr.Blocks:
    """The page over these models and examples."""
    service = service_of(models)
    return build_page(service, TriedExamples(service, examples))


def service_of(models: ModelStore) -> Service:
    """What the page asks of these models."""
    return Service(models, Uploads(get_upload_folder()), gpu=way_to_model(models))


def build_page(service: Service, examples: TriedExamples) -> gr.Blocks:
    """The page over a service that is there already."""
    demo = gr.Blocks(
        title="HyperWhisper",
        analytics_enabled=False,
        delete_cache=(FILE_CHECK_SECONDS, FILE_AGE_SECONDS),
        fill_width=True,
    )
    with demo:
        about.head()
        with gr.Column(elem_id="hw-main"):
            with gr.Tabs(elem_id="hw-tabs", overflow_behavior="wrap") as bar:
                one = OneRecordingTab(service, examples)
                reading = ReadingTab(service)
                several = ManyOrOne(service, examples)
                HowTab(one)
                models_tab = ModelsTab(service.models)
            about.caution()
        Endpoints(service, one.inputs)  # before the modes: who comes first has the name
        one.connect(one.inputs)
        one.end_on(several.many.outcome.click, *models_tab.begins)  # these bring it another recording, another model
        for tab in (several.many, several.sessions, reading, several.one, models_tab):
            tab.connect(one.inputs)
        one.inputs.connect()  # after the modes, which clear their results first when the model changes
        reading.hand_over_to(several, bar)
        demo.load(None, js=scripts.WATCH_REFERENCE)
        demo.load(None, js=scripts.FOLLOW_PLAYER)
        demo.load(None, js=scripts.TAKE_RECORDINGS)
        demo.load(None, js=scripts.WATCH_ERRORS)
        demo.load(None, js=scripts.KEEP_HISTORY)
        demo.load(None, js=scripts.MEND_ACCESS)
    demo.unload(service.leave)
    _keep_signatures(demo)
    note_once(demo)
    return open_line(demo)


def _keep_signatures(demo: gr.Blocks) -> None:
    """For each visitor gradio asks for the signature of every component's class; Python gives one that is noted."""
    for kind in {base for block in demo.blocks.values() for base in type(block).__mro__ if base is not object}:
        if "__init__" in vars(kind):
            made: Any = vars(kind)["__init__"]
            made.__signature__ = signature(made)
