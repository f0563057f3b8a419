"""The card, folded, of files to take away: the adaptation as a PEFT adapter, or the whole Whisper with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from hyper.ui import scripts
from hyper.ui.adaptation_files import ADAPTER, MERGED, adaptation_zip
from hyper.ui.cards.card import Card
from hyper.ui.layout import HIDDEN, SHOWN, chip, fold, note
from hyper.ui.queues import ON_FILES
from hyper.ui.service import Asked

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Service

EXPLANATION = (
    "The adaptation that was made for this recording, at the strength above, as files that load without HyperWhisper; "
    "each comes with a card with the few lines that load it. They fit this one recording, and are deleted here when "
    "you leave."
)


class TakeawayCard(Card):
    """Two buttons, each with the file that it makes: hidden, because a browser saves only what is there already."""

    needs_adaptation = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.service = service
        with fold("Take the adaptation away: files", "hw-take-away", is_card=True, visible=False) as self.box:
            note(EXPLANATION)
            with gr.Row(elem_classes="hw-chips"):
                self.adapter = chip("Save the adapter (PEFT, zip)", elem_id="hw-adapter")
                self.merged = chip("Save the whole model (zip)", elem_id="hw-merged")
                self.adapter_file = gr.DownloadButton("", visible="hidden", elem_id="hw-adapter-file")
                self.merged_file = gr.DownloadButton("", visible="hidden", elem_id="hw-merged-file")
        for button, handler, file in (  # each makes its file, then saves it as if the visitor had clicked the file
            (self.adapter, self.adapter_zip, self.adapter_file),
            (self.merged, self.merged_zip, self.merged_file),
        ):
            click = button.click(handler, inputs.asked, file, show_progress_on=button, **ON_FILES)
            click.success(None, js=scripts.SAVE_FILE % file.elem_id)

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The buttons; files are made when they are pressed."""
        return {self.box: SHOWN}

    def clear(self) -> Values:
        """Nothing to save."""
        return {self.box: HIDDEN}

    def adapter_zip(self, request: gr.Request, *given: Any) -> str:
        """The adapter at the strength that is shown."""
        return adaptation_zip(self.service, ADAPTER, Asked(*given), request.session_hash)

    def merged_zip(self, request: gr.Request, *given: Any) -> str:
        """The whole Whisper with it."""
        return adaptation_zip(self.service, MERGED, Asked(*given), request.session_hash)
