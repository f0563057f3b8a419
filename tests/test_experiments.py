"""Every experiment in miniature: it runs, is not done twice, goes on after a kill, and says what its numbers say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import hyper.study.methods.runs
from hyper.__main__ import main
from hyper.commands.experiment import NAMES, write_experiment
from hyper.model.backbone import Backbone
from hyper.recordings.manifest import ManifestRow, read_manifest
from hyper.simulate import COHORTS
from hyper.study.experiments.arms import STANDARD
from hyper.study.experiments.budget import arm_of, arms_of
from hyper.study.experiments.catalogue import EXPERIMENTS
from hyper.study.experiments.parameters import name_of
from hyper.study.experiments.prose import percent
from hyper.study.experiments.results_page import PAGE, results_page
from hyper.study.experiments.shared_factors import Plan
from hyper.study.experiments.transfer import TransferError
from hyper.study.experiments.workbench import Bench, Record
from hyper.study.methods.runs import MAIN
from hyper.study.methods.train_method import Workshop
from hyper.training.adaptation.loop import AdaptationTraining
from tests.patients import write_patients

TYPICAL = "typical-commands-known"


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Training recordings, and those of every held-out set."""
    folder = tmp_path_factory.mktemp("patients")
    made = {"training": write_patients(folder / "training", 3, 1), MAIN: write_patients(folder / "main", 2, 2, COHORTS)}
    made["atypical-commands-unheard"] = write_patients(folder / "unheard", 1, 5, COHORTS)
    made[TYPICAL] = write_patients(folder / "typical", 2, 3, ("typical",))
    return made | {f"ood-{name}": write_patients(folder / name, 2, 4, (name,)) for name in ("mixed", "dysphonia")}


def held_out(manifests: dict[str, Path]) -> dict[str, list[ManifestRow]]:
    return {name: read_manifest(path) for name, path in manifests.items() if name != "training"}


