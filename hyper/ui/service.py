"""What all modes share: the models, what is held for visitors, and the comparison that a visitor asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import gradio as gr

from hyper.compare.row import check_references
from hyper.compare.scheduler import LEFT, BusyError, Scheduler, Work
from hyper.compare.speaker import compare_speaker
from hyper.compare.together import (
    Decoded,
    Wanted,
    decode_together,
    pair_with_sizes,
    pairs_together,
    prepare_together,
    wanted,
)
from hyper.ui import notices
from hyper.ui.gpu import IS_SHARED_GPU, directly
from hyper.ui.languages import say
from hyper.ui.model_store import ModelStore
from hyper.ui.queues import MOST_LISTS
from hyper.ui.visitors.batches import Batches
from hyper.ui.visitors.cache import RecordingCache
from hyper.ui.visitors.presence import has_left
from hyper.ui.visitors.results import Results
from hyper.ui.visitors.uploads import Uploads

if TYPE_CHECKING:
    import numpy as np

    from hyper.compare.comparison import Comparison
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.compare.prepared import Prepared
    from hyper.compare.speaker import SpeakerComparison
    from hyper.compare.transcript import Pair

T = TypeVar("T")
PER_RECORDING, PER_PIECE = "recording", "piece"  # what one adaptation is made for
AS_TRAINED = 1.0  # strength of the adaptation


class Asked(NamedTuple):
    """What a visitor gives for a comparison, in the order of the page's inputs."""

    recording: str | None  # the file; None before there is one
    reference: str  # what was meant
    model: str
    language: str
    adaptation: str = PER_RECORDING  # or PER_PIECE
    verbatim: str = ""  # every sound that was said
    strength: float = AS_TRAINED

    def is_per_piece(self, n_pieces: int) -> bool:
        """Whether each piece has an adaptation of its own; a comparison's layers and weights are then the first's."""
        return self.adaptation == PER_PIECE and n_pieces > 1

    @property
    def encoding(self) -> tuple[str | None, str, str, str]:
        """What the encoded recording depends on."""
        return self.recording, self.model, self.language, self.adaptation


