"""`python -m hyper reproduce`: the whole study from nothing, step by step."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
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
    more: int  # typical recordings that the base did not see, for the hypernetwork
    more_speakers: int
    hypernet_budget: tuple[str, ...]
    updates: int  # of each method and arm
    batch_size: int
    seeds: tuple[int, ...]
    test_share: float


FULL = Sizes(
    utterances=48_000, speakers=800, base_hours=0.8, base_options=(), simulated=18_000, patients=4, more=6_000,
    more_speakers=200, hypernet_budget=("--minutes", "9"), updates=2_000, batch_size=64, seeds=(0, 1, 2),
    test_share=1.0,
)  # fmt: skip
QUICK = Sizes(
    utterances=400, speakers=20, base_hours=0.01, base_options=("--d-model", "64", "--layers", "2"), simulated=160,
    patients=1, more=60, more_speakers=6, hypernet_budget=("--updates", "10", "--batch-size", "8"), updates=3,
    batch_size=8, seeds=(0,), test_share=0.01,
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
    """Every step in order."""
    started = time.monotonic()
    for step in steps(args):
        run_step(step, args.work / "steps")
    print(f"the whole study is there; this run took {(time.monotonic() - started) / 60:.1f} min")
    return 0


def steps(args: argparse.Namespace) -> list[Step]:
    """The study as commands."""
    sizes, work = QUICK if args.quick else FULL, args.work
    data, out = work / "data", args.out or work / "results"
    base, hypernet = str(work / "whisper"), str(work / "hypernet")
    texts = ("--sentences", str(args.sentences)) if args.sentences else ()
    workers = ("--workers", str(args.workers))
    people = (str(args.people),) if args.people else ()
    held_out = ("--test-share", str(sizes.test_share), *texts, *workers, "--out", str(out))
    study = ("--base", base, "--data", *_manifests(data, "atypical", "more"), "--work", str(work / "methods"))
    study += ("--test", str(data / "test"), "--updates", str(sizes.updates), "--batch-size", str(sizes.batch_size))
    study += ("--seeds", *map(str, sizes.seeds), *held_out)
    scorecard = ("--base", base, "--hypernet", hypernet, "--work", str(data / "test"), *held_out)
    scorecard += ("--people", str(args.people_test)) if args.people_test else ()
    return [
        Step("speech", _speech(data / "typical", sizes.utterances, sizes.speakers, 0, texts, workers)),
        Step("base", ("train-base", "--data", *_manifests(data, "typical"), *people, "--hours", str(sizes.base_hours),
                      *sizes.base_options, "--run", str(work / "base"), "--out", base, *workers)),
        Step("simulated", ("simulate", *_manifests(data, "typical"), "--out", str(data / "atypical"), "--patients",
                           str(sizes.patients), "--limit", str(sizes.simulated), "--seed", "1", *workers)),
        Step("more-speech", _speech(data / "more", sizes.more, sizes.more_speakers, 1, texts, workers)),
        Step("hypernetwork", ("train", "--base", base, "--data", *_manifests(data, "atypical", "more"),
                              *sizes.hypernet_budget, "--run", str(work / "run-hypernet"), "--out", hypernet)),
        Step("scorecard", ("scorecard", *scorecard)),
        Step("methods", ("methods", *study)),
        *(Step(f"experiment-{name}", ("experiment", name, *study)) for name in NAMES),
        Step("results", ("results", "--out", str(out))),
    ]  # fmt: skip


def _manifests(data: Path, *names: str) -> tuple[str, ...]:
    return tuple(str(data / name / "manifest.csv") for name in names)


def _speech(
    out: Path, n_utterances: int, n_speakers: int, seed: int, texts: Sequence[str], workers: Sequence[str]
) -> tuple[str, ...]:
    mix = ("0.5", "0.33", "0.17") if texts else ("0.75", "0", "0.25")
    numbers = ("--utterances", str(n_utterances), "--speakers", str(n_speakers), "--seed", str(seed))
    return ("make-speech", "--out", str(out), *numbers, "--mix", *mix, *texts, *workers)


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
