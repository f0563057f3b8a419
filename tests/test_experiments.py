"""Every experiment in miniature: it runs, is not done twice, goes on after a kill, and says what its numbers say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hyper.__main__ import main
from hyper.commands.experiment import NAMES
from hyper.metrics.percent import percent
from hyper.model.backbone import Backbone
from hyper.recordings.manifest import ManifestRow, read_manifest
from hyper.simulate import COHORTS
from hyper.study.experiments import probes
from hyper.study.experiments.arms import STANDARD
from hyper.study.experiments.budget import arm_of, arms_of
from hyper.study.experiments.catalogue import EXPERIMENTS
from hyper.study.experiments.measure import write_experiment
from hyper.study.experiments.results_page import LONG_WARM_UP, OTHER_BASE, PAGE, answer, numbers_mark, results_page
from hyper.study.experiments.shared_factors import Plan
from hyper.study.experiments.transfer import TransferError
from hyper.study.experiments.workbench import OTHER_WAYS, Record, Workbench
from hyper.study.methods.method import Method, Workshop
from hyper.study.methods.runs import MAIN
from hyper.training.adaptation.loop import AdaptationTraining
from tests.patients import write_patients

TYPICAL = "typical-commands-known"
METHODS = {"base_fingerprint": "today"}
SCORECARD = METHODS | {"sets": {MAIN: {"groups": [{"by": "all", "base_wer": 0.125}]}}}
RESULTS = Path(__file__).parents[1] / "assets" / "results"


@pytest.fixture(scope="module", autouse=True)
def few_penalties() -> Iterator[None]:
    """Of the ridge's seventeen, which its own tests try."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "PENALTIES", np.logspace(-2, 6, 3))
        yield


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Training recordings, and those of every held-out set."""
    folder = tmp_path_factory.mktemp("patients")
    made = {"training": write_patients(folder / "training", 3, 1), MAIN: write_patients(folder / "main", 2, 2, COHORTS)}
    made["atypical-commands-unheard"] = write_patients(folder / "unheard", 1, 5, COHORTS)
    made[OTHER_WAYS] = write_patients(folder / "other-ways", 1, 6, COHORTS)
    made[TYPICAL] = write_patients(folder / "typical", 2, 3, ("typical",))
    return made | {f"ood-{name}": write_patients(folder / name, 2, 4, (name,)) for name in ("mixed", "dysphonia")}


def held_out(manifests: dict[str, Path]) -> dict[str, list[ManifestRow]]:
    return {name: read_manifest(path) for name, path in manifests.items() if name != "training"}


@pytest.fixture(scope="module")
def bench(backbone: Backbone, manifests: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    settings = AdaptationTraining(updates=2, batch_size=4, warm_up=1, validation_share=0.2)
    work = tmp_path_factory.mktemp("experiments")
    return Workbench(
        Workshop(backbone, read_manifest(manifests["training"]), (), work, settings), held_out(manifests), [0]
    )


def test_the_command_offers_every_experiment() -> None:
    assert tuple(EXPERIMENTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_experiment_runs_and_is_written(name: str, bench: Workbench, tmp_path: Path) -> None:
    experiment = EXPERIMENTS[name]
    own = bench.only(*experiment.sets)
    record = {"experiment": name, **experiment.run(own)}
    write_experiment(experiment, record, tmp_path)
    kept = json.loads((tmp_path / f"experiment-{name}.json").read_text())
    assert kept["arms"]["base"]["sets"][MAIN]["wer"] == pytest.approx(own.base.scores[MAIN][0].wer)
    assert (tmp_path / f"experiment-{name}.pdf").read_bytes().startswith(b"%PDF-")
    assert (tmp_path / f"experiment-{name}.png").stat().st_size > 5_000
    # All that is shown can be made again from the file alone.
    shown = experiment.tables(kept)
    assert shown == experiment.tables(record)
    for block in shown.split("\n\n"):  # every table has as many cells as columns
        assert len({line.count("|") for line in block.splitlines()}) == 1
    if name not in ("parameters", "knowledge", "strength"):  # whose tables are not of arms
        assert all(arm["title"] in shown for arm in kept["arms"].values())


@pytest.mark.parametrize("name", ["budget", "strength", "embedding"])
def test_what_is_done_is_not_done_again(name: str, bench: Workbench) -> None:
    own = bench.only(*EXPERIMENTS[name].sets)
    first = EXPERIMENTS[name].run(own)

    def written() -> dict[Path, int]:  # the trainer saves its state at the end of no updates, but scores nothing
        return {path: path.stat().st_mtime_ns for path in bench.workshop.folder.rglob("*.json")}

    before = written()
    again = EXPERIMENTS[name].run(own)
    assert written() == before
    assert json.dumps(again) == json.dumps(first)


def test_a_killed_run_goes_on(
    bench: Workbench, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the third arm is scored; then it goes on, and ends with the numbers of a run that was not killed."""
    whole = EXPERIMENTS["budget"].run(bench.only(MAIN, TYPICAL))
    workshop = replace(bench.workshop, folder=tmp_path)
    killed = Workbench(workshop, bench.only(MAIN, TYPICAL).sets, [0])
    score, calls = Method.transcribe, []

    def dies(*args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) == 5:  # two sets an arm
            raise KeyboardInterrupt
        return score(*args, **options)

    monkeypatch.setattr(Method, "transcribe", dies)
    with pytest.raises(KeyboardInterrupt):
        EXPERIMENTS["budget"].run(killed)
    done = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("seed0/*.json")}
    assert len(done) == 4
    assert json.dumps(_without_minutes(EXPERIMENTS["budget"].run(killed))) == json.dumps(_without_minutes(whole))
    assert {path: path.stat().st_mtime_ns for path in done} == done


