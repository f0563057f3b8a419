"""`python -m hyper scorecard`: the bundled pair on every held-out set, as a table, JSON and bars."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.manifest import ManifestRow, read_manifest
from hyper.metrics import relative_reduction
from hyper.model_options import add_model_arguments, load_asr
from hyper.report import Evaluation, Group, percent

if TYPE_CHECKING:
    from hyper.speech.make import SpeechSet

MAX_GENERATED_SHARE = 0.001  # the paper's budget: 0.1 % of the base's parameters an utterance
MAX_TYPICAL_HARM = 0.005  # WER may rise by half a point on typical speech

EXAMPLES = """\
examples:
  python -m hyper scorecard --sentences sentences.txt --people people/test.csv
  python -m hyper scorecard --base assets/whisper-mini --out runs/mine

Test speech is made once in --work and reused; the seeds are fixed, so the same version makes the same recordings.
"""


@dataclass(frozen=True)
class TestSet:
    """One held-out set of synthetic speakers: typical as they are, or turned into simulated patients."""

    name: str
    title: str  # for the table
    population: str  # known: new speakers of voices that training uses; unheard: voices it never heard
    domain: str
    n_utterances: int
    n_speakers: int
    simulated: bool
    seed: int


# Speakers and sentences of split "test" are in no training set; each set draws its own by its seed.
_TITLES = {"known": "new speakers", "unheard": "voices never heard"}


def _test_set(kind: str, domain: str, population: str, n_utterances: int, n_speakers: int, seed: int) -> TestSet:
    word = {"command": "commands", "open": "open sentences"}[domain]
    prefix = "simulated atypical" if kind == "atypical" else "typical"
    return TestSet(
        name=f"{kind}-{word.split()[0]}-{population}",
        title=f"{prefix} {word}, {_TITLES[population]}",
        population=population,
        domain=domain,
        n_utterances=n_utterances,
        n_speakers=n_speakers,
        simulated=kind == "atypical",
        seed=seed,
    )


# Atypical sets: ten utterances a patient, as many patients in each of the nine cells of cohort and severity.
TEST_SETS = (
    _test_set("typical", "command", "known", 600, 60, 0),
    _test_set("typical", "command", "unheard", 600, 60, 1),
    _test_set("typical", "open", "known", 400, 40, 2),
    _test_set("typical", "open", "unheard", 400, 40, 3),
    _test_set("atypical", "command", "known", 1080, 108, 4),
    _test_set("atypical", "command", "unheard", 540, 54, 5),
    _test_set("atypical", "open", "known", 540, 54, 6),
    _test_set("atypical", "open", "unheard", 360, 36, 7),
)


class ScorecardError(ValueError):
    """The scorecard cannot be made; the message says what is missing."""


@dataclass(frozen=True)
class Bar:
    """One promise about the pair: a measured value and where it must lie."""

    name: str
    value: float
    limit: float
    at_most: bool  # whether the value must stay under the limit, or reach it

    @property
    def met(self) -> bool:
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def to_json(self, command: str) -> dict:
        """`{name, value, bar, met, command}`."""
        sign = "<=" if self.at_most else ">="
        return {
            "name": self.name,
            "value": round(self.value, 5),
            "bar": f"{sign} {self.limit}",
            "met": self.met,
            "command": command,
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper scorecard`."""
    add = parser.add_argument
    add("--work", type=Path, default=Path("data/test"), help="folder for the test speech (default: data/test)")
    add("--out", type=Path, default=Path("assets/results"), help="folder for the results (default: assets/results)")
    add("--sentences", type=Path, help="text file with open sentences; without it open sentences are left out")
    add("--people", type=Path, help="manifest of real recordings, reported by corpus; left out if not given")
    add("--batch-size", type=int, default=32, metavar="N", help="recordings decoded together (default: 32)")
    add("--workers", type=int, default=2, metavar="N", help="processes that make speech (default: 2)")
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Make what test speech is missing, score every set, write scorecard.json and scorecard.md, print the table."""
    from hyper.evaluate import score_manifest

    asr = load_asr(args)
    if asr.hypernet is None:
        raise ScorecardError(f"{asr.base_model} has no hypernetwork to score; train one with `python -m hyper train`.")
    sets = {test_set.name: test_set for test_set in TEST_SETS if test_set.domain != "open" or args.sentences}
    evaluations: dict[str, Evaluation] = {}
    for name, test_set in sets.items():
        rows = make_test_set(test_set, args.work, args.sentences, args.workers)
        print(f"{test_set.title}: {len(rows)} recordings", flush=True)
        evaluations[name] = score_manifest(asr, rows, batch_size=args.batch_size, progress=True)
    if args.people:
        people = [replace(row, domain="people") for row in read_manifest(args.people)]
        evaluations["people"] = score_manifest(asr, people, batch_size=args.batch_size, progress=True)
    command = "python -m hyper " + shlex.join(sys.argv[1:])
    share = asr.hypernet.n_generated / asr.backbone.n_parameters
    bars = measure_bars(evaluations, share)
    report = {
        "command": command,
        "base_model": asr.base_model,
        "base_fingerprint": asr.backbone.fingerprint,
        "hypernetwork": asr.hypernetwork,
        "base_parameters": asr.backbone.n_parameters,
        "hypernetwork_parameters": asr.hypernet.n_trainable,
        "generated_parameters": asr.hypernet.n_generated,
        "generated_share": share,
        "sets": {name: _set_json(sets.get(name), evaluation) for name, evaluation in evaluations.items()},
        "bars": [bar.to_json(command) for bar in bars],
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "scorecard.json").write_text(json.dumps(report, indent=1) + "\n")
    page = scorecard_page(evaluations, bars, command)
    (args.out / "scorecard.md").write_text(page)
    print(page)
    return 0


def make_test_set(test_set: TestSet, work: Path, sentences: Path | None, n_workers: int) -> list[ManifestRow]:
    """Speak the set, simulate it if it is atypical; what is already in `work` is reused."""
    from hyper.simulate import COHORTS
    from hyper.speech.make import make_speech
    from hyper.speech.simulate_manifest import simulate_manifest
    from hyper.speech.texts import read_open_sentences

    spoken, simulated = work / f"{test_set.name}-spoken", work / test_set.name
    folder = simulated if test_set.simulated else spoken
    if not (folder / "manifest.csv").exists():
        open_sentences = read_open_sentences(sentences) if sentences else []
        rows = make_speech(_speech_set(test_set), spoken, open_sentences, n_workers)
        if test_set.simulated:
            simulate_manifest(rows, simulated, 1, COHORTS, None, test_set.seed, n_workers)
    return read_manifest(folder / "manifest.csv")


def _speech_set(test_set: TestSet) -> SpeechSet:
    from hyper.speech.make import SpeechSet

    return SpeechSet(
        split="test",
        population=test_set.population,
        n_speakers=test_set.n_speakers,
        n_utterances=test_set.n_utterances,
        domains=((test_set.domain, 1.0),),
        seed=test_set.seed,
    )


def measure_bars(evaluations: dict[str, Evaluation], generated_share: float) -> list[Bar]:
    """The promises about commands: what the base hears, what adapting mends, what it must not break."""
    known, unheard = (_all(evaluations[f"typical-commands-{population}"]) for population in ("known", "unheard"))
    atypical = evaluations["atypical-commands-known"]
    bars = [
        Bar("base WER, typical commands, new speakers", known.base.wer, 0.03, True),
        Bar("base WER, typical commands, voices never heard", unheard.base.wer, 0.15, True),
        Bar("relative WER reduction, simulated atypical commands", _reduction(_all(atypical)), 0.5, False),
    ]
    for group in atypical.groups:
        if group.by == "cohort":
            name = f"relative WER reduction, simulated {group.value} commands"
            bars.append(Bar(name, _reduction(group), 0.3, False))
    bars.append(Bar("generated parameters an utterance, share of the base", generated_share, MAX_GENERATED_SHARE, True))
    for group, name in ((known, "new speakers"), (unheard, "voices never heard")):
        harm = group.adapted.wer - group.base.wer
        bars.append(Bar(f"rise of WER on typical commands, {name}", harm, MAX_TYPICAL_HARM, True))
    return bars


def _all(evaluation: Evaluation) -> Group:
    return evaluation.group("all", "all")


def _reduction(group: Group) -> float:
    reduction = relative_reduction(group.base, group.adapted)
    return float("-inf") if reduction is None else reduction


def _set_json(test_set: TestSet | None, evaluation: Evaluation) -> dict:
    title = test_set.title if test_set else "real people, as they are"
    groups = [group.to_json() for group in evaluation.groups if group.by != "speaker"]
    return {"title": title, "failures": len(evaluation.failures), "groups": groups}


def scorecard_page(evaluations: dict[str, Evaluation], bars: Sequence[Bar], command: str) -> str:
    """The tables in Markdown."""
    titles = {test_set.name: test_set.title for test_set in TEST_SETS}
    lines = [
        "| held-out set | utterances | base WER | adapted WER | relative reduction | base CER | adapted CER |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, evaluation in evaluations.items():
        if name == "people":
            for group in (g for g in evaluation.groups if g.by == "corpus"):
                lines.append(_line(f"real people as they are: {group.value}", group))
            continue
        lines.append(_line(f"**{titles[name]}**", _all(evaluation)))
        if name.startswith("atypical"):
            for group in (g for g in evaluation.groups if g.by in ("cohort", "severity")):
                lines.append(_line(f"· simulated {group.value}", group))
    lines += ["", "| bar | value | wanted | met |", "| --- | --- | --- | --- |"]
    for bar in bars:
        sign = "≤" if bar.at_most else "≥"
        lines.append(f"| {bar.name} | {bar.value:.2%} | {sign} {bar.limit:.2%} | {'yes' if bar.met else '**no**'} |")
    return "\n".join([*lines, "", f"Measured by `{command}`.", ""])


def _line(title: str, group: Group) -> str:
    base, adapted = group.base, group.adapted
    reduction = relative_reduction(base, adapted)
    rates = (base.wer, adapted.wer, reduction, base.cer, adapted.cer)
    cells = (title, str(group.n_utterances), *map(percent, rates))
    return "| " + " | ".join(cells) + " |"
