"""What a decoder is taught: the prompt, the tokens, the end, padded to few lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

IGNORED = -100  # cross_entropy's own mark for positions without a target
_LENGTH_STEP = 8  # tokens; few shapes, since each new one compiles new bfloat16 kernels


def teacher_batch(
    texts: Sequence[Sequence[int]],  # tokens of each utterance, without prompt and end
    prompt: Sequence[int],
    end_token: int,
    max_length: int,  # the decoder's positions
) -> tuple[Tensor, Tensor]:  # inputs (batch, length), targets (batch, length)
    """Decoder inputs and the targets behind them; the prompt itself is no target, text over the limit is cut."""
    longest = _LENGTH_STEP * math.ceil((max(map(len, texts)) + len(prompt)) / _LENGTH_STEP)
    longest = min(longest, max_length)
    inputs = torch.full((len(texts), longest), end_token)
    targets = torch.full((len(texts), longest), IGNORED)
    first = len(prompt) - 1  # the position that predicts the first token of the text
    for row, text in enumerate(texts):
        sequence = [*prompt, *text, end_token][: longest + 1]
        inputs[row, : len(sequence) - 1] = torch.tensor(sequence[:-1])
        targets[row, first : len(sequence) - 1] = torch.tensor(sequence[first + 1 :])
    return inputs, targets


def n_targets(text: Sequence[int], prompt: Sequence[int], max_length: int) -> int:
    """Targets that `teacher_batch` has of a text: its tokens and the end, or as many as there are positions for."""
    return min(len(text) + 1, max_length + 1 - len(prompt))
