"""Sound at one rate to another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr

from hyper.recordings.limits import PADDING_SECONDS, SAMPLE_RATE, AudioError


def resample(samples: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:  # (n_samples,) -> (n_resampled,)
    """Band-limited resampling; rates in Hz."""
    return soxr.resample(samples, from_rate, to_rate)


def to_waveform(
    blocks: Iterator[np.ndarray],  # each (n_samples,) mono
    rate: int,  # Hz
    max_seconds: float,
) -> np.ndarray:  # (n_samples,) 16 kHz
    """Resample block by block and stop past the limit: what a file says of its length may be false."""
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, num_channels=1, dtype="float32")
    n_samples, parts = 0, []
    for block in blocks:
        n_samples += len(block)
        if n_samples > (max_seconds + PADDING_SECONDS) * rate:
            raise AudioError(f"The recording is longer than the limit of {max_seconds:g} s; please trim it.")
        parts.append(stream.resample_chunk(block))
    parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts)
