"""The whole path from a recording to two transcripts, written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hyper.compare.calibration import Calibration
from hyper.compare.calibration_file import load_calibration
from hyper.compare.comparison import Comparison
from hyper.compare.confidence import calibrated_confidences
from hyper.compare.prepared import ENCODE_BATCH, Prepared, encode, prepare
from hyper.compare.row import Row, make_row
from hyper.compare.stopwatch import Stopwatch
from hyper.compare.transcript import Pair, Transcript
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import find_hypernet, load_hypernet
from hyper.model.decoding import DecodedRow, greedy_decode, token_limit
from hyper.model.files import ASSETS, BUNDLED
from hyper.model.hypernet import HyperNetwork
from hyper.model.lora import LoraWeights, StrengthError, check_strength
from hyper.model.subspace import LayerSize, LayerUpdate, layer_size, layer_update
from hyper.recordings.audio import SAMPLE_RATE, check_waveform, load_audio

DECODE_BATCH = 8  # pieces of a long recording that are decoded together
STOPPED_WORST_FIRST = ("repetition", "length", "end")


@dataclass(frozen=True)
class RowWeights:
    """What a row is decoded with: each recording's own adaptation, or one that all recordings share."""

    strength: float  # 0 is the base, 1 as trained
    shared: LoraWeights | None = None  # one row, as trained; None: each recording's own

    def of(self, own: LoraWeights) -> LoraWeights:  # the pieces' own, one row each
        """As many rows as `own` has, at this strength."""
        return (own if self.shared is None else self.shared.repeat(len(own))).scaled(self.strength)


