"""A small talking machine for tests: glottal pulses and noise through formant filters, with the times of its phones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter

from hyper.simulate import Phone

RATE = 16_000  # Hz
FORMANTS = {  # Hz, F1-F4; near Peterson and Barney's men
    "i:": (280, 2250, 2900, 3500),
    "A:": (730, 1100, 2450, 3400),
    "u:": (310, 870, 2250, 3300),
    "@": (500, 1500, 2500, 3500),
    "m": (250, 1100, 2200, 3300),
    "n": (270, 1500, 2300, 3300),
}
NOISE = {"s": (5500, 0.10), "f": (3500, 0.05), "S": (2800, 0.10)}  # centre Hz, level
SENTENCE = (  # seven words, ten syllables, every class of sound
    (("t", 0.08), ("A:", 0.14), ("m", 0.08)),
    (("s", 0.11), ("i:", 0.15)),
    (("@", 0.08), ("n", 0.07)),
    (("k", 0.08), ("u:", 0.15), ("f", 0.09)),
    (("m", 0.08), ("A:", 0.12), ("n", 0.07), ("i:", 0.14)),
    (("S", 0.10), ("u:", 0.13), ("t", 0.08), ("@", 0.10)),
    (("p", 0.08), ("i:", 0.13), ("n", 0.07), ("A:", 0.16)),
)


def talk(
    words: Sequence[Sequence[tuple[str, float]]] = SENTENCE,  # (symbol, seconds) of each phone of each word
    f0: float = 120.0,  # Hz, mean
    f0_swing: float = 0.15,  # share of F0 by which intonation rises and falls
    pause: float = 0.1,  # seconds of quiet before and after
    floor: float = 1e-4,  # level of the background noise
    seed: int = 0,
) -> tuple[np.ndarray, list[Phone]]:
    """Waveform (n_samples,) float32 and its phones."""
    rng = np.random.default_rng(seed)
    sounds = [("_", pause, -1), *((s, d, w) for w, word in enumerate(words) for s, d in word), ("_", pause, -1)]
    edges = np.cumsum([0.0] + [seconds for _, seconds, _ in sounds])
    bounds = np.round(edges * RATE).astype(int)
    time = np.arange(bounds[-1]) / RATE
    phase = np.cumsum(f0 * (1 + f0_swing * np.sin(2 * np.pi * 1.3 * time))) / RATE
    pulses = np.diff(np.floor(phase), prepend=0.0)
    glottal = lfilter([1.0], [1.0, -0.95], lfilter([1.0], [1.0, -0.9], pulses))  # falls 12 dB an octave
    out = np.concatenate(
        [_sound(s, glottal[a:b], rng) for (s, _, _), a, b in zip(sounds, bounds, bounds[1:], strict=False)]
    )
    out = 0.5 * out / np.abs(out).max() + floor * rng.standard_normal(len(out))
    phones = [Phone(s, float(a), float(b), w) for (s, _, w), a, b in zip(sounds, edges, edges[1:], strict=False)]
    return out.astype(np.float32), phones


def _sound(symbol: str, glottal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if symbol in FORMANTS:
        sound = _resonate(np.diff(glottal, prepend=0.0), FORMANTS[symbol])
        level = 0.25 if symbol in ("m", "n") else 1.0
        return level * sound / np.sqrt((sound**2).mean()) * _edges(len(glottal))
    if symbol in NOISE:
        centre, level = NOISE[symbol]
        noise = _resonate(rng.standard_normal(len(glottal)), (centre,), bandwidth=1500)
        return 3 * level * noise / np.sqrt((noise**2).mean()) * _edges(len(glottal))
    sound = np.zeros(len(glottal))
    if symbol in ("p", "t", "k"):  # closure, then a burst of 15 ms
        n = RATE * 15 // 1000
        sound[-n:] = 0.4 * rng.standard_normal(n) * np.linspace(1, 0.2, n)
    return sound


def _resonate(source: np.ndarray, formants: Sequence[float], bandwidth: float = 90.0) -> np.ndarray:
    for hertz in formants:
        radius = np.exp(-np.pi * bandwidth / RATE)
        source = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * hertz / RATE), radius**2], source)
    return source


def _edges(n: int, ramp: int = RATE // 200) -> np.ndarray:
    """(n,) 1 with 5 ms ramps at both ends."""
    return np.minimum(1, np.minimum(np.arange(n) + 1, np.arange(n)[::-1] + 1) / ramp)
