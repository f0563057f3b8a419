"""What each visitor's list of recordings gave, kept in memory until the visitor leaves; and the wish to stop."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from hyper.compare.evaluation import Evaluation
from hyper.recordings.archive import Place, Sent
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.matching import Matching


@dataclass(frozen=True)
class Outcome:
    """One run over a visitor's recordings, finished or stopped: words and numbers, no sound."""

    evaluation: Evaluation
    matching: Matching
    sent: tuple[Sent, ...]
    places: tuple[Place, ...]  # of the recordings, in the order of `matching.rows`
    model: str
    language: str

    @property
    def shown(self) -> list[ManifestRow]:
        """The rows of the table in its order: those that were transcribed, then those that could not be used."""
        used, refused = self.evaluation.utterances, self.evaluation.failures
        return [*(each.recording for each in used), *(each.recording for each in refused)]

    def place_of(self, row: ManifestRow) -> Place:
        """Where the recording of a row came from."""
        return next(place for own, place in zip(self.matching.rows, self.places, strict=True) if own is row)

    def corrected(self, i: int, reference: str) -> Outcome:
        """The outcome with another text for what was meant in recording `i` of the table. Errors: `TextError`."""
        utterances = list(self.evaluation.utterances)
        former = utterances[i].recording
        utterances[i] = utterances[i].with_reference(reference, self.evaluation.language)
        rows = tuple(utterances[i].recording if row is former else row for row in self.matching.rows)
        return replace(
            self,
            evaluation=replace(self.evaluation, utterances=tuple(utterances)),
            matching=replace(self.matching, rows=rows),
        )

    @property
    def unlisted(self) -> frozenset[str]:
        """Names of files that the visitor's list does not hold."""
        return frozenset(row.file for row in self.matching.rows) - self.matching.listed


@dataclass(frozen=True, eq=False)
class Run:
    """A list that is being transcribed, or will be."""

    sent: tuple[Sent, ...]
    table: Sent | None  # what was meant
    model: str
    language: str
    stopped: threading.Event = field(default_factory=threading.Event)
    correcting: threading.Lock = field(default_factory=threading.Lock)  # each correction goes on from the one before
    _begun: threading.Lock = field(default_factory=threading.Lock)  # held from the beginning on

    def begins(self) -> bool:
        """Whether it is to begin now: not if it was stopped while it waited, and not twice, where a list before it was
        stopped and left it its place."""
        return not self.stopped.is_set() and self._begun.acquire(blocking=False)

    @property
    def is_begun(self) -> bool:
        """Whether it has left the line."""
        return self._begun.locked()


class Batches:
    """One run and one outcome for each visitor, by gradio's session."""

    def __init__(self) -> None:
        self._runs: dict[str | None, Run] = {}
        self._outcomes: dict[str | None, Outcome] = {}
        self._lock = threading.Lock()

    def begin(self, session: str | None, run: Run) -> None:
        """A new run, which ends the one before."""
        self.stop(session)
        with self._lock:
            self._outcomes.pop(session, None)
            self._runs[session] = run

    def run(self, session: str | None) -> Run | None:
        """The visitor's run."""
        return self._runs.get(session)

    def stop(self, session: str | None) -> Run | None:
        """No more recordings of the visitor's run are transcribed; the run, if there is one."""
        run = self._runs.get(session)
        if run is not None:
            run.stopped.set()
        return run

    def keep(self, session: str | None, run: Run | None, outcome: Outcome) -> None:
        """What this run found, unless the visitor has left or begun another."""
        with self._lock:
            if self._runs.get(session) is run:
                self._outcomes[session] = outcome

    def outcome(self, session: str | None) -> Outcome | None:
        """What the visitor's last run found."""
        return self._outcomes.get(session)

    def n_ahead(self, session: str | None, places: int) -> int:
        """How many recordings of others are transcribed before this visitor's list has one of so many places.

        Lists take turns: until the one that frees the place has ended, each of the others gets as far.
        """
        with self._lock:
            left = sorted(n for other in self._runs if other != session and (n := self._n_left(other)))
        if len(left) < places:
            return 0
        ends = left[len(left) - places]
        return sum(min(each, ends) for each in left)

    def _n_left(self, session: str | None) -> int:
        """Recordings of the visitor's run that are not transcribed yet."""
        run, outcome = self._runs[session], self._outcomes.get(session)
        if run.stopped.is_set():
            return 0
        return len(run.sent) if outcome is None else len(outcome.matching.rows) - outcome.evaluation.n_done

    def sessions(self) -> set[str | None]:
        """Visitors with a run or an outcome."""
        with self._lock:
            return {*self._runs, *self._outcomes}

    def forget(self, session: str | None) -> None:
        """The visitor has left: the run ends, and nothing of it stays."""
        self.stop(session)
        with self._lock:
            self._runs.pop(session, None)
            self._outcomes.pop(session, None)
