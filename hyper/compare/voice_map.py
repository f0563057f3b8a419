"""Where a voice lies among the speakers that the hypernetwork learned from: their embeddings, reduced, in a small file.

The embedding is standardised already (statistic by statistic, with training's mean and standard deviation), so that
distances are counted in standard deviations. Principal component analysis of the speakers' mean embeddings gives the
directions that are kept; the first two are the map. Distance is the root mean square difference, over the embedding's
dimensions, between a recording and a speaker as the map keeps that speaker, and of the nearest speakers' distances the
mean. What the recording has outside of the kept directions counts in full, or an odd voice would look near.

How far is far is read from speakers that are not on the map: the same distance of their single recordings and of their
means. All of it is our own choice. A place on the map says nothing about a person's health.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import scipy  # its parts come in when they are first used, which is after the start
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from hyper.model.delivered import seal
from hyper.recordings.whole_files import write_whole

MAPS_IN_MEMORY = 2  # as many pairs as the page holds
MAP_FILE = "voice_map.safetensors"
MAX_COMPONENTS = 32  # kept directions; fewer where the embedding is long
MAX_COMPONENT_BYTES = 200_000  # of the directions and the mean, so that the file stays small beside any model
N_NEAREST = 5  # speakers: one alone may lie there by chance
FAR_PERCENTILE = 95  # of the held-out distances; so many of 100 held-out recordings are nearer than what is called far
MIN_SPEAKERS = 10  # on the map and off it together ...
MIN_ON_MAP = 3  # ... for two directions


class MapError(ValueError):
    """There is no map, or none can be made; the message says what to run."""


class Mapped(Protocol):
    """A pair, as far as its map is concerned."""

    hypernet_folder: Path | None  # where the map lies too

    @property
    def fingerprints(self) -> tuple[str, str] | None:
        """Of the base and of the hypernetwork; None without one."""


@dataclass(frozen=True)
class Kind:
    """What is known of a training speaker; names are not kept."""

    cohort: str  # "typical" where the manifest says nothing
    severity: str  # "" where there is none
    simulated: bool


@dataclass(frozen=True)
class Whereabouts:
    """Where one embedding lies."""

    x: float  # along the first direction, in the embedding's units
    y: float  # along the second
    distance: float  # to the nearest training speakers, in standard deviations
    limit: float  # what 95 of 100 held-out recordings (or speakers) stay below
    share_nearer: float  # of the held-out ones, a fraction

    @property
    def is_far(self) -> bool:
        """Whether training saw hardly anything like it."""
        return self.distance > self.limit


@dataclass(frozen=True, eq=False)
class VoiceMap:
    """The map of one pair's training speakers."""

    mean: np.ndarray  # (d_embedding,) of the speakers
    components: np.ndarray  # (n_components, d_embedding) orthonormal, the widest direction first
    points: np.ndarray  # (n_speakers, n_components)
    kinds: tuple[Kind, ...]  # (n_speakers,)
    explained: tuple[float, float]  # share of the speakers' variance that lies along each of the first two
    held_out_recordings: np.ndarray  # (n,) distances of single recordings of speakers off the map, ascending
    held_out_speakers: np.ndarray  # (n,) distances of their means
    base_fingerprint: str
    hypernet_fingerprint: str

    def place(self, embedding: np.ndarray) -> np.ndarray:  # (d_embedding,) -> (n_components,)
        """Coordinates along the kept directions."""
        return self.components @ (embedding - self.mean)

    def embedding_at(self, place: np.ndarray) -> np.ndarray:  # (n_components,) -> (d_embedding,)
        """The embedding at these coordinates that has nothing outside of the kept directions."""
        return self.mean + place @ self.components

    def distance(self, embedding: np.ndarray) -> float:  # (d_embedding,)
        """Root mean square difference to the nearest speakers' embeddings, in standard deviations."""
        place = self.place(embedding)
        outside = np.square(embedding - self.embedding_at(place)).sum()
        squares = np.square(self.points - place).sum(axis=1) + outside  # (n_speakers,)
        return float(np.sqrt(np.sort(squares)[:N_NEAREST] / len(embedding)).mean())

    def whereabouts(self, embedding: np.ndarray, is_mean: bool) -> Whereabouts:
        """Where an embedding (d_embedding,) of one recording, or the mean of several, lies."""
        held_out = self.held_out_speakers if is_mean else self.held_out_recordings
        distance = self.distance(embedding)
        x, y = self.place(embedding)[:2]
        limit = float(np.percentile(held_out, FAR_PERCENTILE))
        return Whereabouts(float(x), float(y), distance, limit, float((held_out < distance).mean()))

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        tensors = {
            "mean": self.mean.astype(np.float16),
            "components": self.components.astype(np.float16),
            "points": self.points.astype(np.float32),
            "held_out_recordings": self.held_out_recordings.astype(np.float32),
            "held_out_speakers": self.held_out_speakers.astype(np.float32),
        }
        facts = {
            "kinds": [asdict(kind) for kind in self.kinds],
            "explained": self.explained,
            "base_fingerprint": self.base_fingerprint,
            "hypernet_fingerprint": self.hypernet_fingerprint,
        }
        as_they_lie = {
            name: np.ascontiguousarray(values) for name, values in tensors.items()
        }  # their bytes are written
        write_whole(path, save(as_they_lie, {"facts": json.dumps(facts)}))
        seal(path.parent)

    @classmethod
    def load(cls, path: Path) -> VoiceMap:
        """Read what `save` wrote. Errors: `MapError` where the file is not such a one."""
        try:
            with safe_open(path, "np") as file:
                facts = json.loads(file.metadata()["facts"])
                tensors = {name: file.get_tensor(name).astype(np.float64) for name in file.keys()}  # noqa: SIM118
            facts["kinds"] = tuple(Kind(**kind) for kind in facts["kinds"])
            facts["explained"] = tuple(facts["explained"])
            return cls(**tensors, **facts)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise MapError(f"The map in {path} cannot be read; make it again: {make_command()}") from error