def _without_minutes(record: Record) -> Record:
    return record | {"arms": {name: arm | {"training_minutes": 0} for name, arm in record["arms"].items()}}


def test_smaller_studies_stand_below_the_table_of_all_methods(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "methods.md").write_text("| a table |\n")
    earlier = METHODS | {"base_fingerprint": "earlier", "warm_up_share": 0.1}
    (tmp_path / "first" / "methods.json").write_text(json.dumps(earlier))
    page = results_page(tmp_path)
    own = "### The smallest first: mild stuttering alone\n\n| a table |\n\n## "
    assert own in page[page.index("## Every alternative on the same data") :]
    assert "### A LoRA for each enrolled speaker" not in page
    (tmp_path / "scorecard.json").write_text(json.dumps(SCORECARD))
    assert own.replace("\n\n## ", f"\n\n{OTHER_BASE}\n\n## ") in results_page(tmp_path)


def test_a_table_of_the_time_of_long_warm_ups_says_so(tmp_path: Path) -> None:
    file = tmp_path / "methods.json"
    for record, is_said in ((METHODS, True), (METHODS | {"warm_up_share": 0.1}, False)):
        file.write_text(json.dumps(record))
        said = LONG_WARM_UP.format(tables="Every alternative on the same data")
        assert (said in results_page(tmp_path)) is is_said


@pytest.mark.parametrize(("wer", "says"), [(0.25, "is 25.0 % here and 12.5 % in the scorecard above"), (0.125, "")])
def test_a_table_of_the_same_base_says_where_its_base_row_differs(tmp_path: Path, wer: float, says: str) -> None:
    methods = METHODS | {"methods": {"base": {"sets": {MAIN: {"wer": wer}}}}}
    for name, record in (("methods", methods), ("scorecard", SCORECARD)):
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    page = results_page(tmp_path)
    assert ("in the scorecard above" in page) is bool(says) and says in page and OTHER_BASE not in page


def test_what_failed_is_told_by_titles_and_in_percent(tmp_path: Path) -> None:
    name = "WER of lora-global minus the hypernetwork's, ood-dysphonia, at least the main set's"
    bars = [{"name": name, "value": -0.00474, "bar": ">= 0.04349", "met": False}]
    bars += [{"name": "base WER, fsdd", "value": None, "bar": "<= 0.25", "met": False}]
    (tmp_path / "bars.json").write_text(json.dumps(bars))
    page = results_page(tmp_path)
    told = "simulated dysphonia, a disorder not trained on, commands, new speakers, at least the main set's"
    assert f"| WER of one LoRA for all minus the hypernetwork's, {told} | -0.47 points | ≥ 4.35 points |" in page
    assert "| base WER, fsdd | – | ≤ 25.00 % |" in page


def test_the_set_up_is_that_of_what_was_measured(tmp_path: Path) -> None:
    shipped = RESULTS / "experiment-strength.json"
    record = json.loads(shipped.read_text()) | {
        "setup": "As it was then.",
        "would_change": "Nothing.",
        "question": "Why?",
    }
    (tmp_path / "experiment-strength.json").write_text(json.dumps(record))
    page = results_page(tmp_path)
    assert "**Question.** Why?" in page and "**Set-up.** As it was then. Trained on" in page
    assert "**What would change the answer.** Nothing." in page and EXPERIMENTS["strength"].setup not in page


