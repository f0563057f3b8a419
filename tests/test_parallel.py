"""Threads that read ahead, and processes that are given tasks as they come to them."""

from __future__ import annotations

import threading
from multiprocessing.pool import ThreadPool

import pytest

from hyper.recordings.parallel import _AHEAD, _in_order, ahead


def test_results_come_in_order_and_no_more_are_made_than_wait() -> None:
    started, lock = [], threading.Lock()

    def square(n: int) -> int:
        with lock:
            started.append(n)
        return n * n

    results = ahead(square, range(3 * _AHEAD))
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert len(started) <= _AHEAD + 5
    assert list(results) == [n * n for n in range(5, 3 * _AHEAD)]


def test_tasks_are_made_as_workers_come_to_them() -> None:
    made: list[int] = []
    tasks = (made.append(n) or n for n in range(50))
    with ThreadPool(2) as pool:
        results = _in_order(pool, str, tasks, 8)
        assert [next(results) for _ in range(3)] == ["0", "1", "2"] and len(made) <= 8 + 2
        assert list(results) == [str(n) for n in range(3, 50)]


def test_what_fails_in_a_thread_fails_where_it_is_used() -> None:
    def broken(n: int) -> float:
        return 1 / (n - 2)

    results = ahead(broken, range(5))
    assert [next(results), next(results)] == [-0.5, -1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)
