"""The line before the one model: requests of many visitors are answered in batches, fairly, or let go.

One thread works: torch keeps threads for each thread that calls it, and those of two take the cores from each other.
Whoever asks waits in a thread of their own, and gets the answer, their own error or `BusyError`.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any, Protocol

MOST_WAITING = 32  # requests; a further visitor is told how long the line is
MOST_OF_ONE = 8  # of these from one visitor, so that nobody fills the line
MOST_WITH_ROOM = 2 * MOST_OF_ONE  # where parts of lists and what is more about an answer are among them
BATCH_SIZE = 16  # requests answered together; the gain of more is small, and the first waits for the last
BATCH_SECONDS = 60.0  # of sound in one batch: a short recording does not wait for many long ones
PATIENCE_SECONDS = 120.0  # nobody waits longer: the visitor has long pressed the button again; but a list goes on
LIST_PATIENCE_SECONDS = 10.0  # after which a part of a list no longer lets others pass
IDLE_SECONDS = 30.0  # after which the thread ends
FIRST_GUESS_SECONDS = 0.2  # of work for one request, until some were measured
NEWEST_SHARE = 0.2  # of the newest measurement in the running mean
LEFT = "The page was left before this request was worked on."

Work = Callable[[Sequence[Any]], Sequence[Any]]  # answers to all requests of a batch, in their order


class Request(Protocol):
    """What the scheduler must know of a request."""

    @property
    def alike(self) -> Hashable:
        """Requests of the same work with the same of this may be answered together; None: only alone."""

    @property
    def seconds(self) -> float:
        """Of sound."""


class BusyError(ValueError):
    """The request was not worked on; the message is written for whoever sent it."""


@dataclass(eq=False)
class _Job:
    """One request that waits."""

    visitor: Hashable
    work: Work
    request: Request
    is_of_list: bool
    since: float  # when it came, on the scheduler's clock
    answer: Future[Any] = field(default_factory=Future)

    def goes_with(self, other: _Job) -> bool:
        """Whether both can be in one batch."""
        alike = self.request.alike
        return alike is not None and (self.work, alike) == (other.work, other.request.alike)


@dataclass(frozen=True, eq=False)
class _Call:
    call: Callable[[], Any]
    alike: Hashable = None
    seconds: float = 0.0


def _called(calls: Sequence[_Call]) -> list[Any]:
    return [each.call() for each in calls]


class Scheduler:
    """Safe to call from any thread. Holds nothing of a request that is answered, and no thread when idle for long."""

    def __init__(
        self,
        most_waiting: int = MOST_WAITING,
        patience: float = PATIENCE_SECONDS,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self._most_waiting, self._patience, self._idle = most_waiting, patience, idle
        self._waiting: list[_Job] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._seconds_each = FIRST_GUESS_SECONDS

    def ask(
        self,
        visitor: Hashable,
        work: Work,
        requests: Sequence[Request],
        is_of_list: bool = False,  # single requests go first
        is_more: bool = False,  # about an answer that was given: there is always room
    ) -> list[Any]:
        """The answers to the requests, which may be worked on together with those of others.

        Errors: what `work` raises for one of them; `BusyError` where the line is too long, the wait was, or the
        visitor has left.
        """
        if not requests:
            return []
        now = time.monotonic()
        jobs = [_Job(visitor, work, request, is_of_list, now) for request in requests]
        self._line_up(jobs, has_room=is_of_list or is_more)
        try:
            return [self._wait_for(job) for job in jobs]
        finally:
            self._let_go(jobs)  # those behind one that failed

    def alone(self, visitor: Hashable, call: Callable[[], Any], is_more: bool = False, is_of_list: bool = False) -> Any:
        """The result of a call that needs the model for itself; at once where it is part of another one."""
        if threading.current_thread() is self._thread:
            return call()
        (result,) = self.ask(visitor, _called, [_Call(call)], is_of_list, is_more)
        return result

    def forget(self, visitor: Hashable) -> None:
        """The visitor has left: nothing of theirs waits any more."""
        with self._changed:
            own = [job for job in self._waiting if job.visitor == visitor]
        self._let_go(own)

    def seconds_before(self, n_more: int = 0) -> int:
        """About how long all that waits now will take, and so many requests more."""
        return math.ceil((len(self._waiting) + n_more) * self._seconds_each)

    def __len__(self) -> int:
        return len(self._waiting)

    def _line_up(self, jobs: Sequence[_Job], has_room: bool) -> None:
        """All of them or none. The few parts of a list that are sent at a time have room, however long the line is.

        Of one visitor only a share counts for the others: nobody is refused because of what a single one asks.
        """
        with self._changed:
            of_each = Counter(job.visitor for job in self._waiting)
            own, most = of_each[jobs[0].visitor], MOST_WITH_ROOM if has_room else MOST_OF_ONE
            is_full = sum(min(n, MOST_OF_ONE) for n in of_each.values()) >= self._most_waiting
            has_share = own == 0 or own + len(jobs) <= most
            if not has_share or (is_full and not has_room):
                line = f"{len(self._waiting)} requests are" if has_share else f"{own} of your requests are"
                seconds = max(1, self.seconds_before())
                raise BusyError(f"{line} waiting already; please try again in about {seconds} s.")
            self._waiting += jobs
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="model")
                self._thread.start()
            self._changed.notify()

    def _wait_for(self, job: _Job) -> Any:
        try:
            seconds = None if job.is_of_list else max(0.0, job.since + self._patience - time.monotonic())
            return job.answer.result(seconds)
        except CancelledError:
            raise BusyError(LEFT) from None
        except TimeoutError:
            if not job.answer.cancel():  # it is being worked on, or was answered just now
                return job.answer.result()
            raise BusyError(
                f"Too many others were waiting: nobody came to this request in {self._patience:g} s; please try again."
            ) from None

    def _let_go(self, jobs: Sequence[_Job]) -> None:
        """Whoever waits no longer frees the place; what is being worked on goes on."""
        for job in jobs:
            job.answer.cancel()
        with self._changed:
            self._waiting = [job for job in self._waiting if not job.answer.cancelled()]

    def _work(self) -> None:
        try:
            while self._answer_next():
                pass
        except (
            Exception
        ) as error:  # a slip of ours: nobody waits for a thread that has ended, and the next gets another
            with self._changed:
                left, self._waiting, self._thread = self._waiting, [], None
            for job in left:
                if job.answer.set_running_or_notify_cancel():
                    job.answer.set_exception(error)
            raise

    def _answer_next(self) -> bool:  # a function of its own: the loop holds on to no batch while it waits
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, self._idle):
                self._thread = None
                return False
            batch = self._next_batch(time.monotonic())
            self._waiting = [job for job in self._waiting if job not in batch]
        batch = [job for job in batch if job.answer.set_running_or_notify_cancel()]
        if batch:
            began = time.monotonic()
            _answer(batch)
            newest = (time.monotonic() - began) / len(batch)
            self._seconds_each += NEWEST_SHARE * (newest - self._seconds_each)
        return True

    def _next_batch(self, now: float) -> list[_Job]:
        """Whose turn it is, and whoever can come along.

        A visitor's first request goes before anybody's second, then who came first; lists let single requests pass.
        """
        n_before: dict[Hashable, int] = defaultdict(int)
        turns: list[tuple[bool, int, int]] = []
        for job in self._waiting:  # in the order in which they came
            lets_pass = job.is_of_list and now < job.since + LIST_PATIENCE_SECONDS
            turns.append((lets_pass, n_before[job.visitor], len(turns)))
            n_before[job.visitor] += 1
        in_turn = [self._waiting[place] for *_, place in sorted(turns)]
        batch, seconds = in_turn[:1], in_turn[0].request.seconds
        for job in in_turn[1:]:
            more = seconds + job.request.seconds
            if len(batch) < BATCH_SIZE and more <= BATCH_SECONDS and job.goes_with(batch[0]):
                batch.append(job)
                seconds = more
        return batch


def _answer(batch: Sequence[_Job]) -> None:
    """Each job gets its own answer or its own error: a batch that fails is worked on one by one."""
    error = _answer_together(batch)
    if error is not None and len(batch) == 1:
        batch[0].answer.set_exception(error)
    elif error is not None:
        for job in batch:
            _answer([job])


def _answer_together(batch: Sequence[_Job]) -> Exception | None:
    """Answer all, or none and give the error, without what was worked on when it came: memory may have run out."""
    try:
        answers = batch[0].work([job.request for job in batch])
        if len(answers) != len(batch):
            raise RuntimeError(f"There are {len(answers)} answers to {len(batch)} requests.")
    except Exception as error:
        _clear_frames(error)
        return error
    for job, answer in zip(batch, answers, strict=True):
        job.answer.set_result(answer)
    return None


def _clear_frames(error: BaseException) -> None:
    """Of the error and of those that led to it."""
    seen: list[BaseException] = []  # an error may be among those that led to it
    led_to: BaseException | None = error
    while led_to is not None and led_to not in seen:
        traceback.clear_frames(led_to.__traceback__)
        seen.append(led_to)
        led_to = led_to.__cause__ or led_to.__context__