@dataclass(frozen=True)
class Service:
    """Compares for the modes of one page; of what a visitor sends it caches only the encoded recording."""

    models: ModelStore
    uploads: Uploads
    cache: RecordingCache = field(default_factory=RecordingCache)
    batches: Batches = field(default_factory=Batches)
    results: Results = field(default_factory=Results)
    scheduler: Scheduler | None = field(default_factory=lambda: None if IS_SHARED_GPU else Scheduler())
    gpu: Callable[[Callable[[], Any]], Any] = directly  # runs what needs the model, where nobody waits in line

    def compare(
        self,
        asked: Asked,
        session: str | None,
        progress: Callable[..., None] | None = None,
        is_kept: bool = True,  # the encoded recording, for the visitor's next request
        with_layers: bool = False,  # at once; else when they are first asked for
    ) -> Comparison:
        """The comparison, encoded anew only where it is not the visitor's last one; or a notice why there is none."""
        decoded: list[Decoded] = []

        def decode(recording: str | Prepared | None) -> Prepared:
            decoded.extend(self._ask(session, decode_together, [_wanted(asr, asked, recording, with_layers)]))
            return decoded[0].prepared

        with self._of_visitor(asked, progress) as asr:
            check_references(asked.reference, asked.verbatim)  # told before the work
            prepared = self.cache.get(session if is_kept else None, asked.encoding, lambda: decode(asked.recording))
            if not decoded:
                decode(prepared)
            (one,) = decoded
            found = asr.describe(prepared, one.pair, asked.reference, asked.strength, asked.verbatim, one.timings_ms)
            if (layers := one.layers) is not None:
                return replace(found, measure_layers=lambda: layers)
            later = self.gpu if self.scheduler is None else partial(self.more, session)
            return replace(found, measure_layers=partial(later, found.measure_layers))

    def prepare(self, asked: Asked, session: str | None, is_kept: bool = True) -> tuple[PersonalizedAsr, Prepared]:
        """The model and the encoded recording, cached for the session; or a notice why not."""

        def prepare() -> Prepared:
            (prepared,) = self._ask(session, prepare_together, [_wanted(asr, asked, asked.recording)])
            return prepared

        with self._of_visitor(asked) as asr:
            return asr, self.cache.get(session if is_kept else None, asked.encoding, prepare)

    def transcribe(
        self,
        asr: PersonalizedAsr,
        language: str,
        session: str | None,
        waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
    ) -> list[Pair]:
        """Both transcripts of each recording in a part of a list; single recordings of others go first.

        Errors: `BusyError` where whoever asked has left, so that the rest of the list is let go.
        """
        if has_left():
            raise BusyError(LEFT)
        if not waveforms:
            return []
        part = [wanted(asr, waveform, language) for waveform in waveforms]
        if self.scheduler is None:
            return self.gpu(partial(pairs_together, part))  # once: each call costs some of a visitor's quota
        return [pair_with_sizes(asr, one) for one in self._ask(session, decode_together, part, is_of_list=True)]

    def seconds_before_list(self, session: str) -> int:
        """About how long a visitor's list waits for its first recording, so far as other visitors hold it up."""
        if self.scheduler is None:
            return 0
        return self.scheduler.seconds_before(self.batches.n_ahead(session, MOST_LISTS))

    def speaker(
        self,
        asr: PersonalizedAsr,
        language: str,
        session: str | None,
        recordings: Sequence[str],
        references: Sequence[str | None],
    ) -> SpeakerComparison:
        """Several recordings of one speaker, step by step: others go in between, and who has left is let go."""
        return self.in_steps(session, partial(compare_speaker, asr, recordings, references, language=language))

    def in_steps(self, session: str | None, work: Callable[..., T]) -> T:
        """The result of longer work that hands each of its steps to `on_model`."""
        if self.scheduler is None:
            return self.gpu(work)  # once, as above
        return work(on_model=partial(self._step, session))

    def _step(self, session: str | None, call: Callable[[], T]) -> T:
        """The result of one step of longer work."""
        assert self.scheduler is not None
        if has_left():
            raise BusyError(LEFT)
        return self.scheduler.alone(session or object(), call, is_of_list=True)

    def more(self, session: str | None, call: Callable[[], T]) -> T:
        """The result of a call that tells more about an answer: in line too, and never sent away."""
        if self.scheduler is None:
            return call()
        with notices.errors_as_notices():
            return self.scheduler.alone(session or object(), call, is_more=True)

    def leave(self, request: gr.Request) -> None:
        """A visitor has closed the page."""
        self.forget(request.session_hash)

    def forget(self, session: str | None) -> None:
        """Delete all that a visitor who has left sent or was given; nothing of theirs runs or waits any more."""
        if self.scheduler is not None:
            self.scheduler.forget(session)
        self.batches.forget(session)
        self.results.forget(session)
        self.cache.drop(session)
        self.uploads.release(session)

    def forget_deleted(self) -> None:
        """Let go of encoded recordings that are no longer on the disk: a page left open holds no voice for hours."""
        for session, recording in self.cache.recordings():
            if recording is not None and not Path(recording).is_file():
                self.cache.drop(session)

    def sessions(self) -> set[str]:
        """Visitors for whom anything is held."""
        held = (self.uploads, self.cache, self.batches, self.results)
        return {session for each in held for session in each.sessions() if session is not None}

    @contextmanager
    def _of_visitor(self, asked: Asked, progress: Callable[..., None] | None = None) -> Iterator[PersonalizedAsr]:
        """The model that was asked for; what goes wrong from here on becomes a notice."""
        notices.check_recordings([asked.recording] if asked.recording is not None else [])
        with notices.errors_as_notices():
            asr = self.models.get(asked.model)
            if progress is not None:
                progress(0.5, desc=say("Transcribing"))
            yield asr

    def _ask(
        self, session: str | None, work: Work, recordings: Sequence[Wanted], is_of_list: bool = False
    ) -> Sequence[Any]:
        """Wait in line with the others, where there is one."""
        if self.scheduler is None:
            return self.gpu(partial(work, recordings))
        return self.scheduler.ask(session or object(), work, recordings, is_of_list)


def _wanted(asr: PersonalizedAsr, asked: Asked, recording: str | Prepared | None, with_layers: bool = False) -> Wanted:
    assert recording is not None  # `_of_visitor` has looked
    per_piece = asked.adaptation == PER_PIECE
    return wanted(asr, recording, asked.language, per_piece, asked.strength, with_times=True, with_layers=with_layers)
