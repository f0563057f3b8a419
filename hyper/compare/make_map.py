"""The map of a pair's training speakers, made of their recordings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from tqdm import tqdm

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.voice_map import MIN_ON_MAP, Kind, MapError, VoiceMap, check_enough, fit_map
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import AudioError
from hyper.recordings.manifest import ManifestRow, source_speaker

HELD_OUT = 5  # every fifth speaker stays off the map
_SEED = 0


def make_map(
    asr: PersonalizedAsr, rows: Sequence[ManifestRow], max_speakers: int = 300, max_utterances: int = 4
) -> tuple[VoiceMap, int]:
    """The map of these recordings' speakers, and how many recordings could not be read.

    Errors: `MapError` without a hypernetwork, and with too few speakers.
    """
    if asr.fingerprints is None:
        raise MapError(f"There is no hypernetwork for {asr.base_model}, so there are no embeddings to map.")
    chosen = choose_speakers(rows, max_speakers, max_utterances)
    check_enough(len(chosen), MIN_ON_MAP)  # told before the work
    embeddings: dict[str, list[np.ndarray]] = {}
    n_unreadable = 0
    for speaker, own in tqdm(chosen.items(), desc="embedding", unit="speaker"):
        for row in own:
            try:
                waveform = load_audio(row.path, max_seconds=asr.backbone.window_seconds)
            except AudioError:
                n_unreadable += 1
                continue
            embedding = asr.prepare(waveform).embedding
            assert embedding is not None  # there is a hypernetwork
            embeddings.setdefault(speaker, []).append(embedding[0].float().cpu().numpy())
    kinds = {speaker: _kind(chosen[speaker][0]) for speaker in embeddings}
    off_map = held_out({speaker: source_speaker(chosen[speaker][0]) for speaker in embeddings})
    return fit_map(embeddings, kinds, off_map, asr.fingerprints), n_unreadable


def choose_speakers(
    rows: Sequence[ManifestRow], max_speakers: int, max_utterances: int
) -> dict[str, list[ManifestRow]]:
    """Recordings by speaker; of too many speakers as many of each cohort and severity as there are, by a fixed draw."""
    by_speaker: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        if row.speaker:
            by_speaker[row.speaker].append(row)
    rng = np.random.default_rng(_SEED)
    cells: dict[Kind, list[str]] = defaultdict(list)
    for speaker in rng.permutation(sorted(by_speaker)):
        cells[_kind(by_speaker[speaker][0])].append(str(speaker))
    dealt = [  # one of each kind, then the next of each
        speakers[turn] for turn in range(len(by_speaker)) for speakers in cells.values() if turn < len(speakers)
    ]
    return {speaker: by_speaker[speaker][:max_utterances] for speaker in sorted(dealt[:max_speakers])}


def held_out(sources: Mapping[str, str]) -> set[str]:
    """Speakers that stay off the map: all who share their typical speaker with one of a fixed fifth of those."""
    unique = sorted(set(sources.values()))
    off = set(np.random.default_rng(_SEED).permutation(unique)[: max(1, len(unique) // HELD_OUT)].tolist())
    return {speaker for speaker, source in sources.items() if source in off}


def _kind(row: ManifestRow) -> Kind:
    return Kind(row.cohort or "typical", row.severity, row.simulated)
