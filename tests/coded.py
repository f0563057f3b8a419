"""Recordings in formats that soundfile cannot write."""

from __future__ import annotations

from typing import Any

import av
import numpy as np


def write_coded(
    target: Any,  # a path, or a file to write to
    container: str,
    codec: str,
    samples: np.ndarray,  # (n_samples, n_channels)
    rate: int,
    layout: str,
    **options: str,  # of the container
) -> None:
    """Write with PyAV."""
    with av.open(target, "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32).reshape(1, -1), format="flt", layout=layout)
        frame.rate = rate
        size = stream.codec_context.frame_size or 1024
        to_codec = av.AudioResampler(format=stream.format, layout=layout, rate=rate, frame_size=size)
        for part in [*to_codec.resample(frame), *to_codec.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
