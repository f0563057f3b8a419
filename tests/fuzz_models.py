"""Damaged models by the hundred: each is a whole pair with one file cut, flipped, renamed, gone or with other values.

    python -m tests.fuzz_models BASE HYPERNET FIRST N FOLDER

loads N pairs of the number FIRST and on, transcribes with those that load, and prints what came of them as JSON; the
file `now` in the folder names the one at hand. One of our own sentences may come of it, or a model with the weights of
the whole pair. Other weights may come only of changed bytes in a weights file: no format of models has a checksum, and
only the bundled ones are in `assets/SHA256SUMS`.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.fingerprint import fingerprint
from tests import fuzz

MEMORY_BYTES = 6 << 30  # of address space, libraries included
PAIR_SECONDS = 30  # the longest that one pair may take
VALUES = (
    None,
    True,
    -1,
    0,
    1,
    3,
    1e308,
    10**9,
    2**70,
    "",
    "x",
    "../x",
    [],
    [0],
    {},
    {"x": 1},
    [[1, 2, 3]],
    float("nan"),
)
SOUND = 0.1 * np.random.default_rng(0).standard_normal(16_000).astype(np.float32)  # (n_samples,) 16 kHz


def main(base: Path, hypernet: Path, first: int, n: int, folder: Path) -> None:
    whole = _weights(PersonalizedAsr.load(base, hypernet, "cpu"))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(first, first + n):
        rng = random.Random(number)
        pair = [shutil.copytree(each, folder / "own" / each.name) for each in (base, hypernet)]
        did = damage(rng.choice(pair), rng)
        (folder / "now").write_text(f"{number} {did}")
        signal.alarm(PAIR_SECONDS)
        outcome = load(*pair, whole, may_change=".safetensors" in did)
        signal.alarm(0)
        outcomes[outcome.split(":")[0]] += 1
        if outcome.startswith("wrong"):
            wrong.append(f"{number} {did} {outcome}")
        shutil.rmtree(folder / "own")
    print(json.dumps({"outcomes": outcomes, "wrong": wrong}))


def load(base: Path, hypernet: Path, whole: tuple[str, str], may_change: bool) -> str:
    """What comes of the pair: loaded, changed, refused, or "wrong: ..." where our code let something through."""
    try:
        asr = PersonalizedAsr.load(base, hypernet, "cpu")
        asr.compare(SOUND, "turn on the lights")
    except Exception as error:
        sentence = str(error)
        if not isinstance(error, ValueError) or not type(error).__module__.startswith("hyper."):
            return f"wrong: {type(error).__name__}: {sentence[:300]}"
        is_sentence = "\n" not in sentence and sentence.endswith(".") and len(sentence) < 1_000
        return "refused" if is_sentence else f"wrong: no sentence: {sentence[:300]!r}"
    if _weights(asr) == whole:
        return "loaded"
    return "changed" if may_change else "wrong: other weights"


def _weights(asr: PersonalizedAsr) -> tuple[str, str]:
    return asr.fingerprint, fingerprint(asr.hypernet)


def damage(folder: Path, rng: random.Random) -> str:
    """Change one file of the folder; what was done to it, in words."""
    file = rng.choice(sorted(folder.iterdir()))
    change = rng.choice((_bytes, _bytes, _values, _values, _values, _delete, _rename))
    if change is _values and file.suffix != ".json":
        change = _bytes
    change(file, rng)
    return f"{change.__name__} {file.parent.name}/{file.name}"


def _bytes(file: Path, rng: random.Random) -> None:
    content = bytearray(file.read_bytes())
    rng.choice(fuzz.DAMAGES)(content, rng)
    file.write_bytes(content)


def _delete(file: Path, _rng: random.Random) -> None:
    file.unlink()


def _rename(file: Path, rng: random.Random) -> None:
    others = [each.name for each in file.parent.iterdir()]
    file.replace(file.with_name(rng.choice((*others, "other.json", "pytorch_model.bin", "model-1.safetensors"))))


def _values(file: Path, rng: random.Random) -> None:
    """Swap two values of the file's settings, or put another in the place of one."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    places = list(_places(settings))
    (one, key), (other, other_key) = rng.choice(places), rng.choice(places)
    if rng.random() < 0.3:
        one[key], other[other_key] = other[other_key], one[key]
    else:
        one[key] = rng.choice(VALUES)
    file.write_text(json.dumps(settings), encoding="utf-8")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value in JSON, as what holds it and the index or key; not all of the vocabulary."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys)[:100]:
        yield value, key
        yield from _places(value[key])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
