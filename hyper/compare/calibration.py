"""From how sure the model was of a word to how often such words are right: a map fitted on validation recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from hyper.compare.choice import Choice, ChoiceError

UNSURE_BELOW = 0.7  # our own choice: with an earlier pair, 1 validation word in 8 and two thirds of the wrong ones
N_BINS = 10  # of equal width, as in Guo et al. 2017, arXiv:1706.04599
LEAST_WORDS = 200  # in each half; with fewer the map would be guessed
SEED = 0  # which speakers fit the map and which check it
CHOOSING_SHARE = 1 / 3  # of the fitting speakers: they choose the method
MOST_CERTAIN_LOG_ODDS = 12.0  # 6 in a million: where float32 cannot tell a probability from 1 any more

Points = tuple[tuple[float, float], ...]  # (raw confidence, share of such words that were right), falling in neither


class CalibrationError(ValueError):
    """The confidences cannot be calibrated; the message says why."""


@dataclass(frozen=True)
class Bin:
    """The words whose confidence lies in one tenth of the scale."""

    n_words: int
    confidence: float  # their mean
    right: float  # share of them


@dataclass(frozen=True)
class Reliability:
    """How far a confidence can be taken at its word, on recordings that the map was not fitted on."""

    n_words: int
    n_right: int
    error: float  # expected calibration error: mean distance of `confidence` and `right` over all words
    bins: tuple[Bin, ...]  # from low to high; a tenth without words is left out

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Reliability:
        """Build from what `asdict` gave."""
        return cls(**{**record, "bins": tuple(Bin(**each) for each in record["bins"])})


@dataclass(frozen=True)
class RowReliability:
    """One row before and after calibrating."""

    raw: Reliability
    calibrated: Reliability


@dataclass(frozen=True)
class Calibration:
    """The map with what it was made for and how well it holds. One map serves base and adapted.

    The strength of the adaptation moves one row into the other without a step, so that with two maps the same words
    would get two figures at strength 0; and raw confidences of both rows mean about the same.
    """

    base_model: str  # for people
    hypernetwork: str
    base_fingerprint: str  # for the program: the pair that the map is for
    hypernet_fingerprint: str
    method: str  # isotonic or platt
    n_recordings: int
    n_simulated: int  # of them
    n_words: int  # of base and adapted together, in both halves
    points: Points
    base: RowReliability
    adapted: RowReliability
    choice: Choice | None = None  # which row to show first; None where too few recordings told

    def share_right(self, confidence: float) -> float:
        """How many of the words with this raw confidence were right, between points linearly."""
        raw, share = zip(*self.points, strict=True)
        return float(np.interp(confidence, raw, share))

    def fits(self, hypernet_fingerprint: str) -> bool:
        """Whether it was made for this hypernetwork, and so for this base, its token embedding left out."""
        return self.hypernet_fingerprint == hypernet_fingerprint

    def to_json(self) -> dict[str, Any]:
        """Every field; `from_json` reads it back."""
        return {**asdict(self), "choice": self.choice and self.choice.to_json()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Calibration:
        """Build from JSON that has every key and no other.

        Errors: CalibrationError where it has not.
        """
        keys = {field.name for field in fields(cls)}
        # Files written before there was a choice lack that key.
        if not isinstance(record, dict) or set(record) | {"choice"} != keys:
            raise CalibrationError("it does not hold exactly the keys of a calibration")
        try:
            rows = {row: {k: Reliability.from_json(v) for k, v in record[row].items()} for row in ("base", "adapted")}
            points = tuple((float(raw), float(share)) for raw, share in record["points"])
            made: dict[str, Any] = {row: RowReliability(**parts) for row, parts in rows.items()}
            made["choice"] = Choice.from_json(record["choice"]) if record.get("choice") else None
        except ChoiceError as error:
            raise CalibrationError(str(error)) from error
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CalibrationError(f"its numbers are not as expected ({error})") from error
        is_rising = all(list(values) == sorted(values) for values in zip(*points, strict=True))
        if not points or not is_rising or not all(0 <= value <= 1 for point in points for value in point):
            raise CalibrationError("its points do not rise from 0 to 1")
        return cls(**{**record, **made, "points": points})


@dataclass(frozen=True)
class ScoredWords:
    """Words of one row of many recordings."""

    confidence: np.ndarray  # (n_words,) raw, 0 to 1
    right: np.ndarray  # (n_words,) 1.0 where it is a word of the reference in its place, else 0.0
    speaker: np.ndarray  # (n_words,) names

    def of(self, speakers: set[str]) -> ScoredWords:
        """The words of these speakers."""
        own = np.isin(self.speaker, sorted(speakers))
        return ScoredWords(self.confidence[own], self.right[own], self.speaker[own])

    def joined(self, other: ScoredWords) -> ScoredWords:
        """The words of both."""
        pairs = ((self.confidence, other.confidence), (self.right, other.right), (self.speaker, other.speaker))
        return ScoredWords(*map(np.concatenate, pairs))


@dataclass(frozen=True)
class Fit:
    """A map, how it was chosen, and how well it holds for the speakers that it was not fitted on."""

    method: str
    points: Points
    base: RowReliability
    adapted: RowReliability


def fit(base: ScoredWords, adapted: ScoredWords) -> Fit:
    """Fit one map for both rows on half of the speakers, and measure each row on the other half.

    Which method is taken was decided within the first half, by the Brier score of a third of its speakers.

    Errors: CalibrationError where a half has too few words.
    """
    both = base.joined(adapted)
    speakers = np.unique(both.speaker)
    np.random.default_rng(SEED).shuffle(speakers)
    fitting, held_out = speakers[::2], speakers[1::2]
    n_choosing = round(CHOOSING_SHARE * len(fitting))
    halves = [both.of(set(half)) for half in (fitting, held_out)]
    if min(len(half.right) for half in halves) < LEAST_WORDS or n_choosing == 0:
        raise CalibrationError(
            f"{len(both.right)} words by {len(speakers)} speakers are too few to calibrate on: each half of the "
            f"speakers must say {LEAST_WORDS} words or more. Please give more recordings by more speakers."
        )
    choosing, first = both.of(set(fitting[:n_choosing])), both.of(set(fitting[n_choosing:]))
    method = min(METHODS, key=lambda name: brier_score(METHODS[name](first), choosing))
    points = METHODS[method](halves[0])
    rows = [_row_reliability(points, row.of(set(held_out))) for row in (base, adapted)]
    return Fit(method, points, *rows)


def isotonic(words: ScoredWords) -> Points:
    """The rising map with the least squared error, a point for each of its steps.

    One right word of confidence 0 and one wrong word of confidence 1 are added: nothing is ever certain.
    """
    from scipy.optimize import isotonic_regression  # slow to import, and only fitting needs it

    confidence, right = np.append(words.confidence, [0.0, 1.0]), np.append(words.right, [1.0, 0.0])
    level, which = np.unique(confidence, return_inverse=True)  # words of the same confidence stay together
    n_words = np.bincount(which)
    result = isotonic_regression(np.bincount(which, right) / n_words, weights=n_words)
    centres = np.add.reduceat(level * n_words, result.blocks[:-1]) / np.add.reduceat(n_words, result.blocks[:-1])
    return tuple(zip(centres.tolist(), result.x[result.blocks[:-1]].tolist(), strict=True))


def platt(words: ScoredWords) -> Points:
    """A logistic curve over the log-odds of the confidence (Platt 1999), by points close enough to draw it."""
    from scipy.optimize import minimize

    def loss(parameters: np.ndarray) -> float:  # mean negative log-likelihood
        log_odds = parameters[0] * _log_odds(words.confidence) + parameters[1]
        return float(np.mean(np.logaddexp(0, log_odds) - words.right * log_odds))

    slope, shift = minimize(loss, (1.0, 0.0), bounds=((0.0, None), (None, None))).x  # never falling
    grid = np.linspace(-MOST_CERTAIN_LOG_ODDS, MOST_CERTAIN_LOG_ODDS, 97)
    return tuple(zip(_sigmoid(grid).tolist(), _sigmoid(slope * grid + shift).tolist(), strict=True))


METHODS: dict[str, Callable[[ScoredWords], Points]] = {"isotonic": isotonic, "platt": platt}


def brier_score(points: Points, words: ScoredWords) -> float:
    """Mean squared distance of the mapped confidence from what happened, 0 or 1."""
    return float(np.mean((np.interp(words.confidence, *np.array(points).T) - words.right) ** 2))


def reliability(confidence: np.ndarray, right: np.ndarray) -> Reliability:  # each (n_words,)
    """Share of right words in each tenth of the confidence."""
    tenth = np.minimum((N_BINS * confidence).astype(int), N_BINS - 1)
    bins = tuple(
        Bin(int(own.sum()), float(confidence[own].mean()), float(right[own].mean()))
        for own in (tenth == i for i in range(N_BINS))
        if own.any()
    )
    error = sum(each.n_words * abs(each.confidence - each.right) for each in bins) / len(right)
    return Reliability(len(right), int(right.sum()), float(error), bins)


def _row_reliability(points: Points, words: ScoredWords) -> RowReliability:
    mapped = np.interp(words.confidence, *np.array(points).T)
    return RowReliability(reliability(words.confidence, words.right), reliability(mapped, words.right))


def _log_odds(probability: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):  # 0 and 1 are infinitely far, and brought back here
        log_odds = np.log(probability) - np.log1p(-probability)
    return np.clip(log_odds, -MOST_CERTAIN_LOG_ODDS, MOST_CERTAIN_LOG_ODDS)


def _sigmoid(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))
