"""What happens on a click: fetch the model, compare, hand the parts of the page their values."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from hyper.compare.comparison import Comparison
from hyper.plots import layers as layer_plots
from hyper.ui import figures, notices, panels
from hyper.ui.model_store import ModelShelf
from hyper.ui.visitors.cache import KeptRecordings
from hyper.ui.visitors.uploads import Uploads

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.compare.prepared import Prepared

PER_RECORDING, PER_PIECE = "recording", "piece"  # what one adaptation is made for
AS_TRAINED = 1.0  # strength of the adaptation
GPU_SECONDS = 30  # asked of a shared GPU for each request; a visitor with less quota left than this is refused


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
class Handlers:
    """The handlers of one page; of what a visitor sends they keep only the encoded recording, while it is in use.

    Gradio passes what it finds by its type, request and progress, in its place, so those come before `*asked`.
    """

    shelf: ModelShelf
    uploads: Uploads
    kept: KeptRecordings = field(default_factory=KeptRecordings)

    def compare_on_page(
        self,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by this default
        *asked: Any,
    ) -> tuple[Any, ...]:
        """Values of all outputs, in the order of `Outputs`; the adaptation as it was trained."""
        given = Asked(*asked)
        if not self.shelf.is_loaded(given.model):
            progress(0.1, desc=f"Loading {given.model} (downloaded once, then kept)")
        comparison = self.compare_kept(given, request.session_hash, progress)
        progress(0.9, desc="Drawing")
        adapted = bool(comparison.layers)
        return (
            *values_of(comparison, given),
            figures.recording_html(comparison),
            figures.reliability_html(self.shelf.get(given.model).calibration),
            AS_TRAINED,
            None,  # what every strength did to the recording before
            "",
            gr.Column(visible=True),
            gr.Column(visible=adapted),
            gr.Row(visible=adapted),
            gr.Accordion(visible=adapted),
        )

    def compare_at_strength(self, request: gr.Request, *asked: Any) -> tuple[Any, ...]:
        """What another strength changes: results, the three plot parts, details. The recording is not encoded again."""
        given = Asked(*asked)
        return values_of(self.compare_kept(given, request.session_hash), given)

    def compare(
        self,
        recording: str,
        reference: str,
        model: str,
        language: str,
        adaptation: str,
        verbatim: str,
        strength: float,
        request: gr.Request,
    ) -> dict[str, Any]:
        """Transcribe a recording with Whisper as it is (base) and with Whisper adapted to it (adapted).

        Parameters:
            recording: Audio file: wav, flac, ogg, opus, mp3, m4a, aac, webm or mp4; at most 10 minutes.
            reference: What was meant. Empty: no errors are counted.
            model: A model that the page offers.
            language: Spoken language, for a multilingual model.
            adaptation: "recording": one adaptation for all of it; "piece": one for each piece of a long recording.
            verbatim: Every sound that was said, repetitions included: a second text to count errors against.
            strength: How strongly to adapt, from 0 (base) to 2; 1 is as trained.

        Returns:
            Both transcripts, how sure each word is, their errors, what speaks against them, timings in ms, and the
            change of each layer.
        """
        if request.session_hash and recording:
            self.uploads.hold(request.session_hash, recording)
        given = Asked(recording, reference, model, language, adaptation, verbatim, strength)
        return self.compare_kept(given, None).to_json(file=Path(recording).name)

    def compare_kept(
        self, given: Asked, session: str | None, progress: Callable[..., None] | None = None
    ) -> Comparison:
        """The comparison, encoded anew only where it is not the visitor's last one; or a notice why there is none."""
        asr, prepared = self.prepare(given, session, progress)
        with notices.errors_as_notices():
            return asr.compare_prepared(prepared, given.reference, given.strength, given.verbatim)

    def prepare(
        self, given: Asked, session: str | None, progress: Callable[..., None] | None = None
    ) -> tuple[PersonalizedAsr, Prepared]:
        """The model and the encoded recording, kept for the session if there is one; or a notice why there is none."""
        recording, per_piece = given.recording, given.adaptation == PER_PIECE
        notices.check_recordings([recording] if recording is not None else [])
        with notices.errors_as_notices():
            asr = self.shelf.get(given.model)
            if progress is not None:
                progress(0.5, desc="Transcribing")
            return asr, self.kept.get(
                session,
                (recording, given.model, given.language, given.adaptation),
                lambda: asr.prepare(recording, language=given.language, adapt_per_piece=per_piece),
            )

    def keep_track(self, recording: str | None, request: gr.Request) -> None:
        """Delete the visitor's former recording, remember the present one."""
        if request.session_hash:
            self.kept.drop(request.session_hash)
            self.uploads.hold(request.session_hash, recording)

    def leave(self, request: gr.Request) -> None:
        """Delete all that a visitor who has closed the page sent or was given."""
        if request.session_hash:
            self.kept.drop(request.session_hash)
            self.uploads.release(request.session_hash)


def values_of(comparison: Comparison, given: Asked) -> tuple[Any, ...]:
    """Results, the plot parts and details."""
    adapted = bool(comparison.layers)
    of_first_piece = given.adaptation == PER_PIECE
    return (
        panels.results_html(comparison, given.model),
        layer_plots.magnitude_figure(comparison.layers) if adapted else None,
        figures.print_links_html(comparison, of_first_piece) if adapted else "",
        layer_plots.inside_figure(comparison.layers) if adapted else None,
        figures.caption_html(layer_plots.inside_caption(comparison.layers)) if adapted else "",
        panels.details_html(comparison),
    )


def on_gpu(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Where the `spaces` package is there (a Space with a shared GPU), borrow the GPU for each call."""
    if importlib.util.find_spec("spaces") is None:
        return handler
    import spaces

    return spaces.GPU(duration=GPU_SECONDS)(handler)
