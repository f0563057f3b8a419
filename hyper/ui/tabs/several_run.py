"""A run over a visitor's recordings: matched with the list, then transcribed a few at a time, until it is stopped."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradio.utils import get_upload_folder

from hyper.compare.scoring import no_scores_yet, score_parts
from hyper.compare.utterance import Failure
from hyper.recordings.archive import Recording, Sent, gather
from hyper.recordings.matching import Matching, References, match, read_references
from hyper.ui.queues import LIST_PART_SECONDS
from hyper.ui.visitors.batches import Outcome, Run

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.ui.service import Service

BATCH = 4  # recordings at a time: other visitors come in between, and the bar moves

SentFile = dict[str, Any]  # a file as gradio's page describes it: `path` on this machine, `orig_name` at the visitor's


@dataclass(frozen=True)
class Listed:
    """All recordings of a run, and the lines of the list that belong to them."""

    run: Run
    recordings: list[Recording]
    matching: Matching

    def outcome(self, asr: PersonalizedAsr) -> Outcome:
        """Before anybody has listened: the recordings that were refused already."""
        pairs = zip(self.recordings, self.matching.rows, strict=True)
        refused = tuple(Failure(row, recording.problem) for recording, row in pairs if recording.problem)
        places = tuple(recording.place for recording in self.recordings)
        run, evaluation = self.run, replace(no_scores_yet(asr, self.run.language), failures=refused)
        return Outcome(evaluation, self.matching, run.sent, places, run.model, run.language)

    def transcribe(
        self, service: Service, asr: PersonalizedAsr, session: str | None, begun: Outcome
    ) -> Iterator[tuple[Outcome, float]]:
        """After each few recordings what is known so far, which is kept for the visitor, and the seconds still left."""
        if self.run.stopped.is_set():  # while it waited
            return
        refused, began = begun.evaluation.failures, time.monotonic()
        pairs = zip(self.recordings, self.matching.rows, strict=True)
        rows = [row for recording, row in pairs if not recording.problem]
        for part in score_parts(
            asr,
            rows,
            batch_size=BATCH,
            batches_at_once=1,
            part_seconds=LIST_PART_SECONDS,
            language=begun.language,
            transcribe=partial(service.transcribe, asr, begun.language, session),
        ):
            outcome = replace(begun, evaluation=replace(part, failures=part.failures + refused))
            service.batches.keep(session, self.run, outcome)
            yield outcome, (time.monotonic() - began) / part.n_done * (len(rows) - part.n_done)
            if self.run.stopped.is_set():
                break


@contextmanager
def listed(run: Run) -> Iterator[Listed]:
    """What was sent, unpacked for as long as it is needed. Errors: those of `gather` and `read_references`."""
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        references = read_references(run.table.path, run.table.name) if run.table else References()
        recordings = gather(run.sent, Path(folder))
        yield Listed(run, recordings, match(recordings, references))


def sent_of(file: SentFile) -> Sent:
    """A file by the name that it has at the visitor's."""
    return Sent(file.get("orig_name") or Path(file["path"]).name, Path(file["path"]))


def cache_folder() -> str:
    """Where gradio keeps what visitors send."""
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    return get_upload_folder()
