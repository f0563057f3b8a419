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

from hyper.commands.experiment import NAMES

EXAMPLES = """\
examples:
  python -m hyper reproduce --sentences sentences.txt --people people.csv
  python -m hyper reproduce --quick --work runs/quick

Steps: speech, a first base, the base that goes on from it, simulated speech, hypernetwork, calibration, voice map,
scorecard, methods, nine experiments, results page. Each is a command of its own, printed with its time. A step that is
done is not done again; one that was stopped goes on.
`--quick` takes tiny sizes to try every part out: its numbers mean nothing. Everything lies below --work.
"""


class ReproduceError(ValueError):
    """A step failed; the message says which."""


@dataclass(frozen=True)
class Speech:
    """Typical speech that is made."""

    utterances: int
    speakers: int
    seed: int
    mix: tuple[float, ...]  # commands, open sentences, single words, phrases only for training

    def options(self, sentences: Path | None) -> tuple[str, ...]:
        """Of `make-speech`; without sentences the share of open ones goes to commands."""
        commands, open_share, *rest = self.mix
        mix = self.mix if sentences else (commands + open_share, 0.0, *rest)
        numbers = ("--utterances", self.utterances, "--speakers", self.speakers, "--seed", self.seed, "--mix", *mix)
        return (*map(_number, numbers), *(("--sentences", str(sentences)) if sentences else ()))


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    first: Speech  # for a first base
    first_hours: float
    base_options: tuple[str, ...]
    typical: Speech  # for the base that goes on from it
    base_hours: float
    simulated: int  # recordings
    patients: int  # that each speaker becomes
    people: int  # simulated recordings of real people, where their typical ones are given
    more: Speech  # typical recordings that the base did not see, for the hypernetwork
    hypernet_budget: tuple[str, ...]  # and its size
    validation: Speech  # for the confidences
    updates: int  # of each method and arm
    batch_size: int
    seeds: tuple[int, ...]
    test_share: float


