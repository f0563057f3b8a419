"""How far an adaptation moves each layer of one model, and what of that is the same for every recording."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import accumulate
from typing import TypeVar

import numpy as np

from hyper.model.backbone import Backbone
from hyper.model.lora import LoraSite, LoraWeights
from hyper.model.subspace import Directions, LayerSize, LayerUpdate, triangle_of

T = TypeVar("T")
FLOAT64_BYTES = 8
# Of triangles, for as many layers as they reach: all `fc1` of a medium Whisper take 200 MB, those of large-v3 420.
KEPT_BYTES = 2**28


class LayerMeasures:
    """Measures adaptations at these sites. Base and learned updates are frozen: what they give is measured once."""

    def __init__(self, backbone: Backbone, sites: tuple[LoraSite, ...]) -> None:
        self._backbone, self._sites = backbone, sites
        self._weighed: tuple[Directions, ...] = ()  # those of an adaptation that has gains

    def updates(self, lora: LoraWeights) -> tuple[LayerUpdate, ...]:  # of one row
        """How each layer is moved."""
        return self._each(lora, Directions.update)

    def sizes(self, lora: LoraWeights) -> tuple[LayerSize, ...]:  # of one row
        """How far, which costs next to nothing; with gains, the first time, as much as `updates`."""
        return self._each(lora, Directions.size)

    def _each(self, lora: LoraWeights, measure: Callable[[Directions, np.ndarray], T]) -> tuple[T, ...]:
        if lora.gains is None:
            gains = np.full((len(lora.sites), lora.a[0].shape[1]), lora.scaling)
            directions = self._directions(lora, with_angles=measure is Directions.update)
        else:
            gains = lora.scaling * lora.gains[0].double().cpu().numpy()
            directions = self._weighed = self._weighed or self._directions(lora, with_angles=True)
        return tuple(measure(own, gain) for own, gain in zip(directions, gains, strict=True))

    def _directions(self, lora: LoraWeights, with_angles: bool) -> tuple[Directions, ...]:
        return tuple(
            Directions.of(
                self._backbone.site_weight(site),
                a[0],
                b[0],
                site.name,
                with_angles=with_angles and site.d_in != site.d_out,  # of square ones they cost too much
                triangle=self._triangles.get(site.name) if with_angles else None,
                weight_norm=self._weight_norms[site.name],
            )
            for site, a, b in zip(lora.sites, lora.a, lora.b, strict=True)
        )

    @cached_property
    def _weight_norms(self) -> dict[str, float]:
        """Frobenius norms."""
        return {site.name: float(self._backbone.site_weight(site).double().norm()) for site in self._sites}

    @cached_property
    def _triangles(self) -> dict[str, np.ndarray | None]:
        """What the angles are measured from, of as many weights as `KEPT_BYTES` hold; of the others it is not kept."""
        tall = [site for site in self._sites if site.d_in != site.d_out]
        n_bytes = accumulate(min(site.d_in, site.d_out) ** 2 * FLOAT64_BYTES for site in tall)
        kept = [site for site, together in zip(tall, n_bytes, strict=True) if together <= KEPT_BYTES]
        return {site.name: triangle_of(self._backbone.site_weight(site)) for site in kept}
