"""The whole study from nothing, each step a command of its own."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hyper.study.experiments.catalogue import EXPERIMENTS
from hyper.study.provenance import claim
from hyper.study.reproduce_sizes import FULL, QUICK, Sizes, Speech
from hyper.study.steps import Steps

# What these make is made anew where their step is: they refuse to write over a manifest.
_MAKERS = ("make-speech", "simulate", "distort")


class ReproduceError(ValueError):
    """A step failed; the message says which."""


@dataclass(frozen=True)
class Step:
    """One command of the study."""

    name: str
    arguments: tuple[str, ...]  # of python -m hyper

    @property
    def command(self) -> str:
        """What is done, as it is typed, without how many processes do it: that changes nothing of what comes of it."""
        words = list(self.arguments)
        if "--workers" in words:
            first = words.index("--workers")
            del words[first : first + 2]
        return "python -m hyper " + shlex.join(words)


def step(name: str, command: str, *arguments: object) -> Step:
    """A step from arguments of any kind; a sum of shares is written as a person would, not as an endless fraction."""
    return Step(name, (command, *(f"{each:g}" if isinstance(each, float) else str(each) for each in arguments)))


@dataclass(frozen=True)
class Reproduction:
    """What a study is made from, and where."""

    work: Path
    out: Path | None  # for the results; None is below the work folder
    quick: bool
    sentences: Path | None
    people: Path | None  # manifest of real typical recordings for training the base
    people_test: Path | None  # manifest of held-out real recordings
    teacher: str | None  # a Whisper whose encoder states of real speech the last base learns too
    workers: int

    @property
    def sizes(self) -> Sizes:
        """Tiny ones to try every part out, or `FULL`."""
        return QUICK if self.quick else FULL

    @property
    def results(self) -> Path:
        """Folder of the results."""
        return self.out or self.work / "results"

    def manifests(self, *names: str) -> tuple[Path, ...]:
        """Of speech that an earlier step made."""
        return tuple(self.work / "data" / name / "manifest.csv" for name in names)

    @cached_property
    def adapted_on(self) -> tuple[Path, ...]:
        """Manifests of what the first hypernetwork and the arms are trained on."""
        if not self.people:
            return self.manifests("atypical", "chain", "more")
        return (*self.manifests("atypical", "chain", "people", "people-chain", "more"), self.pieces)

    @property
    def pieces(self) -> Path:
        """Typical recordings of people, cut into pieces while the last base was trained."""
        return self.work / "base" / "pieces" / "manifest.csv"

    @cached_property
    def pair(self) -> tuple[object, ...]:
        """Options that name base and hypernetwork."""
        return ("--base", self.work / "whisper", "--hypernet", self.work / "hypernet")

    @property
    def work_with(self) -> tuple[object, ...]:
        """Options of every command that shares its work among processes."""
        return ("--workers", self.workers)

    def speech(self, name: str, speech: Speech, *split: str) -> Step:
        """Make typical speech; without a list of sentences the share of open ones goes to commands."""
        commands, open_share, *rest = speech.mix
        mix = speech.mix if self.sentences else (commands + open_share, 0.0, *rest)
        numbers = ("--utterances", speech.utterances, "--speakers", speech.speakers, "--seed", speech.seed)
        texts = ("--sentences", self.sentences) if self.sentences else ()
        out = ("--out", self.work / "data" / name, *self.work_with)
        return step(f"{name}-speech", "make-speech", *split, *numbers, "--mix", *mix, *texts, *out)

    def simulated(self, name: str, spoken: Path, ways: str, limit: int, seed: int) -> Step:
        """Make patients of the speakers of a manifest."""
        out = ("--out", self.work / "data" / name, "--ways", ways, "--limit", limit, "--seed", seed)
        return step(f"simulated-{name}", "simulate", spoken, *out, "--patients", self.sizes.patients, *self.work_with)

    def distorted(self, name: str, manifests: Sequence[Path], limit: int, seed: int) -> Step:
        """Let recordings be heard through other rooms and microphones."""
        out = ("--out", self.work / "data" / name, "--limit", limit, "--seed", seed, *self.work_with)
        return step(f"distorted-{name}", "distort", *manifests, *out)

    def train_base(self, name: str, speech: str, hours: float, *options: object) -> Step:
        """Train a base on made speech, and on recordings of people where there are any."""
        people = (self.people,) if self.people else ()
        data = ("--data", *self.manifests(speech), *people)
        return step(name, "train-base", *data, "--hours", str(hours), *options, *self.work_with)

    def go_on(self, name: str, start: str, data: Sequence[Path], budget: Sequence[str]) -> Step:
        """Train on from an earlier hypernetwork."""
        begin = ("--start", self.work / f"{start}hypernet", "--run", self.work / f"run-{name}hypernet")
        form, out = ("--targets", "encoder", "decoder"), ("--out", self.work / f"{name}hypernet")
        return step(f"{name}hypernetwork", "train", *self.pair[:2], *begin, "--data", *data, *form, *budget, *out)


def steps(study: Reproduction) -> list[Step]:
    """The study as commands."""
    return [*_made(study), *_gone_on(study), *_checked(study), *_measured(study)]


def _made(study: Reproduction) -> list[Step]:
    """Speech, the base, and a first hypernetwork."""
    sizes, work = study.sizes, study.work
    first = ("--run", work / "first-run", *sizes.base_options, "--out", work / "first-whisper")
    second = ("--start", work / "first-whisper", "--run", work / "second-run", "--out", work / "second-whisper")
    teacher = ("--teacher", study.teacher) if study.teacher else ()
    last = ("--start", work / "second-whisper", "--run", work / "base", "--out", work / "whisper", *teacher)
    last += ("--real-share", "0.6")
    (spoken,) = study.manifests("taught")
    made = [
        study.speech("first", sizes.first),
        study.train_base("first-base", "first", sizes.first_hours, *first),
        study.speech("typical", sizes.typical),
        study.train_base("second-base", "typical", sizes.base_hours, *second),
        study.speech("taught", sizes.taught),
        study.train_base("base", "taught", sizes.taught_hours, *last),
        study.simulated("atypical", spoken, "train", sizes.simulated, 1),
        study.simulated("chain", spoken, "chain", sizes.chained, 21),
    ]
    if study.people:
        made.append(study.simulated("people", study.pieces, "train", sizes.people, 2))
        made.append(study.simulated("people-chain", study.pieces, "chain", sizes.people_chained, 22))
    shipped = ("--targets", "encoder", "decoder", "--generated", "coefficients", *sizes.hypernet_budget)
    folders = ("--run", work / "run-first-hypernet", "--out", work / "first-hypernet")
    train = ("--data", *study.adapted_on, *study.pair[:2], *shipped, *folders)
    return [*made, study.speech("more", sizes.more), step("first-hypernetwork", "train", *train)]


_Patients = dict[str, tuple[Path, tuple[str, int, int]]]  # of whose recordings; ways, recordings and seed


def _patients(study: Reproduction) -> _Patients:
    """Of the second training, by the names of their sets."""
    (spoken,) = study.manifests("spoken")
    sources = [(spoken, each) for each in study.sizes.spoken_on]
    sources += [(study.people, each) for each in study.sizes.people_on if study.people]
    return {f"on-{i}": source for i, source in enumerate(sources, start=1)}


def _far(study: Reproduction) -> dict[str, tuple[Sequence[Path], int]]:
    """What the third training hears through other microphones: recordings and how many, by the names of the sets."""
    n_people, n_spoken, n_patients = study.sizes.far
    far: dict[str, tuple[Sequence[Path], int]] = {"far-people": ((study.people,), n_people)} if study.people else {}
    patients = study.manifests(*_patients(study))
    return far | {"far-spoken": (study.manifests("spoken"), n_spoken), "far-atypical": (patients, n_patients)}


def _new_patients(study: Reproduction) -> tuple[_Patients, _Patients]:
    """Of the fourth and of the last training, by the names of their sets."""
    others = _patients_of(study, "last", "spoken", study.sizes.last, (51, 61))
    return others, _patients_of(study, "fresh", "fresh", study.sizes.fresh_on, (402, 401))


def _patients_of(study: Reproduction, name: str, speech: str, n: Sequence[int], seeds: Sequence[int]) -> _Patients:
    (spoken,) = study.manifests(speech)
    people: _Patients = {f"{name}-people": (study.people, ("train", n[0], seeds[0]))} if study.people else {}
    return people | {f"{name}-spoken": (spoken, ("train", n[1], seeds[1]))}


def _heard(study: Reproduction) -> tuple[tuple[Path, ...], ...]:
    """What the trainings from the second on hear; all but the last go on with what the one before heard."""
    people = (study.people,) if study.people else ()
    second = (*study.manifests(*_patients(study), "more-on"), *people)
    third = (*second, *study.manifests(*_far(study)))
    others, fresh = _new_patients(study)
    fourth = (*third, *study.manifests(*others, "last-far"))
    return second, third, fourth, (*study.manifests(*fresh, "fresh", "fresh-far"), *people)


def _gone_on(study: Reproduction) -> list[Step]:
    """The hypernetwork goes on: with other recordings, through other microphones, with other patients, twice."""
    sizes, (others, fresh), (second, third, fourth, last) = study.sizes, _new_patients(study), _heard(study)
    people = (study.people,) if study.people else ()
    return [
        study.speech("spoken", sizes.spoken),
        study.speech("more-on", sizes.more_on),
        *(study.simulated(name, own, *how) for name, (own, how) in _patients(study).items()),
        study.go_on("second-", "first-", second, sizes.on_budget),
        *(study.distorted(name, *how, seed=i) for i, (name, how) in enumerate(_far(study).items(), start=1)),
        study.go_on("third-", "second-", third, sizes.far_budget),
        *(study.simulated(name, own, *how) for name, (own, how) in others.items()),
        study.distorted("last-far", study.manifests(*others), sizes.last[2], 7),
        study.go_on("fourth-", "third-", fourth, sizes.last_budget),
        study.speech("fresh", sizes.fresh),
        *(study.simulated(name, own, *how) for name, (own, how) in fresh.items()),
        study.distorted("fresh-far", (*study.manifests(*fresh, "fresh"), *people), sizes.fresh_on[2], 11),
        study.go_on("", "fourth-", last, sizes.fresh_budget),
    ]


def _checked(study: Reproduction) -> list[Step]:
    """What stands beside the hypernetwork: calibrated confidences, and where voices lie."""
    out = study.work / "data" / "validation-atypical"
    simulated = ("--out", out, "--ways", "train", "--seed", 105, *study.work_with)
    both = study.manifests("validation", "validation-atypical")
    heard = study.manifests("validation-far")
    *_, fourth, last = _heard(study)
    taught = dict.fromkeys([*study.adapted_on, *fourth, *last])  # by the first training and the four that go on
    return [
        study.speech("validation", study.sizes.validation, "--split", "validation"),
        step("validation-simulated", "simulate", *study.manifests("validation"), *simulated),
        study.distorted("validation-far", both, study.sizes.validation.utterances, 4),
        step("calibrate", "calibrate", *both, *heard, "--results", study.results, *study.pair),
        step("voice-map", "make-map", "--data", *taught, *study.pair),
    ]


def _measured(study: Reproduction) -> list[Step]:
    """Scorecard, methods, experiments, page."""
    sizes, work, test = study.sizes, study.work, study.work / "data" / "test"
    texts = ("--sentences", study.sentences) if study.sentences else ()
    held_out = ("--test-share", str(sizes.test_share), *texts, *study.work_with, "--out", study.results)
    people = ("--people", study.people_test) if study.people_test else ()
    arms = (*study.pair[:2], "--data", *study.adapted_on, "--work", work / "methods", "--test", test)
    arms += ("--updates", sizes.updates, "--batch-size", sizes.batch_size, "--seeds", *sizes.seeds, *held_out)
    return [
        step("scorecard", "scorecard", *study.pair, "--work", test, *people, *held_out),
        step("methods", "methods", *arms),
        *(step(f"experiment-{name}", "experiment", name, *arms) for name in EXPERIMENTS),
        step("results", "results", "--out", study.results),
    ]


def reproduce(study: Reproduction) -> float:
    """Every step in order; returns the minutes that this run took.

    Errors: StudyError where the work folder holds a study that was begun with other arguments, ReproduceError where a
    named file is not there.
    """
    for file in (study.sentences, study.people, study.people_test):
        if file and not file.is_file():
            raise ReproduceError(f"There is no file at {file}; please check its name and folder.")
    inputs = {
        name: str(getattr(study, name) or "none") for name in ("sentences", "people", "people_test", "teacher", "out")
    }
    claim(study.work, {"quick": study.quick, **inputs})
    started = time.monotonic()
    done = Steps(study.work / "steps")
    for each in steps(study):
        run_step(each, done)
    return (time.monotonic() - started) / 60


def run_step(one: Step, done: Steps) -> None:
    """Run the command unless the folder says that it is done.

    Errors: ReproduceError where it ends with an error.
    """

    def run() -> str:
        _without_manifest(one)
        if code := subprocess.run([sys.executable, "-m", "hyper", *one.arguments]).returncode:
            raise ReproduceError(
                f"The step {one.name} ended with exit code {code}; what it said stands above. Put that right and give "
                "the same command again: it goes on from there."
            )
        return ""

    done.once(one.name, one.command, run)


def _without_manifest(one: Step) -> None:
    """Delete the manifest that this study wrote when it did the step before."""
    command, *arguments = one.arguments
    if command in _MAKERS:
        (Path(arguments[arguments.index("--out") + 1]) / "manifest.csv").unlink(missing_ok=True)
