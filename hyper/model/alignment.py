"""When each token was said: the decoder's cross-attention, warped to a path through the recording."""

from __future__ import annotations

import numpy as np
import scipy  # its parts come in when they are first used, which is after the start
import torch
from torch import Tensor

MEDIAN_WIDTH = 7  # states; `median_filter_width` of every Whisper


def token_starts(
    weights: Tensor,  # (n_heads, n_tokens, n_states) what each head reads before it writes a token
) -> np.ndarray:  # (n_tokens,) the state that each token begins at, never before that of the token before it
    """Weights normalised over the tokens, smoothed over the states, averaged over the heads, then warped in time.

    As openai/whisper does in `timing.py` and transformers in `_extract_token_timestamps`.
    """
    weights = weights.float()
    spread, mean = torch.std_mean(weights, dim=1, keepdim=True, correction=0)
    normal = ((weights - mean) / spread).nan_to_num()  # a state that no token reads says nothing
    smooth = scipy.ndimage.median_filter(normal.cpu().numpy(), size=(1, 1, MEDIAN_WIDTH), mode="mirror")
    return _warp(-smooth.mean(axis=0))


def _warp(cost: np.ndarray) -> np.ndarray:  # (n_tokens, n_states) -> (n_tokens,)
    """The first state of each token on the cheapest path; a step goes to the next token, the next state, or both."""
    n_tokens, n_states = cost.shape
    above = [0.0] + n_states * [float("inf")]
    moves: list[list[int]] = []  # into each cell: 0 both, 1 the next token, 2 the next state
    for row in cost.tolist():
        total, own = [float("inf")], []
        for j, here in enumerate(row):
            both, token, state = above[j], above[j + 1], total[j]
            move = 0 if both < token and both < state else 1 if token < both and token < state else 2
            own.append(move)
            total.append(here + (both, token, state)[move])
        moves.append(own)
        above = total
    starts = np.zeros(n_tokens, dtype=int)
    i, j = n_tokens - 1, n_states - 1
    while i >= 0:
        starts[i] = max(j, 0)
        move = moves[i][j] if j >= 0 else 1
        i, j = i - (move != 2), j - (move != 1)
    return starts
