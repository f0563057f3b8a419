"""How far an update moves a weight matrix: its size, and the angles that it turns the matrix's subspace by.

Which subspace: the space that the matrix spans, taken on the side where the matrix does not fill everything.
- More rows than columns (`fc1`: d_out = 4 · d_in): its column space, d_in dimensions of d_out.
- More columns than rows (`fc2`): its row space, d_out dimensions of d_in.
- Square (attention): both fill everything and nothing can turn; there the leading half of the left singular vectors.

Principal angles between two such spaces, before and after the update, are those of Björck & Golub, "Numerical methods
for computing angles between linear subspaces" (Mathematics of Computation 27, 1973), as `scipy.linalg.subspace_angles`
has them. An update of rank r opens at most r of them in the first two cases, all others being exactly 0: these r are
given, with their mean and maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import scipy  # its parts come in when they are first used, which is after the start
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

SINGULAR = 1e-6  # below this share of the largest, a column adds nothing that tall.T @ tall still tells in float64


class LayerSize(NamedTuple):
    """The one measure of a layer's update that costs next to nothing."""

    name: str
    relative_frobenius: float  # of the update, as a share of that of the weight

    def to_json(self) -> dict[str, str | float]:
        """As in `LayerUpdate`'s record."""
        return self._asdict()


@dataclass(frozen=True, eq=False)
class LayerUpdate:
    """The measures of one layer's update."""

    name: str
    frobenius: float  # of the update
    relative_frobenius: float  # as a share of that of the weight
    singular_values: np.ndarray  # (rank,) of the update, largest first
    principal_angles_deg: np.ndarray  # (n_angles,) degrees, largest first; none where they were not measured

    @property
    def mean_angle_deg(self) -> float:
        """Mean principal angle in degrees; NaN where none was measured."""
        return float(self.principal_angles_deg.mean()) if len(self.principal_angles_deg) else float("nan")

    @property
    def max_angle_deg(self) -> float:
        """Largest principal angle in degrees; NaN where none was measured."""
        return float(self.principal_angles_deg.max()) if len(self.principal_angles_deg) else float("nan")

    def to_json(self) -> dict[str, str | float | list[float]]:
        """The numbers as a report lists them."""
        return {
            "name": self.name,
            "frobenius": self.frobenius,
            "relative_frobenius": self.relative_frobenius,
            "singular_values": self.singular_values.tolist(),
            "principal_angles_deg": self.principal_angles_deg.tolist(),
        }


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions that updates `b @ diag(gains) @ a` of one weight weigh, and what the measures of all of them share."""

    name: str
    weight_norm: float  # Frobenius norm of the weight
    factors: tuple[np.ndarray, np.ndarray]  # triangular, of `b` and of the transposed `a`, each (at most rank, rank)
    angles: Callable[[np.ndarray], np.ndarray] | None  # radians of gains (rank,); None where they are not measured

    @classmethod
    def of(
        cls,
        weight: Tensor,  # (d_out, d_in)
        a: Tensor,  # (rank, d_in)
        b: Tensor,  # (d_out, rank)
        name: str = "",
        with_angles: bool = True,  # of square weights they take two whole singular value decompositions
        triangle: np.ndarray | None = None,  # `triangle_of` the weight, where it is known
        weight_norm: float | None = None,  # its Frobenius norm, where it is known
    ) -> Directions:
        """Read the weight, which the measures need not do again."""
        _hold_blas_to_one_thread()
        right, left = _float64(a), _float64(b)
        angles = _angles_by_gains(_float64(weight), left, right, triangle) if with_angles else None
        norm = float(np.linalg.norm(_float64(weight))) if weight_norm is None else weight_norm
        return cls(name, norm, (_r_factor(left), _r_factor(right.T)), angles)

    def update(self, gains: np.ndarray) -> LayerUpdate:  # (rank,)
        """The measures of the update with these gains."""
        values = self._singular_values(gains)
        size = float(np.linalg.norm(values))
        angles = np.empty(0) if self.angles is None else np.degrees(self.angles(gains))
        return LayerUpdate(self.name, size, size / self.weight_norm, values, angles)

    def size(self, gains: np.ndarray) -> LayerSize:  # (rank,)
        """Of its measures only the size, which takes no singular values."""
        return LayerSize(self.name, float(np.linalg.norm(self._core(gains))) / self.weight_norm)

    def _singular_values(self, gains: np.ndarray) -> np.ndarray:
        """Of the update."""
        return np.linalg.svd(self._core(gains), compute_uv=False)

    def _core(self, gains: np.ndarray) -> np.ndarray:  # (at most rank, at most rank)
        """The small product of the triangular factors, which has the update's singular values and size."""
        _hold_blas_to_one_thread()
        left, right = self.factors
        return left * gains @ right.T