class PersonalizedAsr:
    """A Whisper with the hypernetwork that belongs to it; safe to share between threads."""

    def __init__(
        self,
        backbone: Backbone,
        hypernet: HyperNetwork | None,
        hypernetwork: str | None,
        hypernet_folder: Path | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.backbone = backbone
        self.hypernet = hypernet.to(backbone.device).eval() if hypernet else None
        self.hypernetwork = hypernetwork  # its name
        self.hypernet_folder = hypernet_folder  # where it was read from
        self.calibration = calibration  # of this pair; None where its confidences were never checked
        self.base_model = backbone.name
        self.fingerprint = backbone.fingerprint
        self.device = str(backbone.device)

    @classmethod
    def load(
        cls, base: str | Path = BUNDLED, hypernet: str | Path | None = None, device: str | None = None
    ) -> PersonalizedAsr:
        """Load a base and its hypernetwork: the one in the folder given, or the one in assets/ that fits, or none."""
        backbone = Backbone.load(base, device)
        folder = hypernet_folder(backbone, hypernet)
        if folder is None:
            return cls(backbone, None, None)
        network = load_hypernet(folder, backbone)
        return cls(backbone, network, folder.resolve().name, folder, load_calibration(folder, backbone, network))

    def compare(
        self,
        recording: str | Path | np.ndarray,  # a file, or (n_samples,) 16 kHz
        reference: str | None = None,
        *,
        verbatim: str | None = None,
        language: str = "en",
        task: str = "transcribe",
        adapt_per_piece: bool = False,
        strength: float = 1.0,
    ) -> Comparison:
        """Transcribe one recording with base and adapted weights; count errors where a reference is given.

        `reference` is what was meant, `verbatim` every sound that was said, repetitions included. `strength` is how
        many times the update is applied: 0 is the base, 1 as trained, at most 2 (`StrengthError`).
        """
        check_strength(strength)  # told before the work
        prepared = self.prepare(recording, language=language, task=task, adapt_per_piece=adapt_per_piece)
        return self.compare_prepared(prepared, reference, strength, verbatim)

    def transcribe_pairs(
        self,
        waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
        batch_size: int = 16,
        *,
        language: str = "en",
        task: str = "transcribe",
        strength: float = 1.0,
        given: Tensor | None = None,  # (n_recordings, n_layers + 1, 3, d_model) on the CPU
    ) -> list[Pair]:
        """Transcribe many recordings as `compare` does one, `batch_size` at a time; the order stays.

        `given` is what the hypernetwork reads of each in place of the recording's own statistics.
        """
        check_strength(strength)
        stopwatch = Stopwatch(self.backbone.device)
        # A batch decodes for as long as its longest row: like goes with like.
        by_length = sorted(range(len(waveforms)), key=lambda i: len(waveforms[i]))
        pairs: dict[int, Pair] = {}
        for start in range(0, len(by_length), batch_size):
            batch = by_length[start : start + batch_size]
            own = [waveforms[i] for i in batch]
            read = None if given is None else given[batch].to(self.backbone.device)
            prepared = prepare(self.backbone, self.hypernet, own, language, task, False, stopwatch, read)
            decoded = self._pairs(prepared, strength, batch_size, stopwatch)
            for i, one, pair in zip(batch, prepared, decoded, strict=True):
                pairs[i] = replace(pair, layers=self._layer_sizes(one, strength))
        return [pairs[i] for i in range(len(waveforms))]

    def statistics(
        self,
        waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
    ) -> Tensor:  # (n_recordings, n_layers + 1, 3, d_model) float32 on the CPU
        """What the hypernetwork reads of each recording."""
        return torch.cat([each.pooled().float().cpu() for each in encode(self.backbone, waveforms)])

    def prepare(
        self,
        recording: str | Path | np.ndarray,  # a file, or (n_samples,) 16 kHz
        *,
        language: str = "en",
        task: str = "transcribe",
        adapt_per_piece: bool = False,
    ) -> Prepared:
        """Encode one recording and write its LoRA weights: the half of `compare` that knows no strength."""
        stopwatch = Stopwatch(self.backbone.device)
        with stopwatch.stage("audio"):
            is_waveform = isinstance(recording, np.ndarray)
            waveform = check_waveform(recording) if is_waveform else load_audio(recording)
        (prepared,) = prepare(self.backbone, self.hypernet, [waveform], language, task, adapt_per_piece, stopwatch)
        return prepared

    def compare_prepared(
        self, prepared: Prepared, reference: str | None = None, strength: float = 1.0, verbatim: str | None = None
    ) -> Comparison:
        """The other half of `compare`: decode at this strength, count errors, describe the update."""
        stopwatch = Stopwatch(self.backbone.device, dict(prepared.timings_ms))
        (pair,) = self._pairs([prepared], strength, DECODE_BATCH, stopwatch)
        reference, verbatim = (text.strip() or None if text else None for text in (reference, verbatim))

        def row_of(transcript: Transcript) -> Row:
            words = calibrated_confidences(self.backbone, transcript, self.calibration)
            return make_row(transcript, prepared.waveform, reference, verbatim, words)

        generated = self.hypernet.n_generated if self.hypernet else 0
        lora = prepared.lora_of(0).scaled(strength).to_cpu() if prepared.lora else None
        return Comparison(
            base=row_of(pair.base),
            adapted=pair.adapted and row_of(pair.adapted),
            reference=reference,
            layers=self._layer_updates(lora),
            waveform=prepared.waveform,
            log_mel=self._speech_log_mel(prepared),
            embedding=None if prepared.embedding is None else prepared.embedding[0].float().cpu().numpy(),
            timings_ms=stopwatch.timings_ms,
            seconds=len(prepared.waveform) / SAMPLE_RATE,
            n_pieces=len(prepared.n_samples),
            device=self.device,
            base_model=self.base_model,
            hypernetwork=self.hypernetwork,
            generated_parameters=generated,
            generated_share=generated / self.backbone.n_parameters,
            language=prepared.language,
            task=prepared.task,
            strength=strength,
            lora=lora,
            verbatim=verbatim,
            shared_parameters=self.hypernet.n_shared if self.hypernet else 0,
            is_calibrated=self.calibration is not None,
        )

    def decode_prepared(self, prepared: Prepared, strength: float = 1.0) -> Pair:
        """Both transcripts at this strength, as rows of one batch, without encoding again.

        Only where the hypernetwork adapts encoder layers do the adapted rows need states of their own at each strength.
        """
        (pair,) = self._pairs([prepared], strength, DECODE_BATCH, Stopwatch(self.backbone.device))
        return pair

    def strength_sweep(self, prepared: Prepared, strengths: Sequence[float]) -> list[Transcript]:
        """The adapted transcript at each of the strengths, all of them rows of one batch."""
        if prepared.lora is None:
            raise StrengthError(f"There is no hypernetwork for {self.base_model}, so no strength changes anything.")
        (transcripts,) = self.decode_rows([prepared], [RowWeights(strength) for strength in strengths])
        return transcripts

    def decode_rows(
        self,
        prepared: Sequence[Prepared],
        rows: Sequence[RowWeights],
        stopwatch: Stopwatch | None = None,
        batch_size: int = DECODE_BATCH,
    ) -> list[list[Transcript]]:
        """For each recording a transcript of each row, all rows of a recording in one batch."""
        return self._decode(prepared, rows, batch_size, stopwatch or Stopwatch(self.backbone.device))

    def _pairs(
        self, prepared: Sequence[Prepared], strength: float, batch_size: int, stopwatch: Stopwatch
    ) -> list[Pair]:
        """The base is the adapted model at strength 0."""
        if self.hypernet is None:
            check_strength(strength)  # an error even where there is nothing to apply
            base = [RowWeights(0.0)]
            return [Pair(*transcripts, None) for transcripts in self._decode(prepared, base, batch_size, stopwatch)]
        rows = [RowWeights(0.0), RowWeights(strength)]
        return [Pair(*transcripts) for transcripts in self._decode(prepared, rows, batch_size, stopwatch)]

    def _decode(
        self, prepared: Sequence[Prepared], rows: Sequence[RowWeights], batch_size: int, stopwatch: Stopwatch
    ) -> list[list[Transcript]]:
        """The one path, second half: for each recording a transcript of each row, pieces joined.

        As many rows at once as base and adapted of `batch_size` pieces, but never fewer than one piece has.
        """
        pieces = [(each, piece) for each in prepared for piece in range(len(each.n_samples))]
        at_once = max(1, 2 * batch_size // max(2, len(rows)))
        of_rows: list[list[DecodedRow]] = [[] for _ in rows]  # of each row one for each piece
        with self.backbone.lock, torch.inference_mode():
            for start in range(0, len(pieces), at_once):
                part = pieces[start : start + at_once]
                decoded = self._decode_part(part, rows, stopwatch)
                for i, own in enumerate(of_rows):
                    own += decoded[i * len(part) : (i + 1) * len(part)]
        ends = accumulate(len(each.n_samples) for each in prepared)
        return [
            [self._transcript(own[end - len(each.n_samples) : end]) for own in of_rows]
            for each, end in zip(prepared, ends, strict=True)
        ]

    def _decode_part(
        self, part: Sequence[tuple[Prepared, int]], rows: Sequence[RowWeights], stopwatch: Stopwatch
    ) -> list[DecodedRow]:
        """These pieces with the weights of the first row, then of the next, in one batch."""
        first = part[0][0]  # language and task are one for all
        states = torch.stack([each.states[piece] for each, piece in part])
        limits = [token_limit(each.n_samples[piece] / SAMPLE_RATE, self.backbone) for each, piece in part]
        if first.lora is None:
            with stopwatch.stage("decode"):
                return greedy_decode(self.backbone, states, limits, first.language, first.task)
        own = LoraWeights.joined([each.lora_of(piece) for each, piece in part])
        weights = [row.of(own) for row in rows]
        with stopwatch.stage("encode"):  # adapted layers before the states: such rows have their own
            of_rows = [
                states if row.strength == 0 else self._states_with(lora, part, states)
                for row, lora in zip(rows, weights, strict=True)
            ]
        with stopwatch.stage("decode"), self.backbone.adapted(LoraWeights.joined(weights)) as applied:
            return greedy_decode(
                self.backbone, torch.cat(of_rows), len(rows) * limits, first.language, first.task, applied
            )

    def _states_with(
        self,
        lora: LoraWeights,  # n_pieces rows, at their strength
        part: Sequence[tuple[Prepared, int]],
        base_states: Tensor,  # (n_pieces, n_states, d_model)
    ) -> Tensor:  # (n_pieces, n_states, d_model) that the rows with these weights are decoded from
        if not any(site.target.startswith("encoder.") for site in lora.sites):
            return base_states
        states = []
        for start in range(0, len(part), ENCODE_BATCH):
            windows = part[start : start + ENCODE_BATCH]
            log_mel = torch.stack([each.log_mel[piece] for each, piece in windows])
            with self.backbone.adapted(lora.take(range(start, start + len(windows)))):
                states.append(self.backbone.encode(log_mel)[-1].clone())
        return torch.cat(states)

    def _transcript(self, rows: Sequence[DecodedRow]) -> Transcript:
        texts = [self.backbone.to_text(row.tokens) for row in rows]
        no_speech = [row.no_speech_prob for row in rows if row.no_speech_prob is not None]
        return Transcript(
            text=" ".join(text for text in texts if text),
            tokens=tuple(token for row in rows for token in row.tokens),
            log_probs=tuple(log_prob for row in rows for log_prob in row.log_probs),
            stopped=min((row.stopped for row in rows), key=STOPPED_WORST_FIRST.index),
            no_speech_prob=min(no_speech) if no_speech else None,
            piece_lengths=tuple(len(row.tokens) for row in rows),
        )

    def _speech_log_mel(self, prepared: Prepared) -> np.ndarray:  # (n_mels, n_frames)
        """All pieces joined, without padding."""
        n_frames = map(self.backbone.n_speech_frames, prepared.n_samples)
        parts = [piece[:, :n].numpy() for piece, n in zip(prepared.log_mel, n_frames, strict=True)]
        return np.concatenate(parts, axis=1)

    @cached_property
    def _weight_norms(self) -> dict[str, float]:
        """Frobenius norm of each weight that the hypernetwork adapts; both are frozen."""
        sites = self.hypernet.sites if self.hypernet else ()
        return {site.name: float(self.backbone.site_weight(site).double().norm()) for site in sites}

    def _layer_sizes(self, prepared: Prepared, strength: float) -> tuple[LayerSize, ...]:
        """How far each layer is moved for one recording."""
        if prepared.lora is None:
            return ()
        lora = prepared.lora_of(0).scaled(strength)
        return tuple(
            layer_size(self._weight_norms[site.name], a[0], b[0], lora.scaling, site.name)
            for site, a, b in zip(lora.sites, lora.a, lora.b, strict=True)
        )

    def _layer_updates(self, lora: LoraWeights | None) -> tuple[LayerUpdate, ...]:
        if lora is None:
            return ()
        return tuple(
            layer_update(self.backbone.site_weight(site), a[0], b[0], lora.scaling, site.name, square_angles=False)
            for site, a, b in zip(lora.sites, lora.a, lora.b, strict=True)
        )


def hypernet_folder(backbone: Backbone, hypernet: str | Path | None) -> Path | None:
    """The folder named, or the first in assets/ that holds a hypernetwork for this base, or none."""
    return Path(hypernet) if hypernet else find_hypernet(backbone.fingerprint, sorted(ASSETS.glob("*/")))
