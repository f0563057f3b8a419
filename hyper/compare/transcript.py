"""What decoding one recording writes, before anything is counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np

from hyper.model.decoding import Stopped
from hyper.model.subspace import LayerSize


@final
@dataclass(frozen=True)
class Transcript:
    """What one row wrote; of a recording in pieces, all pieces joined."""

    text: str
    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]  # natural logarithm, one per token
    stopped: Stopped  # of several pieces the worst: repetition, then length, then end
    no_speech_prob: float | None  # of several pieces the lowest: somewhere somebody spoke
    piece_lengths: tuple[int, ...] = ()  # tokens of each piece; () is one piece
    silent_seconds: float = 0.0  # of pieces whose words were left out, as nobody speaks there
    # Of each piece the encoder state that each token begins at, and where the last ends; () where nobody asked
    starts: tuple[tuple[int, ...], ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True)
class Pair:
    """Both transcripts of one recording."""

    base: Transcript
    adapted: Transcript | None  # None without a hypernetwork
    # Only where many are transcribed:
    layers: tuple[LayerSize, ...] = ()  # how far each layer was moved
    embedding: np.ndarray | None = field(default=None, repr=False, compare=False)  # (d_embedding,) of the recording