def test_the_command_from_data_to_page(
    whisper_folder: Path, manifests: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    sets = held_out(manifests)
    monkeypatch.setattr(
        "hyper.study.methods.study.read_test_sets", lambda names, *_: {name: sets[name] for name in names}
    )
    arguments = ["experiment", "knowledge", "--base", whisper_folder, "--data", manifests["training"], "--seeds", "0"]
    arguments += ["--work", tmp_path / "work", "--out", tmp_path / "out", "--updates", "2", "--batch-size", "4"]
    assert main([*map(str, arguments)]) == 0
    record = json.loads((tmp_path / "out" / "experiment-knowledge.json").read_text())
    counts = {"recordings": 24, "simulated": 18, "speakers": 12}
    assert record["training"] == counts | {"cohorts": ["dysarthria", "parkinsons", "stuttering", "typical"]}
    assert record["base_fingerprint"] and record["seeds"] == [0] and record["updates"] == 2
    assert record["sets"][MAIN]["recordings"] == 12 and record["command"].startswith("python -m hyper ")
    page = (tmp_path / "out" / PAGE).read_text()
    shown = EXPERIMENTS["knowledge"].tables(record)
    assert shown in page and shown in capsys.readouterr().out
    assert "**Answer.** Nobody has written one yet" in page
    assert "![What the embedding knows](experiment-knowledge.png)" in page
    for file in ("experiment-knowledge.png", "experiment-knowledge.pdf", PAGE):
        (tmp_path / "out" / file).unlink()
    assert main(["results", "--out", str(tmp_path / "out")]) == 0  # from the record alone
    assert (tmp_path / "out" / "experiment-knowledge.pdf").is_file() and (tmp_path / "out" / PAGE).read_text() == page
    assert "Measured with another base" not in page
    scorecard = {"base_fingerprint": "other", "sets": {MAIN: {"groups": [{"by": "all", "base_wer": 2.5}]}}}
    (tmp_path / "out" / "scorecard.json").write_text(json.dumps(scorecard))
    assert "**Measured with another base than the scorecard above.**" in results_page(tmp_path / "out")
    (tmp_path / "out" / "scorecard.json").write_text(
        json.dumps(scorecard | {"base_fingerprint": record["base_fingerprint"]})
    )
    assert "The main test set was made anew" in results_page(tmp_path / "out")
    scorecard["sets"][MAIN]["groups"][0]["base_wer"] = record["arms"]["base"]["sets"][MAIN]["wer"]
    (tmp_path / "out" / "scorecard.json").write_text(
        json.dumps(scorecard | {"base_fingerprint": record["base_fingerprint"]})
    )
    assert "The main test set was made anew" not in results_page(tmp_path / "out")
    assert "Not measured yet: `python -m hyper experiment budget --data MANIFEST`." in page
    assert main([*map(str, arguments), "--batch-size", "2"]) == 1  # what is done there is of other settings
    said = capsys.readouterr().err
    assert "holds a study with batch_size 4, but 2 was asked for; choose another folder or delete" in said


def test_transfer_needs_every_cohort(bench: Workbench) -> None:
    rows = [row for row in bench.workshop.rows if row.cohort != "dysarthria"]
    with pytest.raises(TransferError, match=r"^The transfer experiment needs recordings of dysarthria to train on"):
        EXPERIMENTS["transfer"].run(replace(bench, workshop=replace(bench.workshop, rows=rows)))


# ---- answers are a person's, and of the numbers they stand below


@pytest.mark.parametrize("name", NAMES)
def test_each_answer_that_is_shipped_is_of_the_numbers_beside_it(name: str) -> None:
    record = json.loads((RESULTS / f"experiment-{name}.json").read_text())
    said = answer(name, record, RESULTS)
    seeds = {1: "with one training seed", 3: "with three training seeds"}[len(record["seeds"])]
    assert said.startswith(f"On simulated speech, {seeds}: ")
    assert said in (RESULTS / PAGE).read_text()


def test_an_answer_of_other_numbers_says_so(tmp_path: Path) -> None:
    record = {"arms": {"base": 1}, "findings": {}}
    missing = answer("budget", record, tmp_path)
    mark = f"<!-- {numbers_mark(record)} -->"
    assert missing == (f"Nobody has written one yet; it belongs into `answers/budget.md`, below a first line `{mark}`.")
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "budget.md").write_text(f"{mark}\nOn simulated speech: yes.\n")
    assert answer("budget", record, tmp_path) == "On simulated speech: yes."
    anew = record | {"arms": {"base": 2}}
    earlier = "**Measured anew since; what follows is of an earlier run.** On simulated speech: yes."
    assert answer("budget", anew, tmp_path) == earlier


def test_a_share_is_never_minus_zero() -> None:
    assert [percent(share, 0) for share in (-0.0001, -0.01, 0.123)] == ["0 %", "-1 %", "12 %"]


def test_learning_rates_are_tried_once_for_each_kind_of_plan() -> None:
    found = [Plan("coefficients", 9, 4), Plan("coefficients", 40, 4), Plan("both", 3, 4), Plan("both", 1, 4)]
    small, large, three, one = arms_of(found, 4)
    assert large.rate_of is None and small.rate_of is large  # whichever experiment or arm comes first
    assert one is STANDARD and three.rate_of is STANDARD


def test_plans_have_arms_of_their_own() -> None:
    assert arm_of(Plan("both", 1, 4), 4) is STANDARD
    one = arm_of(Plan("a", 1, 2), 4)
    assert one.title == "generated a, shared b, rank 1, the last 2 of 4 layers" and one.rate_of is None
