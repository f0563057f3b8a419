"""The scorecard of a pair: every held-out set scored, as record, page, bars and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hyper.compare.evaluation import Evaluation
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.plots.scorecard import write_figures
from hyper.recordings.manifest import read_manifest
from hyper.recordings.whole_files import write_whole
from hyper.study.provenance import this_command, write_json
from hyper.study.scorecard.bars import measure_bars
from hyper.study.scorecard.earlier import ScorecardError, read_bars, read_scorecard, replace_bars
from hyper.study.scorecard.invented_words import made_up_words
from hyper.study.scorecard.markdown import made_up_table, scorecard_page
from hyper.study.scorecard.sets import FAR_OFF, NO_SPEECH, HeldOutSet, SetOptions, held_out_sets


def score_pair(asr: PersonalizedAsr, options: SetOptions, out: Path, earlier: Path | None, batch_size: int) -> str:
    """Make what test speech is missing, score every set, write the files of the results folder; returns the page."""
    before = read_scorecard(earlier) if earlier else None
    bars_on_record = read_bars(out / "bars.json")
    _check_adapts(asr)
    sets = held_out_sets(options)
    evaluations: dict[str, Evaluation] = {}
    for each in sets:
        print(f"{each.title}: {len(each.rows)} recordings", flush=True)
        evaluations[each.name] = score_manifest(asr, each.rows, batch_size=batch_size, progress=True)
    record = scorecard_record(asr, sets, evaluations)
    bars = measure_bars(evaluations, record["generated_share"])
    record["bars"] = [bar.to_json(record["command"]) for bar in bars]
    page = scorecard_page(record, bars, before)
    write_json(out / "scorecard.json", record)
    write_whole(out / "scorecard.md", page)
    write_json(out / "bars.json", replace_bars(bars_on_record, record["bars"]))
    write_figures(record, before, out)
    return page


def nobody_speaks(asr: PersonalizedAsr, manifest: Path, batch_size: int) -> str:
    """The table of words that any pair makes up of recordings without speech."""
    _check_adapts(asr)
    evaluation = score_manifest(asr, read_manifest(manifest), batch_size=batch_size, progress=True)
    return made_up_table([words.to_json() for words in made_up_words(evaluation.utterances)])


def _check_adapts(asr: PersonalizedAsr) -> None:
    if asr.hypernet is None:
        raise ScorecardError(f"{asr.base_model} has no hypernetwork to score; train one with `python -m hyper train`.")


def scorecard_record(
    asr: PersonalizedAsr, sets: list[HeldOutSet], evaluations: dict[str, Evaluation]
) -> dict[str, Any]:
    """scorecard.json, but for its bars."""
    assert asr.hypernet is not None and asr.fingerprints is not None
    return {
        "command": this_command(),
        "base_model": asr.base_model,
        "base_fingerprint": asr.backbone.fingerprint,
        "hypernetwork": asr.hypernetwork,
        "hypernetwork_fingerprint": asr.fingerprints[1],
        "base_parameters": asr.backbone.n_parameters,
        "hypernetwork_parameters": asr.hypernet.n_parameters,
        "generated_parameters": asr.hypernet.n_generated,
        "generated_share": asr.hypernet.n_generated / asr.backbone.n_parameters,
        "sets": {each.name: _set_record(each, evaluations) for each in sets},
    }


def _set_record(each: HeldOutSet, evaluations: dict[str, Evaluation]) -> dict[str, Any]:
    evaluation = evaluations[each.name]
    record = {
        "title": each.title,
        "failures": len(evaluation.failures),
        "groups": [group.to_json() for group in evaluation.groups if group.by != "speaker"],
        "cells": [group.to_json() for group in evaluation.cells],
    }
    if each.name == NO_SPEECH:
        far_off = evaluations[FAR_OFF].utterances if FAR_OFF in evaluations else ()
        record["made_up_words"] = [words.to_json() for words in made_up_words(evaluation.utterances, far_off)]
    return record
