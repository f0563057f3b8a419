"""Log-mel features of many recordings, computed once and kept on disk for training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hyper.recordings.audio import load_audio, why_unusable
from hyper.recordings.limits import AudioError
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.parallel import parallel
from hyper.recordings.whole_files import write_whole
from hyper.simulate.phones import Phone, PhonesError, parse_phones
from hyper.speech.phone_set import PHONES, SILENCE
from hyper.training.begun_with import RunError, check_size, read_index

UNKNOWN_PHONE = -1  # a frame whose phone nobody knows: no loss there
FLOOR = -10.0  # log10 of Whisper's smallest mel power
_CHUNK = 200  # utterances a worker takes at a time


@dataclass(frozen=True)
class MelSettings:
    """What Whisper's feature extractor does, as numbers: enough to repeat it without the window's padding."""

    n_fft: int
    hop_length: int  # samples per frame
    n_frames: int  # frames in the model's window
    mel_filters: np.ndarray  # (n_fft // 2 + 1, n_mels)
    sample_rate: int

    @property
    def frames_per_second(self) -> float:
        return self.sample_rate / self.hop_length


def log10_mel(
    waveform: np.ndarray,  # (n_samples,) float32, 16 kHz mono
    settings: MelSettings,
) -> np.ndarray:  # (n_frames, n_mels) float16
    """log10 of the mel power, before Whisper's own clamp to the loudest frame and scaling."""
    samples = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))
    stft = torch.stft(
        samples, settings.n_fft, settings.hop_length, window=torch.hann_window(settings.n_fft),
        pad_mode="constant", return_complex=True,
    )  # fmt: skip
    power = stft[:, :-1].abs().square()  # Whisper drops the last frame
    mel = torch.from_numpy(settings.mel_filters).float().T @ power  # (n_mels, n_frames)
    return mel.clamp(min=10**FLOOR).log10().T.to(torch.float16).numpy()


def whisper_scale(
    log_power: Tensor,  # (batch, n_frames, n_mels) log10 mel power, padding at FLOOR
) -> Tensor:  # (batch, n_mels, n_frames) what the encoder reads
    """Whisper's dynamic range of 80 dB below the loudest value, scaled to about [-1, 1]."""
    loudest = log_power.amax(dim=(1, 2), keepdim=True)
    return ((torch.maximum(log_power, loudest - 8.0) + 4.0) / 4.0).transpose(1, 2)


def phone_labels(phones: Sequence[Phone], n_frames: int, frames_per_second: float) -> np.ndarray:
    """Phone index of each frame by the frame's centre, (n_frames,) int8; all unknown where there are no phones.

    Errors: PhonesError for the phone of another set than ours.
    """
    if not phones:
        return np.full(n_frames, UNKNOWN_PHONE, np.int8)
    centres = (np.arange(n_frames) + 0.5) / frames_per_second
    index = np.searchsorted([phone.end for phone in phones], centres, side="right").clip(max=len(phones) - 1)
    unknown = sorted({phone.symbol for phone in phones} - set(PHONES))
    if unknown:
        raise PhonesError(
            f"There is no phone {unknown[0]!r} among those that train-base knows: {' '.join(PHONES)}. Please leave the "
            "column `phones` of such recordings empty; train-base then finds phones and times itself."
        )
    symbols = np.array([PHONES.index(phone.symbol) for phone in phones], np.int8)
    labels = symbols[index]
    labels[centres >= phones[-1].end] = PHONES.index(SILENCE)
    return labels


