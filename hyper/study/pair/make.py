"""The pair made, step by step; what is done is not done again."""

from __future__ import annotations

import shlex
import tempfile
from functools import partial
from pathlib import Path

from hyper.compare.calibration import CalibrationError
from hyper.compare.make_map import make_map
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.voice_map import MAP_FILE, MapError
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import load_hypernet, save_hypernet
from hyper.model.hypernet import at_strength
from hyper.model.info import gigabytes, peak_bytes
from hyper.recordings.manifest import ManifestRow, source_speaker
from hyper.recordings.whole_files import write_whole
from hyper.study.calibrate import calibrate_pair
from hyper.study.methods.method import Method, Workshop, for_updates
from hyper.study.pair.candidates import (
    CANDIDATES,
    FINAL,
    best,
    fit,
    log_of,
    named,
    trained,
    trial_updates,
    tried,
)
from hyper.study.pair.estimate import Plan, minutes
from hyper.study.pair.look import look, made_with, training_settings
from hyper.study.pair.measured import Findings, limit_lines, measured_lines, score_test
from hyper.study.pair.options import PairOptions
from hyper.study.pair.parts import read_parts, with_patients
from hyper.study.pair.patients import make_patients, simulated_rows
from hyper.study.pair.strength import best_strength, load_rates, rates_text, save_rates, validation_rates
from hyper.study.provenance import check_claim
from hyper.study.steps import Steps
from hyper.training.adaptation.memory import return_freed_tensors
from hyper.training.model_card import hypernet_card

_BATCH = 16  # recordings decoded together
_FREE = ("data", "estimate")  # steps that the estimate does not count


def make_pair(options: PairOptions) -> str:
    """Look, deal out, estimate; then train, choose, check, describe. Returns the line that starts the app on the pair.

    A dry run ends before anything is spent, and leaves nothing. Errors: PairError, or those of the steps.
    """
    return_freed_tensors()
    if options.dry_run:
        with tempfile.TemporaryDirectory(prefix="hyper-pair-") as folder:
            look(options, Path(folder), Steps(Path(folder) / "steps"))
        return "this was a dry run: nothing was trained, and nothing is left of it"
    check_claim(options.out, made_with(options))
    steps = Steps(options.done)
    backbone, plan = look(options, options.out, steps)
    parts = _all_parts(options, steps)
    rows = [*parts["train"], *parts["validation"]]
    held = frozenset(source_speaker(row) for row in parts["validation"])
    workshop = Workshop(backbone, rows, (), options.work, training_settings(options), held)
    chosen = _train(workshop, plan, options, parts["validation"], steps)
    findings = _check(backbone, parts, options, steps)
    steps.once("card", "describe the pair", lambda: _write_card(workshop, plan, chosen, parts, findings, options))
    return _ending(backbone, plan, options, steps)


def _all_parts(options: PairOptions, steps: Steps) -> dict[str, list[ManifestRow]]:
    """The parts, each with the simulated patients that its speakers became where that is wanted."""
    folder = options.out / "data"
    parts = read_parts(folder)
    if not options.simulate:
        return parts
    make = partial(make_patients, parts, folder, options.seed, options.workers)
    steps.once("simulated", "make simulated patients", make)
    return with_patients(parts, simulated_rows(folder))


def _train(workshop: Workshop, plan: Plan, options: PairOptions, validation: list[ManifestRow], steps: Steps) -> Method:
    """Try every candidate, train the best, write it at the strength that is best for the validation speakers."""
    n_tried = trial_updates(plan.updates)
    for candidate in CANDIDATES:
        work = partial(tried, workshop, candidate, n_tried)
        steps.once(f"trial-{candidate.name}", f"try: {candidate.title}", work)
    chosen = named(steps.once("choose", "choose by the loss on validation speakers", partial(best, workshop, n_tried)))
    steps.once("train", f"train: {chosen.title}", partial(fit, workshop, chosen, plan.updates, FINAL))

    def write() -> str:
        asr = trained(workshop, chosen, plan.updates)
        assert asr.hypernet is not None
        rates = validation_rates(asr, validation, options.language)
        save_rates(rates, options.results / "strength.json")
        save_hypernet(at_strength(asr.hypernet, best_strength(rates)), options.hypernet)
        return rates_text(rates)

    steps.once("strength", "choose the strength on validation speakers", write)
    return chosen


def _check(backbone: Backbone, parts: dict[str, list[ManifestRow]], options: PairOptions, steps: Steps) -> Findings:
    """Calibrate, map the voices, score on the test speakers."""
    network = load_hypernet(options.hypernet, backbone)
    asr = PersonalizedAsr(backbone, network, options.hypernet.name, options.hypernet)
    calibrate = partial(_calibrate, asr, parts["validation"], options)
    calibrated = steps.once("calibrate", "calibrate on validation speakers", calibrate)
    mapped = steps.once("map", "map the training speakers' voices", partial(_map, asr, parts["train"]))
    score = partial(score_test, asr, parts["test"], options.language, options.results)
    steps.once("score", "score on the test speakers", score)
    return Findings(load_rates(options.results / "strength.json"), calibrated.splitlines()[0], mapped)


def _calibrate(asr: PersonalizedAsr, rows: list[ManifestRow], options: PairOptions) -> str:
    """What came of it; a pair without a calibration is a pair all the same."""
    try:
        return calibrate_pair(asr, rows, options.results, _BATCH, options.language)
    except CalibrationError as error:
        return f"not calibrated: {error}"


def _map(asr: PersonalizedAsr, rows: list[ManifestRow]) -> str:
    """What came of it; so is one without a map."""
    try:
        voice_map, n_unreadable = make_map(asr, rows)
    except MapError as error:
        return f"no map of voices: {error}"
    assert asr.hypernet_folder is not None
    voice_map.save(asr.hypernet_folder / MAP_FILE)
    left_out = f"; {n_unreadable:,} recordings could not be used" if n_unreadable else ""
    return f"map of voices: {len(voice_map.points):,} training speakers{left_out}"


def _write_card(
    workshop: Workshop,
    plan: Plan,
    chosen: Method,
    parts: dict[str, list[ManifestRow]],
    findings: Findings,
    options: PairOptions,
) -> str:
    """The hypernetwork's card."""
    card = hypernet_card(
        workshop.backbone,
        load_hypernet(options.hypernet, workshop.backbone),
        for_updates(workshop.settings, plan.updates),
        parts["train"],
        log_of(workshop, chosen),
        measured=measured_lines(options.results, findings),
        limits=limit_lines(options.results, findings, options),
    )
    write_whole(options.hypernet / "README.md", card)
    return f"wrote {options.hypernet / 'README.md'}"


def _ending(backbone: Backbone, plan: Plan, options: PairOptions, steps: Steps) -> str:
    """What it took beside what was expected, what may be deleted, and how the app is started on it."""
    took = sum(seconds for name, seconds in steps.seconds().items() if name not in _FREE)
    memory = f"{gigabytes(peak_bytes(backbone.device))} of memory at the most in this start"
    simulated = " Its patients are simulated." if options.simulate else ""
    start = shlex.join(["python", "app.py", "--base", options.base, "--hypernet", str(options.hypernet)])
    return (
        f"it took {minutes(took)}, {minutes(plan.total)} were expected; {memory}, {gigabytes(plan.peak_bytes)} were "
        f"expected\n{options.work} may be deleted: the pair does not need it.{simulated} Start the app on it:\n{start}"
    )
