"""What every card is: components, what a comparison puts into them, and what they hold while there is none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from gradio.events import Dependency

    from hyper.compare.comparison import Comparison
    from hyper.ui.inputs import Inputs
    from hyper.ui.layout import Values
    from hyper.ui.service import Asked, Service


class Card(ABC):
    """One part of the results. Built within the page; holds nothing of any visitor."""

    needs_adaptation: ClassVar[bool] = False  # cleared where the model has no hypernetwork
    needs_speech: ClassVar[bool] = False  # cleared where nobody speaks: there is nothing to see
    follows_strength: ClassVar[bool] = False  # rendered again at another strength
    takes_time: ClassVar[bool] = False  # to draw or to measure: the transcripts do not wait for it
    late: Dependency | None = None  # what a visitor asks of the card; cancelled when another recording is begun

    @abstractmethod
    def __init__(self, service: Service, inputs: Inputs) -> None:
        """Build the components, and say which click on them calls what."""

    @abstractmethod
    def render(self, comparison: Comparison, asked: Asked) -> Values:
        """What a comparison puts into the components; of those that are not named, nothing changes."""

    @abstractmethod
    def clear(self) -> Values:
        """What every component that `render` may name holds while there is no comparison: as JSON can write it."""

    def uncount(self) -> Values:
        """What goes with the text that errors were counted against, as no recount brings it back: it was asked for."""
        return {}
