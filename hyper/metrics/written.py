"""A transcript as it was written beside what is compared of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from hyper.metrics.normalize import ENGLISH, normalise
from hyper.metrics.word_errors import align_words


@dataclass(frozen=True)
class Written:
    """Words and what the normaliser makes of them: "twenty one" is one compared word, "don't" two, "um" none."""

    words: tuple[str, ...]
    tokens: tuple[str, ...]  # the compared words
    owners: tuple[tuple[int, ...], ...]  # of each token, the words that it stands for


def written(words: Sequence[str], language: str = ENGLISH) -> Written:
    """Which words became which tokens; whole stretches where they do not match one by one."""
    parts = [(part, i) for i, word in enumerate(words) for part in normalise(word, language).split()]
    tokens = normalise(" ".join(words), language).split()
    owners: list[tuple[int, ...]] = [()] * len(tokens)
    matcher = SequenceMatcher(None, [part for part, _ in parts], tokens, autojunk=False)
    for kind, start, end, first, last in matcher.get_opcodes():
        for k, token in enumerate(range(first, last)):
            own = parts[start + k : start + k + 1] if kind == "equal" else parts[start:end]
            owners[token] = tuple(sorted({i for _, i in own}))
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
