"""Gradio's line of requests before the queues: who is let in, and what is said of those who are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.route_utils import get_fn

from hyper.ui.sentences import NOT_TAKEN

if TYPE_CHECKING:
    from gradio.block_function import BlockFunction
    from gradio.queueing import Queue

# Requests of one queue before further ones are refused: a burst on its way to the scheduler, which has its own line.
WAITING_LIMIT = 64


def open_line(demo: gr.Blocks) -> gr.Blocks:
    """Requests wait in the line of their queue, and nobody passes it by.

    Gradio counts the lines of all queues together, so that waiting lists would shut out every single recording, and off
    a Space it answers direct calls at once, however many there are.
    """
    demo.api_open, demo._queue.max_size = False, None  # `queue()` sets them too, and makes all of the app anew
    _limit_each(demo._queue)
    demo.validate_inputs = _count_inputs  # type: ignore[method-assign]
    return demo


def _limit_each(queue: Queue) -> None:
    push = queue.push

    async def push_into_own(body: Any, request: Any, username: str | None) -> Any:
        n = _waiting(queue, body)
        if n >= WAITING_LIMIT:
            return False, f"Queue is full. Max size is {WAITING_LIMIT} and size is {n}.", "queue_full"  # as gradio says
        return await push(body, request, username)

    queue.push = push_into_own  # type: ignore[method-assign]


def _waiting(queue: Queue, body: Any) -> int:
    """Requests before this one in its line."""
    if body.fn_index is None:
        return 0
    line = queue.event_queue_per_concurrency_id.get(get_fn(queue.blocks, None, body).concurrency_id)
    return len(line.queue) if line else 0


def _count_inputs(block_fn: BlockFunction, inputs: list[Any]) -> None:
    """Too few values are refused; gradio's own error holds what was sent, and is printed."""
    if len(inputs) < len(block_fn.inputs):
        raise gr.Error(NOT_TAKEN, print_exception=False)
