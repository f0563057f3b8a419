"""`python -m hyper reproduce`: the whole study from nothing, step by step."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hyper.experiments.command import NAMES

EXAMPLES = """\
examples:
  python -m hyper reproduce --sentences sentences.txt --people people.csv
  python -m hyper reproduce --quick --work runs/quick

Steps: speech, base, simulated speech, hypernetwork, scorecard, methods, nine experiments, results page. Each is a
command of its own, printed with its time. A step that is done is not done again; one that was stopped goes on.
`--quick` takes tiny sizes to try every part out: its numbers mean nothing. Everything lies below --work.
"""


class ReproduceError(ValueError):
    """A step failed; the message says which."""


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    utterances: int  # typical, for the base
    speakers: int
    base_hours: float
    base_options: tuple[str, ...]
    simulated: int  # recordings
    patients: int  # that each speaker becomes
    people: int  # simulated recordings of real people, where their typical ones are given
    more: int  # typical recordings that the base did not see, for the hypernetwork
    more_speakers: int
    hypernet_budget: tuple[str, ...]
    updates: int  # of each method and arm
    batch_size: int
    seeds: tuple[int, ...]
    test_share: float


FULL = Sizes(
    utterances=48_000, speakers=800, base_hours=0.8, base_options=(), simulated=18_000, patients=4, people=3_000,
    more=6_000, more_speakers=200, hypernet_budget=("--minutes", "9"), updates=2_000, batch_size=64, seeds=(0, 1, 2),
    test_share=1.0,
)  # fmt: skip
QUICK = Sizes(
    utterances=400, speakers=20, base_hours=0.01, base_options=("--d-model", "64", "--layers", "2"), simulated=160,
    patients=2, people=40, more=60, more_speakers=6, hypernet_budget=("--updates", "10", "--batch-size", "8"),
    updates=3, batch_size=8, seeds=(0,), test_share=0.01,
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One command of the study."""

    name: str
    arguments: tuple[str, ...]  # of python -m hyper


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper reproduce`."""
    add = parser.add_argument
    add("--work", type=Path, default=Path("runs/reproduce"), help="folder of everything (default: runs/reproduce)")
    add("--out", type=Path, help="folder for the results (default: results below --work)")
    add("--quick", action="store_true", help="tiny sizes, to try every part out in minutes")
    add("--sentences", type=Path, help="text file with open sentences; without it there are none")
    add("--people", type=Path, help="manifest of real typical recordings for training the base; left out if not given")
    add("--people-test", type=Path, metavar="MANIFEST", help="held-out real recordings for the scorecard")
    add("--workers", type=int, default=2, metavar="N", help="processes that make speech and features (default: 2)")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Every step in order.

    Errors: StudyError where the work folder holds a study that was begun with other arguments.
    """
    from hyper.methods.study import claim

    inputs = {name: str(getattr(args, name) or "none") for name in ("sentences", "people", "people_test", "out")}
    claim(args.work, {"quick": args.quick, **inputs})
    started = time.monotonic()
    for step in steps(args):
        run_step(step, args.work / "steps")
    print(f"the whole study is there; this run took {(time.monotonic() - started) / 60:.1f} min")
    return 0


def steps(args: argparse.Namespace) -> list[Step]:
    """The study as commands."""
    return [*_made(args), *_measured(args)]


def _made(args: argparse.Namespace) -> list[Step]:
    """Speech, the base, and the hypernetwork."""
    sizes, data, base = _sizes(args), args.work / "data", args.work / "base"
    workers, real = ("--workers", str(args.workers)), (str(args.people),) if args.people else ()
    patients = ("--patients", str(sizes.patients), *workers)
    train_base = ("--hours", str(sizes.base_hours), *sizes.base_options, "--run", str(base), *workers)
    simulate = ("--out", str(data / "atypical"), "--limit", str(sizes.simulated), "--seed", "1", *patients)
    train = ("--base", _base(args), *sizes.hypernet_budget, "--run", str(args.work / "run-hypernet"))
    made = [
        Step("speech", _speech(args, "typical", sizes.utterances, sizes.speakers, 0)),
        Step("base", ("train-base", "--data", *_manifests(data, "typical"), *real, *train_base, "--out", _base(args))),
        Step("simulated", ("simulate", *_manifests(data, "typical"), *simulate)),
    ]
    if real:  # typical recordings of people, cut into pieces while the base was trained
        people = ("--out", str(data / "people"), "--limit", str(sizes.people), "--seed", "2", *patients)
        made.append(Step("simulated-people", ("simulate", str(base / "pieces" / "manifest.csv"), *people)))
    return [
        *made,
        Step("more-speech", _speech(args, "more", sizes.more, sizes.more_speakers, 1)),
        Step("hypernetwork", ("train", "--data", *_adapted_on(args), *train, "--out", _hypernet(args))),
    ]


def _measured(args: argparse.Namespace) -> list[Step]:
    """Scorecard, methods, experiments, page."""
    sizes, test, out = _sizes(args), str(args.work / "data" / "test"), str(args.out or args.work / "results")
    held_out = ("--test-share", str(sizes.test_share), *_texts(args), "--workers", str(args.workers), "--out", out)
    people = ("--people", str(args.people_test)) if args.people_test else ()
    scorecard = ("--base", _base(args), "--hypernet", _hypernet(args), "--work", test, *people, *held_out)
    study = ("--base", _base(args), "--data", *_adapted_on(args), "--work", str(args.work / "methods"), "--test", test)
    study += ("--updates", str(sizes.updates), "--batch-size", str(sizes.batch_size))
    study += ("--seeds", *map(str, sizes.seeds), *held_out)
    return [
        Step("scorecard", ("scorecard", *scorecard)),
        Step("methods", ("methods", *study)),
        *(Step(f"experiment-{name}", ("experiment", name, *study)) for name in NAMES),
        Step("results", ("results", "--out", out)),
    ]


def _sizes(args: argparse.Namespace) -> Sizes:
    return QUICK if args.quick else FULL


def _base(args: argparse.Namespace) -> str:
    return str(args.work / "whisper")


def _hypernet(args: argparse.Namespace) -> str:
    return str(args.work / "hypernet")


def _texts(args: argparse.Namespace) -> tuple[str, ...]:
    return ("--sentences", str(args.sentences)) if args.sentences else ()


def _adapted_on(args: argparse.Namespace) -> tuple[str, ...]:
    """Manifests of what hypernetwork and arms are trained on."""
    return _manifests(args.work / "data", "atypical", *(["people"] if args.people else []), "more")


def _manifests(data: Path, *names: str) -> tuple[str, ...]:
    return tuple(str(data / name / "manifest.csv") for name in names)


def _speech(args: argparse.Namespace, name: str, n_utterances: int, n_speakers: int, seed: int) -> tuple[str, ...]:
    mix = ("0.5", "0.33", "0.17") if args.sentences else ("0.75", "0", "0.25")
    numbers = ("--utterances", str(n_utterances), "--speakers", str(n_speakers), "--seed", str(seed))
    out = ("--out", str(args.work / "data" / name), "--workers", str(args.workers))
    return ("make-speech", *numbers, "--mix", *mix, *_texts(args), *out)


def run_step(step: Step, done: Path) -> None:
    """Run the command unless the folder says that it is done; print it with its time.

    Errors: ReproduceError where it ends with an error.
    """
    from hyper.training.progress import write_whole

    command, file = "python -m hyper " + shlex.join(step.arguments), done / f"{step.name}.json"
    if file.exists() and (before := json.loads(file.read_text()))["command"] == command:
        print(f"[{step.name}] done before, in {before['seconds']:.0f} s", flush=True)
        return
    print(f"[{step.name}] {command}", flush=True)
    started = time.monotonic()
    code = subprocess.run([sys.executable, "-m", "hyper", *step.arguments]).returncode
    if code:
        raise ReproduceError(
            f"The step {step.name} ended with exit code {code}; what it said stands above. Put that right and give the "
            "same command again: it goes on from there."
        )
    seconds = time.monotonic() - started
    done.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"command": command, "seconds": seconds}))
    print(f"[{step.name}] {seconds:.0f} s", flush=True)
