"""Parts of the experiments against independent answers: budgets and areas by hand, probes on planted directions."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch

from hyper.__main__ import build_parser, main
from hyper.commands.arguments import options as chosen_options
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.metrics.intervals import bootstrap_weights
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for
from hyper.model.config import HypernetConfig, whole_stacks
from hyper.model.files import ASSETS
from hyper.model.hypernet import HyperNetwork
from hyper.model.subspace import dense_update, layer_update, turn_deg
from hyper.model.utterance_encoder import UtteranceEncoder
from hyper.recordings.audio import SAMPLE_RATE
from hyper.recordings.manifest import ManifestRow, read_manifest
from hyper.study import reproduce
from hyper.study.cells import interval_cell, points_cell, reduction_cell, wer_cell
from hyper.study.experiments.acoustics import NAMES, acoustic_measures
from hyper.study.experiments.arms import of_cohorts, of_patients
from hyper.study.experiments.ceiling import gain_share, subsets
from hyper.study.experiments.embedding import of_speaker, others
from hyper.study.experiments.encoders import PickedStatistics, VectorEncoder
from hyper.study.experiments.knowledge import importance, principal_components
from hyper.study.experiments.parameters import correlation, trained_update
from hyper.study.experiments.probes import (
    area_under_curve,
    fit_ridge,
    folds,
    probe_classes,
    probe_values,
    rank_correlation,
    shuffled_by_speaker,
    weighted_areas,
)
from hyper.study.experiments.results_page import ResultsError, draw_results, results_page
from hyper.study.experiments.shared_factors import Plan, plans_within
from hyper.study.experiments.strength import harm_record
from hyper.study.experiments.targets import GROUPS, ranks
from hyper.study.experiments.verification import SpeakerNetwork, same_speaker_auc
from hyper.study.experiments.workbench import cached_array, statistics_of_rows
from hyper.study.methods.adaptations import private_copy, put_in_lora
from hyper.study.methods.held_out import HeldOut, transcribe
from hyper.study.methods.method import Workshop
from hyper.study.methods.scores import Scores
from hyper.study.methods.specs import hypernet
from hyper.study.provenance import StudyError, claim
from hyper.study.scorecard.sets import TEST_SETS
from hyper.study.steps import Steps
from hyper.training.adaptation.hypernet_adaptation import EncodingHypernetAdaptation
from hyper.training.adaptation.loop import AdaptationTraining
from hyper.training.adaptation.states import StateStore
from hyper.training.adaptation.stores import LogMelStore, WithStatistics
from tests.patients import write_patients

# ---- budgets


def test_plans_of_the_bundled_size_by_hand() -> None:
    """d 192 to 768, 4 layers: a whole update of one layer is 960 numbers, of all 3840; `a` 192 and 768."""
    base = 4_484_000
    wanted = {
        0.003: [Plan("both", 3, 4)],  # 13452 // 3840
        0.001: [Plan("both", 1, 4)],  # 4484
        0.0003: [Plan("both", 1, 1), Plan("a", 1, 4)],  # 1345: one layer; 768 fits, 3072 for b does not
        0.0001: [Plan("a", 1, 2), Plan("coefficients", 112, 4)],  # 448
        0.00003: [Plan("coefficients", 33, 4)],  # 135
        0.00001: [Plan("coefficients", 11, 4)],  # 45
    }
    for share, plans in wanted.items():
        assert plans_within(round(share * base), 192, 768, 4) == plans
    assert plans_within(3500, 192, 768, 4) == [Plan("both", 1, 3), Plan("b", 1, 4)]
    assert plans_within(3, 192, 768, 4) == [Plan("coefficients", 1, 3)]
    assert plans_within(0, 192, 768, 4) == []
    sizes = {Plan("both", 3, 4): 11520, Plan("a", 1, 2): 384, Plan("b", 1, 4): 3072, Plan("coefficients", 33, 4): 132}
    assert {plan: plan.n_generated(192, 768) for plan in sizes} == sizes


@pytest.mark.parametrize(
    ("plan", "n_numbers", "varies"),
    [
        (Plan("a", 1, 2), 2 * 32, "a"),
        (Plan("b", 2, 1), 2 * 128, "b"),
        (Plan("coefficients", 3, 2), 2 * 3, "b"),
        (Plan("both", 2, 1), 2 * (32 + 128), "ab"),
    ],
)
def test_only_what_a_plan_generates_differs_between_utterances(
    plan: Plan, n_numbers: int, varies: str, backbone: Backbone
) -> None:
    torch.manual_seed(0)
    config = config_for(backbone, rank=plan.rank, alpha=float(plan.rank), d_hidden=8, n_mixes=1)
    net = plan.make(config, backbone.sites(config.targets)).eval()
    statistics = torch.randn(2, 3, 3, 32)
    start = net(statistics)
    assert all(float(start.delta(i, site).abs().max()) == 0 for i in range(2) for site in range(len(start.sites)))
    assert [site.layer for site in net.sites] == list(range(2))[-plan.n_layers :]
    assert net.n_generated == plan.n_generated(32, 128) == n_numbers
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    lora = net(statistics).without_gains()
    differing = {name for name in "ab" for t in getattr(lora, name) if not torch.allclose(t[0], t[1])}
    assert differing == set(varies)
    if plan.generated == "coefficients":  # the two utterances' updates differ by factors of their rank-1 parts alone
        ratio = lora.b[0][0] / lora.b[0][1]  # (d_out, rank)
        assert torch.allclose(ratio, ratio[:1].expand_as(ratio), rtol=1e-3)


def test_ranks_bring_groups_to_one_budget(backbone: Backbone) -> None:
    """Rank 1 everywhere: a decoder layer 26 d, an encoder layer 18 d (d 32, 2 layers each)."""
    assert ranks(backbone) == {
        "w1": round(88 / 10),
        "mlp": round(88 / 20),
        "attention": round(88 / 32),
        "everything": 1,
    }
    assert len(GROUPS["everything"][1]) == 16


# ---- statistics


def test_areas_by_hand() -> None:
    values, labels = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert area_under_curve(values, labels) == 0.75  # of four pairs one is in the wrong order
    assert area_under_curve(np.array([1.0, 1.0]), np.array([True, False])) == 0.5
    assert area_under_curve(values, np.zeros(4, bool)) is None
    assert weighted_areas(values, labels, np.array([[1, 0, 1, 1], [1, 1, 1, 1]])).tolist() == [1.0, 0.75]
    assert np.isnan(weighted_areas(values, labels, np.array([[1, 1, 0, 0]]))).all()


def test_areas_with_weights_are_those_of_repeated_recordings() -> None:
    rng = np.random.default_rng(0)
    values, labels, weights = rng.integers(0, 6, 40) / 2, rng.random(40) < 0.4, rng.integers(0, 4, 40)
    repeated = np.repeat(np.arange(40), weights)
    pairs = [
        (values[i] > values[j]) + 0.5 * (values[i] == values[j])
        for i in repeated if labels[i] for j in repeated if not labels[j]
    ]  # fmt: skip
    assert weighted_areas(values, labels, weights[None])[0] == pytest.approx(np.mean(pairs))
    assert weighted_areas(values, labels, np.ones((1, 40)))[0] == pytest.approx(area_under_curve(values, labels))


def test_intervals_by_weights_are_those_of_drawn_speakers() -> None:
    speakers = ["a", "a", "b", "c", "d", "e", "f"]
    interval = bootstrap_weights(speakers, lambda weights: weights.sum(axis=1))
    assert interval.low < 7 < interval.high and interval.low == 6  # six drawn speakers, one of whom has two
    assert bootstrap_weights(["a", "b"], lambda weights: weights.sum(axis=1)) is None
    assert bootstrap_weights(speakers, lambda weights: np.full(len(weights), math.nan)) is None


def test_rank_correlation_is_scipys() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 5, 12), rng.standard_normal((3, 12))
    expected = [scipy.stats.spearmanr(first, each).statistic for each in second]
    np.testing.assert_allclose(rank_correlation(np.broadcast_to(first, (3, 12)), second), expected)
    assert np.isnan(rank_correlation(np.ones(4), np.arange(4))).all()


def test_ridge_is_the_penalised_solution() -> None:
    rng = np.random.default_rng(2)
    x, speakers = rng.standard_normal((60, 4)), np.repeat(np.arange(12), 5)
    y = x @ rng.standard_normal((4, 2)) + 3.0 + 0.1 * rng.standard_normal((60, 2))
    fitted = fit_ridge(x, y, speakers)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    weights = np.linalg.solve(z.T @ z + fitted[-1].alpha_ * np.eye(4), z.T @ (y - y.mean(axis=0)))
    np.testing.assert_allclose(fitted.predict(x), z @ weights + y.mean(axis=0))
    np.testing.assert_allclose(fitted.predict(x), y, atol=0.6)


def test_the_penalty_of_a_ridge_is_chosen_on_speakers_who_are_left_out() -> None:
    """What tells speakers apart, and nothing else, must not be learned: the prediction stays near the mean."""
    rng = np.random.default_rng(2)
    speakers = np.repeat(np.arange(12), 20)
    x = np.eye(12)[speakers] + 0.01 * rng.standard_normal((240, 12))
    y = rng.standard_normal((12, 1))[speakers] + 0.1 * rng.standard_normal((240, 1))
    assert np.ptp(fit_ridge(x, y, speakers).predict(x)) < 0.3 < 1.5 < np.ptp(fit_ridge(x, y, np.arange(240)).predict(x))


@pytest.fixture
def planted() -> dict[str, np.ndarray]:
    """Forty speakers of five recordings; in 30 noisy numbers one direction holds the cohort, another a rate."""
    rng = np.random.default_rng(3)
    speakers = np.repeat([f"s{i}" for i in range(40)], 5)
    cohort = np.repeat(rng.permutation(["x", "y"] * 20), 5)
    rate = rng.standard_normal(200)
    inputs = 0.3 * rng.standard_normal((200, 30))
    inputs[:, 4] += 2 * (cohort == "y")
    inputs[:, 7] += rate
    return {"inputs": inputs, "speakers": speakers, "cohort": cohort, "rate": rate}


def test_probes_find_what_was_planted_and_not_what_was_not(planted: dict[str, np.ndarray]) -> None:
    found = probe_classes(planted["inputs"], planted["cohort"], planted["speakers"])
    assert found.value > 0.97 and found.interval.low > 0.9 and abs(found.chance - 0.5) < 0.25
    rate = probe_values(planted["inputs"], planted["rate"], planted["speakers"])
    assert rate.value == pytest.approx(1 / (1 + 0.3**2), abs=0.05)  # the planted noise leaves so much
    assert rate.chance < 0.1
    rng = np.random.default_rng(4)
    assert probe_values(planted["inputs"], rng.standard_normal(200), planted["speakers"]).value < 0.05


def test_no_speaker_is_in_training_and_test(planted: dict[str, np.ndarray]) -> None:
    parts = folds(planted["speakers"])
    assert len(parts) == 5 and sorted(i for _, tested in parts for i in tested) == list(range(200))
    for fitted, tested in parts:
        assert len(fitted) + len(tested) == 200
        assert not set(planted["speakers"][fitted]) & set(planted["speakers"][tested])


def test_shuffled_labels_are_still_one_a_speaker(planted: dict[str, np.ndarray]) -> None:
    dealt = shuffled_by_speaker(planted["cohort"], planted["speakers"])
    for speaker in set(planted["speakers"]):
        assert len(set(dealt[planted["speakers"] == speaker])) == 1
    assert sorted(dealt) == sorted(planted["cohort"]) and (dealt != planted["cohort"]).any()


def test_importance_falls_on_the_measure_that_moves_the_weights() -> None:
    rng = np.random.default_rng(5)
    acoustics = rng.standard_normal((200, len(NAMES)))
    components = np.stack([3 * acoustics[:, 0], rng.standard_normal(200)], axis=1)
    found = importance(acoustics, components, [f"s{i // 5}" for i in range(200)])
    assert found["r2"] == pytest.approx(0.9, abs=0.05)  # of the variance 9 + 1
    lost = found["lost"]
    assert lost["F0 mean"]["lost"] > 1.2 and lost["F0 mean"]["interval"][0] > 1  # permuting doubles the variance
    assert all(abs(each["lost"]) < 0.1 for name, each in lost.items() if name != "F0 mean")


def test_principal_components_hold_the_variance_they_say() -> None:
    rng = np.random.default_rng(6)
    values = rng.standard_normal((100, 3)) * [5, 2, 0.1]
    points, share = principal_components(values, 2)
    assert share == pytest.approx(points.var(axis=0).sum() / values.var(axis=0).sum()) and share > 0.99
    assert points.var(axis=0)[0] > points.var(axis=0)[1]


def scores(errors: list[int], words: int = 4, confidence: list[float] | None = None) -> Scores:
    n = len(errors)
    zeros = np.zeros(n, dtype=int)
    return Scores(np.array(errors), np.full(n, words), zeros > 0, zeros, np.array(confidence or [0.5] * n))


ROWS = [ManifestRow(f"{i}.wav", Path(f"{i}.wav"), "a b c d", f"s{i}") for i in range(6)]


def test_the_share_of_the_gain_by_hand() -> None:
    base, own, full = scores([4] * 6), scores([2, 2, 2, 1, 1, 1]), scores([1] * 6)
    found = gain_share(base, {0: own, 1: own}, {0: full}, ROWS)
    assert found["share"] == pytest.approx((24 - 9) / (24 - 6))
    assert 2 / 3 <= found["interval"][0] < 15 / 18 < found["interval"][1] <= 1  # each speaker has 2/3 or all of it
    assert gain_share(base, {0: own}, {0: base}, ROWS) == {"share": None, "interval": None}


def test_the_correlation_of_angles_and_gains_by_hand() -> None:
    base = scores([4] * 6)
    adapted = [{0: scores([3] * 6)}, {0: scores([2] * 6)}, {0: scores([1] * 6)}]
    assert correlation([1.0, 2.0, 3.0], base, adapted, ROWS) == {
        "value": pytest.approx(1),
        "interval": [pytest.approx(1)] * 2,
    }
    assert correlation([3.0, 2.0, 1.0], base, adapted, ROWS)["value"] == pytest.approx(-1)
    assert correlation([2.0, 2.0, 2.0], base, adapted, ROWS) == {"value": None, "interval": None}


def test_harm_is_foreseen_where_confidence_falls() -> None:
    base = scores([1] * 6, confidence=[0.9] * 6)
    adapted = scores([2, 2, 0, 0, 0, 1], confidence=[0.1, 0.2, 0.8, 0.9, 0.9, 0.15])
    found = harm_record({0: adapted}, base, ROWS)
    assert found["harmed_share"] == pytest.approx(2 / 6)
    assert found["signs"]["low confidence once adapted"]["auc"] == pytest.approx(7 / 8)  # 0.15 lies below 0.2
    assert found["signs"]["high confidence of the base"]["auc"] == 0.5
    rows = [replace(row, speaker=f"s{i}") for i, row in enumerate(ROWS * 4)]  # no draw without a harmed recording
    many = scores([2, 2, 0, 0, 0, 2] * 4, confidence=[0.9, 0.9, 0.1, 0.1, 0.1, 0.9] * 4)
    reverse = harm_record({0: many}, scores([1] * 24), rows)["signs"]["low confidence once adapted"]
    assert reverse == {"auc": 0.0, "interval": [0.0, 0.0]}


# ---- which recordings, which embeddings


def store_of(cohorts: str, speakers: str) -> SimpleNamespace:
    names = {"t": "typical", "s": "stuttering", "d": "dysarthria"}
    return SimpleNamespace(cohorts=[names[c] for c in cohorts], speakers=list(speakers), people=list(speakers))


def test_cohorts_are_taught_with_typical_speech() -> None:
    assert of_cohorts(["dysarthria"])(store_of("tsdds", "abcde"), 0.0).tolist() == [0, 2, 3]


def test_fewer_patients_are_among_more_and_cohorts_take_turns() -> None:
    store = store_of("tt" + "s" * 8 + "d" * 8, "xy" + "aabbccdd" + "eeffgghh")
    chosen = {n: set(of_patients(n)(store, 0.0).tolist()) for n in (2, 4, 8)}
    assert chosen[2] < chosen[4] < chosen[8] == set(range(18))
    for n, positions in chosen.items():
        patients = {store.speakers[i] for i in positions if store.cohorts[i] != "typical"}
        by_cohort = {
            c: {p for p in patients if store.cohorts[store.speakers.index(p)] == c}
            for c in ("stuttering", "dysarthria")
        }
        assert len(patients) == n and {len(own) for own in by_cohort.values()} == {n // 2}
        assert {0, 1} <= positions  # typical speech stays
    held = of_patients(2)(store, 0.3)
    assert len({store.speakers[i] for i in held}) > 4  # validation speakers stay and do not count
    assert subsets(50) == [10, 30, 50] and subsets(10) == [10]


def test_a_speaker_is_heard_in_other_recordings() -> None:
    rows = [ManifestRow("f", Path("f"), speaker=speaker) for speaker in "aaab"]
    statistics = torch.tensor([[1.0], [2.0], [6.0], [9.0]])
    assert of_speaker(statistics, rows, 1).flatten().tolist() == [2, 6, 1, 9]
    assert of_speaker(statistics, rows, 2).flatten().tolist() == [4, 3.5, 1.5, 9]
    assert of_speaker(statistics, rows, 5).flatten().tolist() == [3, 3, 3, 9]


def test_controls_hear_another_speaker() -> None:
    rows = [
        ManifestRow("f", Path("f"), speaker=f"s{i // 2}", cohort="xy"[i // 2 % 2], severity="mild") for i in range(12)
    ]
    for same_kind in (False, True):
        drawn = others(rows, same_kind)
        assert all(rows[i].speaker != rows[j].speaker for i, j in enumerate(drawn))
        alike = [rows[i].cohort == rows[j].cohort for i, j in enumerate(drawn)]
        assert all(alike) if same_kind else not all(alike)


def test_picked_statistics_are_those_of_the_whole_encoder() -> None:
    torch.manual_seed(0)
    statistics = torch.randn(5, 4, 3, 8)
    whole, picked = UtteranceEncoder(3, 8, 1), PickedStatistics([2], ("std", "change"), 8, 4)
    for encoder in (whole, picked):
        encoder.fit_standardisation(statistics)
    expected = ((statistics - whole.mean) / whole.std)[:, 2, 1:].flatten(1)
    assert picked.d_embedding == 16 and torch.allclose(picked(statistics), expected, atol=1e-6)
    vectors = VectorEncoder(8)
    vectors.fit_standardisation(statistics[:, 0, 0])
    assert torch.allclose(vectors(statistics[:, 0, 0]).std(dim=0, correction=0), torch.ones(8), atol=1e-5)


def test_speakers_far_apart_are_told_apart_and_padding_is_not_heard() -> None:
    rng = np.random.default_rng(7)
    centres = np.eye(4)[np.repeat(np.arange(4), 3)]
    assert same_speaker_auc(centres + 0.01 * rng.standard_normal((12, 4)), np.repeat(list("abcd"), 3)) == 1.0
    assert 0.3 < same_speaker_auc(rng.standard_normal((60, 4)), np.repeat(list("abcdef"), 10)) < 0.7
    torch.manual_seed(0)
    network, log_mel = SpeakerNetwork(80).eval(), torch.randn(1, 80, 60)
    padded = torch.cat([log_mel, torch.zeros(1, 80, 40)], dim=2)
    n_frames = torch.tensor([40])  # convolutions reach at most 6 frames
    assert torch.allclose(network(log_mel, n_frames), network(padded, n_frames), atol=1e-5)
    assert not torch.allclose(network(log_mel, n_frames), network(log_mel, torch.tensor([20])), atol=1e-3)


def test_acoustic_measures_of_known_sounds() -> None:
    t = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    harmonics = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 15))
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * t)  # 4 a second
    noise = np.random.default_rng(0).standard_normal(len(t))

    def of(waveform: np.ndarray) -> dict[str, float]:
        return dict(zip(NAMES, acoustic_measures((0.1 * waveform).astype(np.float32)), strict=True))

    steady, rhythmic, noisy = of(harmonics), of(harmonics * syllables), of(harmonics + 0.3 * noise)
    assert steady["F0 mean"] == pytest.approx(12 * math.log2(1.5), abs=0.1) and steady["F0 range"] < 0.2
    assert rhythmic["syllable rate"] == pytest.approx(4, abs=0.6) and steady["syllable rate"] < 1
    power = np.mean(harmonics**2) / 0.3**2  # harmonics to noise
    assert noisy["HNR"] == pytest.approx(10 * np.log10(power), abs=1.5) and steady["HNR"] > 25
    assert steady["spectral tilt"] < -4 < of(noise)["spectral tilt"]  # 1/k falls by 6 dB an octave
    assert steady["duration"] == 2 and steady["voiced share"] > 0.95
    glide = np.sin(2 * np.pi * np.cumsum(np.linspace(100, 200, len(t))) / SAMPLE_RATE)
    assert of(glide)["F0 range"] == pytest.approx(12 * math.log2(195 / 105), abs=0.6)


# ---- the update of a weight that was trained whole


def test_a_dense_update_has_the_angles_of_its_spaces() -> None:
    torch.manual_seed(0)
    for d_out, d_in in ((24, 6), (6, 24), (8, 8)):
        weight, after = torch.randn(d_out, d_in).double(), None
        after = weight + 0.1 * torch.randn(d_out, d_in)
        tall = [m.numpy() if d_out >= d_in else m.T.numpy() for m in (weight, after)]
        if d_out == d_in:
            tall = [np.linalg.svd(m)[0][:, :4] for m in tall]
        expected = np.degrees(scipy.linalg.subspace_angles(*tall))
        update = dense_update(weight, after)
        np.testing.assert_allclose(update.principal_angles_deg, expected, rtol=1e-6, atol=1e-6)
        assert update.frobenius == pytest.approx(float((after - weight).norm()), rel=1e-6)
        assert turn_deg(update, weight) == pytest.approx(np.sqrt(np.mean(expected**2)))


def test_a_turn_counts_the_directions_that_stay() -> None:
    """One of two directions turns by 45 degrees, the other stays: sqrt(45² / 2)."""
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    a, b = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0], [0.0], [1.0]])
    assert turn_deg(layer_update(weight, a, b, 1.0), weight) == pytest.approx(45 / math.sqrt(2))
    assert turn_deg(dense_update(weight, weight + b @ a), weight) == pytest.approx(45 / math.sqrt(2))


def test_a_lora_beside_the_weight_is_measured_as_if_merged(backbone: Backbone) -> None:
    private = private_copy(backbone)
    for parameter in put_in_lora(private, ["decoder.fc1"], 2, seed=0).values():
        torch.nn.init.normal_(parameter)
    site = backbone.sites(("decoder.fc1",))[0]
    layer, weight = private.model.get_submodule(site.name), backbone.site_weight(site)
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    merged = dense_update(weight, weight + b @ a)
    assert turn_deg(trained_update(layer, weight, ""), weight) == pytest.approx(turn_deg(merged, weight), rel=1e-4)


# ---- how recordings are scored and trained on in other ways


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> list[ManifestRow]:
    return read_manifest(write_patients(tmp_path_factory.mktemp("patients"), 2, 1))


@pytest.mark.parametrize("cache_bytes", [0, 2**30])
def test_a_recording_hears_what_it_is_given(
    backbone: Backbone,
    patients: list[ManifestRow],
    make_hypernet: Callable[..., HyperNetwork],
    tmp_path: Path,
    cache_bytes: int,
) -> None:
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "random")
    rows, held_out = patients[:4], HeldOut(backbone, cache_bytes)
    workshop = Workshop(backbone, rows, (), tmp_path, AdaptationTraining(updates=1))
    statistics = statistics_of_rows(workshop, rows)

    def texts(**how: object) -> list[str]:
        written = {row.path: transcript.text for row, transcript in transcribe(asr, held_out, rows, **how)}
        return [written[row.path] for row in rows]

    own = {row.path: statistics[i] for i, row in enumerate(rows)}
    turned = {row.path: statistics[i - 1] for i, row in enumerate(rows)}
    scored = score_manifest(asr, rows).utterances
    assert texts() == [each.adapted.text for each in scored]
    assert texts(statistics_of=lambda row: own[row.path]) == texts()
    assert texts(statistics_of=lambda row: turned[row.path]) != texts()
    assert texts(strength=0.0) == [each.base.text for each in scored] != texts()


def test_what_is_kept_is_of_these_recordings(patients: list[ManifestRow], tmp_path: Path) -> None:
    calls = []

    def make(rows: list[ManifestRow]) -> np.ndarray:
        calls.append(len(rows))
        return np.arange(len(rows))

    for rows in (patients, patients, patients[::-1]):
        assert cached_array(tmp_path, rows, make).tolist() == list(range(len(patients)))
    assert calls == [len(patients)] * 2


def test_a_store_with_other_statistics_keeps_all_else(
    backbone: Backbone, patients: list[ManifestRow], tmp_path: Path
) -> None:
    store = StateStore.build(backbone, patients, tmp_path / "states")
    other = WithStatistics(store, torch.arange(float(len(store)))[:, None])
    batch, plain = other.batch([3, 1]), store.batch([3, 1])
    assert batch.statistics.tolist() == [[3.0], [1.0]] and torch.equal(batch.states, plain.states)
    assert batch.tokens == plain.tokens and other.speakers == store.speakers and len(other) == len(store)


def test_an_encoder_target_is_trained_through_the_encoder(
    backbone: Backbone, patients: list[ManifestRow], tmp_path: Path
) -> None:
    states = StateStore.build(backbone, patients, tmp_path / "states")
    private = private_copy(backbone)
    adaptation = hypernet(("encoder.fc1",), d_hidden=8)(private, "en", 0)
    assert isinstance(adaptation, EncodingHypernetAdaptation)
    batch = LogMelStore(backbone, patients, states).batch([0, 5])
    adaptation(batch).backward()
    head = adaptation.hypernet.b_heads["32x128"].weight
    assert float(head.grad.abs().max()) > 0


def test_a_work_folder_holds_one_study(tmp_path: Path) -> None:
    claim(tmp_path, {"updates": 5, "data": ["a.csv"]})
    claim(tmp_path, {"updates": 5, "data": ["a.csv"]})
    with pytest.raises(StudyError, match=r"holds a study with data \['a.csv'\], but \['b.csv'\] was asked for"):
        claim(tmp_path, {"updates": 5, "data": ["b.csv"]})


def test_a_smaller_set_is_kept_apart_and_has_an_interval() -> None:
    main = TEST_SETS[4]
    small = main.smaller(0.01)
    assert (small.n_speakers, small.n_utterances, small.folder) == (5, 50, "atypical-commands-known-0.01")
    assert main.smaller(1.0) == main and main.folder == main.name
    assert main.smaller(0.5).n_speakers == 54


# ---- cells, page, reproduction


def test_numbers_become_cells() -> None:
    rates = {"wer": 0.125, "wer_interval": [0.1, 0.15], "relative_reduction": -0.1}
    rates["relative_reduction_interval"] = [-0.3, 0.2]
    assert wer_cell(rates) == "12.5 % (10.0 to 15.0)" and wer_cell(None) == "–"
    assert reduction_cell(rates) == "-10.0 % (-30 to 20)"
    assert reduction_cell(dict.fromkeys(rates)) == "–"
    assert points_cell({"difference": 0.01, "interval": None}) == "1.0 points"
    assert (interval_cell(None), interval_cell([0.5, 1], 1, 2)) == ("–", "0.50 to 1.00")


def test_the_page_of_nothing_says_how_to_measure(tmp_path: Path) -> None:
    page = results_page(tmp_path)
    assert page.count("Not measured yet: `python -m hyper experiment ") == 9
    assert "Not measured yet: `python -m hyper scorecard`" in page and "No bars are on record yet" in page
    assert page.index("**simulated**") < page.index("## Protocol")


def test_the_page_lists_missed_bars(tmp_path: Path) -> None:
    kept = {"name": "kept", "value": 0.1, "bar": "<= 0.2", "met": True}
    (tmp_path / "bars.json").write_text(
        json.dumps([kept, {"name": "broken", "value": None, "bar": ">= 0.5", "met": False}])
    )
    (tmp_path / "scorecard.md").write_text("| the table |")
    page = results_page(tmp_path)
    assert (
        "1 of the 2 bars of scorecard and methods are missed" in page
        and "| broken | – | ≥ 50.00 % |" in page
        and "| kept |" not in page
    )
    assert "| the table |" in page
    (tmp_path / "bars.json").write_text(json.dumps([kept]))
    assert "All 1 bars on record are met." in results_page(tmp_path)


def test_a_results_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="There is no folder .*nowhere; name the --out folder"):
        draw_results(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("options", "n_steps"),
    [([], 43), (["--quick"], 41), (["--sentences", "s.txt", "--people", "p.csv", "--people-test", "q.csv"], 50)],
)
def test_every_step_of_the_study_is_a_command_that_exists(options: list[str], n_steps: int, tmp_path: Path) -> None:
    args = build_parser("reproduce").parse_args(["reproduce", "--work", str(tmp_path), *options])
    steps = reproduce.steps(chosen_options(args, reproduce.Reproduction))
    assert len({step.name for step in steps}) == len(steps) == n_steps
    for step in steps:
        parsed = build_parser(step.arguments[0]).parse_args(step.arguments)
        written = [getattr(parsed, name, None) for name in ("out", "work", "run_folder", "test")]
        assert all(path is None or path.is_relative_to(tmp_path) for path in written), step  # nothing in assets/


@pytest.mark.parametrize("options", [[], ["--quick"], ["--people", "p.csv"]])
def test_the_map_shows_whom_the_hypernetwork_was_trained_on(options: list[str], tmp_path: Path) -> None:
    args = build_parser("reproduce").parse_args(["reproduce", "--work", str(tmp_path), *options])
    steps = {step.name: step.arguments for step in reproduce.steps(chosen_options(args, reproduce.Reproduction))}
    names = (
        "first-hypernetwork",
        *(f"{which}-hypernetwork" for which in ("second", "third", "fourth")),
        "hypernetwork",
    )
    taught = {path for name in names for path in build_parser("train").parse_args(steps[name]).data}
    shown = build_parser("make-map").parse_args(steps["voice-map"]).data
    assert set(shown) == taught and len(shown) == len(taught)
    made = [build_parser(words[0]).parse_args(words).out for name, words in steps.items() if words[0] == "distort"]
    assert {folder / "manifest.csv" for folder in made if "validation" not in folder.name} <= taught


def test_the_study_makes_the_pair_that_is_delivered(tmp_path: Path) -> None:
    """Its last trainings have the settings that stand in the delivered pair's own files."""
    more = ["--people", "p.csv", "--teacher", "openai/whisper-tiny.en"]
    args = build_parser("reproduce").parse_args(["reproduce", "--work", str(tmp_path), *more])
    steps = {step.name: step.arguments for step in reproduce.steps(chosen_options(args, reproduce.Reproduction))}
    base = build_parser("train-base").parse_args(steps["base"])
    begun = (*(f"{which}-hypernetwork" for which in ("first", "second", "third", "fourth")), "hypernetwork")
    first, *on = trainings = [build_parser("train").parse_args(steps[name]) for name in begun]
    last = on[-1]
    assert (base.out, last.base) == (tmp_path / "whisper", str(tmp_path / "whisper"))
    assert [each.start for each in on] == [each.out for each in trainings[:-1]] and last.out == tmp_path / "hypernet"
    config = HypernetConfig.load(ASSETS / "hypernet-mini" / "config.json")
    assert whole_stacks(first.targets) == config.targets
    assert (first.rank, last.dropout, first.generated) == (config.rank, config.dropout, config.generated)
    assert math.prod(each.strength for each in trainings) * first.rank == pytest.approx(config.alpha)
    cards = [(ASSETS / folder / "README.md").read_text() for folder in ("hypernet-mini", "whisper-mini")]
    assert f"Settings: updates {last.updates}, batch_size {last.batch_size}," in cards[0]
    assert f"Settings: hours {base.hours}, " in cards[1] and f", real_share {base.real_share}," in cards[1]
    assert f"encoder states of `{base.teacher.split('/')[1].removeprefix('whisper-')}`" in cards[1]
    assert base.start == tmp_path / "second-whisper"


