"""Figures that README and results pages tell in words are those of the files that measured them, rounded alike."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyper.metrics.intervals import bootstrap_speakers

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "assets" / "results"
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORDS = " ".join(README.split())
SETS = {  # a row of README's table -> set of the scorecard, what its group is by, and which
    "simulated atypical commands, new speakers": ("atypical-commands-known", "all", "all"),
    "simulated atypical commands, voices never heard": ("atypical-commands-unheard", "all", "all"),
    "the same, by simulators not trained on, new speakers": ("held-out-commands-known", "all", "all"),
    "the same, by simulators not trained on, voices never heard": ("held-out-commands-unheard", "all", "all"),
    "simulated Parkinson's, simulators not trained on, new speakers": (
        "held-out-commands-known", "cohort", "parkinsons",
    ),
    "simulated dysphonia, not trained on, voices never heard": ("ood-dysphonia-unheard", "all", "all"),
    "simulated atypical open sentences, new speakers": ("atypical-open-known", "all", "all"),
    "simulated disorders on real people": ("atypical-people", "all", "all"),
    "the same, by other simulators": ("held-out-people", "all", "all"),
    "real people as they are": ("people", "all", "all"),
    "real people as they are: speechocean762": ("people", "corpus", "speechocean762"),
    "real people as they are: single command words": ("people", "corpus", "speech_commands"),
    "real people as they are: single digits": ("people", "corpus", "fsdd"),
    "typical commands, new speakers": ("typical-commands-known", "all", "all"),
}  # fmt: skip
TABLE = dict(re.findall(r"^\| ([^|]+?) \| (\d.*) \|$", README, flags=re.MULTILINE))


def scorecard() -> dict[str, Any]:
    return json.loads((RESULTS / "scorecard.json").read_text(encoding="utf-8"))


def group(set_name: str, by: str, value: str) -> dict[str, Any]:
    groups = scorecard()["sets"][set_name]["groups"]
    (found,) = (each for each in groups if (each["by"], each["value"]) == (by, value))
    return found


def between(ends: list[float], digits: int) -> str:
    low, high = (f"{round(100 * end, digits) + 0.0:.{digits}f}" for end in ends)
    return f"{low} to {high}"


def test_each_row_of_the_readme_is_looked_up() -> None:
    assert set(TABLE) == set(SETS)


@pytest.mark.parametrize("row", SETS)
def test_the_readmes_table_is_the_scorecards(row: str) -> None:
    found = group(*SETS[row])
    rates = [f"{100 * found[name]:.1f}" for name in ("base_wer", "adapted_wer", "chosen_wer")]
    removed = f"{100 * found['relative_reduction'] + 0.0:.0f} % ({between(found['relative_reduction_interval'], 0)})"
    assert TABLE[row].split(" | ") == [*rates, removed]


def test_the_readmes_first_words_are_the_scorecards() -> None:
    main, others, people = (
        group(name, "all", "all") for name in ("atypical-commands-known", "held-out-commands-known", "atypical-people")
    )
    assert f"gets {100 * main['base_wer']:.1f} % of the words wrong, and {100 * main['adapted_wer']:.1f} %" in WORDS
    removed, by_others, of_people = (
        (f"{100 * each['relative_reduction']:.0f} %", between(each["relative_reduction_interval"], 0))
        for each in (main, others, people)
    )
    assert f"{removed[0]} fewer errors (95 % interval {removed[1]})" in WORDS
    assert f"they are {by_others[0]} fewer ({by_others[1]})" in WORDS
    assert f"simulated disorders on real people {of_people[0]} ({of_people[1]})" in WORDS
    record = scorecard()
    written = f"{record['generated_parameters']:,} numbers written for each utterance"
    assert f"{written} ({100 * record['generated_share']:.3f} % of the base)" in WORDS


def test_whose_weights_help_is_told_as_it_was_measured() -> None:
    first, second = (
        {each["whose"]: each for each in one["weights"]}
        for one in json.loads((RESULTS / "personal.json").read_text(encoding="utf-8"))["sets"]
    )
    page = (RESULTS / "personal.md").read_text(encoding="utf-8")
    for whose, here in first.items():
        told = [whose]
        for each in (here, second[whose]):
            points = f"{100 * (each['wer'] - each['own_wer']):+.1f} ({between(each['difference_interval'], 1)})"
            told += [f"{100 * each['wer']:.1f}", "" if whose == "its own" else points]
        assert f"| {' | '.join(told)} |" in page
    for whose, words in (("another person's of another cohort", "points of WER"), ("another person's of the same", "")):
        (found,) = (each for name, each in first.items() if name.startswith(whose))
        points = f"{100 * (found['wer'] - found['own_wer']):.1f}"
        low_high = between(found["difference_interval"], 1)
        assert re.search(rf"cost {points} ?{words} \({low_high}[);]", WORDS)


def test_one_lora_for_everybody_is_told_as_it_was_measured() -> None:
    record = json.loads((RESULTS / "methods.json").read_text(encoding="utf-8"))
    methods, page = record["methods"], (RESULTS / "personal.md").read_text(encoding="utf-8")
    beside = [each for each in record["comparisons"] if each["rival"] == "lora-both"]
    for each in beside:
        points = f"{100 * each['difference']:.1f} ({between(each['interval'], 1)})".replace("-0.0", "0.0")
        wers = (100 * methods[name]["sets"][each["set"]]["wer"] for name in ("base", "lora-both", "hypernet-both"))
        row = " | ".join(f"{wer:.1f}" for wer in wers)
        assert f"| {row} | {points} |" in page.replace("| +", "| ")
    assert not any(each["own_is"] == "better" for each in beside)
    assert len(beside) == 8 and "one LoRA shared by everybody did as well in each of eight sets" in WORDS
    known, held_out = "atypical-commands-known", "held-out-commands-known"
    for name in ("hypernet-mlp", "lora-global", "lora-cohort"):  # the paper's budget
        for each in (known, held_out):
            assert f"{100 * methods[name]['sets'][each]['wer']:.1f} " in page


def test_what_is_told_of_tiny_en_stands_on_its_page() -> None:
    told = re.search(
        r"simulated on people \((\d+) %, (-?\d+ to \d+); (\d+) %, (\d+ to \d+), by simulators not trained on\)", WORDS
    ).groups()
    rows = [
        line for line in (RESULTS / "tiny.en.md").read_text().splitlines() if line.startswith("| simulated disorders,")
    ]
    for row, (percent, interval) in zip(rows[:2], (told[:2], told[2:]), strict=True):  # by ways trained on, and not
        assert f": {percent} % ({interval})" in row.split("|")[3]


def test_the_table_of_tiny_en_is_that_of_its_counts() -> None:
    page = (RESULTS / "tiny.en.md").read_text(encoding="utf-8").replace("**not**", "not")
    table = page[page.index("| test set |") :]
    sets = json.loads((RESULTS / "tiny.en.json").read_text(encoding="utf-8"))["sets"]
    assert len(sets) == 15
    for each in sets:
        counts = np.array(each["by_speaker"])
        words, base, adapted = counts.sum(axis=0)
        with np.errstate(invalid="ignore"):
            found = bootstrap_speakers(counts[:, 1:], lambda drawn: 1 - drawn[:, 1] / drawn[:, 0])
        ends = f" ({between(found.to_json(), 0)})" if found else ""
        told = (
            f"{100 * base / words:.1f} to {100 * adapted / words:.1f}: {100 * (1 - adapted / base) + 0.0:.0f} %{ends} |"
        )
        first = each["set"] if each["group"] == "all" else f"· {each['group']}"
        assert re.search(
            rf"^\| {re.escape(first)}[^|]* \| {each['recordings']} \| {re.escape(told)}", table, re.MULTILINE
        )
        table = table[table.index(told) :]  # a group stands below its set


def test_what_a_gpu_takes_is_told_as_it_was_measured() -> None:
    rows = {each["name"]: each["value"] for each in json.loads((RESULTS / "gpu.json").read_text(encoding="utf-8"))}
    page = " ".join((ROOT / "docs" / "scale.md").read_text(encoding="utf-8").split())
    both, together, step = "both transcripts of 5 s", "64 recordings of 5 s together", "training step of 64"
    large, base = (
        {name: rows[f"{shape}: {name}"] for name in (both, together, step)} for shape in ("large-v3", "base")
    )
    assert f"took {large[both]:.0f} ms with large-v3" in page and f"and {base[both]:.0f} ms with base" in page
    assert f"at {large[together]:.0f} times real time" in page and f"at {base[together]:.0f} times with base" in page
    assert f"{rows['large-v3: memory of comparing 64']:.0f} GB" in page
    assert f"took {large[step]:.0f} and {base[step]:.0f} ms" in page
