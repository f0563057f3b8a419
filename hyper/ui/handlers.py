"""What happens on a click: fetch the model, compare, hand the parts of the page their values."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from hyper import plots
from hyper.comparison import Comparison
from hyper.ui import figures, notices, panels
from hyper.ui.shelf import ModelShelf
from hyper.ui.uploads import Uploads

PER_RECORDING, PER_PIECE = "recording", "piece"  # what one adaptation is made for
GPU_SECONDS = 30  # asked of a shared GPU for each request; a visitor with less quota left than this is refused


@dataclass(frozen=True)
class Handlers:
    """The handlers of one page; they keep nothing of what a visitor sends."""

    shelf: ModelShelf
    uploads: Uploads

    def compare_on_page(
        self,
        recording: str | None,
        reference: str,
        model: str,
        language: str,
        adaptation: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by this default
    ) -> tuple[Any, ...]:
        """Values for results, the three plot parts, details, and whether they are seen."""
        if not self.shelf.is_loaded(model):
            progress(0.1, desc=f"Loading {model} (downloaded once, then kept)")
        comparison = self.compare_recording(recording, reference, model, language, adaptation, progress)
        progress(0.9, desc="Drawing")
        adapted = bool(comparison.layers)
        return (
            panels.results_html(comparison, model),
            plots.magnitude_figure(comparison.layers) if adapted else None,
            figures.print_links_html(comparison, of_first_piece=adaptation == PER_PIECE) if adapted else "",
            plots.singular_value_figure(comparison.layers) if adapted else None,
            figures.recording_html(comparison),
            panels.details_html(comparison),
            gr.Column(visible=True),
            gr.Row(visible=adapted),
        )

    def compare(
        self,
        recording: str,
        reference: str,
        model: str,
        language: str,
        adaptation: str,
        request: gr.Request,
    ) -> dict[str, Any]:
        """Transcribe a recording with Whisper as it is (base) and with Whisper adapted to it (adapted).

        Parameters:
            recording: Audio file: wav, flac, ogg, opus, mp3, m4a, aac, webm or mp4; at most 10 minutes.
            reference: What was meant. Empty: no errors are counted.
            model: A model that the page offers.
            language: Spoken language, for a multilingual model.
            adaptation: "recording": one adaptation for all of it; "piece": one for each piece of a long recording.

        Returns:
            Both transcripts, their errors, why each stopped, timings in ms, and the change of each layer.
        """
        if request.session_hash and recording:
            self.uploads.hold(request.session_hash, recording)
        comparison = self.compare_recording(recording, reference, model, language, adaptation)
        return comparison.to_json(file=Path(recording).name)

    def compare_recording(
        self,
        recording: str | None,
        reference: str,
        model: str,
        language: str,
        adaptation: str,
        progress: Callable[..., None] | None = None,
    ) -> Comparison:
        """The comparison, or a notice that says why there is none."""
        notices.check_recordings([recording] if recording is not None else [])
        with notices.errors_as_notices():
            asr = self.shelf.get(model)
            if progress is not None:
                progress(0.5, desc="Transcribing")
            return asr.compare(
                recording,
                reference.strip() or None,
                language=language,
                adapt_per_piece=adaptation == PER_PIECE,
            )

    def keep_track(self, recording: str | None, request: gr.Request) -> None:
        """Delete the visitor's former recording, remember the present one."""
        if request.session_hash:
            self.uploads.hold(request.session_hash, recording)

    def leave(self, request: gr.Request) -> None:
        """Delete the recording of a visitor who has closed the page."""
        if request.session_hash:
            self.uploads.release(request.session_hash)


def on_gpu(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Where the `spaces` package is there (a Space with a shared GPU), borrow the GPU for each call."""
    if importlib.util.find_spec("spaces") is None:
        return handler
    import spaces

    return spaces.GPU(duration=GPU_SECONDS)(handler)
