"""Which transcript comes first: features worked out by hand, and a rule that is known beforehand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from hyper.compare.calibration import Calibration, Reliability, RowReliability
from hyper.compare.choice import FEATURES, Checked, Choice, ChoiceError, Decision, features, fit_choice
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.transcript import Pair, Transcript
from hyper.model.fingerprint import fingerprint


def transcript(text: str, log_probs=(-0.1, -0.3), stopped="end") -> Transcript:
    return Transcript(text, tuple(range(len(log_probs))), tuple(log_probs), stopped, 0.0)


def rule(**weights: float) -> Choice:
    bias = weights.pop("bias", 0.0)
    return Choice(tuple(weights.get(name, 0.0) for name in FEATURES), bias, 0, Checked(0, 0, 0, 0, 0))


def drawn(n: int, seed: int = 0) -> list[Decision]:
    """Adapting saves an error or makes one, by the sign of a known rule over two of the features."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        values = rng.normal(size=len(FEATURES))
        is_better = values[1] - values[0] + 0.5 + rng.logistic(scale=0.3) > 0
        errors = (2, 1) if is_better else (1, 2)
        made.append(Decision(values, *errors, 5, f"s{i % 40}"))
    return made


def calibration_with(backbone, hypernet, choice: Choice) -> Calibration:
    nothing = RowReliability(*[Reliability(1, 1, 0.0, ())] * 2)
    fingerprints = (backbone.fingerprint, fingerprint(hypernet))
    return Calibration("base", "hypernet", *fingerprints, "platt", 1, 0, 1, ((0, 0), (1, 1)), nothing, nothing, choice)


def test_what_the_rule_reads_is_worked_out_by_hand():
    base = transcript("turn on the light", (-0.2, -0.4, -14.0))
    adapted = transcript("turn the lights", (), "repetition")
    found = dict(zip(FEATURES, features(base, adapted, 2.0), strict=True))
    assert found == pytest.approx({
        "base_mean_log_prob": -10.6 / 3, "adapted_mean_log_prob": -10.0,  # -14 is cut at -10, no token is as bad
        "base_least_log_prob": -10.0, "adapted_least_log_prob": -10.0,
        "base_words_per_second": 2.0, "adapted_words_per_second": 1.5,
        "base_stopped": 0.0, "adapted_stopped": 1.0,
        "base_no_words": 0.0, "adapted_no_words": 0.0,
        "difference": 2 / 4,  # "on" left out, "light" another word
    })  # fmt: skip
    nothing = dict(zip(FEATURES, features(transcript("", ()), adapted, 2.0), strict=True))
    assert (nothing["base_no_words"], nothing["difference"]) == (1.0, 1.0)


def test_the_rule_counts_words_as_the_language_is_written():
    base, adapted = transcript("打开灯"), transcript("打开窗户")  # without spaces: each character
    found = dict(zip(FEATURES, features(base, adapted, 2.0, "zh"), strict=True))
    assert [found[name] for name in ("base_words_per_second", "adapted_words_per_second", "difference")] == [
        1.5,
        2,
        0.5,
    ]
    base, adapted = transcript("um drei"), transcript("drei")  # a word in German, and none in English
    found = {
        language: features(base, adapted, 1.0, language)[FEATURES.index("difference")] for language in ("de", "en")
    }
    assert found == {"de": 0.5, "en": 0.0}


def test_the_rule_is_found_that_the_recordings_were_drawn_from():
    found = fit_choice(drawn(4000))
    raised, lowered = found.weights[1], found.weights[0]
    assert raised > 0 > lowered and raised == pytest.approx(-lowered, rel=0.15)
    assert found.bias / raised == pytest.approx(0.5, abs=0.1)
    assert max(abs(weight) for weight in found.weights[2:]) < 0.1 * raised
    assert found.n_recordings == 4000
    checked = found.checked
    assert checked.oracle < checked.chosen < min(checked.base, checked.adapted)
    assert checked.n_words == 5 * 2000 and checked.oracle == 2000  # half of the speakers, one error each


def test_recordings_that_both_rows_hear_alike_do_not_move_the_rule():
    telling = drawn(400)
    alike = [replace(each, base_errors=3, adapted_errors=3, features=each.features + 100) for each in drawn(400, 1)]
    assert fit_choice(telling + alike).weights == fit_choice(telling).weights


@pytest.mark.parametrize("decisions", [[], drawn(30), [replace(each, adapted_errors=0) for each in drawn(400)]])
def test_no_rule_is_guessed_from_too_little(decisions):
    assert fit_choice(decisions) is None


def test_a_rule_prefers_one_row():
    surer = rule(base_mean_log_prob=-1.0, adapted_mean_log_prob=1.0)
    sure, unsure = transcript("go", (-0.1,)), transcript("no", (-2.0,))
    assert surer.prefers(Pair(unsure, sure), 1.0) == "adapted"
    assert surer.prefers(Pair(sure, unsure), 1.0) == "base"
    assert surer.prefers(Pair(sure, replace(unsure, text="go ")), 1.0) == "adapted"  # says the same
    assert surer.prefers(Pair(sure, None), 1.0) == "base"


def test_a_rule_is_read_back_as_it_was():
    made = fit_choice(drawn(400))
    assert Choice.from_json(json.loads(json.dumps(made.to_json(), allow_nan=False))) == made


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"features": ["loudness"]}, "does not read what this version knows"),
        ({"more": 1}, "does not read what this version knows"),
        ({"bias": None}, "the numbers of its rule are not as expected"),
        ({"checked": {"words": 1}}, "the numbers of its rule are not as expected"),
        ({"weights": [1.0]}, "has not one finite weight for each thing that it reads"),
        ({"bias": math.nan}, "has not one finite weight for each thing that it reads"),
    ],
)
def test_a_damaged_rule_says_what_is_wrong(change, reason):
    with pytest.raises(ChoiceError, match=reason):
        Choice.from_json(rule().to_json() | change)


def test_a_pair_says_which_row_it_believes(whisper_folder, backbone, make_hypernet, speech_like):
    hypernet = make_hypernet(backbone)
    for bias, row in ((1.0, "adapted"), (-1.0, "base")):
        calibration = calibration_with(backbone, hypernet, rule(bias=bias))
        asr = PersonalizedAsr(backbone, hypernet, "hypernet", calibration=calibration)
        comparison = asr.compare(speech_like(2.0))
        assert comparison.base.text != comparison.adapted.text
        assert comparison.preferred == comparison.to_json()["preferred"] == row
    assert PersonalizedAsr(backbone, hypernet, "hypernet").compare(speech_like(2.0)).preferred is None
