"""The card, folded, of files to take away: the adaptation as a PEFT adapter, or the whole Whisper with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from hyper.compare.export import export_adapter, export_merged, write_zip
from hyper.ui import notices, scripts
from hyper.ui.cards.card import Card
from hyper.ui.layout import HIDDEN, SHOWN, chip, fold, note_html
from hyper.ui.queues import ON_FILES, on_gpu
from hyper.ui.service import Asked

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Service

ADAPTER_ZIP, MERGED_ZIP = "hyperwhisper-adapter.zip", "whisper-adapted.zip"
MERGED_LIMIT = 150e6  # parameters: about 600 MB; larger ones would fill the disk of a page that many use
EXPLANATION = (
    "The adaptation that was made for this recording, at the strength above, as files that load without HyperWhisper; "
    "each comes with a card that has the six lines to load it. They fit this one recording, and are deleted here when "
    "you leave."
)
TOO_LARGE = (
    "The whole model is too large to be sent by this page. Take the adapter, or run: "
    "python -m hyper export RECORDING --merged --out FOLDER --base {base}"
)


class TakeawayCard(Card):
    """Two buttons, each with the file that it makes: hidden, because a browser saves only what is there already."""

    needs_adaptation = True

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.service = service
        with fold("Take the adaptation away: files", "hw-take-away", is_card=True, visible=False) as self.box:
            gr.HTML(note_html(EXPLANATION))
            with gr.Row(elem_classes="hw-chips"):
                self.adapter = chip("Save the adapter (PEFT, zip)", elem_id="hw-adapter")
                self.merged = chip("Save the whole model (zip)", elem_id="hw-merged")
                self.adapter_file = gr.DownloadButton("", visible="hidden", elem_id="hw-adapter-file")
                self.merged_file = gr.DownloadButton("", visible="hidden", elem_id="hw-merged-file")
        for button, handler, file in (  # each makes its file, then saves it as if the visitor had clicked the file
            (self.adapter, self.adapter_zip, self.adapter_file),
            (self.merged, self.merged_zip, self.merged_file),
        ):
            click = button.click(on_gpu(handler), inputs.asked, file, show_progress_on=button, **ON_FILES)
            click.success(None, js=scripts.SAVE_FILE % file.elem_id)

    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """The buttons; files are made when they are pressed."""
        return {self.box: SHOWN}

    def clear(self) -> Values:
        """Nothing to save."""
        return {self.box: HIDDEN}

    def adapter_zip(self, request: gr.Request, *given: Any) -> str:
        """The adapter at the strength that is shown."""
        return self._zip(export_adapter, ADAPTER_ZIP, Asked(*given), request.session_hash)

    def merged_zip(self, request: gr.Request, *given: Any) -> str:
        """The whole Whisper with it."""
        asked = Asked(*given)
        with notices.errors_as_notices():
            n_parameters = self.service.models.get(asked.model).backbone.n_parameters
        if n_parameters > MERGED_LIMIT:
            raise notices.notice(TOO_LARGE.format(base=asked.model), "Too large to save here")
        return self._zip(export_merged, MERGED_ZIP, asked, request.session_hash)

    def _zip(self, export: Callable[..., None], name: str, asked: Asked, session: str | None) -> str:
        """The file in gradio's cache, the visitor's until the next one or until the page is left."""
        comparison = self.service.compare(asked, session)
        with notices.errors_as_notices(), TemporaryDirectory() as scratch:
            made = Path(scratch) / name
            write_zip(export, self.service.models.get(asked.model).backbone, comparison, made)
            file = save_file_to_cache(made, cache_dir=get_upload_folder())
        self.service.uploads.hold(session, name, [file])
        return file
