"""`python -m hyper scorecard`: the bundled pair on every held-out set, as tables, JSON, bars and figures."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyper.commands.arguments import add_model_arguments, add_test_share, load_asr

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hyper.compare.evaluation import Evaluation
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.study.scorecard.sets import HeldOutSet

EXAMPLES = """\
examples:
  python -m hyper scorecard --sentences sentences.txt --people people/test.csv
  python -m hyper scorecard --base assets/whisper-mini --out runs/mine --before assets/results/scorecard.json

Test speech is made once in --work and reused; the seeds are fixed, so the same version makes the same recordings.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Arguments of `python -m hyper scorecard`."""
    add = parser.add_argument
    add("--work", type=Path, default=Path("data/test"), help="folder for the test speech (default: data/test)")
    add("--out", type=Path, default=Path("assets/results"), help="folder for the results (default: assets/results)")
    add("--sentences", type=Path, help="text file with open sentences; without it open sentences are left out")
    add("--people", type=Path, help="manifest of real recordings, reported by corpus; left out if not given")
    add(
        "--people-aligned",
        type=Path,
        metavar="MANIFEST",
        help="pieces that `align` made of held-out real recordings, simulated here; left out if not given",
    )
    add("--before", type=Path, metavar="FILE", help="an earlier scorecard.json to set the base's WER beside")
    add("--batch-size", type=int, default=32, metavar="N", help="recordings decoded together (default: 32)")
    add("--workers", type=int, default=2, metavar="N", help="processes that make speech (default: 2)")
    add_test_share(parser)
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: Namespace) -> int:
    """Make what test speech is missing, score every set; write scorecard.json, its page, bars.json and figures."""
    from hyper.compare.scoring import score_manifest
    from hyper.study.scorecard.bars import measure_bars
    from hyper.study.scorecard.earlier import ScorecardError, read_bars, read_scorecard, replace_bars
    from hyper.study.scorecard.markdown import scorecard_page
    from hyper.study.scorecard.sets import held_out_sets

    before = read_scorecard(args.before) if args.before else None
    bars_on_record = read_bars(args.out / "bars.json")
    asr = load_asr(args)
    if asr.hypernet is None:
        raise ScorecardError(f"{asr.base_model} has no hypernetwork to score; train one with `python -m hyper train`.")
    sets = held_out_sets(args)
    evaluations: dict[str, Evaluation] = {}
    for each in sets:
        print(f"{each.title}: {len(each.rows)} recordings", flush=True)
        evaluations[each.name] = score_manifest(asr, each.rows, batch_size=args.batch_size, progress=True)
    report = scorecard_record(asr, sets, evaluations)
    bars = measure_bars(evaluations, report["generated_share"])
    report["bars"] = [bar.to_json(report["command"]) for bar in bars]
    page = scorecard_page(report, bars, before)
    _write(args.out, report, page, replace_bars(bars_on_record, report["bars"]), before)
    print(page)
    return 0


def scorecard_record(
    asr: PersonalizedAsr, sets: list[HeldOutSet], evaluations: dict[str, Evaluation]
) -> dict[str, Any]:
    """scorecard.json, but for its bars."""
    return {
        "command": "python -m hyper " + shlex.join(sys.argv[1:]),
        "base_model": asr.base_model,
        "base_fingerprint": asr.backbone.fingerprint,
        "hypernetwork": asr.hypernetwork,
        "base_parameters": asr.backbone.n_parameters,
        "hypernetwork_parameters": asr.hypernet.n_trainable,
        "generated_parameters": asr.hypernet.n_generated,
        "generated_share": asr.hypernet.n_generated / asr.backbone.n_parameters,
        "sets": {each.name: _set_record(each, evaluations) for each in sets},
    }


def _set_record(each: HeldOutSet, evaluations: dict[str, Evaluation]) -> dict[str, Any]:
    from hyper.study.scorecard.invented_words import made_up_words
    from hyper.study.scorecard.sets import FAR_OFF, NO_SPEECH

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


def _write(out: Path, report: dict[str, Any], page: str, bars: list[Any], before: dict[str, Any] | None) -> None:
    """The files of the results folder, each there in whole or not at all."""
    from hyper.plots.scorecard import write_figures
    from hyper.recordings.whole_files import write_whole

    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "scorecard.json", json.dumps(report, indent=1, allow_nan=False) + "\n")
    write_whole(out / "scorecard.md", page)
    write_whole(out / "bars.json", json.dumps(bars, indent=1, allow_nan=False) + "\n")
    write_figures(report, before, out)
