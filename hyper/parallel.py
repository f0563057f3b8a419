"""One function over many tasks in worker processes, with a progress bar."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

Task = TypeVar("Task")
Result = TypeVar("Result")


def parallel(function: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int, label: str) -> Iterator[Result]:
    """Results of `function(task)` in the order of the tasks; the bar shows the time left."""
    with multiprocessing.get_context("spawn").Pool(n_workers) as pool:
        yield from tqdm(pool.imap(function, tasks), total=len(tasks), desc=label, unit="batch")
