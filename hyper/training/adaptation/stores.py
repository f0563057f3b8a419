"""The utterances of a state store as some methods read them: log-mel for the encoder, other embeddings."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hyper.model.backbone import Backbone
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.parallel import ahead
from hyper.recordings.whole_files import whole_file
from hyper.training.adaptation.states import (
    FRAMES_PER_STATE,
    SILENT_STATES,
    StateBatch,
    StateStore,
    StoreError,
    last_repeated,
)
from hyper.training.begun_with import check_size

_ENCODED_AT_ONCE = 64  # recordings


class AroundStore:
    """A store whose batches are those of another one, but for what its kind changes or adds."""

    def __init__(self, store: StateStore | AroundStore) -> None:
        self._store = store
        self.tokens: list[list[int]] = store.tokens
        self.speakers: list[str] = store.speakers
        self.people: list[str] = store.people
        self.cohorts: list[str] = store.cohorts
        self.paths: list[str] = store.paths
        self.lengths: np.ndarray = store.lengths

    def __len__(self) -> int:
        return len(self._store)

    def statistics(self, chosen: Sequence[int] | np.ndarray) -> Tensor:
        """(n, n_layers + 1, 3, d_model) float32 of the base's encoder."""
        return self._store.statistics(chosen)

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """The other store's own."""
        return self._store.batch(chosen)

    def check_belong(self, paths: Collection[str]) -> None:
        """Raise `StoreError` where a recording of the store is not among those at these paths."""
        if set(self.paths) - set(paths):
            raise StoreError(
                "The encoder states that are kept do not belong to these recordings; choose another folder for the "
                "run, or delete its states."
            )


class WithStatistics(AroundStore):
    """A store whose utterances have other statistics than those of the base's encoder: another kind of embedding."""

    def __init__(self, store: StateStore, statistics: Tensor) -> None:  # (n_utterances, ...)
        super().__init__(store)
        self._statistics = statistics

    def statistics(self, chosen: Sequence[int] | np.ndarray) -> Tensor:
        """(n, ...) float32."""
        return self._statistics[torch.as_tensor(np.asarray(chosen))]

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """The store's own batch but for the statistics."""
        return replace(super().batch(chosen), statistics=self.statistics(chosen))


class LogMelStore(AroundStore):
    """Log-mel in place of encoder states, for training that changes the encoder; computed once, beside the states.

    Errors: StoreError where the rows do not hold the recordings of the states.
    """

    def __init__(self, backbone: Backbone, rows: Sequence[ManifestRow], states: StateStore) -> None:
        super().__init__(states)
        by_path = {str(row.path): row for row in rows}
        self.check_belong(by_path)
        self._backbone = backbone
        self._starts = np.concatenate([[0], np.cumsum(FRAMES_PER_STATE * self.lengths)])
        file = states.folder / "log_mel.f16"
        if not file.exists():
            _write(backbone, [by_path[path] for path in states.paths], FRAMES_PER_STATE * self.lengths, file)
        check_size(file, 2 * int(self._starts[-1]) * backbone.extractor.feature_size)
        self._frames = np.memmap(file, np.float16, "r").reshape(-1, backbone.extractor.feature_size)

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """`states` are log-mel (batch, n_mels, n_frames), the last, silent frame of each repeated (`padded_frames`)."""
        longest = padded_frames(self._backbone, int(self.lengths[np.asarray(chosen)].max()))
        places = last_repeated(self._starts, FRAMES_PER_STATE * self.lengths, chosen, longest)
        tokens = [self.tokens[i] for i in chosen]
        features = torch.from_numpy(self._frames[places].astype(np.float32)).transpose(1, 2).contiguous()
        return StateBatch(features, self.statistics(chosen), tokens, np.asarray(chosen))


def padded_frames(backbone: Backbone, n_states: int) -> int:
    """Log-mel frames of a batch whose longest utterance has so many states, the silence kept behind it included.

    Where the model's window may be cut, the batch is padded as the product does it. Elsewhere, as on a GPU, the product
    encodes a whole window, and so it did what is kept as states; here that would cost too much, so that what is trained
    on log-mel, and the lessons of originals, read an encoder that heard less silence.
    """
    if not backbone.cuts_window:
        return FRAMES_PER_STATE * n_states
    speech = (n_states - SILENT_STATES) * backbone.samples_per_state
    return backbone.window_samples(speech) // backbone.extractor.hop_length


def _write(backbone: Backbone, rows: Sequence[ManifestRow], n_frames: np.ndarray, file: Path) -> None:
    """Speech and the silence kept behind it, frame by frame; a killed run leaves no file that looks whole."""
    with whole_file(file) as partial, partial.open("wb") as frames:
        read = ahead(lambda row: load_audio(row.path), rows)
        for start in tqdm(range(0, len(rows), _ENCODED_AT_ONCE), desc="log-mel", unit="batch"):
            waveforms = list(itertools.islice(read, _ENCODED_AT_ONCE))
            log_mel = backbone.log_mel(waveforms, backbone.window_samples(max(map(len, waveforms))))
            for own, n in zip(log_mel, n_frames[start:], strict=False):
                frames.write(own[:, :n].T.numpy().astype(np.float16).tobytes())
