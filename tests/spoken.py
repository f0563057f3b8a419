"""Twenty recordings of invented words by five speakers, for training runs in miniature."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hyper.recordings.audio import save_audio
from hyper.recordings.manifest import ManifestRow, write_manifest
from hyper.simulate.phones import Phone, format_phones
from tests.numpy_voice import talk

WORDS = {"mee": (("m", 0.1), ("iy", 0.2)), "nah": (("n", 0.1), ("aa", 0.2)), "soo": (("s", 0.12), ("uw", 0.2))}
_VOICE = {"iy": "i:", "aa": "A:", "uw": "u:"}  # our phone to the talking machine's


def say(text: str, seed: int) -> tuple[np.ndarray, str]:
    """A recording of these words, and its phones as a manifest has them."""
    words = [[(_VOICE.get(symbol, symbol), seconds) for symbol, seconds in WORDS[word]] for word in text.split()]
    waveform, phones = talk(words, f0=100 + 10 * (seed % 5), seed=seed)
    back = {voice: ours for ours, voice in _VOICE.items()}
    return waveform, format_phones([Phone(back.get(p.symbol, p.symbol), p.start, p.end, p.word) for p in phones])


def write_spoken(folder: Path) -> Path:
    """The recordings and their manifest, whose path comes back."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(20):
        text = " ".join(rng.choice(list(WORDS), size=3))
        waveform, phones = say(text, i)
        save_audio(folder / f"{i}.wav", waveform)
        cohort = "typical" if i % 4 == 0 else "stuttering"
        rows.append(ManifestRow(f"{i}.wav", folder, text, f"s{i % 5}", cohort, "", cohort != "typical", phones=phones))
    write_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def in_this_process(
    function: Callable[[Any], Any], tasks: Iterable[Any], *_options: object, **_named: object
) -> Iterator[Any]:
    """As `parallel` without its processes, each of which takes seconds to import torch: all is pickled as for them."""
    for task in tasks:
        work, given = pickle.loads(pickle.dumps((function, task)))
        yield pickle.loads(pickle.dumps(work(given)))
