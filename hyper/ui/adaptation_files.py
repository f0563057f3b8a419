"""The adaptation to one recording as a zip that is held for a visitor: a PEFT adapter, or the whole Whisper with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hyper.compare.export import export_adapter, export_merged, write_zip
from hyper.ui import notices
from hyper.ui.service import Asked, Service
from hyper.ui.visitors.own_files import taken_in

ADAPTER, MERGED = "adapter", "merged"
KINDS = {ADAPTER: (export_adapter, "hyperwhisper-adapter.zip"), MERGED: (export_merged, "whisper-adapted.zip")}
MERGED_LIMIT = 150e6  # parameters: about 600 MB; larger ones would fill the disk of a page that many use
EACH_PIECE = (
    "Each piece of this recording has an adaptation of its own, and one alone would not give these transcripts: choose "
    "one adaptation for the whole recording in the settings, then save that."
)
TOO_LARGE = (
    "The whole model is too large to be sent by this page. Take the adapter, or run: "
    "python -m hyper export RECORDING --merged --out FOLDER --base {base}"
)


def adaptation_zip(service: Service, kind: str, asked: Asked, session: str | None, is_on_page: bool = True) -> str:
    """The file in gradio's cache, or a notice why there is none.

    On the page it is the visitor's until the next one or until the page is left, and the encoded recording is kept for
    the next request. A program may have other calls under way: the file of each stays its own.
    """
    with notices.errors_as_notices():
        backbone = service.models.get(asked.model).backbone
    if kind == MERGED and backbone.n_parameters > MERGED_LIMIT:
        raise notices.notice(TOO_LARGE.format(base=asked.model), "Too large to save here")
    export, name = KINDS[kind]
    comparison = service.compare(asked, session, is_kept=is_on_page)
    if asked.is_per_piece(comparison.n_pieces):
        raise notices.notice(EACH_PIECE, "No adaptation available")
    with notices.errors_as_notices(), TemporaryDirectory() as scratch:
        made = Path(scratch) / name
        service.gpu(partial(write_zip, export, backbone, comparison, made))
        file = taken_in(made)
    hold = service.uploads.hold if is_on_page else service.uploads.hold_too
    hold(session, name, [file])
    return file
