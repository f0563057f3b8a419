"""Real recordings to aligned pieces: phones from espeak-ng, posteriors from the base, Viterbi, cut, written as WAV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from hyper.model.passes import encode_frames
from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.blocks import in_blocks
from hyper.recordings.limits import SAMPLE_RATE, AudioError
from hyper.recordings.manifest import ManifestRow, read_manifest, write_manifest
from hyper.recordings.parallel import parallel
from hyper.simulate.phones import Phone, format_phones, parse_phones
from hyper.speech.engines import Espeak
from hyper.training.base.alignment import WINDOW_SECONDS, Alignment, align, cut
from hyper.training.base.features import MelSettings, log10_mel, whisper_scale
from hyper.training.base.small_whisper import ListeningHeads
from hyper.training.begun_with import RunError

if TYPE_CHECKING:
    from transformers import WhisperForConditionalGeneration

PERSON = "person"  # the `voice` of a piece in a manifest
WORST_SHARE = 0.05  # of the recordings, rounded down: those that fit their text least are left out
_SPOKEN_SIGNS = frozenset("&%@+=#*/~$€£°")  # what espeak-ng reads out where it stands alone
_READ_TOGETHER = 64  # recordings in one task of a worker
_BATCH = 64  # windows of 8 s in one encoder pass


@dataclass(frozen=True)
class _Task:
    """What one worker aligns: recordings with their posteriors and expected phones."""

    rows: Sequence[ManifestRow]
    posteriors: Sequence[np.ndarray]  # each (n_frames, n_phones) float16
    expected: Sequence[Sequence[Phone]]
    frames_per_second: float


def align_rows(
    rows: Sequence[ManifestRow],
    model: WhisperForConditionalGeneration,
    heads: ListeningHeads,
    mel: MelSettings,
    folder: Path,
    n_workers: int,
) -> list[ManifestRow]:
    """Align every recording, leave the worst out, cut the rest; pieces and their manifest stay in `folder`.

    Errors: RunError where no recording fits its text, or none of those that do gives a piece; no manifest is written.
    """
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        aligned = list(_aligned(rows, model, heads, mel, n_workers))
        if not aligned:
            raise RunError(
                f"None of {len(rows)} recordings without phone times fits its text; check them and their texts."
            )
        kept = _without_worst(aligned)
        tasks = [(folder, i, kept[i : i + 50]) for i in range(0, len(kept), 50)]
        pieces = [piece for chunk in parallel(_write_pieces, tasks, n_workers, "cutting") for piece in chunk]
        if not pieces:
            raise RunError(
                f"No word was heard in {len(aligned)} recordings that were aligned; check that they hold their texts."
            )
        write_manifest(manifest, pieces)
        print(
            f"aligned {len(aligned)} of {len(rows)} recordings, kept {len(kept)}, cut into {len(pieces)} pieces",
            flush=True,
        )
    return read_manifest(manifest)


def _without_worst(aligned: Sequence[tuple[ManifestRow, Alignment]]) -> list[tuple[ManifestRow, Alignment]]:
    """All but the share that fits its text least, in their order; of fewer than twenty, all."""
    by_score = sorted(range(len(aligned)), key=lambda i: aligned[i][1].score)
    return [aligned[i] for i in sorted(by_score[int(WORST_SHARE * len(aligned)) :])]


def words_said(reference: str) -> list[str]:
    """The words of a text without what is written and not said, such as a dash that stands alone.

    espeak-ng tells words by where they stand in its text, and gets this wrong behind a dash or a second space.
    """
    return [word for word in reference.split() if word in _SPOKEN_SIGNS or any(letter.isalnum() for letter in word)]


def _words(row: ManifestRow) -> list[str]:
    """What the word numbers of the row's phones count: given phones count the words of the text as it is written."""
    return row.reference.split() if row.phones else words_said(row.reference)


