"""One speaker, several recordings: adapting to the speaker beside adapting to each recording, and how far they agree.

The speaker adaptation is what the hypernetwork writes for the mean of the utterance embeddings, each recording counting
once whatever its length. An embedding is an affine map of the utterance's pooled statistics (standardised, then mixed
over layers), so this equals, up to rounding, the weights written for the mean of those statistics. It does not equal
pooling the recordings as if they were pieces of one (`utterance_encoder.pool_pieces`): there longer recordings count
more, and the standard deviation contains how the recordings differ from each other, which training never saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from hyper.compare.agreement import Agreement, agreement
from hyper.compare.guards import Heard
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.prepared import Prepared
from hyper.compare.row import Row, make_row
from hyper.compare.transcribe import RowWeights
from hyper.compare.transcript import Transcript
from hyper.compare.verdict import Verdict, weigh
from hyper.metrics.word_errors import WordErrors, pooled
from hyper.model.hypernet import HyperNetwork
from hyper.model.lora import LoraWeights
from hyper.recordings.audio import audio_seconds, check_waveform, load_audio
from hyper.recordings.limits import MAX_SECONDS, SAMPLE_RATE, AudioError, check_text, named

Level = Literal["base", "utterance", "speaker"]
LEVELS: tuple[Level, ...] = ("base", "utterance", "speaker")  # not adapted, to the recording, to the speaker
MIN_RECORDINGS = 2
MAX_RECORDINGS = 20  # our own limit: a table and a matrix that can still be read
DECODED_AT_ONCE = 4  # recordings, so that others who use the model come in between
MAX_TOTAL_SECONDS = MAX_SECONDS  # all together as long as the longest single recording, for its memory


class SpeakerError(ValueError):
    """The recordings cannot be compared as one speaker's; the message says what is wanted."""


@dataclass(frozen=True, eq=False)
class SpeakerRecording:
    """One recording at each level."""

    file: str
    seconds: float
    reference: str | None
    rows: dict[Level, Row]
    verdict: Verdict  # on the speaker's row, beside the base's

    def to_json(self) -> dict[str, Any]:
        """The record, level by level."""
        levels: dict[str, Any] = {
            level: {
                "text": row.text,
                "errors": row.errors and row.errors.to_json(),
                "stopped": row.transcript.stopped,
                "flags": [flag.to_json() for flag in row.flags],
            }
            for level, row in self.rows.items()
        }
        return {
            "file": self.file,
            "seconds": self.seconds,
            "reference": self.reference,
            **levels,
            "verdict": self.verdict.to_json(),
        }


@dataclass(frozen=True, eq=False)
class SpeakerComparison:
    """Every recording at every level, with what made them."""

    recordings: tuple[SpeakerRecording, ...]
    agreement: Agreement
    embeddings: np.ndarray  # (n, d_embedding) of the recordings, in their order
    lora: LoraWeights  # the speaker adaptation, one row, on the CPU
    base_model: str
    hypernetwork: str
    device: str

    @property
    def embedding(self) -> np.ndarray:  # (d_embedding,)
        """The mean that the speaker adaptation is written for."""
        return self.embeddings.mean(axis=0)

    @cached_property
    def pooled(self) -> dict[Level, WordErrors] | None:
        """Errors of all recordings with a reference added up; None where there is none."""
        scored = [recording.rows for recording in self.recordings if recording.reference is not None]
        return {level: pooled(rows[level].counted for rows in scored) for level in LEVELS} if scored else None

    def to_json(self) -> dict[str, Any]:
        """The whole comparison."""
        return {
            "recordings": [recording.to_json() for recording in self.recordings],
            "pooled": self.pooled and {level: errors.to_json() for level, errors in self.pooled.items()},
            "agreement": self.agreement.to_json(),
            "base_model": self.base_model,
            "hypernetwork": self.hypernetwork,
            "device": self.device,
        }


def compare_speaker(
    asr: PersonalizedAsr,
    recordings: Sequence[str | Path | np.ndarray],  # 2 to 20: files, or (n_samples,) 16 kHz
    references: Sequence[str | None] | None = None,  # what was meant in each; None or "" where it is not known
    *,
    language: str = "en",
    on_model: Callable[[Callable[[], Any]], Any] = lambda step: step(),  # works each step that needs the model
) -> SpeakerComparison:
    """Transcribe each recording with the base, with its own adaptation and with the speaker's; each is encoded once.

    The speaker adaptation is the mean over all recordings, the one that it transcribes among them. Errors:
    `SpeakerError` for too few, too many or too long recordings, for references that do not match and without a
    hypernetwork; `AudioError`, with the file's name in front, for a recording that cannot be used.
    """
    references = references or [None] * len(recordings)
    _check(asr, recordings, references)
    names = [_name(recording, i) for i, recording in enumerate(recordings)]
    prepared = []
    for name, recording in zip(names, recordings, strict=True):
        with _named(name):
            waveform = check_waveform(recording) if isinstance(recording, np.ndarray) else load_audio(recording)
        prepared.append(on_model(partial(asr.prepare, waveform, language=language)))
    assert asr.hypernet is not None and asr.hypernetwork is not None  # as `_check` has it
    embeddings = torch.cat([each.embedding for each in prepared if each.embedding is not None])  # (n, d_embedding)
    mean = embeddings.mean(dim=0, keepdim=True)  # (1, d_embedding)
    lora = on_model(partial(_written_for, asr.hypernet, mean))
    of_speaker = mean[0].float().cpu().numpy()  # (d_embedding,)
    rows = [RowWeights(0.0), RowWeights(1.0), RowWeights(1.0, lora)]  # in the order of LEVELS
    decoded: list[list[Transcript]] = []
    for start in range(0, len(prepared), DECODED_AT_ONCE):
        decoded += on_model(partial(asr.decode_rows, prepared[start : start + DECODED_AT_ONCE], rows))
    return SpeakerComparison(
        recordings=tuple(
            _recording(asr, *each, of_speaker) for each in zip(names, prepared, references, decoded, strict=True)
        ),
        agreement=agreement([each.lora.to_cpu() for each in prepared if each.lora is not None]),
        embeddings=embeddings.float().cpu().numpy(),
        lora=lora.to_cpu(),
        base_model=asr.base_model,
        hypernetwork=asr.hypernetwork,
        device=asr.device,
    )


