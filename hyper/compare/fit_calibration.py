"""A pair's calibration, fitted to recordings whose words are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyper.compare.calibration import Calibration, RowReliability, ScoredWords, fit
from hyper.compare.choice import Checked, Decision, features, fit_choice
from hyper.compare.confidence import word_confidences
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.compare.utterance import ScoredUtterance
from hyper.metrics.percent import percent
from hyper.metrics.written import words_right
from hyper.model.fingerprint import fingerprint
from hyper.recordings.manifest import ManifestRow, source_speaker


def fit_calibration(
    asr: PersonalizedAsr, rows: Sequence[ManifestRow], batch_size: int, language: str = "en"
) -> Calibration:
    """Transcribe every recording, see which words are right, and fit."""
    assert asr.hypernet is not None and asr.hypernetwork is not None
    utterances = score_manifest(asr, rows, batch_size=batch_size, language=language, progress=True).utterances
    base, adapted = (scored_words(asr, utterances, row, language) for row in ("base", "adapted"))
    found = fit(base, adapted)
    return Calibration(
        base_model=asr.base_model,
        hypernetwork=asr.hypernetwork,
        base_fingerprint=asr.backbone.fingerprint,
        hypernet_fingerprint=fingerprint(asr.hypernet),
        method=found.method,
        n_recordings=len(utterances),
        n_simulated=sum(utterance.recording.simulated for utterance in utterances),
        n_words=len(base.right) + len(adapted.right),
        points=found.points,
        base=found.base,
        adapted=found.adapted,
        choice=fit_choice(decisions(utterances, language)),
    )


def scored_words(asr: PersonalizedAsr, utterances: Sequence[ScoredUtterance], row: str, language: str) -> ScoredWords:
    """Every word that one row, base or adapted, wrote; a recording without a speaker is a speaker of its own."""
    found: list[tuple[float, float, str]] = []
    for utterance in utterances:
        words = word_confidences(asr.backbone, getattr(utterance, row).transcript, language)
        right = words_right(utterance.recording.reference, [word for word, _ in words], language)
        speaker = _who(utterance)
        found += [
            (raw, is_right, speaker) for (_, raw), is_right in zip(words, right, strict=True) if is_right is not None
        ]
    return ScoredWords(
        np.array([raw for raw, _, _ in found]),
        np.array([is_right for _, is_right, _ in found], float),
        np.array([speaker for _, _, speaker in found], dtype=str),
    )


def decisions(utterances: Sequence[ScoredUtterance], language: str) -> list[Decision]:
    """What each recording says about which row to show first."""
    return [
        Decision(
            features(each.base.transcript, each.adapted.transcript, each.seconds, language),
            each.base.counted.n_errors,
            each.adapted.counted.n_errors,
            each.base.counted.n_reference,
            _who(each),
        )
        for each in utterances
        if each.adapted is not None and each.seconds is not None
    ]


def _who(utterance: ScoredUtterance) -> str:
    """Whose voice it is, so that halves of the speakers share none; an unnamed one is of nobody else."""
    return source_speaker(utterance.recording) or utterance.recording.file


def calibration_text(calibration: Calibration) -> str:
    """What was fitted, and how far a figure was off before and after."""
    lines = [
        f"calibrated {calibration.base_model} + {calibration.hypernetwork}: {calibration.method}, "
        f"{calibration.n_words:,} words of {calibration.n_recordings:,} recordings "
        f"({calibration.n_simulated:,} of them simulated)"
    ]
    lines += [_row_text(row, getattr(calibration, row)) for row in ("base", "adapted")]
    lines.append(
        _choice_text(calibration.choice.checked) if calibration.choice else "choice     too few recordings tell"
    )
    return "\n".join(lines)


def _choice_text(checked: Checked) -> str:
    rates = [checked.base, checked.adapted, checked.chosen, checked.oracle]
    base, adapted, chosen, oracle = (percent(errors / max(1, checked.n_words)) for errors in rates)
    return f"choice     WER {base} base, {adapted} adapted, {chosen} row shown first, {oracle} always the better row"


def _row_text(row: str, reliability: RowReliability) -> str:
    raw, calibrated = reliability.raw, reliability.calibrated
    return (
        f"{row:<10} expected calibration error {percent(raw.error)} before, {percent(calibrated.error)} after, "
        f"on {raw.n_words:,} words of held-out speakers ({percent(raw.n_right / raw.n_words)} right)"
    )