@pytest.fixture(scope="module")
def bench(backbone: Backbone, manifests: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    settings = AdaptationTraining(updates=2, batch_size=4, warm_up=1, validation_share=0.2)
    work = tmp_path_factory.mktemp("experiments")
    return Bench(Workshop(backbone, read_manifest(manifests["training"]), (), work, settings), held_out(manifests), [0])


def test_the_command_offers_every_experiment() -> None:
    assert tuple(EXPERIMENTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_experiment_runs_and_is_written(name: str, bench: Bench, tmp_path: Path) -> None:
    experiment = EXPERIMENTS[name]
    own = bench.only(*experiment.sets)
    record = {"experiment": name, **experiment.run(own)}
    write_experiment(experiment, record, tmp_path)
    kept = json.loads((tmp_path / f"experiment-{name}.json").read_text())
    assert kept["arms"]["base"]["sets"][MAIN]["wer"] == pytest.approx(own.base.scores[MAIN][0].wer)
    assert (tmp_path / f"experiment-{name}.pdf").read_bytes().startswith(b"%PDF-")
    assert (tmp_path / f"experiment-{name}.png").stat().st_size > 5_000
    # All that is shown can be made again from the file alone.
    assert experiment.answer(kept) == experiment.answer(record)
    assert experiment.table(kept) == experiment.table(record) and experiment.setup(kept)
    if name not in ("parameters", "knowledge", "strength"):  # whose tables are not of arms
        assert all(arm["title"] in experiment.table(kept) for arm in kept["arms"].values())


@pytest.mark.parametrize("name", ["budget", "strength", "embedding"])
def test_what_is_done_is_not_done_again(name: str, bench: Bench) -> None:
    own = bench.only(*EXPERIMENTS[name].sets)
    first = EXPERIMENTS[name].run(own)

    def written() -> dict[Path, int]:  # the trainer saves its state at the end of no updates, but scores nothing
        return {path: path.stat().st_mtime_ns for path in bench.workshop.folder.rglob("*.json")}

    before = written()
    again = EXPERIMENTS[name].run(own)
    assert written() == before
    assert json.dumps(again) == json.dumps(first)


def test_a_killed_run_goes_on(
    bench: Bench, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the third arm is scored; then it goes on, and ends with the numbers of a run that was not killed."""
    whole = EXPERIMENTS["budget"].run(bench.only(MAIN, TYPICAL))
    workshop = replace(bench.workshop, folder=tmp_path)
    killed = Bench(workshop, bench.only(MAIN, TYPICAL).sets, [0])
    score, calls = hyper.study.methods.runs.score_method, []

    def dies(*args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) == 5:  # two sets an arm
            raise KeyboardInterrupt
        return score(*args, **options)

    monkeypatch.setattr(hyper.study.methods.runs, "score_method", dies)
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
    page = results_page(tmp_path)
    own = "### The smallest first: mild stuttering alone\n\n| a table |\n\n## "
    assert own in page[page.index("## Every alternative on the same data") :]
    assert "### A LoRA for each enrolled speaker" not in page


def test_the_command_from_data_to_page(
    whisper_folder: Path, manifests: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    sets = held_out(manifests)
    monkeypatch.setattr(
        hyper.study.methods.runs, "read_test_sets", lambda names, *_: {name: sets[name] for name in names}
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
    answer = EXPERIMENTS["knowledge"].answer(record)
    assert answer in page and answer in capsys.readouterr().out
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
    assert "holds a study with batch_size 4, but 2 was asked for; choose another --work folder or delete" in said


def test_transfer_needs_every_cohort(bench: Bench) -> None:
    rows = [row for row in bench.workshop.rows if row.cohort != "dysarthria"]
    with pytest.raises(TransferError, match=r"^The transfer experiment needs recordings of dysarthria to train on"):
        EXPERIMENTS["transfer"].run(replace(bench, workshop=replace(bench.workshop, rows=rows)))


# ---- answers follow the numbers: the same record with opposite results


def rates(wer: float, reduction: float, half_width: float = 0.05) -> Record:
    return {
        "wer": wer,
        "wer_interval": [wer - half_width, wer + half_width],
        "relative_reduction": reduction,
        "relative_reduction_interval": [reduction - half_width, reduction + half_width],
        "loop_share": 0.0,
        "insertion_rate": wer / 2,
    }


def arm(title: str, wer: float, base: float = 0.4, n: int = 100) -> Record:
    return {
        "title": title, "adapted_parameters": n, "adapted_share": n / 1e6, "trainable_parameters": 10 * n, "updates": 5,
        "learning_rate": 1e-3, "sets": {MAIN: rates(wer, 1 - wer / base), TYPICAL: rates(0.02, 0.0)},
    }  # fmt: skip


def difference(value: float, half_width: float = 0.02) -> Record:
    return {
        "difference": value,
        "interval": [value - half_width, value + half_width],
        "clear_of_zero": value > half_width,
    }


BASE = arm("base, not adapted", 0.4, n=0)


def answer(name: str, arms: Record, findings: Record) -> str:
    return EXPERIMENTS[name].answer({"arms": {"base": BASE, **arms}, "findings": findings})


def test_the_answer_on_budgets() -> None:
    budgets = {"small": {"asked": 1e-4, "generated": "a"}, "large": {"asked": 1e-3, "generated": "both"}}
    arms = {"small": arm("small", 0.36, n=90), "large": arm("large", 0.1, n=900)}
    said = answer("budget", arms, {"budgets": budgets})
    assert "is halved with 0.0900 % of its parameters an utterance (large), which makes 75.0 % fewer errors" in said
    assert "The smallest budget, 90 numbers an utterance, still helps: it makes 10.0 % fewer errors" in said
    arms = {"small": arm("small", 0.44, n=90), "large": arm("large", 0.3, n=900)}
    said = answer("budget", arms, {"budgets": budgets})
    assert said.startswith("No budget up to 0.3 % of the base halves its WER of 40.0 % (95 % interval 35.0 to 45.0)")
    assert "the best, large, makes 25.0 % fewer errors" in said
    assert "does harm: it makes 10.0 % more errors than the base (95 % interval 5.0 to 15.0)" in said


def test_the_answer_on_generators() -> None:
    arms = {"hypernet-mlp": arm("MLP", 0.2)}
    clear = {"linear_minus_mlp": difference(0.1), "smallest_minus_standard": difference(-0.1)}
    said = answer("generators", arms, clear)
    assert said.startswith("The MLP is better than the linear generator: WER differs by 10.0 points")
    assert "A generator of 32 hidden numbers is better: -10.0 points" in said
    other = {"linear_minus_mlp": difference(-0.1), "smallest_minus_standard": difference(0.0)}
    said = answer("generators", arms, other)
    assert said.startswith("The linear generator is better than the MLP")
    assert "A generator of 32 hidden numbers cannot be told from it" in said


def test_a_share_is_never_minus_zero() -> None:
    assert [percent(share, 0) for share in (-0.0001, -0.01, 0.123)] == ["0 %", "-1 %", "12 %"]


def test_the_answer_on_strength() -> None:
    def findings(area: float) -> Record:
        sweep = {s: {"all": rates(wer, 1 - wer / 0.4)} for s, wer in (("0", 0.4), ("1", 0.2), ("1.5", 0.1))}
        signs = {"low confidence": {"auc": area, "interval": [area - 0.05, area + 0.05]}}
        return {"sweeps": {MAIN: sweep}, "chosen": 1.5, "harm": {"harmed_share": 0.1, "signs": signs}}

    said = answer("strength", {}, findings(0.8))
    assert said.startswith("Validation speakers choose strength 1.5; on the held-out set it gives a WER of 10.0 %")
    assert "strength 1 20.0 %" in said and "the base 40.0 %" in said
    as_trained = answer("strength", {}, findings(0.8) | {"chosen": 1.0})
    assert "choose strength 1;" in as_trained and "strength 1 20.0 %" not in as_trained
    assert (
        "Adapting makes 10.0 % of the recordings worse, and these are partly foreseen by low confidence, AUC 0.80"
        in said
    )
    assert "AUC 0.20 (95 % interval 0.15 to 0.25), the other way round" in answer("strength", {}, findings(0.2))
    assert "and no sign of the utterance foresees which (AUC of low confidence, 0.52" in answer(
        "strength", {}, findings(0.52)
    )


def test_the_answer_on_targets() -> None:
    def findings(arms: dict[str, str], mlp: float) -> Record:
        minus = {group: difference(0.2) for group in ("attention", "encoder-w1", "encoder", "everything")}
        return {"arms": arms, "minus_w1": {"mlp": difference(mlp), **minus}}

    groups = ("w1", "mlp", "attention", "encoder-w1", "encoder", "everything")
    names = {group: group for group in groups}
    worse = {group: arm(group, 0.4) for group in groups[1:]}
    both = {"equal_rank": findings(names, 0.1), "equal_budget": findings(names, 0.01)}
    said = answer("targets", {**worse, "w1": arm("w1", 0.2)}, both)
    assert "At equal rank W1 of the decoder is best with 50.0 % fewer errors than the base" in said
    assert "clearly ahead of MLP of the decoder (10.0 points" in said
    assert "but not clearly ahead of MLP of the decoder (1.0 points" in said
    both = {"equal_rank": findings(names, -0.1), "equal_budget": findings(names, -0.1)}
    said = answer("targets", {**worse, "w1": arm("w1", 0.3), "mlp": arm("mlp", 0.2)}, both)
    assert (
        "At equal rank MLP of the decoder is best with 50.0 % fewer errors" in said
        and "W1 of the decoder is" not in said
    )


def test_the_answer_on_transfer() -> None:
    def findings(across: float, wrong: float) -> Record:
        matrix = {
            "hypernet-stuttering": {"dysarthria": rates(0.4, across)},
            "hypernet-dysarthria": {"dysarthria": rates(0.2, 0.5)},
            "hypernet-mlp": {"dysarthria": rates(0.1, 0.75)},
        }
        new = {"mixed (new disorder)": difference(0.03)}
        return {"matrix": matrix, "wrong_cohort": {"all": difference(wrong)}, "new_disorders": new}

    said = answer("transfer", {}, findings(0.2, 0.1))
    assert "learned from simulated stuttering carries over to simulated dysarthria: 20.0 % fewer errors" in said
    assert "does better than that cohort's LoRA (WER of LoRA minus hypernetwork 10.0 points" in said
    assert "mixed 3.0 points" in said
    said = answer("transfer", {}, findings(-0.2, -0.1))
    assert (
        "does harm on simulated dysarthria: 20.0 % more errors" in said and "does worse than that cohort's LoRA" in said
    )
    said = answer("transfer", {}, findings(0.0, 0.0))
    assert "does not clearly carry over" in said and "cannot be told from that cohort's LoRA" in said


def test_the_answer_on_embeddings() -> None:
    def findings(verification: float, shuffled: float, alike: float = 0.0, part: float = 0.0) -> Record:
        minus = {"hypernet-verification": difference(verification), "hypernet-acoustics": difference(0.0)}
        minus["hypernet-mean"] = difference(part)
        given = {"another speaker's": difference(shuffled), "mean of 10 of the speaker's": difference(-0.05)}
        given["another speaker's of the same cohort and severity"] = difference(alike)
        return {"arm_minus_standard": minus, "given_minus_own": given}

    titles = {"hypernet-mean": {"title": "all layers, mean only"}}
    said = answer("embedding", titles, findings(0.1, 0.2, 0.1))
    assert "Whisper's own encoder is better than the speaker-verification embedding (10.0 points" in said
    assert "not clearly different from acoustic measures" in said
    assert "and no part of what it gives is clearly better than all of it. The weights are personal: with" in said
    assert "another speaker's embedding WER changes by 20.0 points" in said
    assert "with that of another speaker of the same cohort and severity by 10.0 points" in said
    assert "the mean over 10 utterances of the speaker gains (-5.0 points" in said
    said = answer("embedding", titles, findings(-0.1, 0.0, part=-0.1))
    assert "worse than the speaker-verification embedding" in said
    assert "a part of what it gives is better than all of it (all layers, mean only: -10.0 points" in said
    assert "It is not shown that the weights fit the recording" in said
    said = answer("embedding", titles, findings(0.0, 0.1, alike=0.0))
    assert "The weights fit the kind of speech, but it is not shown that they fit the person" in said


def test_the_answer_on_knowledge() -> None:
    def findings(cohort: float, f0: float) -> Record:
        probe = {"value": cohort, "interval": [cohort - 0.1, cohort + 0.1], "shuffled": 0.25}
        lost = {name: {"lost": v, "interval": [v - 0.1, v + 0.1]} for name, v in (("F0 mean", f0), ("HNR", 0.3))}
        importance = {"r2": 0.5, "interval": [0.4, 0.6], "lost": lost}
        return {"probes": {"cohort": probe}, "importance": importance}

    said = answer("knowledge", {}, findings(0.9, 0.6))
    assert "the embedding tells cohort (90 %, shuffled 25 %)." in said and "most is lost without F0 mean (60 %" in said
    said = answer("knowledge", {}, findings(0.3, 0.1))
    assert "tells nothing that the probes ask for" in said and "most is lost without HNR (30 %" in said


def test_the_answer_on_the_ceiling() -> None:
    names = {"hypernetwork": "own", "full": "full", "share": 0.9, "interval": [0.8, 1.0]}
    few = {"hypernetwork": "own-10", "full": "full-10", "share": None, "interval": None}
    arms = {"own": arm("o", 0.2), "full": arm("f", 0.1), "own-10": arm("o", 0.38), "full-10": arm("f", 0.08)}
    said = answer("ceiling", arms, {"by_patients": {"10": few, "50": names}})
    assert "With all 50 simulated patients the hypernetwork has 90 % (95 % interval 80 to 100)" in said
    assert "From 10 to 50 patients the hypernetwork improves (38.0 % to 20.0 %)" in said
    assert "the fully fine-tuned model does not improve (8.0 % to 10.0 %, within the intervals)" in said
    nothing = names | {"share": None, "interval": None}
    assert "gains nothing over the base" in answer("ceiling", arms, {"by_patients": {"10": few, "50": nothing}})


def test_the_answer_on_parameters() -> None:
    def findings(best: str, link: float) -> Record:
        picked = {"largest": "decoder.fc1", "best": best, "cost": difference(0.0 if best == "decoder.fc1" else 0.06)}
        return {
            "picked": {"full, hypernetwork": picked},
            "correlations": {"full, hypernetwork": {"value": link, "interval": [link - 0.2, link + 0.2]}},
            "arms": {"hypernetwork": {"decoder.fc1": "w1", "encoder.fc2": "w2"}},
        }

    arms = {"w1": arm("w1", 0.2), "w2": arm("w2", 0.1)}
    said = answer("parameters", arms, findings("decoder.fc1", 0.7))
    assert said.startswith("Full fine-tuning turns W1 of the decoder most, and adapting it alone gains most too")
    assert "the further a matrix turns, the more adapting it gains (rank correlation 0.70" in said
    said = answer("parameters", arms, findings("encoder.fc2", -0.7))
    assert "most, but adapting W2 of the encoder alone gains most, with 75.0 % fewer errors" in said
    assert "picking by the angle costs 6.0 points" in said and "the less adapting it gains" in said
    assert "does not clearly foretell" in answer("parameters", arms, findings("decoder.fc1", 0.1))


def test_learning_rates_are_tried_once_for_each_kind_of_plan() -> None:
    found = [Plan("coefficients", 9, 4), Plan("coefficients", 40, 4), Plan("both", 3, 4), Plan("both", 1, 4)]
    small, large, three, one = arms_of(found, 4)
    assert large.rate_of is None and small.rate_of is large  # whichever experiment or arm comes first
    assert one is STANDARD and three.rate_of is STANDARD


def test_matrices_have_names_that_are_read() -> None:
    names = {"decoder.fc1": "W1 of the decoder", "encoder.out_proj": "Wo of the encoder's self-attention"}
    names |= {"decoder.cross_q_proj": "Wq of the decoder's cross-attention"}
    assert {target: name_of(target) for target in names} == names


def test_plans_have_arms_of_their_own() -> None:
    assert arm_of(Plan("both", 1, 4), 4) is STANDARD
    one = arm_of(Plan("a", 1, 2), 4)
    assert one.title == "generated a, shared b, rank 1, the last 2 of 4 layers" and one.rate_of is None
