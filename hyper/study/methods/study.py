"""The study of all methods: what it is made from, and its results as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import torch

from hyper.model.backbone import Backbone
from hyper.recordings.manifest import TYPICAL, ManifestRow, read_manifest
from hyper.recordings.whole_files import write_whole
from hyper.study.methods.comparison_table import BEST, study_bars, study_page, study_record
from hyper.study.methods.method import WARM_UP_SHARE, Method, PerCohort, Workshop
from hyper.study.methods.runs import (
    MAIN,
    SETS,
    chosen_rows,
    enrolment_rows,
    read_test_sets,
    run_method,
    score_base,
)
from hyper.study.methods.specs import METHODS
from hyper.study.provenance import claim, this_command, write_json
from hyper.study.scorecard.earlier import read_bars, replace_bars
from hyper.study.scorecard.sets import TEST_SETS
from hyper.training.adaptation.loop import AdaptationTraining
from hyper.training.adaptation.losses import REFERENCES
from hyper.training.adaptation.train_hypernet import taught_rows
from hyper.training.begun_with import manifest_mark


class MethodsError(ValueError):
    """The study cannot be made; the message says what is missing."""


@dataclass(frozen=True)
class StudyOptions:
    """What every study of methods is made from: base, recordings, held-out sets, budget, folders."""

    base: str
    data: Sequence[Path]
    work: Path
    test: Path
    out: Path
    sentences: Path | None
    cohorts: Sequence[str]
    severities: Sequence[str]
    updates: int
    batch_size: int
    seeds: Sequence[int]
    workers: int
    device: str | None
    test_share: float
    lesson: str = REFERENCES  # what every method is taught
    warm_up: int = AdaptationTraining.warm_up  # updates
    score: Sequence[Path] = ()  # manifests of held-out recordings in place of the sets that are made
    beside: str = BEST  # the method that the others are set beside


def open_study(
    options: StudyOptions, set_names: Sequence[str], enrols: bool = False
) -> tuple[Workshop, dict[str, list[ManifestRow]]]:
    """Base and recordings, and the held-out sets, made if missing; `enrols` adds recordings of the test speakers.

    Errors: StudyError where the work folder holds a study with other settings; TrainingDataError where a recording to
    train on has no reference; MethodsError where nothing is of a cohort or severity that is named.
    """
    taught, scored = taught_rows(options.data, options.lesson), named_sets(options.score)
    check_chosen(taught, scored, options)
    rows = chosen_rows(taught, options.cohorts, options.severities)
    # In full: the rivals train the base's own weights, and in half precision would be worse off than a hypernetwork.
    backbone = Backbone.load(options.base, device=options.device, dtype=torch.float32)
    made_with = {"base": backbone.fingerprint, "recordings": len(rows), "data": [str(path) for path in options.data]}
    made_with |= {name: getattr(options, name) for name in ("updates", "batch_size", "cohorts", "severities", "lesson")}
    claim(options.work, made_with | {"test_share": options.test_share})
    held_out = scored or read_test_sets(set_names, options.test, options.sentences, options.workers, options.test_share)
    sets = {name: chosen_rows(own, options.cohorts, options.severities) for name, own in held_out.items()}
    for name, own in sets.items():  # what was scored is kept under the set's name
        claim(options.work / "held-out" / name, {"recordings": manifest_mark(own)})
    enrolment: Sequence[ManifestRow] = ()
    if enrols:
        main_set = next(each for each in TEST_SETS if each.name == MAIN).smaller(options.test_share)
        enrolment = enrolment_rows(sets[MAIN], main_set, options.test, options.workers)
    settings = AdaptationTraining(updates=options.updates, batch_size=options.batch_size, warm_up=options.warm_up)
    workshop = Workshop(backbone, rows, enrolment, options.work, settings, lesson=options.lesson)
    return workshop, {name: own for name, own in sets.items() if own}


def check_chosen(
    taught: Sequence[ManifestRow], scored: Mapping[str, Sequence[ManifestRow]], options: StudyOptions
) -> None:
    """Every cohort and severity that is named is trained on, and any is tested; asked before anything is heard.

    Errors: MethodsError where it is not.
    """
    from hyper.simulate import COHORTS, SEVERITIES

    named = {*options.cohorts, *options.severities}
    heard = {(row.cohort or TYPICAL, row.severity) for row in taught}
    if lost := named - _found(heard, options):
        raise MethodsError(_none_is_of(lost, "to train on", heard))
    tested = {(row.cohort or TYPICAL, row.severity) for own in scored.values() for row in own}
    tested = tested or {(cohort, severity) for cohort in COHORTS for severity in SEVERITIES}  # of the main set
    if named and not _found(tested, options) and TYPICAL not in {cohort for cohort, _ in tested}:
        raise MethodsError(_none_is_of(named, "to score", tested))


def _found(kinds: Set[tuple[str, str]], options: StudyOptions) -> set[str]:
    """Cohorts and severities of those among these kinds of recordings that are asked for."""
    cohorts, severities = options.cohorts, options.severities
    asked = [(c, s) for c, s in kinds if (not cohorts or c in cohorts) and (not severities or s in severities)]
    return {name for kind in asked for name in kind}


def _none_is_of(lost: Set[str], what_for: str, kinds: Set[tuple[str, str]]) -> str:
    cohorts, severities = ({kind[i] for kind in kinds} - {""} for i in (0, 1))
    there = f"{', '.join(sorted(cohorts))}; severities: {', '.join(sorted(severities)) or 'none'}"
    return f"No recording {what_for} is of {' or '.join(sorted(lost))}; there are the cohorts {there}."


def named_sets(manifests: Sequence[Path]) -> dict[str, list[ManifestRow]]:
    """Rows of each manifest by its name, which is that of its folder where the file is only called `manifest.csv`.

    Rows without a reference are left out, and said: every word that is written for them would count as wrong.
    Errors: MethodsError where two have the same name, or no row of one has a reference.
    """
    sets: dict[str, list[ManifestRow]] = {}
    for file in manifests:
        name = file.absolute().parent.name if file.stem == "manifest" else file.stem
        if name in sets:
            raise MethodsError(
                f"Two manifests of held-out recordings are called {name}, the second is {file}; please rename one."
            )
        rows = read_manifest(file)
        sets[name] = [row for row in rows if row.reference]
        if not sets[name]:
            raise MethodsError(f"No recording of {file} has a reference, so none can be scored; add what was meant.")
        if n_without := len(rows) - len(sets[name]):
            print(f"{n_without} of {len(rows)} recordings of {file} have no reference and are not scored", flush=True)
    return sets


def check_cohorts(
    methods: Sequence[Method], rows: Sequence[ManifestRow], sets: Mapping[str, Sequence[ManifestRow]]
) -> None:
    """What has an adaptation for each cohort finds one that is both taught by the rows and scored on a set.

    Errors: MethodsError where it does not, before anything is trained.
    """
    taught = {row.cohort for row in rows} - {"", TYPICAL}
    scored = {row.cohort for own in sets.values() for row in own}
    by_cohort = [method.name for method in methods if isinstance(method, PerCohort)]
    if by_cohort and not taught & scored:
        heard, tested = (", ".join(sorted(each - {"", TYPICAL})) or "none" for each in (taught, scored))
        raise MethodsError(
            f"{', '.join(by_cohort)} adapts to each disorder by itself, but none is both trained on ({heard}) and "
            f"scored ({tested}); name --methods without it, or recordings of one disorder in both."
        )


def compare_methods(options: StudyOptions, names: Sequence[str] | None) -> str:
    """Train and score these methods, or all; write methods.json, methods.md and the bars; returns the page."""
    known = [each.name for each in METHODS]
    if unknown := sorted(set(names or ()) - set(known)):
        raise MethodsError(f"There is no method {', '.join(unknown)}; choose among {', '.join(known)}.")
    methods = [each for each in METHODS if each.name in (names or known)]
    if options.score and (enrolled := [each.name for each in methods if each.enrols]):
        raise MethodsError(
            f"{', '.join(enrolled)} is taught by further recordings of the speakers of the made sets; name --methods "
            "without it where --score names other recordings."
        )
    bars_on_record = read_bars(options.out / "bars.json")
    workshop, sets = open_study(options, SETS, enrols=any(method.enrols for method in methods))
    check_cohorts(methods, workshop.rows, sets)
    results = {"base": score_base(workshop, sets)}
    for method in methods:
        results[method.name] = run_method(workshop, method, options.seeds, sets, results["base"])
    command, backbone = this_command(), workshop.backbone
    record = study_record(results, sets, backbone.n_parameters, options.beside)
    made_with = {"command": command, "base_model": backbone.name, "base_fingerprint": backbone.fingerprint}
    record = {**made_with, "warm_up_share": WARM_UP_SHARE, "lesson": options.lesson, "beside": options.beside, **record}
    bars = [bar.to_json(command) for bar in study_bars(results, record)]
    titles = {name: name.replace("-", " ") for name in sets} | {each.name: each.title for each in TEST_SETS}
    page = study_page(record, titles) + f"\nMeasured by `{command}`.\n"
    write_json(options.out / "methods.json", record)
    write_whole(options.out / "methods.md", page)
    write_json(options.out / "bars.json", replace_bars(bars_on_record, bars))
    return page
