"""When each token was said: the decoder's cross-attention, warped to a path through the recording."""

from __future__ import annotations

import numpy as np
import scipy  # its parts come in when they are first used, which is after the start
import torch
from torch import Tensor

MEDIAN_WIDTH = 7  # states; `median_filter_width` of every Whisper
EXACT = 2.0**24  # parts of 1 that costs are counted in


def token_starts(
    weights: Tensor,  # (n_heads, n_tokens, n_states) what each head reads before it writes a token
) -> np.ndarray:  # (n_tokens,) the state that each token begins at, never before that of the token before it
    """Weights normalised over the tokens, smoothed over the states, averaged over the heads, then warped in time.

    As openai/whisper does in `timing.py` and transformers in `_extract_token_timestamps`.
    """
    weights = weights.float()
    spread, mean = torch.std_mean(weights, dim=1, keepdim=True, correction=0)
    normal = ((weights - mean) / spread).nan_to_num()  # a state that no token reads says nothing
    return _warp(-_smooth(normal.cpu().numpy()).mean(axis=0))


def _smooth(weights: np.ndarray) -> np.ndarray:  # (n_heads, n_tokens, n_states) both
    """The median of so many states around each, mirrored at the ends; scipy takes half as long for one long line."""
    beyond = MEDIAN_WIDTH // 2
    wide = np.pad(weights, ((0, 0), (0, 0), (beyond, beyond)), mode="reflect")
    line = scipy.ndimage.median_filter(wide.ravel(), size=MEDIAN_WIDTH)
    return line.reshape(wide.shape)[..., beyond:-beyond]


def _warp(cost: np.ndarray) -> np.ndarray:  # (n_tokens, n_states) -> (n_tokens,)
    """The first state of each token on the cheapest path; a step goes to the next token, the next state, or both.

    A row at a time: the cheapest way along it is that with the cheapest entry, less what the row cost before it.
    """
    n_tokens, n_states = cost.shape
    cost = np.rint(cost.astype(np.float64) * EXACT) / EXACT  # sums without rounding: paths that cost the same tie
    along = np.cumsum(cost, axis=1)
    before = along - cost
    total = np.full((n_tokens + 1, n_states + 1), np.inf)  # of the cheapest path up to each cell, from the second on
    total[0, 0] = 0.0
    for i in range(n_tokens):
        both, token = total[i, :-1], total[i, 1:]
        entry = np.where(both == token, np.inf, np.minimum(both, token))  # as there: where these tie, it goes along
        np.add(along[i], np.minimum.accumulate(entry - before[i]), out=total[i + 1, 1:])
    both, token, state = total[:-1, :-1], total[:-1, 1:], total[1:, :-1]
    is_both, is_token = (both < token) & (both < state), (token < both) & (token < state)
    moves = np.where(is_both, 0, np.where(is_token, 1, 2)).tolist()
    starts = np.zeros(n_tokens, dtype=int)
    i, j = n_tokens - 1, n_states - 1
    while i >= 0:
        starts[i] = max(j, 0)
        move = moves[i][j] if j >= 0 else 1
        i, j = i - (move != 2), j - (move != 1)
    return starts
