"""The alternatives: each starts at the base, trains only what it says, and its table adds up."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from hyper.__main__ import main
from hyper.model.backbone import Backbone
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import ManifestRow, read_manifest, write_manifest
from hyper.speech.make import plan
from hyper.study.methods.adaptations import AdaptationError, EncodingAdaptation, private_copy, put_in_lora
from hyper.study.methods.comparison_table import share_of_ceiling, study_bars, study_page, study_record, wer_difference
from hyper.study.methods.method import Method, PerCohort, Workshop
from hyper.study.methods.runs import (
    N_ENROLMENT,
    Result,
    chosen_rows,
    enrolment_rows,
    enrolment_set,
    run_method,
    score_base,
)
from hyper.study.methods.scores import Scores, over_seeds, scores_of
from hyper.study.methods.specs import METHODS, method_named
from hyper.study.methods.study import MethodsError, named_sets
from hyper.study.scorecard.sets import TEST_SETS, speech_set
from hyper.training.adaptation.loop import AdaptationTraining, DivergedError
from hyper.training.adaptation.losses import ReferenceLoss
from hyper.training.adaptation.states import StateStore
from hyper.training.adaptation.stores import LogMelStore
from hyper.training.progress import cosine

NAMES = [each.name for each in METHODS]


@pytest.fixture(scope="module")
def store(backbone: Backbone, spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> StateStore:
    return StateStore.build(backbone, read_manifest(spoken), tmp_path_factory.mktemp("methods") / "states")


def test_rivals_train_weights_in_full_precision(spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict] = []

    def load(base: str, **given: object) -> None:
        asked.append(given)
        raise FileNotFoundError(base)

    monkeypatch.setattr(Backbone, "load", load)
    assert main(["methods", "--base", "x", "--data", str(spoken), "--work", str(tmp_path), "--device", "cuda"]) == 1
    assert asked == [{"device": "cuda", "dtype": torch.float32}]


@pytest.mark.parametrize("name", NAMES)
def test_each_method_starts_as_the_base_and_leaves_it_alone(
    name: str, backbone: Backbone, spoken: Path, store: StateStore
) -> None:
    before = {key: value.clone() for key, value in backbone.model.state_dict().items()}
    batch = store.batch([1, 6])
    with torch.no_grad():
        base = float(ReferenceLoss(backbone, "en")(batch.states, batch.tokens))
    spec, private = method_named(name), private_copy(backbone)
    adaptation = spec.build(private, "en", 3)
    if spec.trains_encoder:
        rows = read_manifest(spoken)
        whole_window = backbone.log_mel([load_audio(rows[i].path) for i in (1, 6)])
        whole = backbone.encode(whole_window)[-1].clone()
        with torch.no_grad():
            base = float(ReferenceLoss(backbone, "en")(whole, batch.tokens))
            batch = replace(batch, states=whole_window)
    loss = adaptation(batch)
    assert float(loss.detach()) == pytest.approx(base, rel=1e-3)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(adaptation.parameters(), 1e9)
    torch.optim.SGD(adaptation.parameters(), 0.01 / float(norm)).step()
    with torch.no_grad():
        assert float(adaptation(batch)) < base  # one step down its own gradient
    for key, value in backbone.model.state_dict().items():
        assert torch.equal(value, before[key])  # the shared base is nobody's to change


@pytest.mark.parametrize(
    ("name", "trained", "untouched"),
    [
        ("lora-global", "lora_", "base_layer"),
        ("adapters", ".adapter.", "fc1"),
        ("decoder", "model.decoder.", "model.encoder."),
    ],
)
def test_only_what_a_method_names_has_a_gradient(name: str, trained: str, untouched: str, backbone: Backbone) -> None:
    private = private_copy(backbone)
    method_named(name).build(private, "en", 0)
    with_gradient = {key for key, p in private.model.named_parameters() if p.requires_grad}
    assert with_gradient and all(trained in key for key in with_gradient)
    assert not any(untouched in key for key in with_gradient)


def test_full_fine_tuning_reaches_the_encoder(backbone: Backbone, spoken: Path, store: StateStore) -> None:
    private = private_copy(backbone)
    adaptation = EncodingAdaptation(private, private.parameters(), "en")
    adaptation(LogMelStore(backbone, read_manifest(spoken), store).batch([1, 6])).backward()
    assert private.model.model.encoder.conv1.weight.grad.abs().max() > 0


def test_lora_is_what_merged_weights_say(backbone: Backbone, store: StateStore) -> None:
    private = private_copy(backbone)
    weights = put_in_lora(private, ["decoder.fc1"], 2, seed=0)
    with torch.no_grad():
        for parameter in weights.values():
            parameter.normal_(std=0.3)
    merged = private_copy(backbone)
    for i, layer in enumerate(merged.model.model.decoder.layers):
        a, b = (weights[f"model.decoder.layers.{i}.fc1.lora_{x}.default.weight"] for x in "AB")
        layer.fc1.weight.data += b @ a  # alpha = rank: scaling 1
    batch = store.batch([2, 5])
    with torch.no_grad():
        losses = [float(ReferenceLoss(each, "en")(batch.states, batch.tokens)) for each in (private, merged, backbone)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0] != pytest.approx(losses[2], rel=1e-3)


def test_without_peft_one_sentence_says_so(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(AdaptationError, match="The LoRA rivals need PEFT, which the app does not: pip install peft"):
        put_in_lora(private_copy(backbone), ["decoder.fc1"], 1, 0)


def test_residual_adapters_fit_the_budget_of_lora(backbone: Backbone) -> None:
    sizes = {
        name: sum(p.numel() for p in method_named(name).build(private_copy(backbone), "en", 0).parameters())
        for name in ("adapters", "lora-global")
    }
    assert sizes["lora-global"] == 2 * 5 * 32  # 2 layers of rank 1, d to 4 d
    assert sizes["adapters"] == 2 * 4 * 32


ROWS = [
    ManifestRow(f"{i}.wav", Path(f"{i}.wav"), "a b", f"s{i}", cohort, severity, True)
    for i, (cohort, severity) in enumerate(
        [("stuttering", "mild"), ("stuttering", "severe"), ("dysarthria", "mild")] * 2
    )
]


def scores(*errors: int) -> Scores:
    n = len(errors)
    return Scores(np.array(errors), np.full(n, 2), np.zeros(n, dtype=bool), np.zeros(n, dtype=int), np.full(n, 0.5))


def result(name: str, **by_set: list[Scores]) -> Result:
    spec: Method | None = None if name == "base" else method_named(name)
    found = {key.replace("_", "-"): dict(enumerate(each)) for key, each in by_set.items()}
    n_shared = 20 if name.startswith("hypernet") else 0
    return Result(spec, found, 10, 5, n_shared, 1.5, 20, 1e-3)


RESULTS = {
    "base": result("base", atypical_commands_known=[scores(2, 2, 2, 1, 1, 2)]),
    "full": result("full", atypical_commands_known=[scores(0, 0, 0, 0, 0, 0)]),
    "lora-global": result("lora-global", atypical_commands_known=[scores(1, 1, 1, 1, 1, 1), scores(1, 1, 1, 1, 1, 1)]),
    "hypernet-shared": result("hypernet-shared", atypical_commands_known=[scores(0, 0, 0, 0, 0, 1)]),
}
SET = "atypical-commands-known"


def test_the_table_by_hand() -> None:
    record = study_record(RESULTS, {SET: ROWS}, 1000)
    base, lora, best = (record["methods"][name]["sets"][SET] for name in ("base", "lora-global", "hypernet-shared"))
    assert base["wer"] == 10 / 12 and base["relative_reduction"] == 0
    assert lora["wer"] == 0.5 and lora["seeds"] == {"0": 0.5, "1": 0.5}
    assert best["wer"] == pytest.approx(1 / 12) and best["relative_reduction"] == pytest.approx(0.9)
    assert best["cohort:dysarthria"]["wer"] == 1 / 4 and best["cohort:stuttering"]["wer"] == 0
    assert base["severity:severe"]["wer"] == 3 / 4
    (against_full, against_lora) = (
        next(each for each in record["comparisons"] if each["rival"] == rival) for rival in ("full", "lora-global")
    )
    assert against_lora["difference"] == pytest.approx(5 / 12) and against_lora["own_is"] == "better"
    low, high = against_lora["interval"]  # each speaker: 1/2 - 0 or 1/2 - 1/2
    assert 0 < low < 5 / 12 < high <= 0.5
    assert against_full["difference"] == pytest.approx(-1 / 12) and against_full["own_is"] == "not clear"
    assert record["methods"]["lora-global"]["adapted_share"] == 0.005


def test_no_verdict_where_one_seed_says_otherwise() -> None:
    own = {0: scores(0, 0, 0, 0, 0, 0), 1: scores(1, 1, 1, 1, 1, 1)}
    agreed = wer_difference({0: scores(2, 2, 2, 2, 2, 2), 1: scores(2, 2, 2, 2, 2, 2)}, own, ROWS)
    assert agreed["by_seed"] == {"0": 1.0, "1": 0.5} and agreed["own_is"] == "better"
    split = wer_difference({0: scores(2, 2, 2, 2, 2, 2), 1: scores(0, 0, 0, 0, 0, 0)}, own, ROWS)
    assert split["by_seed"] == {"0": 1.0, "1": -0.5} and split["interval"][0] > 0 and split["own_is"] == "not clear"


def test_where_a_method_has_nothing_the_base_is_no_rival_and_rates_at_an_edge_are_said() -> None:
    base = [scores(2, 2, 2, 1, 1, 2)]
    both = {"atypical_commands_known": base, "ood_mixed": base}
    results = {
        "base": result("base", **both),
        "lora-cohort": result("lora-cohort", atypical_commands_known=[scores(1, 1, 1, 1, 1, 1)], ood_mixed=base),
        "hypernet-shared": replace(result("hypernet-shared", **both), learning_rate=0.006),
    }
    rows = {name.replace("_", "-"): ROWS for name in both}
    page = study_page(study_record(results, rows, 1000), {name: name for name in rows})
    cohort = next(line for line in page.splitlines() if method_named("lora-cohort").title in line)
    assert cohort.endswith("| the base's |") and page.count("| ood-mixed |") == 1  # in the head of the table alone
    title = method_named("hypernet-shared").title
    assert f"Of the three learning rates tried the best was the highest for {title}: a better one may lie" in page


def test_the_share_of_the_ceiling_by_hand() -> None:
    assert share_of_ceiling(RESULTS, SET) == pytest.approx((10 - 1) / 10)
    assert share_of_ceiling({"base": RESULTS["base"]}, SET) is None
    bars = {bar.name: bar for bar in study_bars(RESULTS, study_record(RESULTS, {SET: ROWS}, 1000))}
    assert bars["share of the gain of full fine-tuning, main set"].met
    assert bars[f"WER of lora-global minus the hypernetwork's, lower end, {SET}"].met


def test_the_page_has_a_line_for_each_method() -> None:
    page = study_page(study_record(RESULTS, {SET: ROWS}, 1000), {SET: "simulated atypical commands"})
    assert "| one LoRA for all | 0.500% | – | 1.00% | no | 1.5 | 20 | 50.0 % (50.0 to 50.0) |" in page
    assert "of the whole decoder | 0.500% | 2.00% | 1.00% | no |" in page
    assert "| method | adapted an utterance" in page and "simulated atypical commands |" in page


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [([0.01, 0.2], "better"), ([-0.2, -0.01], "worse"), ([-0.1, 0.1], "not clear"), (None, "not clear")],
)
def test_the_page_says_whether_the_hypernetwork_is_better(ends: list[float] | None, verdict: str) -> None:
    record = study_record(RESULTS, {SET: ROWS}, 1000)
    beside = {"rival": "full", "set": SET, "difference": 0.0, "interval": ends}
    page = study_page(record | {"comparisons": [beside]}, {SET: "a set"})
    assert "| hypernetwork is |" in page and page.rstrip().endswith(f"| {verdict} |")


def test_counts_of_seeds_are_pooled() -> None:
    both = over_seeds({0: scores(0, 2), 1: scores(1, 1)})
    assert both.errors.tolist() == [1, 3] and both.wer == 0.5


def test_recordings_without_a_count_are_the_base_s_or_an_error() -> None:
    kept = scores_of([], ROWS, scores(1, 2, 0, 0, 1, 0))
    assert kept.errors.tolist() == [1, 2, 0, 0, 1, 0]
    with pytest.raises(ValueError, match=r"6 recordings were not scored, the first is 0\.wav"):
        scores_of([], ROWS, None)


def test_enrolment_has_the_speakers_of_the_test_and_other_sentences() -> None:
    test_set = next(each for each in TEST_SETS if each.name == SET)
    tested, enrolled = (plan(each, []) for each in (speech_set(test_set), enrolment_set(test_set)))
    assert {job.speaker for job in tested} == {job.speaker for job in enrolled}
    said = {(job.speaker.name, job.text) for job in tested}
    left = Counter(job.speaker.name for job in enrolled if (job.speaker.name, job.text) not in said)
    assert len(left) == test_set.n_speakers and min(left.values()) >= N_ENROLMENT


def test_enrolment_goes_to_patients_of_the_test_that_were_named_otherwise(tmp_path: Path) -> None:
    test_set = next(each for each in TEST_SETS if each.name == SET)
    tested = [ManifestRow("t.wav", Path("t.wav"), "said", speaker="known1-dysam0", simulated=True)]
    further = [replace(tested[0], reference=text, speaker="known1-dysami4x0") for text in ("said", "new", "newer")]
    write_manifest(tmp_path / f"{test_set.folder}-enrolment" / "manifest.csv", further)
    enrolled = enrolment_rows(tested, test_set, tmp_path, 1)
    assert [(row.speaker, row.reference) for row in enrolled] == [("known1-dysam0", "new"), ("known1-dysam0", "newer")]


def test_one_speaker_leaves_nothing_to_choose_a_learning_rate_by(workshop: Workshop, tmp_path: Path) -> None:
    alone = replace(workshop, folder=tmp_path, rows=[replace(row, speaker="s") for row in workshop.rows])
    with pytest.raises(AdaptationError, match="All recordings have one speaker, so none can be held out"):
        method_named("lora-global").best_rate(alone)


def test_rows_are_chosen_by_cohort_and_severity() -> None:
    typical = ManifestRow("t.wav", Path("t.wav"), "a", "t", "typical", "", False)
    assert chosen_rows([typical, *ROWS], ["stuttering"], ["mild"]) == [typical, ROWS[0], ROWS[3]]
    assert chosen_rows(ROWS, [], []) == ROWS


@pytest.fixture(scope="module")
def workshop(backbone: Backbone, spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    rows = read_manifest(spoken)
    settings = AdaptationTraining(updates=5, batch_size=8, warm_up=1, validation_share=0.2)
    return Workshop(backbone, rows[:16], rows[16:], tmp_path_factory.mktemp("study"), settings)


@pytest.mark.parametrize("name", ["lora-cohort", "lora-speaker", "hypernet-linear", "full"])
def test_a_method_is_trained_scored_and_not_done_twice(name: str, workshop: Workshop, spoken: Path) -> None:
    sets = {SET: read_manifest(spoken)[16:]}
    base = score_base(workshop, sets)
    first = run_method(workshop, method_named(name), [0], sets, base)
    file = workshop.folder / name / "seed0" / f"{SET}.json"
    written = file.stat().st_mtime_ns
    again = run_method(workshop, method_named(name), [0], sets, base)
    assert file.stat().st_mtime_ns == written
    assert again.scores[SET][0].errors.tolist() == first.scores[SET][0].errors.tolist()
    assert len(first.scores[SET][0].errors) == 4
    updates = {"lora-cohort": 5, "lora-speaker": 4 * 40, "hypernet-linear": 5, "full": 5}[
        name
    ]  # one cohort, 4 speakers
    assert again.updates == updates
    if name == "lora-cohort":  # its key is a label: typical speech has no adaptation, so it is the base's
        typical = [i for i, row in enumerate(sets[SET]) if row.cohort == "typical"]
        assert all(first.scores[SET][0].errors[i] == base.scores[SET][0].errors[i] for i in typical)


def test_the_learning_rate_is_the_best_on_validation(workshop: Workshop, backbone: Backbone) -> None:
    rate = method_named("lora-global").best_rate(workshop)
    losses = json.loads((workshop.folder / "lora-global" / "rates.json").read_text())["validation_loss"]
    assert len(losses) == 3 and losses[f"{rate:g}"] == min(losses.values())


def test_a_learning_rate_that_diverges_is_no_choice(workshop: Workshop, tmp_path: Path, monkeypatch) -> None:
    method = method_named("lora-global")
    workshop = replace(workshop, folder=tmp_path)

    def fit(_method, _workshop, _store, settings, name: str, _chosen) -> None:
        if settings.learning_rate > highest:
            raise DivergedError("too high")
        folder = tmp_path / method.name / name
        folder.mkdir(parents=True)
        (folder / "log.jsonl").write_text(json.dumps({"step": 1, "atypical_adapted": 1 / settings.learning_rate}))

    monkeypatch.setattr(Method, "store", lambda *_: None)
    monkeypatch.setattr(Method, "fit", fit)
    highest = 0.0
    with pytest.raises(AdaptationError, match="one LoRA for all diverged with every learning rate that was tried"):
        method.best_rate(workshop)
    highest = 1.5 * method.learning_rate  # of a third, one and three times the rate, the last diverges
    assert method.best_rate(workshop) == pytest.approx(method.learning_rate)


def highest_factor(settings: AdaptationTraining) -> float:
    """Share of its learning rate that a run reaches at best."""
    return max(cosine(step / settings.updates, step, settings.warm_up) for step in range(settings.updates))


@pytest.mark.parametrize("updates", [60, 300, 2000])
def test_trials_and_cohorts_reach_their_learning_rate(
    updates: int, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[AdaptationTraining] = []
    cohorts = ["a", "b", "c", "typical"]
    monkeypatch.setattr(PerCohort, "store", lambda *_: SimpleNamespace(cohorts=cohorts))
    monkeypatch.setattr(PerCohort, "fit", lambda _self, _workshop, _store, settings, *_: given.append(settings))
    monkeypatch.setattr("hyper.study.methods.method.validation_loss", lambda _folder: 1.0)
    (tmp_path / "cohorts").mkdir()
    settings = AdaptationTraining(updates=updates)  # with the usual warm-up
    method = PerCohort("cohorts", "one for each cohort", lambda *_: None, 1e-3)
    method.train(replace(workshop, settings=settings, folder=tmp_path), 0, {"a", "b", "c"})
    assert [each.updates for each in given] == [updates // 5] * 3 + [updates // 3] * 3
    assert all(highest_factor(each) > 0.97 for each in given)


@pytest.mark.parametrize(("updates", "each"), [(2, 1), (6, 2)])
def test_cohorts_share_the_updates_and_none_is_left_to_the_clock(
    updates, each, workshop: Workshop, monkeypatch
) -> None:
    given = []
    cohorts = ["a", "b", "c", "typical"]
    monkeypatch.setattr(PerCohort, "store", lambda *_: SimpleNamespace(cohorts=cohorts))
    monkeypatch.setattr(PerCohort, "best_rate", lambda *_: 0.1)
    monkeypatch.setattr(PerCohort, "fit", lambda _self, _workshop, _store, settings, *_: given.append(settings.updates))
    few = replace(workshop, settings=replace(workshop.settings, updates=updates))
    assert set(method_named("lora-cohort").train(few, 0, {"a", "b", "c"})) == {"a", "b", "c"}
    assert given == [each] * 3


def test_an_unknown_method_is_refused(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--data", str(spoken), "--methods", "magic"]) == 1
    assert "There is no method magic; choose among full, decoder" in capsys.readouterr().err


@pytest.mark.parametrize("study", [["methods"], ["experiment", "targets"]])
@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("--cohorts lisp", "No recording to train on is of lisp; there are the cohorts stuttering, typical; sever"),
        ("--cohorts stuttering lisp", "No recording to train on is of lisp; there are the cohorts stuttering, typical"),
        ("--severities huge", "is of huge; there are the cohorts stuttering, typical; severities: none."),
        ("--cohorts typical --severities mild", "No recording to train on is of mild or typical; there are"),
        ("--cohorts typical", "No recording to score is of typical; there are the cohorts dysarthria, parkinsons, st"),
    ],
)  # fmt: skip
def test_a_cohort_that_no_recording_has_is_refused_at_once(
    study: list[str], named: str, message: str, spoken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*study, "--data", str(spoken), "--base", "never/loaded", *named.split()]) == 1
    assert message in capsys.readouterr().err


def test_a_cohort_that_no_recording_to_score_has_is_refused_at_once(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [replace(row, file=str(row.path), cohort="lisp") for row in read_manifest(spoken)]
    write_manifest(tmp_path / "scored.csv", rows)
    command = ["methods", "--data", spoken, "--base", "never/loaded", "--score", tmp_path / "scored.csv"]
    command += ["--methods", "lora-global", "--cohorts", "stuttering"]
    assert main([*map(str, command)]) == 1
    assert "No recording to score is of stuttering; there are the cohorts lisp; " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("taught", "scored", "message"),
    [
        ("typical", "stuttering", r"lora-cohort adapts to each disorder .* \(none\) and scored \(stuttering\)"),
        ("stuttering", "typical", r"both trained on \(stuttering\) and scored \(none\); name --methods without it, or"),
        ("stuttering", "dysarthria", r"both trained on \(stuttering\) and scored \(dysarthria\); name"),
    ],
)  # fmt: skip
def test_an_adaptation_for_each_cohort_needs_one_that_is_taught_and_scored(
    taught: str, scored: str, message: str, whisper_folder: Path, spoken: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    rows = [replace(row, file=str(row.path)) for row in read_manifest(spoken)]
    for name, cohort in (("taught", taught), ("scored", scored)):
        write_manifest(tmp_path / f"{name}.csv", [replace(row, cohort=cohort) for row in rows])
    folders = ["--base", whisper_folder, "--work", tmp_path / "work", "--out", tmp_path / "out"]
    data = ["--data", tmp_path / "taught.csv", "--score", tmp_path / "scored.csv"]
    command = ["methods", "--methods", "lora-global", "lora-cohort", *folders, *data, "--updates", "5"]
    assert main([*map(str, command)]) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not list((tmp_path / "work").rglob("*.safetensors"))  # nothing was trained before


def test_recordings_without_a_reference_are_not_trained_on(
    whisper_folder: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [replace(row, file=str(row.path)) for row in read_manifest(spoken)]
    write_manifest(tmp_path / "some.csv", [replace(rows[0], reference=""), *rows[1:]])
    command = ["methods", "--base", whisper_folder, "--data", tmp_path / "some.csv", "--work", tmp_path / "work"]
    assert main([*map(str, command)]) == 1
    assert "1 recordings have no reference; training needs what was meant in every line" in capsys.readouterr().err


def test_recordings_without_a_reference_are_not_scored(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [replace(row, file=str(row.path)) for row in read_manifest(spoken)]
    write_manifest(tmp_path / "some.csv", [replace(rows[0], reference=""), *rows[1:]])
    assert [row.path for row in named_sets([tmp_path / "some.csv"])["some"]] == [row.path for row in rows[1:]]
    assert f"1 of 20 recordings of {tmp_path / 'some.csv'} have no reference and are not sc" in capsys.readouterr().out
    write_manifest(tmp_path / "none.csv", [replace(row, reference="") for row in rows])
    with pytest.raises(MethodsError, match=r"No recording of .*none.csv has a reference, so none can be scored; add"):
        named_sets([tmp_path / "none.csv"])