def test_a_study_goes_on_with_the_arguments_it_was_begun_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(reproduce, "run_step", lambda step, _: ran.append(step.name))
    assert main(["reproduce", "--quick", "--work", str(tmp_path), "--people", "nowhere.csv"]) == 1
    assert "There is no file at nowhere.csv" in capsys.readouterr().err
    assert main(["reproduce", "--quick", "--work", str(tmp_path)]) == 0  # a slip does not hold the folder
    assert ran[:6] == ["first-speech", "first-base", "typical-speech", "second-base", "taught-speech", "base"]
    assert ran[-1] == "results" and "experiment-ceiling" in ran
    assert main(["reproduce", "--work", str(tmp_path)]) == 1
    assert "holds a study with quick True, but False was asked for" in capsys.readouterr().err


def test_steps_are_done_once_and_failures_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran, codes = [], [0, 0, 3]
    done = lambda command: ran.append(command[3:]) or SimpleNamespace(returncode=codes[len(ran) - 1])  # noqa: E731
    monkeypatch.setattr(reproduce.subprocess, "run", done)
    step = reproduce.Step("speech", ("make-speech", "--out", "x"))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        reproduce.run_step(step, Steps(tmp_path))
    assert ran == [["make-speech", "--out", "x"]]
    said = capsys.readouterr().out
    assert "[speech] python -m hyper make-speech --out x" in said and "[speech] done before" in said
    other = replace(step, arguments=("make-speech", "--out", "y"))  # another command is another step
    reproduce.run_step(replace(step, arguments=(*step.arguments, "--workers", "8")), Steps(tmp_path))
    assert len(ran) == 1  # by more processes it is the same step
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "manifest.csv").write_text("file\na.wav\n")  # which the command would not write over
    reproduce.run_step(other, Steps(tmp_path))
    assert len(ran) == 2 and not (tmp_path / "y" / "manifest.csv").exists()
    with pytest.raises(
        reproduce.ReproduceError, match="The step base ended with exit code 3; what it said stands above"
    ):
        reproduce.run_step(reproduce.Step("base", ("train-base",)), Steps(tmp_path))
    assert not (tmp_path / "base.json").exists()


def test_a_step_is_done_anew_after_one_that_came_to_something_else(tmp_path: Path) -> None:
    ran: list[str] = []

    def run(chosen: str) -> None:
        steps = Steps(tmp_path)
        for name, result in (("data", "12 recordings"), ("choose", chosen), ("strength", "0.75")):
            steps.once(name, f"do {name}", lambda name=name, result=result: ran.append(name) or result)

    for _ in range(2):
        run("decoder")
    assert ran == ["data", "choose", "strength"]
    (tmp_path / "choose.json").unlink()
    run("encoder")  # what the strength was chosen for is not what is chosen now
    assert ran == ["data", "choose", "strength", "choose", "strength"]
    run("encoder")
    assert len(ran) == 5
