"""The one page: which click calls which handler."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

import gradio as gr
from gradio.utils import get_upload_folder

from hyper.model.files import BUNDLED
from hyper.ui import panels, scripts
from hyper.ui.about import CAUTION, HEADER
from hyper.ui.examples import Example
from hyper.ui.handlers import Handlers, on_gpu
from hyper.ui.layout import Inputs, Outputs, input_card, model_note_html, note_html, result_card
from hyper.ui.model_store import ModelShelf
from hyper.ui.phrases import PHRASES
from hyper.ui.queues import MODEL_QUEUE, QUIET
from hyper.ui.strength_card import StrengthHandlers
from hyper.ui.tabs.models import models_tab
from hyper.ui.tabs.reading import reading_tab
from hyper.ui.tabs.several import several_tab
from hyper.ui.tabs.speaker import speaker_tab
from hyper.ui.takeaway import TakeAwayHandlers
from hyper.ui.visitors.uploads import Uploads
from hyper.ui.voice_place import add_voice_place

FILE_CHECK_SECONDS = 60  # how often old files are looked for
FILE_AGE_SECONDS = 30 * 60  # a page left open longer than this asks for the recording again
WAITING_LIMIT = 16  # visitors in line before further ones are told that the queue is full


def build_demo(shelf: ModelShelf, examples: Sequence[Example]) -> gr.Blocks:
    """The page over these models and examples."""
    demo = gr.Blocks(
        title="HyperWhisper",
        analytics_enabled=False,
        delete_cache=(FILE_CHECK_SECONDS, FILE_AGE_SECONDS),
        fill_width=True,
    )
    handlers = Handlers(shelf, Uploads(get_upload_folder()))
    with demo:
        gr.HTML(HEADER)
        with gr.Column(elem_id="hw-main"):
            with gr.Tabs(elem_id="hw-tabs") as tabs:
                with gr.Tab("One recording"):
                    inputs = input_card(shelf, examples)
                    outputs = result_card()
                    add_voice_place(handlers, inputs)
                several_tab(handlers, inputs, demo)
                reading = reading_tab(handlers, inputs)
                reading.connect(tabs, speaker_tab(handlers, inputs, examples))
                models_tab(shelf, inputs)
            gr.HTML(CAUTION)
        _connect_inputs(shelf, inputs, examples)
        _connect_compare(handlers, inputs, outputs)
        _connect_strength(handlers, inputs, outputs)
        _connect_take_away(handlers, inputs, outputs)
    demo.unload(handlers.leave)
    return demo.queue(max_size=WAITING_LIMIT)


def _connect_inputs(shelf: ModelShelf, inputs: Inputs, examples: Sequence[Example]) -> None:
    """Clicks that fill the inputs."""
    for button, phrase in zip(inputs.phrase_buttons, PHRASES, strict=False):
        button.click(None, None, inputs.reference, js=f"() => {json.dumps(phrase)}")
    example_reference = gr.State("")  # what an example put into the text, to be taken out again with its recording
    for button, example in zip(inputs.example_buttons, examples, strict=True):
        button.click(
            lambda example=example: (
                str(example.path),
                example.reference,
                "",
                example.reference,
                note_html(escape(example.note)),
            ),
            None,
            [inputs.recording, inputs.reference, inputs.verbatim, example_reference, inputs.example_note],
            **QUIET,
        )
    inputs.recording.clear(
        lambda reference, of_example: ("" if reference == of_example else reference, "", ""),
        [inputs.reference, example_reference],
        [inputs.reference, example_reference, inputs.example_note],
        **QUIET,
    )
    inputs.model.change(
        lambda name: _choices_for(shelf, name),
        inputs.model,
        [inputs.phrases, inputs.model_note, inputs.language],
        **QUIET,
    )


def _connect_compare(handlers: Handlers, inputs: Inputs, outputs: Outputs) -> None:
    """The button, the public endpoint, and what a new recording does to old results."""
    gr.on(  # results of another recording or model must not stand beside this one
        [inputs.recording.change, inputs.model.change],
        None,
        None,
        [outputs.results, outputs.more],
        js=scripts.sets(panels.EMPTY, gr.update(visible=False)),
    )
    inputs.recording.change(
        handlers.keep_track,
        inputs.recording,
        None,
        **QUIET,
    )
    inputs.compare.click(
        on_gpu(handlers.compare_on_page),
        inputs.of_compare(),
        outputs.all(),
        show_progress_on=outputs.results,
        api_visibility="private",
        **MODEL_QUEUE,
    ).success(None, js=scripts.SHOW_RESULTS)
    gr.on(
        [],
        on_gpu(handlers.compare),
        [*inputs.of_compare(), outputs.strength.strength],
        gr.JSON(visible=False),
        api_name="compare",
        **MODEL_QUEUE,
    )


def _connect_strength(handlers: Handlers, inputs: Inputs, outputs: Outputs) -> None:
    """The slider decodes again while it is moved, the button decodes at every strength."""
    card = outputs.strength
    card.strength.input(  # not `release`, which keyboards never send
        on_gpu(handlers.compare_at_strength),
        [*inputs.of_compare(), card.strength],
        outputs.of_strength(),
        trigger_mode="always_last",
        show_progress="hidden",  # the words would vanish at each step
        api_visibility="private",
        **MODEL_QUEUE,
    )
    card.try_all.click(
        on_gpu(StrengthHandlers(handlers).sweep_on_page),
        inputs.of_compare(),
        [card.plot, card.table],
        api_visibility="private",
        **MODEL_QUEUE,
    )


def _connect_take_away(handlers: Handlers, inputs: Inputs, outputs: Outputs) -> None:
    """Each button makes its file, and then saves it as if the visitor had clicked the file."""
    away, make = outputs.take_away, TakeAwayHandlers(handlers)
    for button, handler, file in (
        (away.adapter, make.adapter_zip, away.adapter_file),
        (away.merged, make.merged_zip, away.merged_file),
    ):
        button.click(
            on_gpu(handler),
            [*inputs.of_compare(), outputs.strength.strength],
            file,
            show_progress_on=button,
            api_visibility="private",
            **MODEL_QUEUE,
        ).success(None, js=scripts.SAVE_FILE % file.elem_id)


def _choices_for(shelf: ModelShelf, name: str) -> tuple[gr.Column, str, gr.Dropdown]:
    """What the page offers for a model."""
    language = gr.Dropdown(value="en", visible=shelf.is_multilingual(name))
    return gr.Column(visible=name == BUNDLED), model_note_html(shelf, name), language
