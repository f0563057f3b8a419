"""What synthetic speakers say: sentences of the grammar, single words, digit strings and open sentences."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hyper.speech.grammar import DIGITS, PATTERNS, SLOTS, TRAINING_PATTERNS, WORDS

SPLITS = ("train", "validation", "test")
DOMAINS = ("command", "open", "word", "phrase")
MAX_OPEN_WORDS = 9  # longer open sentences outlast the bundled model's window when spoken slowly

_FIXED = frozenset(pattern for pattern in PATTERNS if "{" not in pattern)


class MixError(ValueError):
    """The kinds of texts, or their shares, cannot be used; the message says what is wanted."""


def usual_shares(has_sentences: bool) -> tuple[float, ...]:
    """Of commands, open sentences and single words; commands in place of open sentences where there are none."""
    return (0.5, 0.3, 0.2) if has_sentences else (0.8, 0.0, 0.2)


def shares_of_domains(shares: Sequence[float]) -> tuple[tuple[str, float], ...]:
    """The share of each domain, in the order of `DOMAINS`; those left out at the end have none.

    Errors: MixError where there are more shares than domains, or where they are no shares of anything.
    """
    if len(shares) > len(DOMAINS):
        raise MixError(f"--mix has {len(shares)} shares, but there are {len(DOMAINS)}: {', '.join(DOMAINS)}.")
    if not all(0 <= share < math.inf for share in shares) or not any(shares):  # NaN as well
        told = " ".join(f"{share:g}" for share in shares)
        raise MixError(f"--mix is {told}, but no share may be below 0 and one at least must be above it.")
    return tuple(zip(DOMAINS, shares, strict=False))


def split_of(text: str) -> str:
    """The split a text belongs to: decided by the text alone, so no sentence is ever in two splits.

    A pattern without slots is one sentence: held out, it would take its words out of training altogether, so fixed
    sentences are trained on and never tested on.
    """
    if text in _FIXED:
        return "train"
    bucket = hashlib.sha1(text.encode()).digest()[0]  # 0..255
    return "test" if bucket < 20 else "validation" if bucket < 28 else "train"


def draw_command(rng: np.random.Generator, patterns: tuple[str, ...] = PATTERNS) -> str:
    """One sentence of the grammar."""
    pattern = patterns[rng.integers(len(patterns))]
    return re.sub(r"\{(\w+)\}", lambda slot: SLOTS[slot[1]][rng.integers(len(SLOTS[slot[1]]))], pattern)


def draw_word(rng: np.random.Generator) -> str:
    """A single word (two in five), or one to five digits."""
    if rng.random() < 0.4:
        return WORDS[rng.integers(len(WORDS))]
    return " ".join(DIGITS[i] for i in rng.integers(10, size=rng.integers(1, 6)))


def read_open_sentences(path: Path) -> list[str]:
    """Sentences of a text file, one a line, lower case, of at most `MAX_OPEN_WORDS` words; the rest is left out.

    Errors: MixError where the file is no text in UTF-8.
    """
    try:
        lines = [line.strip().lower() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise MixError(f"{path} is not a text file in UTF-8 ({error}); please save it as one.") from error
    return [
        line for line in lines if re.fullmatch(r"[a-z' ]*[a-z][a-z' ]*", line) and len(line.split()) <= MAX_OPEN_WORDS
    ]


def sentences(domain: str, split: str, rng: np.random.Generator, open_sentences: list[str]) -> Iterator[str]:
    """Endless stream of texts of one domain and split; single words are few, so they are the same in every split.

    Errors: ValueError for a domain or split that does not exist, MixError for open sentences without any, and for
    phrases in another split than training's.
    """
    if domain not in DOMAINS or split not in SPLITS:
        raise ValueError(f"Texts were asked for as {domain}/{split}, but there are {DOMAINS} and {SPLITS}.")
    if domain == "phrase":
        if split != "train":
            raise MixError(
                f"Phrases are for training only, but they were asked for in split {split}; leave them out of --mix."
            )
        yield from (draw_command(rng, TRAINING_PATTERNS) for _ in itertools.count())
    if domain == "word":
        yield from (draw_word(rng) for _ in itertools.count())
    if domain == "open":
        pool = [text for text in open_sentences if split_of(text) == split]
        if not pool:
            raise MixError(
                f"Open sentences were asked for, but none of the {split} split are there; give a file with --sentences "
                f"(one a line, of letters alone and at most {MAX_OPEN_WORDS} words), or make their share in --mix 0."
            )
        yield from (pool[rng.integers(len(pool))] for _ in itertools.count())
    yield from (text for text in (draw_command(rng) for _ in itertools.count()) if split_of(text) == split)
