"""Boxes that several modes are made of: headings, cards, folds, buttons, and places for text, sound and plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from hyper.plots import palette
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.plots.style import Caption

Values = dict[gr.blocks.Block, Any]  # what a handler gives each component

TRY, READING, SEVERAL, HOW, MODELS = "try", "reading", "several", "how", "models"  # modes, and two views on demand
REFERENCE_HEADING = ("What was meant", "optional, needed to count errors")
SHOWN, HIDDEN = gr.update(visible=True), gr.update(visible=False)


def view(title: str, name: str) -> gr.Tab:
    """A mode of the page, or what it shows on demand, to be filled within `with`."""
    return gr.Tab(title, id=name, elem_id=f"hw-tab-{name}")


def note_html(text: str, is_built: bool = False) -> str:
    """A small line of text; what stands between two backticks is code. `is_built`: it is there before anybody asks."""
    return text_html(text, "hw-help", is_built=is_built)


def text_html(text: str, style: str, is_status: bool = False, is_built: bool = False) -> str:
    """A text in one of the page's styles; a status is read out when it changes."""
    return render("text", text=text, style=style, is_status=is_status, is_built=is_built)


def line(text: str, style: str) -> gr.HTML:
    """A text that is always there, in the visitor's language; what stands between two backticks is code."""
    return gr.HTML(text, html_template=render("line", style=style))


def note(text: str) -> gr.HTML:
    """A small line of text that is always there."""
    return line(text, "hw-help")


def lead(text: str) -> gr.HTML:
    """What a mode is for, at its top."""
    return line(text, "hw-lead")


def heading(number: int | None, title: str, note: str = "") -> gr.HTML:
    """The title of one step, or of a part that is no step; and in small what to know of it."""
    template = render("heading", number=number, note=note)
    return gr.HTML(title, label=note or None, html_template=template)


def card(is_half: bool = False, visible: bool = True, elem_id: str | None = None) -> gr.Column:
    """A white box, to be filled within `with`; two halves stand side by side where there is room."""
    classes = ["hw-card", *(["hw-half"] if is_half else [])]
    return gr.Column(visible=visible, min_width=320, elem_id=elem_id, elem_classes=classes)


def pair() -> gr.Row:
    """Two cards side by side, one below the other where there is no room."""
    return gr.Row(elem_classes="hw-pair", equal_height=True)


def fold(
    title: str, elem_id: str, is_card: bool = False, visible: bool = True, has_boxes: bool = False
) -> gr.Accordion:
    """What opens on a click: inside a card, or a card of its own.

    `has_boxes`: somebody may type in it. What is in a fold gradio draws when it is opened first, and a moment later
    gives it the value that it was built with, over what was typed meanwhile; but it does so only where `open` is False.
    """
    classes = ["hw-accordion", *(["hw-card-fold"] if is_card else [])]
    is_open: Any = 0 if has_boxes else False
    return gr.Accordion(title, open=is_open, visible=visible, elem_id=elem_id, elem_classes=classes)


def go_button(text: str, elem_id: str, **settings: Any) -> gr.Button:
    """The button that starts what a mode is for."""
    return gr.Button(text, variant="primary", elem_id=elem_id, elem_classes="hw-go", **settings)


def captioned(caption: Caption) -> gr.HTML:
    """Title and reading help of what stands below."""
    return gr.HTML(caption.title, label=caption.reading, html_template=render("captioned"))


def captioned_plot(caption: Caption, elem_id: str) -> gr.Plot:
    """A place for a plot under its title and how to read it."""
    captioned(caption)
    return plot(caption.title, elem_id)


def plot(label: str, elem_id: str, **settings: Any) -> gr.Plot:
    """A place for a plot; its label is for screen readers alone."""
    return gr.Plot(show_label=False, label=label, elem_id=elem_id, **settings)


def recorder(label: str, elem_id: str) -> gr.Audio:
    """A place for one recording, from the microphone or a file."""
    return gr.Audio(
        sources=["microphone", "upload"],
        type="filepath",  # the file as it came; hyper.recordings.audio reads and checks it
        format=None,
        editable=False,  # trimming re-encodes
        buttons=[],
        show_label=False,
        label=label,
        elem_id=elem_id,
        elem_classes="hw-recorder",
        waveform_options=gr.WaveformOptions(
            waveform_color=palette.CONTROL_LINE, waveform_progress_color=palette.ADAPTED
        ),
    )


def text_box(label: str, placeholder: str, elem_id: str, lines: int = 2, **settings: Any) -> gr.Textbox:
    """A place for text under a heading of the page: its label is for screen readers alone.

    It takes a text of any length: a browser would cut one silently, where the server says that it is too long.
    """
    return gr.Textbox(
        "",
        show_label=False,
        label=label,
        placeholder=placeholder,
        lines=lines,
        elem_id=elem_id,
        **settings,
    )


def file_box(label: str, elem_id: str, **settings: Any) -> gr.File:
    """A place for files under a heading of the page: its label is for screen readers alone."""
    return gr.File(show_label=False, label=label, elem_id=elem_id, **settings)


def chips(title: str, labels: Sequence[str], elem_id: str) -> list[gr.Button]:
    """Small buttons under a title; nothing at all without labels."""
    if not labels:
        return []
    line(title, "hw-chips-title")
    with gr.Row(elem_id=elem_id, elem_classes="hw-chips"):
        return [chip(label, min_width=1) for label in labels]


def chip(label: str, **settings: Any) -> gr.Button:
    """One small button."""
    return gr.Button(label, size="sm", elem_classes="hw-chip", **settings)


def capitalised(text: str) -> str:
    """First letter large, the rest as it is."""
    return text[:1].upper() + text[1:]
