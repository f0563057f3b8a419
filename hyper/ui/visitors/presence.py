"""Whether anybody still waits for the answer that a handler is working on."""

from __future__ import annotations

from gradio.context import LocalContext


def has_left() -> bool:
    """Whether whoever asked has closed the page, hung up or cancelled. Outside of gradio's queue nobody ever has."""
    blocks, event_id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    if blocks is None or event_id is None:
        return False
    event = blocks._queue.event_ids_to_events.get(event_id)  # gradio tells handlers in no other way
    return event is None or event.closed or not event.alive