def make_command() -> str:
    """What to run to get a map."""
    return "`python -m hyper make-map --data MANIFEST.csv`"


def find_map(asr: Mapped) -> VoiceMap:
    """The map of this pair. Errors: `MapError` where there is none, or another pair's."""
    path = asr.hypernet_folder / MAP_FILE if asr.hypernet_folder else None
    if asr.fingerprints is None or path is None or not path.is_file():
        raise MapError(f"There is no map for this model yet. To make one of its training recordings: {make_command()}")
    voice_map = _loaded(path, path.stat().st_mtime_ns)
    if (voice_map.base_fingerprint, voice_map.hypernet_fingerprint) != asr.fingerprints:
        raise MapError(f"The map beside this model was made with another pair. Make it again: {make_command()}")
    return voice_map


@lru_cache(maxsize=MAPS_IN_MEMORY)
def _loaded(path: Path, _changed: int) -> VoiceMap:  # ns, so that one made anew is read anew
    """Kept in memory: it is asked about each recording."""
    return VoiceMap.load(path)


def whereabouts_of(
    asr: Mapped,
    embedding: np.ndarray | None,  # (d_embedding,)
    is_mean: bool = False,  # of several recordings
) -> Whereabouts | None:
    """Where a voice lies; None where the model has no map."""
    if embedding is None:
        return None
    try:
        voice_map = find_map(asr)
    except MapError:
        return None
    return voice_map.whereabouts(embedding, is_mean)


def fit_map(
    embeddings: Mapping[str, Sequence[np.ndarray]],  # of each speaker one or more, (d_embedding,)
    kinds: Mapping[str, Kind],
    off_map: set[str],  # speakers that only say what is far
    fingerprints: tuple[str, str],  # of the base, of the hypernetwork
) -> VoiceMap:
    """Principal directions of the speakers' means, and the distances of those that are held out."""
    on_map = [speaker for speaker in embeddings if speaker not in off_map]
    check_enough(len(embeddings), len(on_map))
    means = np.stack([np.mean(embeddings[speaker], axis=0) for speaker in on_map]).astype(np.float64)
    mean = _rounded(means.mean(axis=0))
    _, spread, directions = scipy.linalg.svd(means - mean, full_matrices=False)
    by_size = max(2, MAX_COMPONENT_BYTES // (2 * len(mean)) - 1)  # two bytes a number, and the mean beside them
    components = _rounded(directions[: min(MAX_COMPONENTS, by_size)])
    variances = spread**2 / (spread**2).sum()
    unfinished = VoiceMap(
        mean=mean,
        components=components,
        points=((means - mean) @ components.T).astype(np.float32).astype(np.float64),
        kinds=tuple(kinds[speaker] for speaker in on_map),
        explained=(float(variances[0]), float(variances[1])),
        held_out_recordings=np.empty(0),
        held_out_speakers=np.empty(0),
        base_fingerprint=fingerprints[0],
        hypernet_fingerprint=fingerprints[1],
    )
    others = [embeddings[speaker] for speaker in embeddings if speaker in off_map]
    distances = {
        "held_out_recordings": [unfinished.distance(each) for own in others for each in own],
        "held_out_speakers": [unfinished.distance(np.mean(own, axis=0)) for own in others],
    }
    return VoiceMap(**(vars(unfinished) | {name: np.sort(values) for name, values in distances.items()}))


def check_enough(n_speakers: int, n_on_map: int) -> None:
    """Refuse too few speakers for a map. Errors: `MapError`."""
    if n_speakers < MIN_SPEAKERS or not MIN_ON_MAP <= n_on_map < n_speakers:
        raise MapError(
            f"The recordings name {n_speakers} speakers that can be used; a map needs {MIN_SPEAKERS} or more in the "
            "manifest's `speaker` column."
        )


def _rounded(values: np.ndarray) -> np.ndarray:
    """As the file keeps them, so that a map is the same before and after it is written."""
    return values.astype(np.float16).astype(np.float64)
