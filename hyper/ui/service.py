"""What all tabs share: the models, what is held for visitors, and the comparison that a visitor asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import gradio as gr

from hyper.ui import notices
from hyper.ui.model_store import ModelStore
from hyper.ui.visitors.cache import RecordingCache
from hyper.ui.visitors.uploads import Uploads

if TYPE_CHECKING:
    from hyper.compare.comparison import Comparison
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.compare.prepared import Prepared

PER_RECORDING, PER_PIECE = "recording", "piece"  # what one adaptation is made for
AS_TRAINED = 1.0  # strength of the adaptation


class Asked(NamedTuple):
    """What a visitor gives for a comparison, in the order of the page's inputs."""

    recording: str | None  # the file; None before there is one
    reference: str  # what was meant
    model: str
    language: str
    adaptation: str  # PER_RECORDING or PER_PIECE
    verbatim: str  # every sound that was said
    strength: float = AS_TRAINED


@dataclass(frozen=True)
class Service:
    """Compares for the tabs of one page; of what a visitor sends it caches only the encoded recording."""

    models: ModelStore
    uploads: Uploads
    cache: RecordingCache = field(default_factory=RecordingCache)

    def compare(self, asked: Asked, session: str | None, progress: Callable[..., None] | None = None) -> Comparison:
        """The comparison, encoded anew only where it is not the visitor's last one; or a notice why there is none."""
        asr, prepared = self.prepare(asked, session, progress)
        with notices.errors_as_notices():
            return asr.compare_prepared(prepared, asked.reference, asked.strength, asked.verbatim)

    def prepare(
        self, asked: Asked, session: str | None, progress: Callable[..., None] | None = None
    ) -> tuple[PersonalizedAsr, Prepared]:
        """The model and the encoded recording, cached for the session if there is one; or a notice why not."""
        recording, per_piece = asked.recording, asked.adaptation == PER_PIECE
        notices.check_recordings([recording] if recording is not None else [])
        with notices.errors_as_notices():
            asr = self.models.get(asked.model)
            if progress is not None:
                progress(0.5, desc="Transcribing")
            return asr, self.cache.get(
                session,
                (recording, asked.model, asked.language, asked.adaptation),
                lambda: asr.prepare(recording, language=asked.language, adapt_per_piece=per_piece),
            )

    def leave(self, request: gr.Request) -> None:
        """Delete all that a visitor who has closed the page sent or was given."""
        self.cache.drop(request.session_hash)
        self.uploads.release(request.session_hash)
