"""The examples as a list of recordings with what was meant, by one press, for a visitor who has none."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from hyper.recordings.tables import Sheet, csv_bytes
from hyper.ui import notices, scripts
from hyper.ui.examples import Example
from hyper.ui.inputs import Inputs
from hyper.ui.layout import chips
from hyper.ui.queues import HEARD
from hyper.ui.tabs.several_run import cache_folder
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors.own_files import taken_in

TITLE = "Examples: short recordings with what was meant; the table says which are simulated"
BUTTON = "Try it with the examples"
LIST_NAME = "examples.csv"


class ExamplesAsList:
    """The button; where there are no examples there is none."""

    def __init__(self, examples: TriedExamples) -> None:
        self.examples = examples
        self.buttons = chips(TITLE, [BUTTON] if examples.all else [], "hw-several-examples")

    def connect(self, inputs: Inputs, files: list[gr.File]) -> None:
        """A press fills recordings and list, then transcribes them as if the visitor had sent them."""
        for button in self.buttons:
            button.click(self.take_examples, inputs.model, files, **HEARD).success(None, js=scripts.TRANSCRIBE_ALL)

    def take_examples(self, model: str) -> tuple[list[str], str]:
        """The examples that belong to the model, and the list of what was meant."""
        own = self.examples.listed(model)
        with notices.errors_as_notices(), tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
            table = Path(folder) / LIST_NAME
            table.write_bytes(csv_bytes(_sheet(own)))
            return [str(each.path) for each in own], taken_in(table)


def _sheet(examples: Sequence[Example]) -> Sheet:
    lines = [(each.path.name, each.reference, int(each.is_simulated)) for each in examples]
    return Sheet("examples", ("file", "what was meant", "simulated"), lines)
