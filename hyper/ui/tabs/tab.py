"""What every mode of the page is: components built at once, handlers as methods, and the clicks that call them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr

from hyper.ui import scripts

if TYPE_CHECKING:
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values


class Tab(ABC):
    """A mode of the page or a part of one. `__init__` builds its components; handlers give each its value by name."""

    @abstractmethod
    def connect(self, inputs: Inputs) -> None:
        """Which click calls what; `inputs` are those of Try, where model and language are chosen."""

    @abstractmethod
    def clear(self) -> Values:
        """What it shows before anything is asked of it, as JSON can write it."""

    def clear_on(self, *events: Callable[..., Any], instead: Values | None = None) -> None:
        """Clear in the page itself: results of another recording or model must not stand beside these.

        Called before any other step of the same events: the page runs the steps of an event in their order and waits
        for those that ask the server, so that a late answer would take new results with it. `instead`: what some
        components show in place of nothing.
        """
        cleared = {**self.clear(), **(instead or {})}
        gr.on(list(events), None, None, list(cleared), js=scripts.sets(*cleared.values()))