def layer_update(
    weight: Tensor,  # (d_out, d_in)
    a: Tensor,  # (rank, d_in)
    b: Tensor,  # (d_out, rank)
    scaling: float,
    name: str = "",
) -> LayerUpdate:
    """Measure the update `scaling * b @ a` of a weight, without forming it."""
    return Directions.of(weight, a, b, name).update(np.full(len(a), scaling))


def triangle_of(weight: Tensor) -> np.ndarray | None:  # (d_out, d_in)
    """What the angles of a weight are measured from, and most of their cost, (n, n) of its shorter side n.

    None where it has none: it is square, or its columns depend on each other.
    """
    w = _float64(weight)
    d_out, d_in = w.shape
    return None if d_out == d_in else _triangular_factor(w if d_out > d_in else w.T)


def angles_between_updates(
    updates: Sequence[tuple[Tensor, Tensor]],  # a (rank, d_in) and b (d_out, rank) of n updates of one weight
) -> tuple[np.ndarray, np.ndarray]:  # written and read, (n, n) radians each; NaN where one of two updates is zero
    """How far any two products `b @ a` point apart in what they write (columns), and in what they read (rows).

    The square root of the cosine between U U' and V V', U and V being the products, is the cosine of the angle, and for
    rank 1 this is the principal angle. Each direction counts as strongly as it is changed: updates that weigh the same
    learned directions differently span one space, and their principal angles would all be 0.
    """
    _hold_blas_to_one_thread()
    spaces = [_update_spaces(_float64(a), _float64(b)) for a, b in updates]
    written, read = (_weighted_angles(np.stack(own)) for own in zip(*spaces, strict=True))
    return written, read


def _weighted_angles(spaces: np.ndarray) -> np.ndarray:  # (n, d, rank) -> (n, n)
    n, d, rank = spaces.shape
    side_by_side = spaces.swapaxes(0, 1).reshape(d, n * rank)
    products = (side_by_side.T @ side_by_side).reshape(n, rank, n, rank)
    shared = np.square(products).sum(axis=(1, 3))  # squared Frobenius norms of u' v
    size = np.sqrt(shared.diagonal())
    with np.errstate(invalid="ignore"):  # 0 / 0: NaN
        return np.asarray(np.arccos(np.sqrt(np.minimum(1.0, shared / np.outer(size, size)))))


