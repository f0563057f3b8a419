"""The whole path from a recording to two transcripts, written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from hyper.compare.calibration import Calibration
from hyper.compare.calibration_file import load_calibration
from hyper.compare.choice import Preferred
from hyper.compare.comparison import Comparison
from hyper.compare.confidence import calibrated_confidences
from hyper.compare.guards import Heard
from hyper.compare.layer_measures import LayerMeasures
from hyper.compare.prepared import Prepared, adapt, encode
from hyper.compare.row import Row, check_references, make_row
from hyper.compare.stopwatch import Stopwatch
from hyper.compare.transcribe import RowWeights, transcribe_rows
from hyper.compare.transcript import Pair, Transcript
from hyper.compare.verdict import Doubt, doubts_of
from hyper.compare.voice_map import whereabouts_of
from hyper.compare.word_times import pair_word_times
from hyper.metrics.normalize import ENGLISH
from hyper.model.backbone import Backbone
from hyper.model.checkpoint import find_hypernet, load_hypernet
from hyper.model.files import ASSETS, BUNDLED
from hyper.model.fingerprint import fingerprint
from hyper.model.hypernet import HyperNetwork
from hyper.model.lora import LoraWeights, StrengthError, check_strength
from hyper.model.subspace import LayerSize, LayerUpdate
from hyper.recordings.audio import check_waveform, load_audio
from hyper.recordings.limits import SAMPLE_RATE

DECODE_BATCH = 8  # pieces of a long recording that are decoded together


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
        cls,
        base: str | Path = BUNDLED,
        hypernet: str | Path | None = None,
        device: str | None = None,
        bits: int | None = None,  # 8 or 4: a base that takes less memory on a CUDA card
    ) -> PersonalizedAsr:
        """Load a base and its hypernetwork: the one in the folder given, or the one in assets/ that fits, or none.
        Errors: BackboneError of the base and the device, CheckpointError of the hypernetwork's folder."""
        backbone = Backbone.load(base, device, bits=bits)
        named = Path(hypernet).expanduser() if hypernet else None
        folder = named or find_hypernet(backbone.body_fingerprint, sorted(ASSETS.glob("*/")))
        if folder is None:
            return cls(backbone, None, None)
        network = load_hypernet(folder, backbone)
        return cls(backbone, network, folder.resolve().name, folder, load_calibration(folder, network))

    def compare(
        self,
        recording: str | Path | np.ndarray,  # a file, or (n_samples,) 16 kHz
        reference: str | None = None,
        *,
        verbatim: str | None = None,
        language: str = "en",
        adapt_per_piece: bool = False,
        strength: float = 1.0,
    ) -> Comparison:
        """Transcribe one recording with base and adapted weights; count errors where a reference is given.

        `reference` is what was meant, `verbatim` every sound that was said, repetitions included. The update is applied
        `strength` times: 0 is the base, 1 as trained, at most 2. Errors: StrengthError, TextError, and `prepare`'s."""
        check_strength(strength)  # told before the work
        prepared = self.prepare(recording, language=language, adapt_per_piece=adapt_per_piece)
        return self.compare_prepared(prepared, reference, strength, verbatim)

    def transcribe_pairs(
        self,
        waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
        batch_size: int = 16,
        *,
        language: str = "en",
        strength: float = 1.0,
    ) -> list[Pair]:
        """Transcribe many recordings as `compare` does one, errors included, `batch_size` at once; the order stays."""
        check_strength(strength)
        waveforms = [check_waveform(waveform) for waveform in waveforms]
        stopwatch = Stopwatch(self.backbone.device)
        # A batch decodes for as long as its longest row: like goes with like.
        by_length = sorted(range(len(waveforms)), key=lambda i: len(waveforms[i]))
        pairs: dict[int, Pair] = {}
        for start in range(0, len(by_length), batch_size):
            batch = by_length[start : start + batch_size]
            prepared = self.prepare_many([waveforms[i] for i in batch], language, False, stopwatch)
            decoded = self.decode_many(prepared, strength, batch_size, stopwatch)
            for i, one, pair in zip(batch, prepared, decoded, strict=True):
                pairs[i] = replace(pair, layers=self.layer_sizes(one, strength), embedding=one.first_embedding)
        return [pairs[i] for i in range(len(waveforms))]

    def prepare(
        self,
        recording: str | Path | np.ndarray,  # a file, or (n_samples,) 16 kHz
        *,
        language: str = "en",
        adapt_per_piece: bool = False,
    ) -> Prepared:
        """Encode one recording and write its LoRA weights: the half of `compare` that knows no strength.
        Errors: AudioError, and BackboneError where the base does not know the language."""
        stopwatch = Stopwatch(self.backbone.device)
        with stopwatch.stage("audio"):
            waveform = check_waveform(recording) if isinstance(recording, np.ndarray) else load_audio(recording)
        (prepared,) = self.prepare_many([waveform], language, adapt_per_piece, stopwatch)
        return prepared

    def compare_prepared(
        self, prepared: Prepared, reference: str | None = None, strength: float = 1.0, verbatim: str | None = None
    ) -> Comparison:
        """The other half of `compare`: decode at this strength, count errors, describe the update."""
        check_references(reference, verbatim)  # told before the work
        stopwatch = Stopwatch(self.backbone.device, dict(prepared.timings_ms))
        pair = self.decode_prepared(prepared, strength, stopwatch)
        return self.describe(prepared, pair, reference, strength, verbatim, stopwatch.timings_ms)

    def describe(
        self,
        prepared: Prepared,
        pair: Pair,  # that it was decoded to, with times
        reference: str | None,
        strength: float,
        verbatim: str | None,
        timings_ms: dict[str, float],
    ) -> Comparison:
        """What is known of a decoded recording; the model itself is not needed any more."""
        reference, verbatim = (text.strip() or None if text else None for text in (reference, verbatim))
        heard = Heard(prepared.waveform)

        def row_of(transcript: Transcript) -> Row:
            words = calibrated_confidences(self.backbone, transcript, self.calibration, prepared.language)
            return make_row(transcript, heard, reference, verbatim, words, prepared.language)

        generated = self.hypernet.n_generated if self.hypernet else 0
        lora = prepared.lora_of(0).scaled(strength).to_cpu() if prepared.lora else None
        return Comparison(
            base=row_of(pair.base),
            adapted=None if pair.adapted is None else row_of(pair.adapted),
            reference=reference,
            measure_layers=partial(self._layer_updates, lora),
            word_times=pair_word_times(self.backbone, prepared, pair),
            waveform=prepared.waveform,
            log_mel=self._speech_log_mel(prepared),
            embedding=prepared.first_embedding,
            timings_ms=timings_ms,
            seconds=len(prepared.waveform) / SAMPLE_RATE,
            n_pieces=len(prepared.n_samples),
            device=self.device,
            base_model=self.base_model,
            hypernetwork=self.hypernetwork,
            generated_parameters=generated,
            generated_share=generated / self.backbone.n_parameters,
            language=prepared.language,
            strength=strength,
            lora=lora,
            verbatim=verbatim,
            shared_parameters=self.hypernet.n_shared if self.hypernet else 0,
            is_calibrated=self.calibration is not None,
            preferred=self.prefers(pair, len(prepared.waveform), prepared.language),
            where=whereabouts_of(self, prepared.first_embedding),
        )

    def doubts(
        self,
        base: Row,
        adapted: Row | None,
        embedding: np.ndarray | None,  # (d_embedding,) that the adapted row was written for
        is_mean: bool = False,  # of several recordings
        language: str = ENGLISH,
    ) -> tuple[Doubt, ...]:
        """Why the result is not reliable, of rows without their words' confidences."""
        last = adapted or base
        words = calibrated_confidences(self.backbone, last.transcript, self.calibration, language)
        last = replace(last, words=words)
        where = whereabouts_of(self, embedding, is_mean)
        return doubts_of(last, None, where) if adapted is None else doubts_of(base, last, where)

    def prefers(self, pair: Pair, n_samples: int, language: str = ENGLISH) -> Preferred | None:
        """The row to show first of a recording so long; None where no rule was fitted for this pair."""
        choice = self.calibration and self.calibration.choice
        return choice.prefers(pair, n_samples / SAMPLE_RATE, language) if choice and pair.adapted else None

    def decode_prepared(self, prepared: Prepared, strength: float = 1.0, stopwatch: Stopwatch | None = None) -> Pair:
        """Both transcripts at this strength, as rows of one batch, without encoding again.

        Only where the hypernetwork adapts encoder layers do the adapted rows need states of their own at each strength.
        """
        (pair,) = self.decode_many([prepared], strength, DECODE_BATCH, stopwatch, with_times=True)
        return pair

    def strength_sweep(self, prepared: Prepared, strengths: Sequence[float]) -> list[Transcript]:
        """The adapted transcript at each of the strengths, all of them rows of one batch."""
        if prepared.lora is None:
            raise StrengthError(f"There is no hypernetwork for {self.base_model}, so no strength changes anything.")
        rows = [RowWeights(strength) for strength in strengths]
        (transcripts,) = self.decode_rows([prepared], rows, batch_size=DECODE_BATCH)
        return transcripts

    def decode_rows(
        self,
        prepared: Sequence[Prepared],
        rows: Sequence[RowWeights],
        stopwatch: Stopwatch | None = None,
        batch_size: int = DECODE_BATCH,
        with_times: bool = False,  # where each token begins
    ) -> list[list[Transcript]]:
        """For each recording a transcript of each row, all rows of a recording in one batch."""
        stopwatch = stopwatch or Stopwatch(self.backbone.device)
        return transcribe_rows(self.backbone, prepared, rows, batch_size, stopwatch, with_times)

    def prepare_many(
        self,
        waveforms: Sequence[np.ndarray],  # each (n_samples,) 16 kHz
        language: str,
        adapt_per_piece: bool,
        stopwatch: Stopwatch,
    ) -> list[Prepared]:
        """Cut into pieces, encode once, write LoRA weights; without a hypernetwork there are none."""
        self.backbone.prompt(language)  # an unknown language is told before the work
        with stopwatch.stage("encode"):
            encoded = encode(self.backbone, waveforms, with_statistics=self.hypernet is not None)
        return adapt(self.backbone, self.hypernet, encoded, language, adapt_per_piece, stopwatch)

    def decode_many(
        self,
        prepared: Sequence[Prepared],
        strength: float,
        batch_size: int = DECODE_BATCH,
        stopwatch: Stopwatch | None = None,
        with_times: bool = False,
    ) -> list[Pair]:
        """Both transcripts of each; the base is the adapted model at strength 0."""
        if self.hypernet is None:
            check_strength(strength)  # an error even where there is nothing to apply
            alone = self.decode_rows(prepared, [RowWeights(0.0)], stopwatch, batch_size, with_times)
            return [Pair(base, None) for (base,) in alone]
        rows = [RowWeights(0.0), RowWeights(strength)]
        decoded = self.decode_rows(prepared, rows, stopwatch, batch_size, with_times)
        return [Pair(base, adapted) for base, adapted in decoded]

    def _speech_log_mel(self, prepared: Prepared) -> np.ndarray:  # (n_mels, n_frames)
        """All pieces joined, without padding."""
        frames = map(self.backbone.speech_frames, prepared.n_samples)
        parts = [piece[:, own].numpy() for piece, own in zip(prepared.log_mel, frames, strict=True)]
        return np.concatenate(parts, axis=1)

    def layer_sizes(self, prepared: Prepared, strength: float) -> tuple[LayerSize, ...]:
        """How far each layer is moved for one recording."""
        return () if prepared.lora is None else self._measures.sizes(prepared.lora_of(0).scaled(strength))

    def layers(self, prepared: Prepared, strength: float) -> tuple[LayerUpdate, ...]:
        """How each layer is moved for one recording."""
        return self._layer_updates(prepared.lora_of(0).scaled(strength) if prepared.lora else None)

    def _layer_updates(self, lora: LoraWeights | None) -> tuple[LayerUpdate, ...]:
        return () if lora is None else self._measures.updates(lora)

    @cached_property
    def fingerprints(self) -> tuple[str, str] | None:
        """What tells the base and the hypernetwork from others; None without one."""
        return (self.backbone.body_fingerprint, fingerprint(self.hypernet)) if self.hypernet else None

    @cached_property
    def _measures(self) -> LayerMeasures:
        return LayerMeasures(self.backbone, self.hypernet.sites if self.hypernet else ())
