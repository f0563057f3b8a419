"""Which of two transcripts to show first: a logistic rule fitted on validation recordings, so that adapting harms less.

The rule reads both transcripts alone: how sure the model was of each, how long they are, whether one was stopped, and
how far they differ. What the recording's words really were it never sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean
from typing import Any, Literal

import numpy as np

from hyper.compare.transcript import Pair, Transcript
from hyper.metrics.normalize import ENGLISH, words_of
from hyper.metrics.word_errors import word_errors

Preferred = Literal["base", "adapted"]

FEATURES = (
    "base_mean_log_prob",
    "adapted_mean_log_prob",
    "base_least_log_prob",
    "adapted_least_log_prob",
    "base_words_per_second",
    "adapted_words_per_second",
    "base_stopped",
    "adapted_stopped",
    "base_no_words",
    "adapted_no_words",
    "difference",
)
LEAST_LOG_PROB = -10.0  # 0.005 %: below it, doubt grows no further
LEAST_DECISIONS = 40  # recordings of which the rows have different numbers of errors; with fewer the rule is guessed
RIDGE = 1e-2  # of the squared weights, for each unit of mean loss
SEED = 0  # which speakers fit the rule and which check it


class ChoiceError(ValueError):
    """The file's rule is not one; the message says what is wrong."""


@dataclass(frozen=True)
class Checked:
    """Word errors on the recordings of speakers that the rule was not fitted on."""

    n_words: int
    base: int
    adapted: int
    chosen: int
    oracle: int  # the better row of each recording, which only who knows the words can choose


@dataclass(frozen=True)
class Choice:
    """The rule: the adapted row comes first where weights · features + bias is at least 0."""

    weights: tuple[float, ...]  # (n_features,) in the order of FEATURES
    bias: float
    n_recordings: int  # that decided something, in both halves
    checked: Checked

    def prefers(self, pair: Pair, seconds: float, language: str = ENGLISH) -> Preferred:
        """The row to believe first; the adapted one where both say the same. `seconds` is the recording's length."""
        if pair.adapted is None:
            return "base"
        if pair.base.text.split() == pair.adapted.text.split():
            return "adapted"
        return "adapted" if self.score(features(pair.base, pair.adapted, seconds, language)) >= 0 else "base"

    def score(self, values: np.ndarray) -> float:  # (n_features,)
        """Log-odds that the adapted row has fewer errors."""
        return float(np.dot(self.weights, values) + self.bias)

    def to_json(self) -> dict[str, Any]:
        """Every field; `from_json` reads it back."""
        return {"features": list(FEATURES), **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Choice:
        """Build from what `to_json` gave. Errors: ChoiceError where it is something else."""
        names = {"features", *(field.name for field in fields(cls))}
        if not isinstance(record, dict) or set(record) != names or tuple(record["features"]) != FEATURES:
            raise ChoiceError("its rule for which transcript to show first does not read what this version knows")
        try:
            weights = tuple(float(weight) for weight in record["weights"])
            checked = Checked(**record["checked"])
            bias, n_recordings = float(record["bias"]), int(record["n_recordings"])
        except (TypeError, ValueError) as error:
            raise ChoiceError(f"the numbers of its rule are not as expected ({error})") from error
        if len(weights) != len(FEATURES) or not np.isfinite([*weights, bias]).all():
            raise ChoiceError("its rule has not one finite weight for each thing that it reads")
        return cls(weights, bias, n_recordings, checked)


@dataclass(frozen=True)
class Decision:
    """A recording with known words: what the rule reads, and what each row would cost."""

    features: np.ndarray  # (n_features,)
    base_errors: int
    adapted_errors: int
    n_words: int
    speaker: str


def features(base: Transcript, adapted: Transcript, seconds: float, language: str = ENGLISH) -> np.ndarray:
    """(n_features,) float64, in the order of FEATURES; words are counted as the language has them."""
    rows = (base, adapted)
    sure = [_log_probs(row) for row in rows]
    words = [words_of(row.text, language) for row in rows]
    return np.array(
        [
            *(fmean(own) for own in sure),
            *(min(own) for own in sure),
            *(len(own) / seconds for own in words),
            *(float(row.stopped != "end") for row in rows),
            *(float(not own) for own in words),
            _difference(base.text, adapted.text, language),
        ]
    )


def fit_choice(decisions: Sequence[Decision]) -> Choice | None:
    """Fit on half of the speakers, count errors on the other half; None where too few recordings decide anything.

    A recording counts as often as it has errors to save.
    """
    speakers = np.unique([decision.speaker for decision in decisions])
    np.random.default_rng(SEED).shuffle(speakers)
    fitting = set(speakers[::2])
    telling = [each for each in decisions if each.base_errors != each.adapted_errors]
    first = [each for each in telling if each.speaker in fitting]
    if len(first) < LEAST_DECISIONS or len({each.adapted_errors < each.base_errors for each in first}) < 2:
        return None
    weights, bias = _logistic(first)
    unchecked = Choice(weights, bias, len(telling), Checked(0, 0, 0, 0, 0))
    held_out = [each for each in decisions if each.speaker not in fitting]
    return Choice(weights, bias, len(telling), _check(unchecked, held_out))


def _check(choice: Choice, decisions: Sequence[Decision]) -> Checked:
    chosen = [each.adapted_errors if choice.score(each.features) >= 0 else each.base_errors for each in decisions]
    return Checked(
        n_words=sum(each.n_words for each in decisions),
        base=sum(each.base_errors for each in decisions),
        adapted=sum(each.adapted_errors for each in decisions),
        chosen=sum(chosen),
        oracle=sum(min(each.base_errors, each.adapted_errors) for each in decisions),
    )


def _logistic(decisions: Sequence[Decision]) -> tuple[tuple[float, ...], float]:
    """Ridge logistic regression on standardised features, weighted by the errors at stake; given for raw features."""
    from scipy.optimize import minimize  # slow to import, and only fitting needs it

    values = np.stack([each.features for each in decisions])  # (n, n_features)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread == 0] = 1.0  # a feature that never differs gets weight 0 from the ridge
    standard = (values - mean) / spread
    stake = np.array([each.base_errors - each.adapted_errors for each in decisions], float)  # > 0: adapted is better
    side, weight = np.sign(stake), np.abs(stake) / np.abs(stake).sum()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        margin = side * (standard @ parameters[:-1] + parameters[-1])
        slope = -weight * side / (1 + np.exp(margin))
        gradient = np.append(standard.T @ slope + 2 * RIDGE * parameters[:-1], slope.sum())
        return float(weight @ np.logaddexp(0, -margin) + RIDGE * (parameters[:-1] ** 2).sum()), gradient

    found = minimize(loss, np.zeros(len(FEATURES) + 1), jac=True, method="L-BFGS-B").x
    weights = found[:-1] / spread
    return tuple(weights.tolist()), float(found[-1] - weights @ mean)


def _log_probs(transcript: Transcript) -> list[float]:
    """Of every token, none below LEAST_LOG_PROB; a text without tokens is as doubtful as can be."""
    return [max(value, LEAST_LOG_PROB) for value in transcript.log_probs] or [LEAST_LOG_PROB]


def _difference(base: str, adapted: str, language: str) -> float:
    """Words to change to make one text of the other, a share of the longer one."""
    errors = word_errors(base, adapted, language)
    longer = max(errors.n_reference, errors.hits + errors.substitutions + errors.insertions)
    return errors.n_errors / longer if longer else 0.0
