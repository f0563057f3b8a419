"""A transcript as it was written beside what is compared of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyper.metrics.normalize import ENGLISH, normalise
from hyper.metrics.word_errors import align_words, stretches


@dataclass(frozen=True)
class Written:
    """Words and what the normaliser makes of them: "twenty one" is one compared word, "don't" two, "um" none."""

    words: tuple[str, ...]
    tokens: tuple[str, ...]  # the compared words
    owners: tuple[tuple[int, ...], ...]  # of each token, the words that it stands for


def written(words: Sequence[str], language: str = ENGLISH) -> Written:
    """Which words became which tokens; whole stretches where they do not match one by one."""
    parts_of = {word: normalise(word, language).split() for word in set(words)}
    parts = [(part, i) for i, word in enumerate(words) for part in parts_of[word]]
    tokens = normalise(" ".join(words), language).split()
    owners: list[tuple[int, ...]] = [()] * len(tokens)
    for is_equal, own, compared in stretches([part for part, _ in parts], tokens):
        for k, token in enumerate(compared):
            found = parts[own[k] : own[k] + 1] if is_equal else parts[own.start : own.stop]
            owners[token] = tuple(sorted({i for _, i in found}))
    return Written(tuple(words), tuple(tokens), tuple(owners))


def words_right(reference: str, words: Sequence[str], language: str = ENGLISH) -> list[bool | None]:
    """Whether each word of a transcript is a hit of the alignment behind WER; None where that knows no such word.

    A written word is right if all that is compared of it is.
    """
    spans = [span for span in align_words(reference, " ".join(words), language) if span.hypothesis]
    found: list[list[bool]] = [[] for _ in words]
    for span, owners in zip(spans, written(words, language).owners, strict=True):
        for i in owners:
            found[i].append(span.kind == "hit")
    return [all(own) if own else None for own in found]
