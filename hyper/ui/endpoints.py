"""What programs may ask of the page: one recording, several, one speaker, an adaptation as a file (docs/api.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
from gradio.data_classes import ListFiles
from pydantic import model_validator

from hyper.compare.scoring import no_scores_yet, score_parts
from hyper.compare.speaker import split_references
from hyper.compare.utterance import Failure
from hyper.metrics.normalize import ENGLISH
from hyper.recordings.archive import Sent, gather
from hyper.recordings.manifest import ManifestRow
from hyper.ui import notices
from hyper.ui.adaptation_files import ADAPTER, KINDS, adaptation_zip
from hyper.ui.inputs import Inputs
from hyper.ui.queues import FILE_QUEUE, LIST_PART_SECONDS, LIST_QUEUE, MODEL_QUEUE
from hyper.ui.service import AS_TRAINED, PER_RECORDING, Asked, Service

NO_NUMBER = "The strength must be a number between 0 and 2; 1 is as trained."
PLACE = "asked by a program"  # of the recordings that the caller holds
BATCH = 4  # recordings of a list at a time: visitors come in between


class SentFiles(ListFiles):
    """Files as a program sends them; a null among them is as if it were left out."""

    @model_validator(mode="before")
    @classmethod
    def without_nulls(cls, sent: Any) -> Any:
        """The others, in their order."""
        return [each for each in sent if each is not None] if isinstance(sent, list) else sent

    @classmethod
    def model_json_schema(cls, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Gradio's own, by which its clients know files."""
        return ListFiles.model_json_schema(*arguments, **options)


