"""The outline of a recording, small enough to stand in the page as a path of SVG."""

from __future__ import annotations

import numpy as np

HEIGHT = 40  # of the path's own box; it is as wide as it has bars
LEAST = 1.0  # of this height is a bar in silence


def wave_path(waveform: np.ndarray, n_bars: int) -> str:  # (n_samples,)
    """A bar for each stretch of the recording, as high as its loudest sample; the loudest of all fills the box."""
    peaks = np.array([np.abs(part).max(initial=0.0) for part in np.array_split(waveform, n_bars)])
    heights = np.maximum(LEAST, HEIGHT * peaks / max(peaks.max(initial=0.0), 1e-9))
    return "".join(f"M{i + 0.5:g} {(HEIGHT - h) / 2:.1f}v{h:.1f}" for i, h in enumerate(heights))
