"""The line before the model: who is answered when, with whom, and what happens to those who are not."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from hyper.compare import scheduler as scheduler_module
from hyper.compare.scheduler import BusyError, Scheduler


@dataclass(frozen=True)
class Item:
    name: Any
    alike: Hashable = "same"
    seconds: float = 0.0


class Desk:
    """Work that notes its batches, and holds the first one up until `open` so that a line forms behind it."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.open = threading.Event()
        self.is_held = threading.Event()
        self.seconds = 0.0  # that a batch takes

    def work(self, requests: Sequence[Item]) -> list[str]:
        items = [request.name for request in requests]
        if not self.batches:
            self.batches.append(items)
            self.is_held.set()
            assert self.open.wait(20)
            return [f"{item} answered" for item in items]
        self.batches.append(items)
        time.sleep(self.seconds)
        if any(isinstance(item, str) and item.startswith("bad") for item in items):
            raise ValueError(f"{[item for item in items if item.startswith('bad')][0]} cannot be used")
        return [f"{item} answered" for item in items]


class Line:
    """Visitors in threads of their own."""

    def __init__(self, **settings: Any) -> None:
        self.scheduler, self.desk = Scheduler(idle=0.05, **settings), Desk()
        self.pool = ThreadPoolExecutor(80)

    def ask(self, visitor: str, *names: Any, is_of_list: bool = False, **how: Any) -> Future[list[Any]]:
        """Stands in line when this returns."""
        before, items = len(self.scheduler), [Item(name, **how) for name in names]
        asked = self.pool.submit(self.scheduler.ask, visitor, self.desk.work, items, is_of_list)
        until(lambda: len(self.scheduler) >= before + len(items) or asked.done())
        return asked

    def hold(self) -> Future[list[Any]]:
        """Keep the worker busy."""
        first = self.pool.submit(self.scheduler.ask, "first", self.desk.work, [Item("first")])
        assert self.desk.is_held.wait(20)
        return first


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.desk.open.set()
    line.pool.shutdown()


def test_those_who_wait_are_answered_in_one_batch_each_with_their_own(line):
    line.hold()
    asked = [line.ask(f"visitor {i}", i) for i in range(5)]
    line.desk.open.set()
    assert [each.result(20) for each in asked] == [[f"{i} answered"] for i in range(5)]
    assert line.desk.batches == [["first"], [0, 1, 2, 3, 4]]


def test_only_what_is_alike_goes_together(line):
    line.hold()
    asked = [line.ask("a", "en 1", alike="en"), line.ask("b", "de", alike="de"), line.ask("c", "en 2", alike="en")]
    asked += [line.ask("d", "alone 1", alike=None), line.ask("e", "alone 2", alike=None)]
    line.desk.open.set()
    for each in asked:
        each.result(20)
    assert line.desk.batches[1:] == [["en 1", "en 2"], ["de"], ["alone 1"], ["alone 2"]]


def test_a_batch_holds_so_many_requests_and_so_much_sound(line):
    line.hold()
    asked = [line.ask(f"visitor {i}", i) for i in range(20)]
    asked += [line.ask("long", "long", seconds=50.0), line.ask("also long", "also long", seconds=40.0)]
    line.desk.open.set()
    for each in asked:
        each.result(20)
    assert line.desk.batches[1:] == [list(range(16)), [16, 17, 18, 19, "long"], ["also long"]]


def test_one_visitors_many_requests_do_not_starve_another(line, monkeypatch):
    monkeypatch.setattr(scheduler_module, "BATCH_SIZE", 2)
    line.hold()
    asked = [line.ask("greedy", f"greedy {i}") for i in range(4)] + [line.ask("modest", "modest")]
    line.desk.open.set()
    for each in asked:
        each.result(20)
    assert line.desk.batches[1:] == [["greedy 0", "modest"], ["greedy 1", "greedy 2"], ["greedy 3"]]


def test_a_list_lets_single_requests_pass_but_not_for_ever(line, monkeypatch):
    monkeypatch.setattr(scheduler_module, "BATCH_SIZE", 1)
    line.hold()
    asked = [line.ask("list", "part 1", "part 2", is_of_list=True), line.ask("single", "single")]
    line.desk.open.set()
    for each in asked:
        each.result(20)
    assert line.desk.batches[1:] == [["single"], ["part 1"], ["part 2"]]

    monkeypatch.setattr(scheduler_module, "LIST_PATIENCE_SECONDS", 0.0)
    line.desk = Desk()
    line.hold()
    asked = [line.ask("list", "part 3", is_of_list=True), line.ask("single", "late single")]
    line.desk.open.set()
    for each in asked:
        each.result(20)
    assert line.desk.batches[1:] == [["part 3"], ["late single"]]