class Endpoints:
    """Named endpoints beside the page. Each takes the page's own inputs, and others that nobody sees; null, as programs
    write it, is as if it were left out."""

    def __init__(self, service: Service, inputs: Inputs) -> None:
        self.service = service
        recordings = gr.File(file_count="multiple", type="filepath", visible=False, label="Recordings")
        recordings.data_model = SentFiles
        meant = gr.Textbox("", visible=False, label="What was meant, one line for each recording")
        kind = gr.Radio(list(KINDS), value=ADAPTER, visible=False, label="What to write")
        answer = gr.JSON(visible=False)
        # The page's slider takes no null, and says nothing of what is no number.
        strength = gr.Number(AS_TRAINED, visible=False, label="Adaptation strength")
        several = [recordings, meant, inputs.model, inputs.language]
        of_one = [inputs.recording, kind, inputs.model, inputs.language, strength]
        gr.on([], self.compare, [*inputs.asked[:-1], strength], answer, api_name="compare", **MODEL_QUEUE)
        gr.on([], self.several, several, answer, api_name="several", **LIST_QUEUE)
        gr.on([], self.speaker, several, answer, api_name="speaker", **MODEL_QUEUE)
        gr.on([], self.export, of_one, gr.File(visible=False), api_name="export", **FILE_QUEUE)

    def compare(
        self,
        recording: str | None,
        reference: str | None,
        model: str | None,
        language: str | None,
        adaptation: str | None,
        verbatim: str | None,
        strength: float | None,
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
            Both transcripts, how sure each word is, their errors, what speaks against them, the verdict and its
            reasons, timings in ms, and the change of each layer.
        """
        with self._held([recording] if recording else [], request) as (held,):
            asked = Asked(
                held,
                reference or "",
                self._model(model),
                language or ENGLISH,
                adaptation or PER_RECORDING,
                verbatim or "",
                _strength(strength),
            )
            found = self.service.compare(asked, request.session_hash, is_kept=False, with_layers=True)
        return found.to_json(file=Path(held).name)

    def several(
        self,
        recordings: list[str] | None,
        meant: str | None,
        model: str | None,
        language: str | None,
        request: gr.Request,
    ) -> dict[str, Any]:
        """Transcribe many recordings, each with Whisper as it is (base) and with Whisper adapted to it (adapted).

        Parameters:
            recordings: Audio files, or zip archives of them; at most 300 recordings of 10 minutes each.
            meant: What was meant: one line for each recording, in their order. Empty: no errors are counted.
            model: A model that the page offers.
            language: Spoken language, for a multilingual model.

        Returns:
            Both transcripts, errors and verdict of each recording, rates of all together, and which could not be used.
        """
        language = language or ENGLISH
        with self._held(recordings, request) as held, notices.errors_as_notices(), TemporaryDirectory() as folder:
            found = gather([Sent(Path(each).name, Path(each)) for each in held], Path(folder))
            references = split_references(meant or "", len(found))
            rows = [
                ManifestRow(file=each.name, path=each.path, reference=reference or "")
                for each, reference in zip(found, references, strict=True)
            ]
            asr = self.service.models.get(self._model(model))
            transcribe = partial(self.service.transcribe, asr, language, request.session_hash)
            readable = [row for each, row in zip(found, rows, strict=True) if not each.problem]
            parts = score_parts(
                asr,
                readable,
                batch_size=BATCH,
                batches_at_once=1,
                part_seconds=LIST_PART_SECONDS,
                language=language,
                transcribe=transcribe,
            )
            *_, evaluation = no_scores_yet(asr, language), *parts
        refused = tuple(Failure(row, each.problem) for each, row in zip(found, rows, strict=True) if each.problem)
        return replace(evaluation, failures=evaluation.failures + refused).to_json()

    def speaker(
        self,
        recordings: list[str] | None,
        meant: str | None,
        model: str | None,
        language: str | None,
        request: gr.Request,
    ) -> dict[str, Any]:
        """Adapt to one speaker from several recordings, beside each recording by itself and Whisper as it is.

        Parameters:
            recordings: 2 to 20 audio files of one person, 10 minutes together.
            meant: What was meant: one line for each recording, in their order. Empty: no errors are counted.
            model: A model that the page offers.
            language: Spoken language, for a multilingual model.

        Returns:
            Three transcripts and the verdict of each recording, pooled errors, and how far the adaptations agree.
        """
        language = language or ENGLISH
        with self._held(recordings, request) as held, notices.errors_as_notices():
            references = split_references(meant or "", len(held))
            asr = self.service.models.get(self._model(model))
            return self.service.speaker(asr, language, request.session_hash, held, references).to_json()

    def export(
        self,
        recording: str | None,
        kind: str | None,
        model: str | None,
        language: str | None,
        strength: float | None,
        request: gr.Request,
    ) -> str:
        """Adapt to one recording and give the adaptation as a zip that loads without this project.

        Parameters:
            recording: Audio file, as for /compare.
            kind: "adapter": LoRA weights in PEFT's format; "merged": the whole Whisper with them.
            model: A model that the page offers.
            language: Spoken language, for a multilingual model.
            strength: How strongly to adapt, from 0 (base) to 2; 1 is as trained.

        Returns:
            A zip with the weights and a card that says how to load them.
        """
        with self._held([recording] if recording else [], request) as (held,):
            asked = Asked(held, "", self._model(model), language or ENGLISH, strength=_strength(strength))
            return adaptation_zip(self.service, kind or ADAPTER, asked, request.session_hash, is_on_page=False)

    @contextmanager
    def _held(self, recordings: list[str] | None, request: gr.Request) -> Iterator[list[str]]:
        """The caller's recordings, deleted when the caller has left; a notice where there are none."""
        recordings = recordings or []
        notices.check_recordings(recordings)
        with self.service.uploads.held_for_call(request.session_hash, PLACE, recordings):
            yield recordings

    def _model(self, name: str | None) -> str:
        return name or self.service.models.first_name


def _strength(given: Any) -> float:
    """A notice where it is no number; which numbers there are is told where they are used."""
    if given is None:
        return AS_TRAINED
    if not isinstance(given, int | float):
        raise notices.notice(NO_NUMBER, "No adaptation available")
    return given
