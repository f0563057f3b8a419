"""Where each phone of a real recording lies: Viterbi over the base's own phone head; then cutting at word times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hyper.simulate.phones import Phone
from hyper.speech.phone_set import PHONES, SILENCE

SKIP_COST = 6.0  # nats: a phone that was not said is passed over rather than stretched onto its neighbours
WINDOW_SECONDS = 8.0  # posteriors are computed in windows of this length


@dataclass(frozen=True)
class Alignment:
    """Phones with times, and how well the recording fits its text."""

    phones: tuple[Phone, ...]
    score: float  # mean log-posterior of the aligned phones a frame, in nats; near 0 is good


def align(
    log_posteriors: np.ndarray,  # (n_frames, n_phones) natural log, from the phone head
    expected: Sequence[Phone],  # phones of the text in order; their times are ignored
    frames_per_second: float,
) -> Alignment:
    """Best path through the expected phones: stay, next, or pass one over at a cost; silence between words is optional.

    Errors: ValueError when there is nothing to align or the recording is shorter than a frame for every third phone.
    """
    symbols, words = _with_silences(expected)
    n_frames, n_states = len(log_posteriors), len(symbols)
    if n_states < 3 or n_frames * 3 < n_states:
        raise ValueError(f"A recording of {n_frames} frames cannot be aligned with {n_states} phones.")
    emission = log_posteriors[:, [PHONES.index(symbol) for symbol in symbols]]  # (n_frames, n_states)
    optional = np.array([symbol == SILENCE for symbol in symbols])
    path = _viterbi(emission, np.where(optional, 0.0, -SKIP_COST))
    score = float(emission[np.arange(n_frames), path].mean())
    return Alignment(_phones_of_path(path, symbols, words, frames_per_second), score)


def _with_silences(expected: Sequence[Phone]) -> tuple[list[str], list[int]]:
    """Every phone once, and one optional silence before each word and at the end."""
    symbols, words, previous = [], [], None
    for phone in expected:
        if phone.symbol == SILENCE:
            continue
        if phone.word != previous:
            symbols.append(SILENCE)
            words.append(-1)
            previous = phone.word
        symbols.append(phone.symbol)
        words.append(phone.word)
    return [*symbols, SILENCE], [*words, -1]


def _viterbi(
    emission: np.ndarray,  # (n_frames, n_states)
    skip: np.ndarray,  # (n_states,) score of passing each state over
) -> np.ndarray:  # (n_frames,) state of each frame
    n_frames, n_states = emission.shape
    best = np.full(n_states, -np.inf)
    best[:2] = emission[0, :2]
    back = np.zeros((n_frames, n_states), np.int8)
    skip_into = np.concatenate([[-np.inf, -np.inf], skip[1:-1]])  # arriving at j from j - 2 passes j - 1 over
    for t in range(1, n_frames):
        step = np.concatenate([[-np.inf], best[:-1]])
        jump = np.concatenate([[-np.inf, -np.inf], best[:-2]]) + skip_into
        choices = np.stack([best, step, jump])
        back[t] = choices.argmax(axis=0)
        best = choices.max(axis=0) + emission[t]
    path = np.empty(n_frames, np.int64)
    path[-1] = n_states - 1 if best[-1] >= best[-2] else n_states - 2
    for t in range(n_frames - 1, 0, -1):
        path[t - 1] = path[t] - back[t, path[t]]
    return path


def _phones_of_path(
    path: np.ndarray, symbols: Sequence[str], words: Sequence[int], frames_per_second: float
) -> tuple[Phone, ...]:
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(starts[1:], len(path))
    return tuple(
        Phone(symbols[path[start]], start / frames_per_second, end / frames_per_second, words[path[start]])
        for start, end in zip(starts, ends, strict=True)
    )


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording between two words."""

    start: float  # seconds
    end: float
    first_word: int
    last_word: int  # inclusive
    phones: tuple[Phone, ...]  # times and words relative to the piece


def cut(
    phones: Sequence[Phone],
    n_words: int,  # of the text
    seconds: float,
    rng: np.random.Generator,
    shortest: float = 2.0,
    longest: float = 6.0,
) -> list[Piece]:
    """Cut at word times, in pauses where there are some, into pieces of at most `longest` seconds.

    Each piece is meant to last a drawn `shortest` to `longest` seconds; a pause may end it from 0.6 times that on, what
    is left at the end may be shorter, and a word that no cut fits around is a piece by itself. A word without phones
    belongs to the word before it: espeak-ng says "on the" as one.
    """
    words = _word_times(phones)
    pieces, first = [], 0
    while first < len(words):
        last = _last_word(words, first, rng.uniform(shortest, longest), longest)
        start = 0.0 if first == 0 else (words[first - 1][2] + words[first][1]) / 2
        end = seconds if last == len(words) - 1 else (words[last][2] + words[last + 1][1]) / 2
        start, end = max(start, words[first][1] - 0.3), min(end, words[last][2] + 0.3)
        last_word = (words[last + 1][0] if last + 1 < len(words) else n_words) - 1
        pieces.append(_piece(phones, start, end, words[first][0], last_word))
        first = last + 1
    return pieces


def _word_times(phones: Sequence[Phone]) -> list[tuple[int, float, float]]:
    """(word, start, end) of every word that has a phone."""
    times: dict[int, tuple[float, float]] = {}
    for phone in phones:
        if phone.word >= 0:
            start = times.get(phone.word, (phone.start, 0.0))[0]
            times[phone.word] = (start, phone.end)
    return [(word, start, end) for word, (start, end) in sorted(times.items())]


def _last_word(words: list[tuple[int, float, float]], first: int, wanted: float, longest: float) -> int:
    """The word to cut behind: of those around the wanted length, the one with the longest pause after it."""
    begin = words[first][1]
    if words[-1][2] - begin <= longest:
        return len(words) - 1
    near = [i for i in range(first, len(words) - 1) if 0.6 * wanted <= words[i][2] - begin <= wanted]
    if not near:
        return first
    return max(near, key=lambda i: words[i + 1][1] - words[i][2])


def _piece(phones: Sequence[Phone], start: float, end: float, first_word: int, last_word: int) -> Piece:
    inside = tuple(
        Phone(
            p.symbol, max(p.start, start) - start, min(p.end, end) - start, p.word - first_word if p.word >= 0 else -1
        )
        for p in phones
        if p.end > start and p.start < end and (p.word < 0 or first_word <= p.word <= last_word)
    )
    return Piece(start, end, first_word, last_word, inside)
