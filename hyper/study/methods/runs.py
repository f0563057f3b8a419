"""Every method trained and scored on the same data; what is already in the work folder is not done again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.compare.pipeline import PersonalizedAsr
from hyper.recordings.manifest import TYPICAL, ManifestRow, read_manifest, source_speaker
from hyper.study.methods.held_out import transcribe
from hyper.study.methods.method import Method, Workshop
from hyper.study.methods.scores import Scores, scores_of
from hyper.study.scorecard.sets import TEST_SETS, TestSet, make_test_set, speech_set

if TYPE_CHECKING:
    from hyper.speech.make import SpeechSet

MAIN, TYPICAL_COMMANDS = "atypical-commands-known", "typical-commands-known"
SETS = (
    MAIN,
    "atypical-commands-unheard",
    "atypical-open-known",
    TYPICAL_COMMANDS,
    "ood-mixed",
    "ood-dysphonia",
    "held-out-commands-known",
    "held-out-commands-unheard",
)
ENROLLED_SETS = (MAIN,)  # for whose speakers further recordings are made
N_ENROLMENT = 5  # recordings of a speaker


@dataclass(frozen=True)
class Result:
    """One method on every set."""

    method: Method | None  # None for the base
    scores: dict[str, dict[int, Scores]]  # by set, then by seed
    n_trainable: int
    n_adapted: int  # numbers made for an utterance, or that differ from the base for all, speakers or cohorts
    n_shared: int  # of a hypernetwork's updates, the same for every utterance; 0 for other methods
    minutes: float  # of training, mean over the seeds, all keys together
    updates: int
    learning_rate: float


def read_test_sets(
    names: Sequence[str], work: Path, sentences: Path | None, n_workers: int, share: float = 1.0
) -> dict[str, list[ManifestRow]]:
    """Rows of each held-out set, in a fixed order; open sentences are left out where there is no list of them."""
    sets = {each.name: each for each in TEST_SETS}
    usable = [name for name in names if sentences or sets[name].domain != "open"]
    return {name: make_test_set(sets[name].smaller(share), work, sentences, n_workers) for name in usable}


def enrolment_set(test_set: TestSet) -> SpeechSet:
    """The same speakers with other sentences: a plan of the test set's own size would repeat its every sentence."""
    n_utterances = test_set.n_utterances + N_ENROLMENT * test_set.n_speakers
    return replace(speech_set(test_set), n_utterances=n_utterances)


def enrolment_rows(rows: Sequence[ManifestRow], test_set: TestSet, work: Path, n_workers: int) -> list[ManifestRow]:
    """Five further recordings of each simulated patient of a set: same voice, same profile, other sentences than
    those that the patient is tested on."""
    from hyper.simulate import COHORTS
    from hyper.speech.make import make_speech
    from hyper.speech.simulate_manifest import simulate_manifest

    spoken, simulated = work / f"{test_set.folder}-enrolment-spoken", work / f"{test_set.folder}-enrolment"
    if not (simulated / "manifest.csv").exists():
        more = enrolment_set(test_set)
        typical = make_speech(more, spoken, [], n_workers)
        simulate_manifest(typical, simulated, cohorts=COHORTS, seed=test_set.seed, n_workers=n_workers)
    tested = {(row.speaker, row.reference) for row in rows}
    names = {source_speaker(row): row.speaker for row in rows}  # each is one patient, who was once called otherwise
    enrolled: dict[str, list[ManifestRow]] = {}
    for row in read_manifest(simulated / "manifest.csv"):
        row = replace(row, speaker=names.get(source_speaker(row), row.speaker))
        own = enrolled.setdefault(row.speaker, [])
        if (row.speaker, row.reference) not in tested and len(own) < N_ENROLMENT:
            own.append(row)
    return [row for own in enrolled.values() for row in own]


def score_base(workshop: Workshop, sets: dict[str, list[ManifestRow]]) -> Result:
    """The base without any adaptation."""
    asr = PersonalizedAsr(workshop.backbone, None, None)
    scores = {}
    for name, rows in sets.items():
        file = workshop.folder / "base" / f"{name}.json"
        if not file.exists():
            scores_of(transcribe(asr, workshop.held_out, rows), rows, None).save(file)
        scores[name] = {0: Scores.load(file)}
    return Result(None, scores, 0, 0, 0, 0.0, 0, 0.0)


def run_method(
    workshop: Workshop, method: Method, seeds: Sequence[int], sets: dict[str, list[ManifestRow]], base: Result
) -> Result:
    """Train with every seed, score on every set."""
    names = [name for name in sets if name in ENROLLED_SETS or not method.enrols]
    keys = sorted({method.key(row) for name in names for row in sets[name]})
    scores: dict[str, dict[int, Scores]] = {name: {} for name in names}
    minutes, trained = [], {}
    for seed in seeds:
        print(f"{method.title}, seed {seed}", flush=True)
        trained = method.train(workshop, seed, keys)
        minutes.append(sum(each.minutes for each in trained.values()))
        for name in names:
            file = workshop.folder / method.name / f"seed{seed}" / f"{name}.json"
            if not file.exists():
                written = method.transcribe(workshop, trained, sets[name])
                scores_of(written, sets[name], base.scores[name][0]).save(file)
            scores[name][seed] = Scores.load(file)
    one = next(iter(trained.values()))
    hypernet = one.asr.hypernet
    return Result(
        method=method,
        scores=scores,
        n_trainable=one.n_trainable * len(trained),
        n_adapted=hypernet.n_generated if hypernet else one.n_trainable,
        n_shared=hypernet.n_shared if hypernet else 0,
        minutes=sum(minutes) / len(minutes),
        updates=sum(each.updates for each in trained.values()),
        learning_rate=one.learning_rate,
    )


def chosen_rows(rows: Sequence[ManifestRow], cohorts: Sequence[str], severities: Sequence[str]) -> list[ManifestRow]:
    """Typical speech, and atypical speech of these cohorts and severities (all where none is named)."""
    return [
        row
        for row in rows
        if row.cohort in ("", TYPICAL)
        or ((not cohorts or row.cohort in cohorts) and (not severities or row.severity in severities))
    ]
