"""One function over many tasks in worker processes, with a progress bar."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.pool import AsyncResult, Pool
from typing import TypeVar

from tqdm import tqdm

Task = TypeVar("Task")
Result = TypeVar("Result")

LONGEST_WAIT = timedelta(days=1)  # of processes on several GPUs for one another: by default NCCL gives up in 10 min
_AHEAD = 256  # results that wait to be used
_TASKS_AHEAD = 4  # of each worker, so that neither tasks nor results of a whole corpus lie in memory
_MOST_THREADS = 12
_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def parallel(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],  # taken as workers come to them, so that they may be made on the way
    n_workers: int,
    label: str,
    afresh: bool = False,  # a new process for each task: for libraries that remember what they did before
    n_tasks: int | None = None,  # where they are made on the way
) -> Iterator[Result]:
    """Results of `function(task)` in the order of the tasks; the bar shows the time left."""
    total = len(tasks) if isinstance(tasks, Sequence) else n_tasks
    if not total:
        return
    n_processes = min(n_workers, total)  # each takes seconds to start
    with (
        _single_threaded_children(),
        multiprocessing.get_context("spawn").Pool(n_processes, maxtasksperchild=1 if afresh else None) as pool,
    ):
        results = _in_order(pool, function, tasks, _TASKS_AHEAD * n_processes)
        yield from tqdm(results, total=total, desc=label, unit="batch")


def _in_order(pool: Pool, function: Callable[[Task], Result], tasks: Iterable[Task], most: int) -> Iterator[Result]:
    """Results in the order of the tasks, at most so many of either in memory."""
    waiting: deque[AsyncResult[Result]] = deque()
    for task in tasks:
        waiting.append(pool.apply_async(function, (task,)))
        if len(waiting) >= most:
            yield waiting.popleft().get()
    while waiting:
        yield waiting.popleft().get()


def ahead(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Results of `function(task)` in the order of the tasks, made by threads while earlier ones are being used.

    For what waits for files and computes outside Python, such as reading recordings for a GPU.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max(1, min(_MOST_THREADS, (os.cpu_count() or 2) - 1))) as pool:
        for task in tasks:
            waiting.append(pool.submit(function, task))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Worker processes started inside compute on one thread each.

    Two workers with two BLAS threads each wait for one another: simulating took seven times longer that way.
    """
    before = {name: os.environ.get(name) for name in _THREAD_SETTINGS}
    os.environ.update(dict.fromkeys(_THREAD_SETTINGS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
