"""The cards of what was changed in the model: a sentence first, and below the words the button that leads to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from hyper.metrics.percent import percent
from hyper.plots.layers import MATRIX_NAMES, place_of, whole_layers
from hyper.ui import scripts
from hyper.ui.cards.card import Card
from hyper.ui.languages import say
from hyper.ui.layout import HIDDEN, HOW, SHOWN, note_html
from hyper.ui.service import AS_TRAINED

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service

NOTHING_YET = "Compare a recording under Try: what the adaptation changed in the model is then shown here."
NOT_ADAPTED = "This model has no hypernetwork, so nothing was changed in it."
BASE = "At strength 0 nothing is changed: this is the base."
AT_STRENGTH = "The size is that at strength {strength}; as trained the strength is 1."
SIDES = {"enc": "encoder", "dec": "decoder"}


class ChangedCard(Card):
    """How much was changed, and where most, in a sentence."""

    follows_strength = takes_time = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.note = gr.HTML(note_html(NOTHING_YET, is_built=True), elem_id="hw-changed")

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """Of the recording that was compared last."""
        if comparison.adapted is None:
            return {self.note: note_html(say(NOT_ADAPTED))}
        strength = comparison.strength
        at = "" if strength in (0, AS_TRAINED) else say(AT_STRENGTH, strength=f"{strength:g}")
        return {self.note: note_html(f"{say(_changed(comparison, asked))} {at}".strip())}

    def clear(self) -> Values:
        """That nothing was compared yet."""
        return {self.note: note_html(NOTHING_YET, is_built=True)}


class OpenHowCard(Card):
    """A button below the words."""

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.button = gr.Button("What changed in the model", visible=False, elem_id="hw-open-how")
        self.button.click(None, js=scripts.open_view(HOW))

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """There is something to be seen."""
        return {self.button: SHOWN}

    def clear(self) -> Values:
        """There is nothing yet."""
        return {self.button: HIDDEN}


def _changed(comparison: Comparison, asked: Asked) -> str:
    if comparison.strength == 0:
        return BASE
    of = "the first piece of this recording" if asked.is_per_piece(comparison.n_pieces) else "this recording"
    places = [place_of(each.name) for each in comparison.layers]
    sizes = whole_layers(comparison.layers)
    most = max(sizes, key=sizes.__getitem__)
    side, number = most.split() if " " in most else (places[0].side, most)  # "dec 2", or "2" where there is one side
    layer = f"{SIDES[side[:3]]} layer {number}"
    kinds = {place.matrix for place in places}
    if len(kinds) == 1:
        (kind,) = kinds
        name = MATRIX_NAMES.get(kind, kind)
        what = f"one matrix ({name}) was changed in each of {len(sizes)} layers of Whisper, most of all in {layer}"
    else:
        what = f"{len(sizes)} of Whisper's layers were changed, most of all {layer}"
    return (
        f"For {of}, {what}: the change is {percent(sizes[most])} as large as the weights it is added to. "
        "The figures describe the model, not the speaker."
    )
