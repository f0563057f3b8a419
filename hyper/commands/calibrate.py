"""`python -m hyper calibrate`: fit what the page says of each word to how often such words are right."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.commands.arguments import add_model_arguments, load_asr
from hyper.recordings.manifest import ManifestRow, read_manifest

if TYPE_CHECKING:
    from hyper.compare.calibration import Calibration, RowReliability, ScoredWords
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.compare.utterance import ScoredUtterance

EXAMPLES = """\
examples:
  python -m hyper make-speech --split validation --out data/val-typical --utterances 600 --speakers 60 --mix 0.8 0 0.2
  python -m hyper simulate data/val-typical/manifest.csv --out data/val-atypical --seed 3
  python -m hyper calibrate data/val-typical/manifest.csv data/val-atypical/manifest.csv

Use recordings that the pair was neither trained nor tested on. Half of their speakers fit the map, the others check it.
It is for this pair of weights only: give the command again after training.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper calibrate`."""
    parser.add_argument(
        "manifest", nargs="+", metavar="MANIFEST.csv", help="validation recordings with references, as for evaluate"
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("assets/results"),
        metavar="FOLDER",
        help="where the reliability figure goes (default: assets/results)",
    )
    parser.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="recordings decoded together (default: 32)"
    )
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Score, fit, write calibration.json beside the hypernetwork and the figure, say how well it holds."""
    from hyper.compare.calibration import CalibrationError
    from hyper.compare.calibration_file import CALIBRATION_FILE, save_calibration
    from hyper.compare.pipeline import hypernet_folder
    from hyper.plots.calibration import write_reliability

    rows = validation_rows(args.manifest)
    asr = load_asr(args)
    folder = hypernet_folder(asr.backbone, args.hypernet)
    if folder is None:
        raise CalibrationError(
            f"{asr.base_model} has no hypernetwork, and the calibration is kept beside one; "
            "train one with `python -m hyper train`."
        )
    calibration = calibrate(asr, rows, args.batch_size)
    args.results.mkdir(parents=True, exist_ok=True)
    write_reliability(calibration, args.results / "reliability")
    save_calibration(calibration, folder)
    print(_summary(calibration))
    print(f"written    {folder / CALIBRATION_FILE} and {args.results}/reliability.pdf, .png")


def validation_rows(manifests: Sequence[str]) -> list[ManifestRow]:
    """The rows that have a reference.

    Errors: CalibrationError for synthetic speech that says sentences of the train or test split, or for no row at all.
    """
    from hyper.compare.calibration import CalibrationError
    from hyper.speech.texts import split_of

    rows = [row for manifest in manifests for row in read_manifest(manifest) if row.reference]
    if not rows:
        raise CalibrationError(f"{', '.join(manifests)} has no recording with a reference; words need one to be right.")
    for row in rows:  # single words are the same in every split
        is_split = row.corpus == "synthetic" and row.domain in ("command", "open", "phrase")
        if is_split and (split := split_of(row.reference)) != "validation":
            raise CalibrationError(
                f"{row.file} says {row.reference!r}, a sentence of the {split} split; "
                "please calibrate on speech made with `make-speech --split validation`."
            )
    return rows


def calibrate(asr: PersonalizedAsr, rows: Sequence[ManifestRow], batch_size: int) -> Calibration:
    """Transcribe every recording, see which words are right, and fit."""
    from hyper.compare.calibration import Calibration, fit
    from hyper.compare.scoring import score_manifest
    from hyper.model.fingerprint import fingerprint

    utterances = score_manifest(asr, rows, batch_size=batch_size, progress=True).utterances
    base, adapted = (scored_words(asr, utterances, row) for row in ("base", "adapted"))
    found = fit(base, adapted)
    return Calibration(
        base_model=asr.base_model,
        hypernetwork=asr.hypernetwork,
        base_fingerprint=asr.backbone.fingerprint,
        hypernet_fingerprint=fingerprint(asr.hypernet),
        method=found.method,
        n_recordings=len(utterances),
        n_simulated=sum(utterance.row.simulated for utterance in utterances),
        n_words=len(base.right) + len(adapted.right),
        points=found.points,
        base=found.base,
        adapted=found.adapted,
    )


def scored_words(asr: PersonalizedAsr, utterances: Sequence[ScoredUtterance], row: str) -> ScoredWords:
    """Every word that one row, base or adapted, wrote; a recording without a speaker is a speaker of its own."""
    import numpy as np

    from hyper.compare.calibration import ScoredWords, words_right
    from hyper.compare.confidence import word_confidences

    found: list[tuple[float, float, str]] = []
    for utterance in utterances:
        words = word_confidences(asr.backbone, getattr(utterance, row).transcript)
        right = words_right(utterance.row.reference, [word for word, _ in words])
        speaker = utterance.row.speaker or utterance.row.file
        found += [
            (raw, is_right, speaker) for (_, raw), is_right in zip(words, right, strict=True) if is_right is not None
        ]
    confidence, right, speaker = zip(*found, strict=True) if found else ((), (), ())
    return ScoredWords(np.array(confidence), np.array(right, float), np.array(speaker, dtype=str))


def _summary(calibration: Calibration) -> str:
    """What was fitted, and how far a figure was off before and after."""
    lines = [
        f"calibrated {calibration.base_model} + {calibration.hypernetwork}: {calibration.method}, "
        f"{calibration.n_words:,} words of {calibration.n_recordings:,} recordings "
        f"({calibration.n_simulated:,} of them simulated)"
    ]
    lines += [_row_summary(row, getattr(calibration, row)) for row in ("base", "adapted")]
    return "\n".join(lines)


def _row_summary(row: str, reliability: RowReliability) -> str:
    raw, calibrated = reliability.raw, reliability.calibrated
    return (
        f"{row:<10} expected calibration error {raw.error:.1%} before, {calibrated.error:.1%} after, "
        f"on {raw.n_words:,} words of held-out speakers ({raw.n_right / raw.n_words:.1%} right)"
    )
