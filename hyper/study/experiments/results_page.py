"""RESULTS.md: protocol, scorecard, methods, experiments, what failed, threats; from the files that exist."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyper.metrics.percent import percent
from hyper.plots.style import save_figure
from hyper.recordings.whole_files import write_whole
from hyper.study.cells import markdown_table
from hyper.study.experiments.catalogue import EXPERIMENTS
from hyper.study.experiments.workbench import Experiment, Record, rates_of_arm
from hyper.study.methods.runs import MAIN
from hyper.study.methods.specs import METHODS
from hyper.study.scaling import NAME as SCALING
from hyper.study.scaling import draw_scaling
from hyper.study.scorecard.markdown import SIGN_MARKS
from hyper.study.scorecard.sets import TEST_SETS

PAGE = "RESULTS.md"
ALL_METHODS = "Every alternative on the same data"
SMALLER_STUDIES = {  # folders beside the table of all methods, each with one of its own
    "first": "The smallest first: mild stuttering alone",
    "enrolled": "A LoRA for each enrolled speaker",
}

WHAT_CHANGED = "../../docs/bundled.md"  # from assets/results
OTHER_BASE = "**Measured with another base than the scorecard above.**"
OTHER_BARS = "[tiny.en.md](tiny.en.md) and [scale.md](../../docs/scale.md)"
BAR_DIGITS = 2  # some bars are tenths of a percent
LONG_WARM_UP = (
    "**Measured when each run warmed up for 100 updates, however short it was** ({tables}). The trials that chose the "
    "learning rates ended before that, and so did the LoRA of each cohort: rates may have been chosen too high, and "
    "the LoRA for each cohort had less than the others. Shorter runs now warm up in a tenth of their updates."
)
FRAME = Path(__file__).with_suffix(".md")  # what the page says whatever was measured


class ResultsError(ValueError):
    """The page cannot be made; the message says what is missing."""


def draw_results(out: Path) -> Path:
    """Draw the figures of the experiments that were measured, write the page; returns its path.

    Errors: ResultsError where there is no such folder.
    """
    if not out.is_dir():
        raise ResultsError(f"There is no folder {out}; name the --out folder of the commands that measured.")
    for experiment in EXPERIMENTS.values():
        file = out / f"experiment-{experiment.name}.json"
        if file.exists():
            save_figure(experiment.figure(json.loads(file.read_text())), file.with_suffix(""))
    if (out / f"{SCALING}.json").exists():
        draw_scaling(out)
    return write_page(out)


def write_page(out: Path) -> Path:
    """Put the page together from what is in the folder; returns its path."""
    write_whole(out / PAGE, results_page(out))
    return out / PAGE


def results_page(out: Path) -> str:
    """The page as Markdown; what was not measured is said, with the command that measures it."""
    experiments = [_section(experiment, out) for experiment in EXPERIMENTS.values()]
    measured = "\n\n".join([_scorecard(out), _methods(out), *experiments, _failed(out)])
    return FRAME.read_text(encoding="utf-8").replace("{measured}", measured)


def _scorecard(out: Path) -> str:
    lines = ["## Scorecard of the pair", _text(out / "scorecard.md", "python -m hyper scorecard")]
    lines += [
        _picture(out, name, title)
        for name, title in (("simulated-severity", "Simulated disorders by severity"), ("real-people", "Real people"))
    ]
    return "\n\n".join(line for line in lines if line)


def _methods(out: Path) -> str:
    text = _text(out / "methods.md", "python -m hyper methods --data MANIFEST")
    parts = [f"## {ALL_METHODS}\n\n{text}{_other_base(out)}"]
    for folder, title in SMALLER_STUDIES.items():
        file = out / folder / "methods.md"
        if file.exists():
            text = file.read_text(encoding="utf-8").strip()
            parts.append(f"### {title}\n\n{text}{_other_base(out, folder)}")
    return "\n\n".join([*parts, *_warm_up(out)])


def _warm_up(out: Path) -> list[str]:
    """A warning, where tables are of the time before short runs warmed up in a share of their updates."""
    files = {title: out / folder / "methods.json" for folder, title in {"": ALL_METHODS, **SMALLER_STUDIES}.items()}
    old = [
        title
        for title, file in files.items()
        if file.exists() and "warm_up_share" not in json.loads(file.read_text(encoding="utf-8"))
    ]
    return [LONG_WARM_UP.format(tables="; ".join(old))] if old else []


def _other_base(out: Path, folder: str = "") -> str:
    """A warning where the alternatives were trained for another base than the scorecard's, or it was rated anew."""
    files = [out / folder / "methods.json", out / "scorecard.json"]
    if not all(file.exists() for file in files):
        return ""
    methods, scorecard = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    if methods["base_fingerprint"] != scorecard["base_fingerprint"]:
        return f"\n\n{OTHER_BASE}"
    here, there = methods.get("methods", {}).get("base", {}).get("sets", {}).get(MAIN), _base_wer(scorecard)
    if here is None or there is None or math.isclose(here["wer"], there):
        return ""
    return (
        f"\n\nThe base's WER on the main test set is {percent(here['wer'])} here and {percent(there)} in the scorecard "
        f"above, which was measured at another time or on another device: [what was changed]({WHAT_CHANGED})."
    )


def _base_wer(scorecard: Record) -> float | None:
    """On the main test set."""
    groups = scorecard.get("sets", {}).get(MAIN, {}).get("groups", [])
    return next((group["base_wer"] for group in groups if group["by"] == "all"), None)


