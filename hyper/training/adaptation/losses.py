"""What an adapted decoder is asked to say: the references, or what the base says of the unchanged recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from hyper.model.backbone import Backbone
from hyper.training.adaptation.teacher_forcing import IGNORED, n_targets, teacher_batch

if TYPE_CHECKING:
    from hyper.training.adaptation.states import StateBatch

REFERENCES, ORIGINALS = "references", "originals"  # what is taught


class _WrittenTokens:
    """A Whisper's decoder under given tokens, scored over the tokens that the base may write, as decoding has it.

    Those that its settings suppress are neither taught nor in the sum. Half of a step's time would go into scores that
    nobody reads.
    """

    def __init__(self, backbone: Backbone, language: str) -> None:
        self._backbone, self._prompt = backbone, backbone.prompt(language)
        n_tokens = backbone.n_tokens
        is_written = torch.ones(n_tokens, dtype=torch.bool)
        is_written[list(backbone.suppressed)] = False
        self._written = is_written.nonzero().squeeze(1).to(backbone.device)  # (n_written,) token ids
        self._place = torch.full((n_tokens,), IGNORED, device=backbone.device)  # of each token among the written
        self._place[self._written] = torch.arange(len(self._written), device=backbone.device)

    def hidden(self, states: Tensor, tokens: list[list[int]]) -> tuple[Tensor, Tensor]:
        """The decoder's last hidden states before each token and end, and these: (n_targets, d_model), (n_targets,)."""
        backbone = self._backbone
        inputs, targets = teacher_batch(tokens, self._prompt, backbone.end_token, backbone.max_target_positions)
        targets = targets.to(backbone.device)
        is_target = targets != IGNORED
        return backbone.hidden(states, inputs, is_target), targets[is_target]

    def n_targets(self, tokens: list[list[int]]) -> int:
        """How many `hidden` gives: tokens and ends, long texts cut."""
        return sum(n_targets(text, self._prompt, self._backbone.max_target_positions) for text in tokens)

    def _scores(self, hidden: Tensor) -> Tensor:  # (n_targets, d_model) -> (n_targets, n_written) float32
        return self._backbone.scores(hidden, self._written)


class ReferenceLoss(_WrittenTokens):
    """Cross-entropy of references under a Whisper's decoder, from encoder states."""

    def __call__(self, states: Tensor, tokens: list[list[int]]) -> Tensor:
        """Summed over all tokens and ends of a batch, in nats; states (batch, n_states, d_model)."""
        hidden, targets = self.hidden(states, tokens)
        return nn.functional.cross_entropy(
            self._scores(hidden), self._place[targets], ignore_index=IGNORED, reduction="sum"
        )


class OriginalsLoss(_WrittenTokens):
    """How far the decoder's distributions are from those that the base has on the recordings before they were changed.

    It teaches to undo a change and nothing else: what the base says wrongly of the original is not mended, and a
    recording that nobody changed is to be left as it is.
    """

    def __call__(self, states: Tensor, tokens: list[list[int]], lessons: Tensor) -> Tensor:
        """Kullback-Leibler divergence, summed over all tokens and ends of a batch, in nats.

        states (batch, n_states, d_model); lessons (n_targets, d_model) are `hidden` of the base on the originals.
        """
        hidden, _ = self.hidden(states, tokens)
        wanted = self._scores(lessons.to(hidden.device, hidden.dtype)).log_softmax(dim=-1)
        found = self._scores(hidden).log_softmax(dim=-1)
        return nn.functional.kl_div(found, wanted, reduction="sum", log_target=True)


class TaughtLoss:
    """The loss of what a batch teaches: the originals where it holds their lessons, else the references."""

    def __init__(self, backbone: Backbone, language: str) -> None:
        self._of_references, self._of_originals = ReferenceLoss(backbone, language), OriginalsLoss(backbone, language)

    def __call__(self, states: Tensor, batch: StateBatch) -> Tensor:
        """Summed over the tokens of a batch, in nats; states (batch, n_states, d_model)."""
        if batch.lessons is None:
            return self._of_references(states, batch.tokens)
        return self._of_originals(states, batch.tokens, batch.lessons)

    def n_tokens(self, batch: StateBatch) -> int:
        """How many that sum is over."""
        return self._of_references.n_targets(batch.tokens)
