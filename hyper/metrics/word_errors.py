"""Word and character errors between what was meant and what was heard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from operator import add
from typing import Literal, NamedTuple, final

import jiwer

from hyper.metrics.normalize import ENGLISH, UNSPACED, normalise

Kind = Literal["hit", "substitution", "deletion", "insertion"]
Outcome = Literal["gain", "tie", "harm", "right"]
JIWER_KINDS: dict[str, Kind] = {
    "equal": "hit",
    "substitute": "substitution",
    "delete": "deletion",
    "insert": "insertion",
}


@final
@dataclass(frozen=True)
class WordErrors:
    """Counts of one alignment, in words and in characters; adding two pools them, as corpus WER does."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    char_hits: int = 0
    char_substitutions: int = 0
    char_deletions: int = 0
    char_insertions: int = 0

    @property
    def n_reference(self) -> int:
        """Words of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def n_errors(self) -> int:
        """Words that are wrong: substituted, deleted or inserted."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def substitution_rate(self) -> float | None:
        """Substituted words per reference word. None without a reference word, as for the next two."""
        return _share(self.substitutions, self.n_reference)

    @property
    def deletion_rate(self) -> float | None:
        """Reference words that were left out, per reference word."""
        return _share(self.deletions, self.n_reference)

    @property
    def insertion_rate(self) -> float | None:
        """Words with no counterpart in the reference, per reference word; can pass 1."""
        return _share(self.insertions, self.n_reference)

    @property
    def wer(self) -> float | None:
        """Errors per reference word; insertions can push it past 1. None without a reference word."""
        return _rate(self.hits, self.substitutions, self.deletions, self.insertions)

    @property
    def cer(self) -> float | None:
        """Errors per reference character, spaces counted where the language has them. None without a character."""
        return _rate(self.char_hits, self.char_substitutions, self.char_deletions, self.char_insertions)

    def __add__(self, other: WordErrors) -> WordErrors:
        names = [field.name for field in fields(self)]
        return WordErrors(*(getattr(self, name) + getattr(other, name) for name in names))

    def to_json(self) -> dict[str, int | float | None]:
        """The word counts and both rates; a rate without a reference is null."""
        counts = {name: getattr(self, name) for name in ("hits", "substitutions", "deletions", "insertions")}
        return {**counts, "wer": self.wer, "cer": self.cer}


def outcome(base: WordErrors, adapted: WordErrors) -> Outcome:
    """What adapting did: gain, harm, tie (as many errors), right (nothing to gain)."""
    if base.n_errors != adapted.n_errors:
        return "gain" if adapted.n_errors < base.n_errors else "harm"
    return "tie" if base.n_errors else "right"


@dataclass(frozen=True)
class WordSpan:
    """One word of an alignment; the side that has no word is ""."""

    kind: Kind
    reference: str
    hypothesis: str


def word_errors(reference: str, hypothesis: str, language: str = ENGLISH) -> WordErrors:
    """Count the errors of the hypothesis; both texts are normalised first."""
    reference, hypothesis = normalise(reference, language), normalise(hypothesis, language)
    words = jiwer.process_words(reference, hypothesis)
    if language in UNSPACED:  # the spaces are the normaliser's, and all right
        reference, hypothesis = reference.replace(" ", ""), hypothesis.replace(" ", "")
    chars = jiwer.process_characters(reference, hypothesis)
    return WordErrors(
        hits=words.hits,
        substitutions=words.substitutions,
        deletions=words.deletions,
        insertions=words.insertions,
        char_hits=chars.hits,
        char_substitutions=chars.substitutions,
        char_deletions=chars.deletions,
        char_insertions=chars.insertions,
    )


def align_words(reference: str, hypothesis: str, language: str = ENGLISH) -> list[WordSpan]:
    """The alignment behind `word_errors`, one span for each normalised word."""
    reference, hypothesis = normalise(reference, language), normalise(hypothesis, language)
    output = jiwer.process_words(reference, hypothesis)
    (meant,), (heard,), (chunks,) = output.references, output.hypotheses, output.alignments
    spans = []
    for chunk in chunks:
        kind = JIWER_KINDS[chunk.type]
        n_words = max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        for i in range(n_words):
            reference_word = "" if kind == "insertion" else meant[chunk.ref_start_idx + i]
            hypothesis_word = "" if kind == "deletion" else heard[chunk.hyp_start_idx + i]
            spans.append(WordSpan(kind, reference_word, hypothesis_word))
    return spans


class Stretch(NamedTuple):
    """A stretch of two lists of words, over which they are the same, or nothing pairs them one by one."""

    is_equal: bool
    first: range  # of the places in each list
    second: range


def stretches(first: Sequence[str], second: Sequence[str]) -> list[Stretch]:
    """Two lists of words, none with a space, as the fewest changes make the second of the first: all of both, in order.

    Equal stretches alternate with others.
    """
    (chunks,) = jiwer.process_words(" ".join(first), " ".join(second)).alignments
    found: list[Stretch] = []
    for chunk in chunks:
        a, b = range(chunk.ref_start_idx, chunk.ref_end_idx), range(chunk.hyp_start_idx, chunk.hyp_end_idx)
        is_equal = chunk.type == "equal"
        if found and found[-1].is_equal == is_equal:  # words replaced, then left out
            _, before, above = found.pop()
            a, b = range(before.start, a.stop), range(above.start, b.stop)
        found.append(Stretch(is_equal, a, b))
    return found


def pooled(errors: Iterable[WordErrors]) -> WordErrors:
    """All alignments as one corpus: its WER is not the mean of theirs."""
    return reduce(add, errors, WordErrors())


def relative_reduction(base: WordErrors, adapted: WordErrors) -> float | None:
    """The share of the base's WER that adaptation removed; None where the base has no WER or no error."""
    if not base.wer or adapted.wer is None:
        return None
    return (base.wer - adapted.wer) / base.wer


def _rate(hits: int, substitutions: int, deletions: int, insertions: int) -> float | None:
    return _share(substitutions + deletions + insertions, hits + substitutions + deletions)


def _share(count: int, n_reference: int) -> float | None:
    return count / n_reference if n_reference else None