FULL = Sizes(  # those of the bundled pair
    first=Speech(48_000, 800, 0, (0.5, 0.33, 0.17)), first_hours=0.8, base_options=(),
    typical=Speech(64_000, 1_200, 2, (0.45, 0.25, 0.12, 0.18)), base_hours=1.4, simulated=40_000, patients=4,
    people=5_000, more=Speech(8_000, 200, 1, (0.5, 0.2, 0.1, 0.2)),
    hypernet_budget=("--rank", "16", "--dropout", "0.2", "--updates", "1900"),
    validation=Speech(1_200, 120, 0, (1.0, 0.0)), updates=300, batch_size=64, seeds=(0, 1, 2), test_share=1.0,
)  # fmt: skip
QUICK = Sizes(
    first=Speech(200, 10, 0, (0.5, 0.33, 0.17)), first_hours=0.005, base_options=("--d-model", "64", "--layers", "2"),
    typical=Speech(400, 20, 2, (0.45, 0.25, 0.12, 0.18)), base_hours=0.01, simulated=160, patients=2, people=40,
    more=Speech(60, 6, 1, (0.5, 0.2, 0.1, 0.2)),
    hypernet_budget=("--rank", "2", "--updates", "10", "--batch-size", "8"),
    validation=Speech(60, 12, 0, (1.0, 0.0)), updates=3, batch_size=8, seeds=(0,), test_share=0.01,
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
    from hyper.study.methods.runs import claim

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
    real = (str(args.people),) if args.people else ()
    patients = ("--patients", str(sizes.patients), *_workers(args))
    simulate = ("--out", str(data / "atypical"), "--limit", str(sizes.simulated), "--seed", "1", *patients)
    train = (
        "--base",
        _base(args),
        "--targets",
        "decoder",
        "--generated",
        "coefficients",
        *sizes.hypernet_budget,
        "--run",
        str(args.work / "run-hypernet"),
    )
    first = ("--run", str(args.work / "first-run"), *sizes.base_options, "--out", str(args.work / "first-whisper"))
    then = ("--start", str(args.work / "first-whisper"), "--run", str(base), "--out", _base(args))
    made = [
        _speech(args, "first", sizes.first),
        _train_base(args, "first-base", "first", sizes.first_hours, first),
        _speech(args, "typical", sizes.typical),
        _train_base(args, "base", "typical", sizes.base_hours, then),
        Step("simulated", ("simulate", *_manifests(data, "typical"), *simulate)),
    ]
    if real:  # typical recordings of people, cut into pieces while the base was trained
        people = ("--out", str(data / "people"), "--limit", str(sizes.people), "--seed", "2", *patients)
        made.append(Step("simulated-people", ("simulate", str(base / "pieces" / "manifest.csv"), *people)))
    return [
        *made,
        _speech(args, "more", sizes.more),
        Step("hypernetwork", ("train", "--data", *_adapted_on(args), *train, "--out", _hypernet(args))),
        *_checked(args),
    ]


def _train_base(
    args: argparse.Namespace, name: str, speech: str, hours: float, options: tuple[str, ...]
) -> Step:  # fmt: skip
    real = (str(args.people),) if args.people else ()
    data = ("--data", *_manifests(args.work / "data", speech), *real)
    return Step(name, ("train-base", *data, "--hours", str(hours), *options, *_workers(args)))


def _checked(args: argparse.Namespace) -> list[Step]:
    """What stands beside the hypernetwork: calibrated confidences, and where voices lie."""
    data, pair = args.work / "data", ("--base", _base(args), "--hypernet", _hypernet(args))
    simulate = ("--out", str(data / "validation-atypical"), "--seed", "5", *_workers(args))
    both = _manifests(data, "validation", "validation-atypical")
    return [
        _speech(args, "validation", _sizes(args).validation, "--split", "validation"),
        Step("validation-simulated", ("simulate", *_manifests(data, "validation"), *simulate)),
        Step("calibrate", ("calibrate", *both, "--results", _out(args), *pair)),
        Step("voice-map", ("make-map", "--data", *_adapted_on(args), *pair)),
    ]


def _measured(args: argparse.Namespace) -> list[Step]:
    """Scorecard, methods, experiments, page."""
    sizes, test, pieces = _sizes(args), str(args.work / "data" / "test"), args.work / "data" / "people-test"
    held_out = ("--test-share", str(sizes.test_share), *_texts(args), *_workers(args), "--out", _out(args))
    align, people = [], ()
    if args.people_test:
        listener = ("--run", str(args.work / "base"), "--out", str(pieces), *_workers(args))
        align = [Step("people-test", ("align", str(args.people_test), *listener))]
        people = ("--people", str(args.people_test), "--people-aligned", str(pieces / "manifest.csv"))
    scorecard = ("--base", _base(args), "--hypernet", _hypernet(args), "--work", test, *people, *held_out)
    study = ("--base", _base(args), "--data", *_adapted_on(args), "--work", str(args.work / "methods"), "--test", test)
    study += ("--updates", str(sizes.updates), "--batch-size", str(sizes.batch_size))
    study += ("--seeds", *map(str, sizes.seeds), *held_out)
    return [
        *align,
        Step("scorecard", ("scorecard", *scorecard)),
        Step("methods", ("methods", *study)),
        *(Step(f"experiment-{name}", ("experiment", name, *study)) for name in NAMES),
        Step("results", ("results", "--out", _out(args))),
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


def _workers(args: argparse.Namespace) -> tuple[str, ...]:
    return ("--workers", str(args.workers))


def _out(args: argparse.Namespace) -> str:
    return str(args.out or args.work / "results")


def _speech(args: argparse.Namespace, name: str, speech: Speech, *split: str) -> Step:
    out = ("--out", str(args.work / "data" / name), *_workers(args))
    return Step(f"{name}-speech", ("make-speech", *split, *speech.options(args.sentences), *out))


def _number(value: object) -> str:
    """As a person writes it: a sum of shares is no endless fraction."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def run_step(step: Step, done: Path) -> None:
    """Run the command unless the folder says that it is done; print it with its time.

    Errors: ReproduceError where it ends with an error.
    """
    from hyper.recordings.whole_files import write_whole

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