def test_a_failing_request_does_not_touch_its_neighbours(line):
    line.hold()
    asked = [line.ask(f"visitor {i}", item) for i, item in enumerate(["good 1", "bad 1", "good 2", "bad 2"])]
    line.desk.open.set()
    assert asked[0].result(20) == ["good 1 answered"] and asked[2].result(20) == ["good 2 answered"]
    for place, name in ((1, "bad 1"), (3, "bad 2")):
        with pytest.raises(ValueError, match=f"^{name} cannot be used$"):
            asked[place].result(20)


def test_what_a_batch_failed_over_is_let_go_before_it_is_tried_again_and_not_kept_by_the_error():
    """Tensors, where memory ran out."""
    held: list[weakref.ref] = []
    left: list[int] = []

    def work(requests: Sequence[Item]) -> list[str]:
        left.append(sum(each() is not None for each in held))
        memory = Item("memory")
        held.append(weakref.ref(memory))
        try:
            raise KeyError("out of memory")
        except KeyError as error:
            raise ValueError(f"{memory.name} is full") from error

    scheduler = Scheduler(idle=0.05)
    with pytest.raises(ValueError, match="memory is full") as caught:
        scheduler.ask("visitor", work, [Item("a"), Item("b")])
    assert left == [0] * 3  # the batch, then each alone
    assert caught.value.__cause__ and [each() for each in held] == [None] * 3


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise ArithmeticError("a slip")

    __hash__ = object.__hash__


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_slip_in_the_line_itself_leaves_nobody_waiting_and_the_next_are_answered(line):
    line.hold()
    waiting = [line.ask(name, name, is_of_list=True, alike=Incomparable()) for name in ("anna", "peter")]
    line.desk.open.set()
    for each in waiting:
        with pytest.raises(ArithmeticError, match="a slip"):
            each.result(10)
    assert line.ask("mary", "later").result(10) == ["later answered"]


def test_answers_that_do_not_fit_the_requests_are_given_to_nobody():
    scheduler = Scheduler(idle=0.01)
    with pytest.raises(RuntimeError, match="There are 2 answers to 1 requests"):
        scheduler.ask("visitor", lambda items: ["mine", "whose?"], [Item("item")])


def test_a_full_line_is_a_sentence_with_the_waiting_time():
    line = Line(most_waiting=3)
    line.scheduler._seconds_each = 2.0
    first = line.hold()
    asked = [line.ask(f"visitor {i}", i) for i in range(3)]
    with pytest.raises(BusyError, match=r"^3 requests are waiting already; please try again in about 6 s\.$"):
        line.ask("one too many", "refused").result(20)
    part = line.ask("list", "part", is_of_list=True)  # a list that has begun is not broken off
    more = line.pool.submit(line.scheduler.alone, "answered", lambda: "more", is_more=True)  # nor is an answer
    line.desk.open.set()
    for each in [first, *asked, part]:
        each.result(20)
    assert more.result(20) == "more"
    assert line.ask("one too many", "now there is room").result(20) == ["now there is room answered"]
    line.pool.shutdown()


def test_nobody_fills_the_line_alone(line):
    line.hold()
    asked = [line.ask("greedy", i) for i in range(8)]
    with pytest.raises(BusyError, match=r"^8 of your requests are waiting already; please try again in about 2 s\.$"):
        line.ask("greedy", "ninth").result(20)
    asked.append(line.ask("modest", "modest"))
    line.desk.open.set()
    for each in asked:
        each.result(20)


def test_lists_of_one_visitor_neither_fill_the_line_nor_go_on_for_ever():
    line = Line(most_waiting=9)
    first = line.hold()
    asked = [line.ask("greedy", *range(4 * i, 4 * i + 4), is_of_list=True) for i in range(4)]
    with pytest.raises(BusyError, match=r"^16 of your requests are waiting already; please try again in about \d+ s"):
        line.ask("greedy", 16, is_of_list=True).result(20)
    asked.append(line.ask("modest", "modest"))  # though more wait than the line holds
    with pytest.raises(BusyError, match=r"^17 requests are waiting already"):
        line.ask("late", "late").result(20)
    line.desk.open.set()
    for each in [first, *asked]:
        each.result(20)
    line.pool.shutdown()


