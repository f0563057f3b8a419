"""The recordings looked at, dealt out and weighed: all that comes before anything is spent."""

from __future__ import annotations

import json
from pathlib import Path

from hyper.model.backbone import Backbone
from hyper.model.files import find_folder
from hyper.model.info import base_info, check_room
from hyper.recordings.manifest import TYPICAL
from hyper.recordings.whole_files import write_whole
from hyper.study.pair.estimate import Plan, make_plan, plan_text
from hyper.study.pair.judged import data_table, judge
from hyper.study.pair.listed import all_listed
from hyper.study.pair.options import PairOptions
from hyper.study.pair.parts import PARTS, parts_text, read_parts, split, write_parts
from hyper.study.provenance import claim
from hyper.study.steps import Steps
from hyper.training.adaptation.loop import AdaptationTraining
from hyper.training.begun_with import digest, in_few_words

SIMULATED_NOTE = "a SIMULATED patient is made of each speaker; no figure below is about a real patient"
NO_TYPICAL_NOTE = "there is no typical speech (--typical adds some), so whether adapting harms it will not be known"


def look(options: PairOptions, out: Path, steps: Steps) -> tuple[Backbone, Plan]:
    """Print the table of the recordings, their parts and the estimate; write them below `out`.

    Errors: PairError where too little is there, or the device has not enough room.
    """
    steps.once("data", f"look at {options.data}", lambda: _write_data(options, out))
    check_room(options.base, device=options.device)
    backbone = Backbone.load(options.base, device=options.device)
    steps.once("estimate", "measure on a few recordings", lambda: _write_plan(options, backbone, out))
    return backbone, Plan.load(out / "plan.json")


def training_settings(options: PairOptions) -> AdaptationTraining:
    """Of every run, but for its updates."""
    return AdaptationTraining(
        updates=1,
        batch_size=options.batch_size,
        accumulate=options.accumulate,
        validation_share=0.0,  # the parts say who is validated on
        language=options.language,
        seed=options.seed,
    )


def made_with(options: PairOptions) -> dict[str, object]:
    """What may not change where a run goes on: the options, and what lies at --data and --typical."""
    places = {"recordings": options.data, "typical recordings": options.typical}
    return options.made_with | {
        name: _mark(place, options.out) for name, place in places.items() if place is not None and place.exists()
    }


def _mark(place: Path, out: Path) -> str:
    """A digest of a manifest, or of the names and sizes in a folder that holds none; `out` may lie in it."""
    manifest = place / "manifest.csv" if place.is_dir() else place
    if manifest.is_file():
        return digest([manifest.read_bytes().hex()])
    place, out = place.absolute(), out.absolute()
    files = [file for file in sorted(place.rglob("[!.]*")) if file.is_file() and not file.is_relative_to(out)]
    return in_few_words([(str(file.relative_to(place)), file.stat().st_size) for file in files])


def _write_data(options: PairOptions, out: Path) -> str:
    """The parts as manifests, and each recording's length; returns the table.

    Only now, with recordings that can be used, is the folder theirs: a mistyped option does not hold it.
    """
    folder, now = out / "data", made_with(options)
    listed = all_listed(options, folder)
    window_seconds = base_info(find_folder(options.base)[0]).window_seconds
    judged = judge(listed.rows, window_seconds)
    has_typical = any(row.cohort == TYPICAL for row in judged.rows)
    note = SIMULATED_NOTE if options.simulate else "" if has_typical else NO_TYPICAL_NOTE
    told = data_table(listed, judged, note)
    try:
        parts = split(judged.rows, options.simulate, options.seed)
    except ValueError:
        print(told, flush=True)  # the table says why so few are left
        raise
    folder.mkdir(parents=True, exist_ok=True)
    lengths = {row.file: seconds for row, seconds in zip(judged.rows, judged.seconds, strict=True)}
    write_whole(folder / "seconds.json", json.dumps(lengths))
    write_parts(parts, folder)
    claim(out, now)
    return f"{told}\n{parts_text(parts, options.simulate)}"


def _write_plan(options: PairOptions, backbone: Backbone, out: Path) -> str:
    lengths = json.loads((out / "data" / "seconds.json").read_text())
    parts = read_parts(out / "data")
    plan = make_plan(backbone, {name: parts[name] for name in PARTS}, lengths, training_settings(options), options)
    plan.save(out / "plan.json")
    return plan_text(plan, backbone, options)