def _aligned(
    rows: Sequence[ManifestRow],
    model: WhisperForConditionalGeneration,
    heads: ListeningHeads,
    mel: MelSettings,
    n_workers: int,
) -> Iterator[tuple[ManifestRow, Alignment]]:
    """Each recording that fits its text; never more posteriors in memory than the workers are about to align."""
    tasks = _posterior_tasks(rows, model, heads, mel, n_workers)
    for pairs in parallel(_align_task, tasks, n_workers, "aligning", n_tasks=-(-len(rows) // _READ_TOGETHER)):
        yield from pairs


def _posterior_tasks(
    rows: Sequence[ManifestRow],
    model: WhisperForConditionalGeneration,
    heads: ListeningHeads,
    mel: MelSettings,
    n_workers: int,
) -> Iterator[_Task]:
    """Posteriors and expected phones of 64 recordings at a time; workers read them."""
    tasks = [(block, mel) for block in in_blocks(rows, _READ_TOGETHER)]
    for used, mels, expected in parallel(_read, tasks, n_workers, "listening"):
        posteriors = phone_posteriors(mels, model, heads, mel)
        yield _Task(used, [p.astype(np.float16) for p in posteriors], expected, mel.frames_per_second)


def _read(
    task: tuple[Sequence[ManifestRow], MelSettings],
) -> tuple[list[ManifestRow], list[np.ndarray], list[Sequence[Phone]]]:
    """The recordings that can be used, the log10 mel power of each (n_frames, n_mels), and its expected phones."""
    rows, mel = task
    torch.set_num_threads(1)
    espeak = Espeak()
    used, mels = [], []
    for row in rows:
        if not _words(row):
            continue
        try:
            mels.append(log10_mel(load_audio(row.path), mel))
        except AudioError:  # silent or broken clips are in every corpus; align_rows prints how many were aligned
            continue
        used.append(row)
    expected: list[Sequence[Phone]] = [
        parse_phones(row.phones) or espeak.speak(" ".join(_words(row)), "en-us").phones for row in used
    ]
    return used, mels, expected


@torch.inference_mode()
def phone_posteriors(
    mels: Sequence[np.ndarray],  # each (n_frames, n_mels) log10 mel power
    model: WhisperForConditionalGeneration,
    heads: ListeningHeads,
    mel: MelSettings,
) -> list[np.ndarray]:  # each (n_frames, n_phones) natural log
    """Log-posteriors of every recording, computed in windows of 8 s."""
    window = round(WINDOW_SECONDS * mel.frames_per_second)
    pieces = [m[start : start + window] for m in mels for start in range(0, len(m), window)]
    device = next(heads.parameters()).device
    outputs: list[np.ndarray] = []
    for first in range(0, len(pieces), _BATCH):
        group = pieces[first : first + _BATCH]
        batch = np.full((len(group), window, mel.mel_filters.shape[1]), -10.0, np.float32)
        for row, piece in enumerate(group):
            batch[row, : len(piece)] = piece
        features = whisper_scale(torch.from_numpy(batch)).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = heads.phone_logits(encode_frames(model, features))
        logs = logits.float().log_softmax(dim=2).cpu().numpy()
        outputs.extend(log[: len(piece)] for log, piece in zip(logs, group, strict=True))
    joined, position = [], 0
    for m in mels:
        count = -(-len(m) // window)
        joined.append(np.concatenate(outputs[position : position + count]))
        position += count
    return joined


def _align_task(task: _Task) -> list[tuple[ManifestRow, Alignment]]:
    pairs = []
    for row, posteriors, expected in zip(task.rows, task.posteriors, task.expected, strict=True):
        try:
            pairs.append((row, align(posteriors.astype(np.float32), expected, task.frames_per_second)))
        except ValueError:  # a text too long for its recording; counted by align_rows
            continue
    return pairs


def _write_pieces(task: tuple[Path, int, list[tuple[ManifestRow, Alignment]]]) -> list[ManifestRow]:
    folder, number, aligned = task
    rng = np.random.default_rng(number)
    subfolder = folder / f"{number // 50:04d}"
    rows = []
    for i, (row, alignment) in enumerate(aligned):
        waveform = load_audio(row.path)
        words = _words(row)
        for j, piece in enumerate(cut(alignment.phones, len(words), len(waveform) / SAMPLE_RATE, rng)):
            file = f"{subfolder.name}/{i:02d}_{j:02d}.wav"
            samples = waveform[round(piece.start * SAMPLE_RATE) : round(piece.end * SAMPLE_RATE)]
            save_audio(folder / file, samples)
            rows.append(
                ManifestRow(
                    file=file,
                    path=folder / file,
                    reference=" ".join(words[piece.first_word : piece.last_word + 1]),
                    speaker=row.speaker,
                    cohort=row.cohort or "typical",
                    severity=row.severity,
                    simulated=row.simulated,
                    voice=PERSON,
                    domain="open",
                    corpus=row.corpus,
                    licence=row.licence,
                    phones=format_phones(piece.phones),
                    age=row.age,
                    note=row.note,
                )
            )
    return rows