def test_nobody_waits_longer_than_the_deadline_and_the_place_is_free():
    line = Line(patience=0.2)
    line.hold()
    asked = line.ask("late", "late")
    with pytest.raises(BusyError, match=r"^Too many others were waiting: nobody came to this request in 0\.2 s"):
        asked.result(20)
    assert len(line.scheduler) == 0
    line.desk.open.set()
    assert line.ask("next", "next").result(20) == ["next answered"]
    assert line.desk.batches == [["first"], ["next"]]
    line.pool.shutdown()


def test_a_list_that_has_begun_waits_past_the_deadline():
    line = Line(patience=0.05)
    first, part = line.hold(), line.ask("list", "part", is_of_list=True)
    time.sleep(0.2)
    line.desk.open.set()
    assert first.result(20) == ["first answered"] and part.result(20) == ["part answered"]
    line.pool.shutdown()


def test_what_is_worked_on_is_waited_for_past_the_deadline():
    line = Line(patience=0.05)
    first = line.hold()
    time.sleep(0.2)
    line.desk.open.set()
    assert first.result(20) == ["first answered"]
    line.pool.shutdown()


def test_who_leaves_frees_the_place_and_is_not_worked_on(line):
    line.hold()
    leaving, staying = line.ask("leaving", "a", "b"), line.ask("staying", "c")
    line.scheduler.forget("leaving")
    assert len(line.scheduler) == 1
    line.desk.open.set()
    with pytest.raises(BusyError, match="The page was left"):
        leaving.result(20)
    assert staying.result(20) == ["c answered"]
    assert line.desk.batches == [["first"], ["c"]]


def test_behind_one_that_fails_the_rest_of_the_same_visitor_is_let_go(line, monkeypatch):
    monkeypatch.setattr(scheduler_module, "BATCH_SIZE", 1)
    line.hold()
    line.desk.seconds = 0.05
    asked = line.ask("visitor", "bad", *"abcdef")
    line.desk.open.set()
    with pytest.raises(ValueError, match="bad cannot be used"):
        asked.result(20)
    until(lambda: len(line.scheduler) == 0)
    assert len(line.desk.batches) <= 4  # one or two may have been taken meanwhile


def test_a_call_of_its_own_gives_its_result_and_its_error():
    scheduler = Scheduler(idle=0.01)
    assert scheduler.alone("visitor", lambda: threading.current_thread().name) == "model"
    with pytest.raises(KeyError, match="its own"):
        scheduler.alone("visitor", lambda: {}["its own"])
    assert scheduler.ask("visitor", len, []) == []


def test_a_call_within_a_call_does_not_wait_for_itself():
    scheduler = Scheduler(idle=0.05)
    assert scheduler.alone("visitor", lambda: scheduler.alone("visitor", lambda: "inner")) == "inner"


def test_no_thread_and_nothing_of_a_visitor_is_left_behind():
    scheduler, before = Scheduler(idle=0.05), set(threading.enumerate())
    recording = Item("recording")
    watched = weakref.ref(recording)
    assert scheduler.ask("visitor", lambda items: ["words" for _ in items], [recording]) == ["words"]
    del recording
    gc.collect()
    assert watched() is None  # the thread that still waits for others holds nothing of it
    until(lambda: "model" not in {thread.name for thread in set(threading.enumerate()) - before})
    assert scheduler.ask("visitor", lambda items: ["again"], [Item(1)]) == ["again"]


def test_many_visitors_at_once_get_their_own_answers():
    scheduler = Scheduler(idle=0.05)

    def squares(items: Sequence[Item]) -> list[int]:
        return [item.name**2 for item in items]

    def visitor(i: int) -> list[int]:
        return [scheduler.ask(i, squares, [Item(100 * i + j)])[0] for j in range(50)]

    with ThreadPoolExecutor(30) as pool:
        found = list(pool.map(visitor, range(30)))
    assert found == [[(100 * i + j) ** 2 for j in range(50)] for i in range(30)]
