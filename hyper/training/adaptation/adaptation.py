"""What a run trains: the form that everything has which adapts a frozen base."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from hyper.training.adaptation.states import StateBatch
from hyper.training.begun_with import in_few_words


class Adaptation(nn.Module):
    """What a run trains: its parameters are the trainable ones, the frozen base is held without being a submodule.

    Before its first update it changes nothing, so that its first validation loss is the base's.
    """

    def begun_with(self) -> dict[str, Any]:
        """The settings that it was made with, by name."""
        return {"parameters": in_few_words([(name, tuple(p.shape)) for name, p in self.named_parameters()])}

    def forward(self, batch: StateBatch) -> Tensor:
        """Summed cross-entropy of the references of a batch, in nats."""
        raise NotImplementedError

    def n_tokens(self, batch: StateBatch) -> int:
        """How many that sum is over: tokens and ends of the references."""
        raise NotImplementedError