def _written_for(hypernet: HyperNetwork, embedding: Tensor) -> LoraWeights:  # (1, d_embedding)
    with torch.inference_mode():
        return hypernet.generate(embedding)


def read_reference_lines(file: Path | None, n_recordings: int) -> list[str | None]:
    """`split_references` of a text file; without one nothing is known.

    Errors: `SpeakerError` where it is not text.
    """
    try:
        return split_references(file.read_text(encoding="utf-8-sig") if file else "", n_recordings)
    except UnicodeDecodeError as error:
        raise SpeakerError(f"{file} is not a text file in UTF-8; please save it as one.") from error


def split_references(text: str, n_recordings: int) -> list[str | None]:
    """One line for each recording, in their order; an empty line where it is not known. No text at all is none known.

    Errors: `SpeakerError` where there are more or fewer lines, `TextError` where one is too long.
    """
    lines = [line.strip() or None for line in text.splitlines()]
    while len(lines) > n_recordings and lines[-1] is None:  # a text often ends in one
        lines.pop()
    for line in lines[:n_recordings]:  # more are refused below
        check_text(line or "", "What was meant")
    if not any(lines):
        return [None] * n_recordings
    if len(lines) != n_recordings:
        raise SpeakerError(
            f"There {'is 1 line' if len(lines) == 1 else f'are {len(lines)} lines'} of what was meant for "
            f"{n_recordings} recordings; write one line for each, in the same order, and leave a line empty where it "
            "is not known."
        )
    return lines


def _check(
    asr: PersonalizedAsr, recordings: Sequence[str | Path | np.ndarray], references: Sequence[str | None]
) -> None:
    """All that can be told before the work."""
    if asr.hypernet is None:
        raise SpeakerError(
            f"There is no hypernetwork for {asr.base_model}, so there is nothing to adapt to a speaker; choose "
            "another model, or train one with `python -m hyper train`."
        )
    n = len(recordings)
    if not MIN_RECORDINGS <= n <= MAX_RECORDINGS:
        raise SpeakerError(
            f"There {'is 1 recording' if n == 1 else f'are {n} recordings'}; please give {MIN_RECORDINGS} to "
            f"{MAX_RECORDINGS} of one speaker."
        )
    if len(references) != n:
        raise SpeakerError(f"There are {len(references)} references for {n} recordings; each needs its own, or none.")
    seconds = 0.0
    for i, recording in enumerate(recordings):
        with _named(_name(recording, i)):
            seconds += len(recording) / SAMPLE_RATE if isinstance(recording, np.ndarray) else audio_seconds(recording)
    if seconds > MAX_TOTAL_SECONDS:
        raise SpeakerError(
            f"The recordings are {seconds:.0f} s long together, but the limit is {MAX_TOTAL_SECONDS:g} s; please give "
            "fewer or shorter ones."
        )


def _name(recording: str | Path | np.ndarray, i: int) -> str:
    return f"recording {i + 1}" if isinstance(recording, np.ndarray) else Path(recording).name


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say which of the recordings it is that cannot be used."""
    try:
        yield
    except AudioError as error:
        raise AudioError(named(name, error)) from error


def _recording(
    asr: PersonalizedAsr,
    name: str,
    prepared: Prepared,
    reference: str | None,
    transcripts: Sequence[Transcript],
    embedding: np.ndarray,  # (d_embedding,) of the speaker
) -> SpeakerRecording:
    reference = (reference or "").strip() or None
    heard = Heard(prepared.waveform)
    rows = {
        level: make_row(transcript, heard, reference, language=prepared.language)
        for level, transcript in zip(LEVELS, transcripts, strict=True)
    }
    base, adapted = rows["base"], rows["speaker"]
    doubts = asr.doubts(base, adapted, embedding, is_mean=True, language=prepared.language)
    return SpeakerRecording(
        file=name,
        seconds=len(prepared.waveform) / SAMPLE_RATE,
        reference=reference,
        rows=rows,
        verdict=weigh(doubts, base, adapted, prepared.language),
    )