def _update_spaces(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (d_out, rank), (d_in, rank)
    """Matrices with the products U U' and U' U of U = `b @ a`, which is never formed: b R' and a' S', R and S the
    triangular factors of a' and b."""
    a_factor, b_factor = _r_factor(a.T), _r_factor(b)
    return b @ a_factor.T, a.T @ b_factor.T


def dense_update(weight: Tensor, after: Tensor, name: str = "") -> LayerUpdate:  # (d_out, d_in) both
    """Measure the change of a weight that was trained as a whole."""
    delta = after.detach().cpu().double() - weight.detach().cpu().double()
    d_out, d_in = delta.shape
    identity = torch.eye(min(d_out, d_in), dtype=delta.dtype)
    a, b = (identity, delta) if d_in <= d_out else (delta, identity)
    return layer_update(weight, a, b, 1.0, name)


def turn_deg(update: LayerUpdate, weight: Tensor) -> float:  # (d_out, d_in)
    """Root mean square angle over all dimensions of the subspace, those that did not turn too, in degrees.

    It compares updates of any rank and matrices of any shape: the geodesic distance on the Grassmann manifold as one
    angle.
    """
    d_out, d_in = weight.shape
    n_dimensions = min(d_out, d_in) if d_out != d_in else max(1, d_in // 2)
    return float(np.sqrt((update.principal_angles_deg**2).sum() / n_dimensions))


def _angles_by_gains(
    weight: np.ndarray,  # (d_out, d_in)
    left: np.ndarray,  # (d_out, rank)
    right: np.ndarray,  # (rank, d_in)
    triangle: np.ndarray | None,
) -> Callable[[np.ndarray], np.ndarray]:  # gains (rank,) -> (n_angles,) radians, largest first
    """Angles between the subspaces of `weight` and `weight + left * gains @ right`; see the top for which."""
    d_out, d_in = weight.shape
    if d_out == d_in:
        return lambda gains: _leading_half_angles(weight, weight + left * gains @ right)
    if d_out < d_in:
        return _column_space_angles(weight.T, right.T, left.T, triangle)
    return _column_space_angles(weight, left, right, triangle)


def _leading_half_angles(*square: np.ndarray) -> np.ndarray:
    k = max(1, len(square[0]) // 2)
    return scipy.linalg.subspace_angles(*(np.linalg.svd(matrix)[0][:, :k] for matrix in square))


def _column_space_angles(
    tall: np.ndarray, left: np.ndarray, right: np.ndarray, triangle: np.ndarray | None
) -> Callable[[np.ndarray], np.ndarray]:
    """The angles between the column spaces of `tall` and `tall + left * gains @ right` that are not 0 by necessity.

    With tall = Q R and Q orthonormal, left = Q c + e with e orthogonal to Q, and r = diag(gains) right, the new matrix
    is Q (R + c r) + e r. Its column space is the graph of e r (R + c r)^-1 over that of Q, and the singular values of
    that map are the tangents of the angles (Zhu & Knyazev, "Angles between subspaces and their tangents", 2013).
    Sherman-Morrison-Woodbury leaves only matrices of size rank to invert.
    """
    rank = len(right)
    factor = _triangular_factor(tall) if triangle is None else triangle
    if factor is None:
        return lambda gains: scipy.linalg.subspace_angles(tall, tall + left * gains @ right)[:rank]
    inside = scipy.linalg.solve_triangular(factor, tall.T @ left, trans="T")  # (n_columns, rank), c above
    basis_part = left - tall @ scipy.linalg.solve_triangular(factor, inside)  # (n_rows, rank), e above
    outside = _r_factor(basis_part)  # (rank, rank), as long as e
    reach = scipy.linalg.solve_triangular(factor, right.T, trans="T")  # (n_columns, rank), the transpose of right R^-1
    # reach @ diag(gains) = Q' S: the angles need S alone, as Q' has orthonormal columns.
    met, length = reach.T @ inside, _r_factor(reach)
    return partial(_angles_of_graph, outside, met, length)


def _angles_of_graph(outside: np.ndarray, met: np.ndarray, length: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Of `_column_space_angles`, what depends on the gains; all matrices are of size rank."""
    kept = np.eye(len(gains)) + gains[:, None] * met
    kept += np.finfo(float).eps * np.eye(len(gains))  # an update that cancels a direction turns it by 90°: not 0 then
    tangents = np.linalg.svd(outside @ np.linalg.solve(kept, gains[:, None] * length.T), compute_uv=False)
    return np.arctan(tangents)[: len(gains)]


def _r_factor(tall: np.ndarray) -> np.ndarray:  # (n_rows, n) -> (at most n, n)
    """R of tall = Q R."""
    return np.asarray(np.linalg.qr(tall, mode="r"))


def _triangular_factor(tall: np.ndarray) -> np.ndarray | None:  # (n_columns, n_columns)
    """R of tall = Q R, without Q: fast for the largest Whisper on a CPU. None if the columns depend on each other."""
    try:
        r = scipy.linalg.cholesky(tall.T @ tall)
    except np.linalg.LinAlgError:
        return None
    diagonal = r.diagonal()
    return r if diagonal.min() > SINGULAR * diagonal.max() else None


@cache
def _hold_blas_to_one_thread() -> None:
    """Once and for good: numpy's and scipy's threads stay awake and made torch's next encode eleven times slower.

    Giving the threads back after each measure wakes them again. torch brings its own and keeps them.
    """
    ThreadpoolController().limit(limits=1, user_api="blas")


def _float64(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()
