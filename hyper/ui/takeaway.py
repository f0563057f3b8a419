"""The adaptation as files to take away: a PEFT adapter, or the whole Whisper with it, each as a zip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from hyper.compare.export import export_adapter, export_merged, write_zip
from hyper.ui import notices
from hyper.ui.handlers import Asked, Handlers

ADAPTER_ZIP, MERGED_ZIP = "hyperwhisper-adapter.zip", "whisper-adapted.zip"
MERGED_LIMIT = 150e6  # parameters: about 600 MB; larger ones would fill the disk of a page that many use
EXPLANATION = (
    "What was written for this recording, at the strength above, as files that load without HyperWhisper; each has a "
    "card with the six lines that load it. They are made for this one recording and deleted here when you leave."
)
TOO_LARGE = (
    "The whole model is too large to be sent by this page. Take the adapter, or run: "
    "python -m hyper export RECORDING --merged --out FOLDER --base {base}"
)


@dataclass(frozen=True)
class TakeAway:
    """Two buttons, each with the file that it makes: hidden, because a browser saves only what is there already."""

    adapter: gr.Button
    adapter_file: gr.DownloadButton
    merged: gr.Button
    merged_file: gr.DownloadButton


def take_away() -> TakeAway:
    """What stands in the fold."""
    gr.HTML(f'<p class="hw-help">{EXPLANATION}</p>')
    with gr.Row(elem_classes="hw-chips"):
        adapter = gr.Button("Save the adapter (PEFT, zip)", size="sm", elem_classes="hw-chip", elem_id="hw-adapter")
        merged = gr.Button("Save the whole model (zip)", size="sm", elem_classes="hw-chip", elem_id="hw-merged")
        files = [gr.DownloadButton("", visible="hidden", elem_id=f"hw-{name}-file") for name in ("adapter", "merged")]
    return TakeAway(adapter, files[0], merged, files[1])


@dataclass(frozen=True)
class TakeAwayHandlers:
    """What the buttons make: files in gradio's cache, the visitor's until the next ones or until the page is left."""

    handlers: Handlers

    def adapter_zip(self, request: gr.Request, *asked: Any) -> str:
        """The adapter at the strength that is shown."""
        return self._zip(export_adapter, ADAPTER_ZIP, Asked(*asked), request.session_hash)

    def merged_zip(self, request: gr.Request, *asked: Any) -> str:
        """The whole Whisper with it."""
        given = Asked(*asked)
        with notices.errors_as_notices():
            n_parameters = self.handlers.shelf.get(given.model).backbone.n_parameters
        if n_parameters > MERGED_LIMIT:
            raise notices.notice(TOO_LARGE.format(base=given.model), "Too large to save here")
        return self._zip(export_merged, MERGED_ZIP, given, request.session_hash)

    def _zip(self, export: Callable[..., None], name: str, given: Asked, session: str | None) -> str:
        comparison = self.handlers.compare_kept(given, session)
        with notices.errors_as_notices(), TemporaryDirectory() as scratch:
            made = Path(scratch) / name
            write_zip(export, self.handlers.shelf.get(given.model).backbone, comparison, made)
            file = save_file_to_cache(made, cache_dir=get_upload_folder())
        if session:
            self.handlers.uploads.hold_all(session, name, [file])
        return file