def _text(file: Path, command: str) -> str:
    return file.read_text(encoding="utf-8").strip() if file.exists() else f"Not measured yet: `{command}`."


def _picture(out: Path, name: str, title: str) -> str:
    return f"![{title}]({name}.png)" if (out / f"{name}.png").exists() else ""


def _section(experiment: Experiment, out: Path) -> str:
    """Question, set-up, figure, table, answer, and what would change it."""
    head = f"## {experiment.title}\n\n**Question.** {experiment.question}"
    file = out / f"experiment-{experiment.name}.json"
    if not file.exists():
        return f"{head}\n\nNot measured yet: `python -m hyper experiment {experiment.name} --data MANIFEST`."
    record = json.loads(file.read_text(encoding="utf-8"))
    setup, would_change = (record.get(name, getattr(experiment, name)) for name in ("setup", "would_change"))
    parts = [
        f"## {experiment.title}\n\n**Question.** {record.get('question', experiment.question)}",
        f"**Set-up.** {setup} {_measured_on(record)}",
        _picture(out, f"experiment-{experiment.name}", experiment.title),
        experiment.tables(record),
        f"**Answer.** {answer(experiment.name, record, out)}",
        f"**What would change the answer.** {would_change}",
        _provenance(record, out),
    ]
    return "\n\n".join(part for part in parts if part)


def answer(name: str, record: Record, out: Path) -> str:
    """What a person wrote of these numbers; where it is of others, that is said before it."""
    file, of_these = out / "answers" / f"{name}.md", f"<!-- {numbers_mark(record)} -->"
    if not file.exists():
        return f"Nobody has written one yet; it belongs into `answers/{name}.md`, below a first line `{of_these}`."
    first, text = file.read_text(encoding="utf-8").split("\n", 1)
    earlier = "" if first == of_these else "**Measured anew since; what follows is of an earlier run.** "
    return earlier + text.strip()


def numbers_mark(record: Record) -> str:
    """Tells a record's numbers from those of another run."""
    numbers = json.dumps([record["arms"], record["findings"]], sort_keys=True)
    return "numbers " + hashlib.sha256(numbers.encode()).hexdigest()[:16]


def _measured_on(record: Record) -> str:
    """Training and test recordings in numbers, with what of them is simulated."""
    training = record["training"]
    sets = [
        f"{each['title']} ({each['recordings']} recordings of {each['speakers']} speakers)"
        for each in record["sets"].values()
    ]
    return (
        f"Trained on {training['recordings']:,} recordings of {training['speakers']:,} speakers "
        f"({training['simulated']:,} simulated), {record['updates']} updates of {record['batch_size']}, seeds "
        f"{', '.join(map(str, record['seeds']))}; tested on {'; '.join(sets)}."
    )


def _provenance(record: Record, out: Path) -> str:
    """Base, command, and what the reader must know of both."""
    trial = "" if record["test_share"] == 1 else f" **A trial on {record['test_share']:g} of the test speakers.**"
    scorecard = out / "scorecard.json"
    if scorecard.exists():
        trial += _beside_scorecard(record, json.loads(scorecard.read_text()))
    return (
        f"Base `{record['base_model']}` (fingerprint `{record['base_fingerprint']}`). Measured by "
        f"`{record['command']}`.{trial}"
    )


def _beside_scorecard(record: Record, scorecard: Record) -> str:
    """Whether base and main test set are the scorecard's: made at another time, a set can be other recordings."""
    if scorecard["base_fingerprint"] != record["base_fingerprint"]:
        return f" {OTHER_BASE}"
    there = _base_wer(scorecard)
    here = rates_of_arm(record, "base")["wer"]
    if record["test_share"] < 1 or there is None or math.isclose(there, here):
        return ""
    return (
        f" The main test set was made anew, with the same speakers and sentences: on it the base's WER is "
        f"{percent(here)}, in the scorecard above {percent(there)}."
    )


def _failed(out: Path) -> str:
    """Every bar on record that is not met."""
    head = "## What failed"
    file = out / "bars.json"
    if not file.exists():
        commands = "`python -m hyper scorecard` and `python -m hyper methods`"
        return f"{head}\n\nNo bars are on record yet: {commands} write them."
    bars: Sequence[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    missed = [bar for bar in bars if not bar["met"]]
    if not missed:
        return f"{head}\n\nAll {len(bars)} bars on record are met."
    rows = [[_titled(bar["name"]), _bar_value(bar), _limit(bar)] for bar in missed]
    table = markdown_table(["bar", "value", "wanted"], rows)
    said = f"{len(missed)} of the {len(bars)} bars of scorecard and methods are missed; of others tell {OTHER_BARS}."
    return f"{head}\n\n{said}\n\n{table}"


def _bar_value(bar: Mapping[str, Any]) -> str:
    """In percent; a difference of two rates in points."""
    return _in_points(percent(bar["value"], BAR_DIGITS), bar["name"])


def _in_points(rate: str, name: str) -> str:
    return rate.replace(" %", " points") if " minus " in name else rate


def _titled(bar: str) -> str:
    """A bar's name with sets and methods as the tables call them."""
    titles = {each.name: each.title for each in (*TEST_SETS, *METHODS)}
    return re.sub(r"[a-z]+(-[a-z]+)+", lambda found: titles.get(found[0], found[0]), bar)


def _limit(bar: Mapping[str, Any]) -> str:
    """Such as "<= 0.25" as the scorecard writes it."""
    sign, limit = bar["bar"].split()
    return _in_points(f"{SIGN_MARKS[sign]} {percent(float(limit), BAR_DIGITS)}", bar["name"])
