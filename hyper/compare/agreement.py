"""How far the adaptations to several recordings agree: angles between what they write, and between what they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyper.model.lora import LoraWeights
from hyper.model.subspace import angles_between_updates


@dataclass(frozen=True, eq=False)
class Agreement:
    """Mean angle over layers (`angles_between_updates`) between any two recordings' adaptations."""

    written_deg: np.ndarray  # (n, n) degrees, between what the updates write; NaN where an update is zero
    read_deg: np.ndarray  # (n, n) degrees, between what they read

    @property
    def mean_written_deg(self) -> float:
        """Over all pairs of recordings."""
        return _mean_of_pairs(self.written_deg)

    @property
    def mean_read_deg(self) -> float:
        """Over all pairs of recordings."""
        return _mean_of_pairs(self.read_deg)

    def to_json(self) -> dict[str, Any]:
        """Both matrices and their means; an angle of a zero update is null."""
        return {
            "written_deg": _with_nulls(self.written_deg),
            "read_deg": _with_nulls(self.read_deg),
            "mean_written_deg": _null(self.mean_written_deg),
            "mean_read_deg": _null(self.mean_read_deg),
        }


def agreement(adaptations: Sequence[LoraWeights]) -> Agreement:
    """How far the adaptations agree, each of one row and all for the same sites."""
    own = [each.without_gains() for each in adaptations]
    layers = [
        angles_between_updates([(each.a[site][0], each.b[site][0]) for each in own]) for site in range(len(own[0].a))
    ]
    written, read = np.degrees(np.mean(layers, axis=0))
    for matrix in (written, read):
        np.fill_diagonal(matrix, 0.0)  # up to rounding it is; and a zero update agrees with itself
    return Agreement(written, read)


def _mean_of_pairs(matrix: np.ndarray) -> float:
    return float(matrix[np.triu_indices(len(matrix), k=1)].mean())


def _with_nulls(matrix: np.ndarray) -> list[list[float | None]]:
    return [[_null(value) for value in row] for row in matrix.tolist()]


def _null(value: float) -> float | None:
    return None if np.isnan(value) else value
