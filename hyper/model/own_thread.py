"""Computing in a thread that ends: OpenMP keeps workers for every thread that has computed, for as long as it lives."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
END_SECONDS = 5.0  # that Ctrl+C waits at most: a program that ends while torch computes may be aborted by it


def in_own_thread(call: Callable[[], T]) -> T:
    """The result of a call, or its error, out of a thread that then ends.

    With the workers of two threads there are more than processors; OpenMP then lets all of them sleep between two
    products, and waking them takes longer than most products. With a model that the main thread had loaded and tried
    once, a comparison in the thread of the model took 2.5 times as long (bundled pair, two cores).
    """
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # whoever waits gets it, whatever it is
            answer.set_exception(error)

    context = contextvars.copy_context()  # a visitor's language, for one
    thread = threading.Thread(target=context.run, args=(work,), daemon=True, name="once")
    thread.start()
    try:
        answer.exception()  # waits
    except KeyboardInterrupt:
        thread.join(END_SECONDS)
        raise
    thread.join()
    return answer.result()