class FeatureStore:
    """Features of a list of utterances in three flat files; `mel(i)` reads one without copying the rest."""

    def __init__(self, folder: Path) -> None:
        index = read_index(folder / "index.json", ("texts", "lengths", "n_mels", "rows"))
        self.texts: list[str] = index["texts"]
        self.lengths = np.array(index["lengths"], dtype=np.int64)  # frames of each utterance
        self.rows: list[int] = index["rows"]  # which of the rows it was built from each utterance is
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)])  # frames before each utterance, and all
        check_size(folder / "mel.f16", 2 * int(self.lengths.sum()) * index["n_mels"])
        check_size(folder / "phones.i8", int(self.lengths.sum()))
        # Copy on write, since torch wants what it could write to; nobody does.
        self._mel = np.memmap(folder / "mel.f16", np.float16, "c").reshape(-1, index["n_mels"])
        self._labels = np.memmap(folder / "phones.i8", np.int8, "c")

    def __len__(self) -> int:
        return len(self.texts)

    def mel(self, i: int) -> np.ndarray:
        """(n_frames, n_mels) log10 mel power."""
        return self._mel[self.starts[i] : self.starts[i + 1]]

    def labels(self, i: int) -> np.ndarray:
        """(n_frames,) phone index of each frame."""
        return self._labels[self.starts[i] : self.starts[i + 1]]

    @property
    def flat_mel(self) -> Tensor:
        """(n_all_frames, n_mels) float16 of all utterances, one after the other, as they lie in the file."""
        return torch.from_numpy(self._mel)

    @property
    def flat_labels(self) -> Tensor:
        """(n_all_frames,) int8 likewise."""
        return torch.from_numpy(self._labels)

    @classmethod
    def build(cls, rows: Sequence[ManifestRow], folder: Path, settings: MelSettings, n_workers: int) -> FeatureStore:
        """Compute all features; a folder that is complete is opened as it is.

        Errors: RunError where no recording can be used, PhonesError where one has phones of another set than ours.
        """
        if not (folder / "index.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write_store(rows, folder, settings, n_workers)
        return cls(folder)


def _write_store(rows: Sequence[ManifestRow], folder: Path, settings: MelSettings, n_workers: int) -> None:
    tasks = [(i, rows[i : i + _CHUNK], settings) for i in range(0, len(rows), _CHUNK)]
    used, texts, lengths = [], [], []
    with open(folder / "mel.f16", "wb") as mels, open(folder / "phones.i8", "wb") as phones:
        for chunk in parallel(_chunk_features, tasks, n_workers, "features"):
            for position, text, mel, labels in chunk:
                used.append(position)
                texts.append(text)
                lengths.append(len(mel))
                mels.write(mel.tobytes())
                phones.write(labels.tobytes())
    kept = set(used)
    _tell_left_out([row for i, row in enumerate(rows) if i not in kept], len(rows), settings)
    index = {"texts": texts, "lengths": lengths, "n_mels": int(settings.mel_filters.shape[1]), "rows": used}
    write_whole(folder / "index.json", json.dumps(index))  # last: a killed run leaves no half store that looks whole


def _tell_left_out(left_out: Sequence[ManifestRow], n_rows: int, settings: MelSettings) -> None:
    """Say how many could not be used, if any, and why the first. Errors: RunError where that is all of them."""
    if not left_out:
        return
    seconds = settings.n_frames / settings.frames_per_second
    each, first = f"over {seconds:g} s or not usable", left_out[0]
    why = f"{first.file}: {why_unusable(first.path, seconds)}"
    if len(left_out) == n_rows:
        raise RunError(f"None of {n_rows} recordings can be trained on: each is {each}. Check their paths. {why}")
    print(f"left out {len(left_out)} of {n_rows} recordings: {each}; the first is {why}", flush=True)


def _chunk_features(
    task: tuple[int, Sequence[ManifestRow], MelSettings],
) -> list[tuple[int, str, np.ndarray, np.ndarray]]:
    first, rows, settings = task
    torch.set_num_threads(1)
    features = []
    for position, row in enumerate(rows, start=first):
        try:
            mel = log10_mel(load_audio(row.path), settings)
        except AudioError:  # silent or broken clips are in every corpus; how many were left out is printed
            continue
        if len(mel) <= settings.n_frames:
            labels = phone_labels(parse_phones(row.phones), len(mel), settings.frames_per_second)
            features.append((position, row.reference, mel, labels))
    return features
