"""The pair on speakers that neither training nor any choice saw, and what its card says of that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyper.compare.evaluation import Evaluation, table
from hyper.compare.groups import pool
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.metrics.intervals import MIN_SPEAKERS
from hyper.metrics.percent import percent
from hyper.recordings.manifest import TYPICAL, ManifestRow
from hyper.study.cells import markdown_table, reduction_cell, wer_cell
from hyper.study.pair.options import PairError, PairOptions
from hyper.study.pair.strength import Rates, best_strength, helps
from hyper.study.provenance import write_json

TEST_FILE = "test.json"
SIMULATED_LIMIT = (
    "Every atypical recording is simulated: signal processing on typical speech. No patient was recorded, so nothing "
    "is known of how well it serves one. The test's patients are simulated in ways that training never heard."
)
FEW_LIMIT = f"The test has fewer than {MIN_SPEAKERS} {{}} speakers, so its figures have no interval and say little."


def score_test(asr: PersonalizedAsr, rows: Sequence[ManifestRow], language: str, results: Path) -> str:
    """Score, write every recording and group to test.json; returns the table, atypical and typical speech in front.

    Errors: PairError where nothing could be scored.
    """
    evaluation = score_manifest(asr, rows, language=language, progress=True)
    if not evaluation.groups:
        raise PairError(f"None of the {len(rows):,} test recordings could be scored; are their files still there?")
    kinds = kinds_of(evaluation)
    write_json(results / TEST_FILE, {"kinds": kinds, **evaluation.to_json()})
    return "\n".join([table(evaluation), *_kind_lines(kinds)])


def kinds_of(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """Group records of atypical and of typical speech, as far as there is any."""
    scored = [each for each in evaluation.utterances if each.base.errors is not None]
    kinds = {
        "atypical": [each for each in scored if each.recording.cohort != TYPICAL],
        TYPICAL: [each for each in scored if each.recording.cohort == TYPICAL],
    }
    return {name: pool("kind", name, members).to_json() for name, members in kinds.items() if members}


def _kind_lines(kinds: dict[str, dict[str, Any]]) -> list[str]:
    lines = []
    for name, group in kinds.items():
        rates = f"base {percent(group['base_wer'])}, adapted {percent(group['adapted_wer'])}"
        lines.append(f"{_titled(name, group)}: {rates}, errors removed {_removed(group)}")
    return lines


def _titled(name: str, group: dict[str, Any]) -> str:
    return f"{_simulated(group)}{name} speech"


def _simulated(group: dict[str, Any]) -> str:
    """What must stand in front of a group that holds simulated recordings."""
    if not group["n_simulated"]:
        return ""
    return "simulated " if group["n_simulated"] == group["n_utterances"] else "partly simulated "


def _removed(group: dict[str, Any]) -> str:
    """The relative reduction; "–" where the base makes no error."""
    return "–" if group["relative_reduction"] is None else reduction_cell(group)


@dataclass(frozen=True)
class Findings:
    """What was found on the way, as far as the card tells it."""

    rates: Rates  # of the validation speakers at each strength
    calibrated: str  # what came of calibrating: a sentence
    mapped: str  # what came of the map of voices


def measured_lines(results: Path, findings: Findings) -> list[str]:
    """The card's table of the test and the choices, in Markdown."""
    record = json.loads((results / TEST_FILE).read_text())
    groups = {name: _titled(name, group) for name, group in record["kinds"].items()}
    shown = [(groups[name], group) for name, group in record["kinds"].items()]
    shown += [
        (_simulated(group) + group["value"], group)
        for group in record["groups"]
        if group["by"] == "cohort" and group["value"] != TYPICAL
    ]
    cells = [
        (title, str(group["n_utterances"]), str(group["n_speakers"] or "–"), *_wers(group), _removed(group))
        for title, group in shown
    ]
    header = ("speech", "recordings", "speakers", "base WER", "adapted WER", "errors removed (95 % of speakers)")
    return [
        markdown_table(header, cells),
        "",
        _strength_line(findings.rates),
        "",
        f"- {findings.calibrated}",
        f"- {findings.mapped}",
    ]


def _strength_line(rates: Rates) -> str:
    """What strength 1 is, and that no strength helped where none did."""
    meaning = f"Strength 1 is {best_strength(rates):g} times the update that was trained"
    if helps(rates):
        return f"{meaning}: validation speakers were understood best so."
    return f"{meaning}. No strength that was tried helped validation speakers over the base; this one came nearest."


def _wers(group: dict[str, Any]) -> tuple[str, str]:
    """Base and adapted, each with its interval."""
    base, adapted = (
        wer_cell({"wer": group[f"{row}_wer"], "wer_interval": group[f"{row}_wer_interval"]})
        for row in ("base", "adapted")
    )
    return base, adapted


def limit_lines(results: Path, findings: Findings, options: PairOptions) -> list[str]:
    """What must not be expected of the pair, in plain sentences."""
    kinds = json.loads((results / TEST_FILE).read_text())["kinds"]
    atypical = kinds.get("atypical")
    lines = [SIMULATED_LIMIT] if options.simulate else []
    if atypical and atypical["n_simulated"] and not options.simulate:
        lines.append(
            f"{atypical['n_simulated']:,} of the {atypical['n_utterances']:,} atypical test recordings are simulated: "
            "they say nothing about patients."
        )
    if not helps(findings.rates):
        lines.append("On the validation speakers adapting made no fewer errors than the base at any strength.")
    if atypical and not _is_sure(atypical["relative_reduction_interval"]):
        lines.append(f"On {_titled('atypical', atypical)} it is not shown that adapting removes errors.")
    lines += [FEW_LIMIT.format(name) for name, group in kinds.items() if (group["n_speakers"] or 0) < MIN_SPEAKERS]
    if TYPICAL not in kinds:
        lines.append("No typical speech was tested, so it is not known whether adapting harms it.")
    elif kinds[TYPICAL]["adapted_wer"] > kinds[TYPICAL]["base_wer"]:
        lines.append("It makes more errors than the base in typical speech.")
    spoken = f"It was made for recordings like those that it was trained on, in the language {options.language!r}"
    return [*lines, f"{spoken}; one training seed."]


def _is_sure(reduction: Sequence[float] | None) -> bool:
    """Whether the interval of the errors removed lies above 0."""
    return reduction is not None and reduction[0] > 0
