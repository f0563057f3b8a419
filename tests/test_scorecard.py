"""The scorecard: its bars by hand, its tables, its refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hyper.__main__ import main
from hyper.comparison import Transcript
from hyper.manifest import ManifestRow
from hyper.metrics import word_errors
from hyper.report import Evaluation, ScoredUtterance
from hyper.scorecard import TEST_SETS, Bar, measure_bars, scorecard_page


def scored(cohort: str, reference: str, base: str, adapted: str) -> ScoredUtterance:
    row = ManifestRow("a.wav", Path("a.wav"), reference, "s", cohort, "mild", cohort != "typical", corpus="synthetic")
    transcripts = [Transcript(text, (), (), "end", None) for text in (base, adapted)]
    return ScoredUtterance(row, *transcripts, word_errors(reference, base), word_errors(reference, adapted))


def evaluation(*utterances: ScoredUtterance) -> Evaluation:
    return Evaluation("base", "hypernet", "cpu", utterances, ())


@pytest.fixture
def evaluations() -> dict[str, Evaluation]:
    typical = scored("typical", "one big red dog", "one big red dog", "one big red cat")
    stuttering = scored("stuttering", "one big red dog", "a small blue cat", "one big red cat")  # 4 errors, then 1
    dysarthria = scored("dysarthria", "one big red dog", "one big red cat", "one big red cat")  # 1 error, then 1
    return {
        "typical-commands-known": evaluation(typical),
        "typical-commands-unheard": evaluation(replace(typical, adapted_errors=typical.base_errors)),
        "atypical-commands-known": evaluation(stuttering, dysarthria),
        "people": evaluation(dysarthria),
    }


def test_bars_by_hand(evaluations: dict[str, Evaluation]) -> None:
    bars = {bar.name: bar for bar in measure_bars(evaluations, 0.0009)}
    assert bars["base WER, typical commands, new speakers"].value == 0
    pooled = bars["relative WER reduction, simulated atypical commands"]
    assert (pooled.value, pooled.met) == (pytest.approx(1 - 2 / 5), True)
    assert bars["relative WER reduction, simulated stuttering commands"].value == pytest.approx(0.75)
    assert not bars["relative WER reduction, simulated dysarthria commands"].met
    assert not bars["rise of WER on typical commands, new speakers"].met  # 25 points
    assert bars["rise of WER on typical commands, voices never heard"].met
    assert bars["generated parameters an utterance, share of the base"].met


def test_a_bar_is_met_at_its_limit_and_says_so() -> None:
    assert Bar("b", 0.03, 0.03, at_most=True).met
    assert not Bar("b", 0.49, 0.5, at_most=False).met
    assert Bar("b", 0.49, 0.5, at_most=False).to_json("do") == {
        "name": "b",
        "value": 0.49,
        "bar": ">= 0.5",
        "met": False,
        "command": "do",
    }


def test_the_page_has_every_set_and_says_simulated(evaluations: dict[str, Evaluation]) -> None:
    page = scorecard_page(evaluations, measure_bars(evaluations, 0.0009), "do this")
    assert "| **simulated atypical commands, new speakers** | 2 | 62.5 % | 25.0 % | 60.0 % |" in page
    assert "| · simulated stuttering | 1 | 100.0 % | 25.0 % | 75.0 % |" in page
    assert "| real people as they are: synthetic | 1 |" in page
    assert "Measured by `do this`." in page


def test_every_set_draws_its_own_speakers() -> None:
    assert len({test_set.seed for test_set in TEST_SETS}) == len({test_set.name for test_set in TEST_SETS}) == 8
    assert all(test_set.n_utterances >= 300 for test_set in TEST_SETS)


def test_a_base_without_hypernetwork_is_refused(whisper_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scorecard", "--base", str(whisper_folder), "--device", "cpu"]) == 1
    assert "has no hypernetwork to score; train one" in capsys.readouterr().err
