"""Measures of an update against numpy and scipy on the whole matrices, and a case worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from threadpoolctl import threadpool_info

from hyper.compare import layer_measures
from hyper.compare.layer_measures import LayerMeasures
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model import subspace
from hyper.model.subspace import Directions, layer_update, triangle_of


def draw(d_out: int, d_in: int, rank: int, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((d_out, d_in), (rank, d_in), (d_out, rank))
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)


@pytest.mark.parametrize("shape", [(24, 6), (6, 24), (10, 10)])
@pytest.mark.parametrize("rank", [1, 3])
def test_size_and_singular_values_equal_those_of_the_formed_update(shape, rank):
    weight, a, b = draw(*shape, rank)
    update = layer_update(weight, a, b, 0.3, "layer")
    formed = (0.3 * b @ a).numpy()
    assert update.frobenius == pytest.approx(np.linalg.norm(formed))
    assert update.relative_frobenius == pytest.approx(np.linalg.norm(formed) / np.linalg.norm(weight.numpy()))
    np.testing.assert_allclose(update.singular_values, np.linalg.svd(formed)[1][:rank], atol=1e-12)


@pytest.mark.parametrize("d_out, d_in, rank", [(24, 6, 1), (24, 6, 3), (6, 24, 2), (7, 6, 3), (6, 7, 1), (5, 3, 3)])
@pytest.mark.parametrize("scaling", [1e-6, 0.3, 50.0])
def test_angles_equal_scipys_on_the_whole_matrices(d_out, d_in, rank, scaling):
    weight, a, b = draw(d_out, d_in, rank)
    before, after = weight.numpy(), (weight + scaling * b @ a).numpy()
    if d_out < d_in:
        before, after = before.T, after.T
    expected = np.degrees(scipy.linalg.subspace_angles(before, after))
    given = layer_update(weight, a, b, scaling).principal_angles_deg
    np.testing.assert_allclose(given, expected[:rank], rtol=1e-6, atol=1e-8)
    assert expected[rank:].max(initial=0) < 1e-4  # the others, which are left out


def test_square_weights_compare_the_leading_half():
    weight, a, b = draw(10, 10, 2)
    before, after = (np.linalg.svd(m.numpy())[0][:, :5] for m in (weight, weight + 0.1 * b @ a))
    expected = np.degrees(scipy.linalg.subspace_angles(before, after))
    update = layer_update(weight, a, b, 0.1)
    np.testing.assert_allclose(update.principal_angles_deg, expected, rtol=1e-6)
    assert len(expected) == 5 and update.max_angle_deg > update.mean_angle_deg > 0.1


def test_by_hand_one_axis_of_a_plane_tilts():
    """W spans the x-y plane of space; the update lifts the image of the second input by t: y becomes (0, 1, t)."""
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    a, b = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0], [0.0], [1.0]])
    for t in (0.5, 1.0, 2.0):
        update = layer_update(weight, a, b, t)
        assert update.principal_angles_deg == pytest.approx([math.degrees(math.atan(t))])
        assert update.mean_angle_deg == update.max_angle_deg
        assert update.frobenius == pytest.approx(t)
        assert update.relative_frobenius == pytest.approx(t / math.sqrt(2))


def test_an_update_within_the_space_turns_nothing():
    weight, a, _ = draw(24, 6, 2)
    b = weight @ draw(6, 2, 1)[0]  # columns that W spans already
    update = layer_update(weight, a, b, 0.5)
    assert update.max_angle_deg < 1e-5
    assert update.relative_frobenius > 0.1


def test_the_base_row_moves_nothing():
    weight, a, b = draw(24, 6, 2)
    update = layer_update(weight, 0 * a, 0 * b, 0.5, "layer")
    assert (update.frobenius, update.max_angle_deg, update.singular_values.max()) == (0, 0, 0)


def test_an_update_that_replaces_a_direction_turns_it_by_90_degrees():
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    a, b = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0], [-1.0], [1.0]])  # y becomes z
    assert layer_update(weight, a, b, 1.0).principal_angles_deg == pytest.approx([90.0])


def test_columns_that_depend_on_each_other():
    weight, a, b = draw(24, 6, 1)
    weight[:, 5] = 0.0
    a[:, 5] = 0.0  # the fifth column stays out of both spaces
    expected = np.degrees(scipy.linalg.subspace_angles(weight.numpy(), (weight + b @ a).numpy()))
    assert layer_update(weight, a, b, 1.0).principal_angles_deg == pytest.approx(expected[:1])
    assert expected[0] > 1


def test_json_holds_plain_numbers():
    update = layer_update(*draw(24, 6, 2), 0.5, "model.decoder.layers.0.fc1")
    record = update.to_json()
    assert list(record) == ["name", "frobenius", "relative_frobenius", "singular_values", "principal_angles_deg"]
    assert record["name"] == "model.decoder.layers.0.fc1" and isinstance(record["singular_values"][0], float)


def test_measuring_leaves_blas_on_one_thread() -> None:
    layer_update(torch.randn(8, 4), torch.randn(1, 4), torch.randn(8, 1), 1.0)
    threads = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert threads
    assert set(threads) == {1}


def test_angles_are_left_out_where_they_are_not_asked_for():
    weight, a, b = draw(6, 6, 2)
    gains = np.full(2, 0.5)
    update = Directions.of(weight, a, b, with_angles=False).update(gains)
    assert len(update.principal_angles_deg) == 0 and math.isnan(update.mean_angle_deg + update.max_angle_deg)
    assert update.frobenius == layer_update(weight, a, b, 0.5).frobenius


@pytest.mark.parametrize("shape", [(24, 6), (6, 24), (10, 10)])
def test_directions_are_read_once_for_all_gains(shape):
    weight, a, b = draw(*shape, 3)
    directions = Directions.of(weight, a, b, "layer")
    for gains in ([0.3, -2.0, 1.0], [0.0, 0.5, 0.5], [0.0, 0.0, 0.0]):
        known, anew = directions.update(np.array(gains)), layer_update(weight, a, b * torch.tensor(gains), 1.0)
        np.testing.assert_allclose(known.singular_values, anew.singular_values, atol=1e-12)
        np.testing.assert_allclose(known.principal_angles_deg, anew.principal_angles_deg, rtol=1e-6, atol=1e-6)
        assert directions.size(np.array(gains)) == ("layer", pytest.approx(anew.relative_frobenius))


@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (7, 7)])
def test_what_is_known_of_a_weight_changes_no_measure(shape):
    torch.manual_seed(0)
    weight, a, b = torch.randn(shape), torch.randn(2, shape[1]), torch.randn(shape[0], 2)
    triangle, norm = triangle_of(weight), float(weight.double().norm())
    assert (triangle is None) == (shape[0] == shape[1])
    known = Directions.of(weight, a, b, triangle=triangle, weight_norm=norm).update(np.full(2, 0.5))
    anew = layer_update(weight, a, b, 0.5)
    assert (known.principal_angles_deg == anew.principal_angles_deg).all() and anew.principal_angles_deg.max() > 1
    assert known.relative_frobenius == pytest.approx(anew.relative_frobenius)
    if triangle is not None:  # or the lines above compare the same with the same
        other = Directions.of(weight, a, b, triangle=2 * triangle).update(np.full(2, 0.5))
        assert (other.principal_angles_deg != anew.principal_angles_deg).all()


@pytest.mark.parametrize("n_kept", [0, 1, 2])
def test_angles_are_measured_from_what_is_kept_of_as_many_weights_as_there_is_room_for(
    backbone, make_hypernet, speech_like, monkeypatch, n_kept
):
    """Two weights `fc1` of 128 by 32, and one square weight each, which has no triangle."""
    hypernet = make_hypernet(backbone, targets=("decoder.fc1", "decoder.q_proj"))
    lora = PersonalizedAsr(backbone, hypernet, "random").prepare(speech_like(1.0)).lora.without_gains()
    expected = LayerMeasures(backbone, lora.sites).updates(lora)
    made, triangle_of = [], subspace._triangular_factor
    monkeypatch.setattr(subspace, "_triangular_factor", lambda tall: made.append(tall.shape) or triangle_of(tall))
    monkeypatch.setattr(layer_measures, "KEPT_BYTES", n_kept * 32 * 32 * 8)
    measures = LayerMeasures(backbone, lora.sites)
    for n_made in (2, 2 - n_kept):  # the second time only of those that were not kept
        for found, own in zip(measures.updates(lora), expected, strict=True):
            assert found.principal_angles_deg == pytest.approx(own.principal_angles_deg)
        assert made == n_made * [(128, 32)]
        made.clear()
