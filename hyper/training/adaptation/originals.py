"""What the base makes of the recordings that simulated ones were made from, computed once beside the states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from hyper.model.backbone import Backbone
from hyper.recordings.audio import audio_seconds, load_audio
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.whole_files import whole_file
from hyper.training.adaptation.losses import OriginalsLoss
from hyper.training.adaptation.states import SILENT_STATES, StateBatch, StateStore, usable_seconds
from hyper.training.adaptation.stores import AroundStore, padded_frames
from hyper.training.adaptation.teacher_forcing import n_targets
from hyper.training.begun_with import check_size, digest, sound_mark
from hyper.training.speed import mixed_precision

_DECODED_AT_ONCE = 32  # recordings


class OriginalsError(ValueError):
    """The manifest does not say what the recordings were made from; the message says what is wanted."""


class WithOriginals(AroundStore):
    """A store whose batches also hold the base's hidden states on the originals; a typical recording is its own."""

    def __init__(
        self,
        store: StateStore | AroundStore,
        folder: Path,  # of the states
        backbone: Backbone,
        rows: Sequence[ManifestRow],
        language: str,
        bfloat16: bool = False,
    ) -> None:
        super().__init__(store)
        originals = originals_of(rows)
        self.check_belong(originals)
        prompt, most = backbone.prompt(language), backbone.max_target_positions
        self._starts = np.cumsum([0, *(n_targets(tokens, prompt, most) for tokens in self.tokens)])
        paths = [originals[path] for path in self.paths]
        file = folder / f"originals-{digest([language, *map(sound_mark, paths)])}.f16"
        if not file.exists():
            _write(backbone, language, paths, self.tokens, self._starts, file, bfloat16)
        check_size(file, 2 * int(self._starts[-1]) * backbone.d_model)
        self._lessons = np.memmap(file, np.float16, "r").reshape(-1, backbone.d_model)

    def batch(self, chosen: Sequence[int] | np.ndarray) -> StateBatch:
        """The store's own batch, with the lessons (n_targets, d_model) float32."""
        lessons = np.concatenate([self._lessons[self._starts[i] : self._starts[i + 1]] for i in chosen])
        return replace(super().batch(chosen), lessons=torch.from_numpy(lessons.astype(np.float32)))


def check_named(rows: Sequence[ManifestRow]) -> None:
    """Before anything is encoded, by the lists and the folders alone.

    Errors: OriginalsError where a recording that is not typical names no original, or one that is not there.
    """
    without = [row for row in rows if row.original is None and row.cohort not in ("", "typical")]
    if without:
        raise OriginalsError(
            f"{len(without)} recordings that are not typical name no original, the first is {without[0].file}; "
            "`python -m hyper simulate` writes the column, recordings of patients have none: leave out `--lesson`."
        )
    _check_none_is_lost([row for row in rows if row.original is not None and not row.original.is_file()])


def _check_none_is_lost(lost: Sequence[ManifestRow]) -> None:
    if lost:
        raise OriginalsError(
            f"{len(lost)} originals are missing or cannot be read, the first is {lost[0].original}; put them where the "
            "manifest says, or simulate anew."
        )


def originals_of(rows: Sequence[ManifestRow]) -> dict[str, Path]:
    """The original of each recording, by the recording's path.

    Errors: OriginalsError where a recording that is not typical names none, or one that cannot be used.
    """
    check_named(rows)
    _check_none_is_lost([row for row in rows if row.original is not None and usable_seconds(row.original) is None])
    return {str(row.path): row.original or row.path for row in rows}


def _write(
    backbone: Backbone,
    language: str,
    originals: Sequence[Path],
    tokens: Sequence[list[int]],
    starts: np.ndarray,  # (n + 1,) of each utterance's lessons
    file: Path,
    bfloat16: bool,
) -> None:
    """Decode each original under its tokens; a killed run leaves no file that looks whole."""
    decoder = OriginalsLoss(backbone, language)
    seconds = [audio_seconds(path) for path in originals]
    order = np.argsort(seconds, kind="stable")  # like lengths together
    with whole_file(file) as partial:
        lessons = np.memmap(partial, np.float16, "w+", shape=(int(starts[-1]), backbone.d_model))
        for start in tqdm(range(0, len(order), _DECODED_AT_ONCE), desc="originals", unit="batch"):
            part = order[start : start + _DECODED_AT_ONCE]
            waveforms = [load_audio(originals[i]) for i in part]
            hidden = _hidden(backbone, decoder, waveforms, [tokens[i] for i in part], bfloat16)
            own = np.split(hidden, np.cumsum(np.diff(starts)[part])[:-1])
            for i, each in zip(part, own, strict=True):
                lessons[starts[i] : starts[i + 1]] = each
        lessons.flush()


def _hidden(
    backbone: Backbone,
    decoder: OriginalsLoss,
    waveforms: Sequence[np.ndarray],
    tokens: list[list[int]],
    bfloat16: bool,
) -> np.ndarray:  # (n_targets, d_model)
    """Of the base, on batches padded like those that are trained on: silence must not be what is to be undone."""
    longest = max(map(len, waveforms))
    n_frames = padded_frames(backbone, backbone.n_speech_states(longest) + SILENT_STATES)
    log_mel = backbone.log_mel(waveforms, backbone.window_samples(longest))[..., :n_frames]
    with backbone.lock, torch.inference_mode(), mixed_precision(backbone.device, bfloat16):
        hidden, _ = decoder.hidden(backbone.encode_frames(log_mel), tokens)
    return hidden.float().cpu().numpy()
