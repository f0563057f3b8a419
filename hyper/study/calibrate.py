"""A pair calibrated on validation recordings: the file beside its hypernetwork, and the figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hyper.compare.calibration import CalibrationError
from hyper.compare.calibration_file import CALIBRATION_FILE, save_calibration
from hyper.compare.fit_calibration import calibration_text, fit_calibration
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.files import ASSETS
from hyper.plots.calibration import reliability_figure
from hyper.plots.style import save_figure
from hyper.recordings.manifest import SYNTHETIC, ManifestRow, read_manifest
from hyper.speech.texts import split_of

RESULTS = Path("assets/results")


def calibrate_pair(
    asr: PersonalizedAsr, rows: Sequence[ManifestRow], results: Path | None, batch_size: int, language: str = "en"
) -> str:
    """Score, fit, write calibration.json beside the hypernetwork and the figure; returns how well it holds.

    Without `results` the figure goes beside the hypernetwork too; that of one in assets/ into assets/results.
    Errors: CalibrationError where there is no hypernetwork.
    """
    folder = asr.hypernet_folder
    if folder is None:
        raise CalibrationError(
            f"{asr.base_model} has no hypernetwork, and the calibration is kept beside one; "
            "train one with `python -m hyper train`."
        )
    calibration = fit_calibration(asr, rows, batch_size, language)
    results = results or (RESULTS if folder.resolve().is_relative_to(ASSETS.resolve()) else folder)
    results.mkdir(parents=True, exist_ok=True)
    save_figure(reliability_figure(calibration), results / "reliability")
    save_calibration(calibration, folder)
    written = f"written    {folder / CALIBRATION_FILE} and {results}/reliability.pdf, .png"
    return f"{calibration_text(calibration)}\n{written}"


def validation_rows(manifests: Sequence[str]) -> list[ManifestRow]:
    """The rows that have a reference.

    Errors: CalibrationError for synthetic speech that says sentences of the train or test split, or for no row at all.
    """
    rows = [row for manifest in manifests for row in read_manifest(manifest) if row.reference]
    if not rows:
        raise CalibrationError(f"{', '.join(manifests)} has no recording with a reference; words need one to be right.")
    for row in rows:  # single words are the same in every split
        is_split = row.corpus == SYNTHETIC and row.domain in ("command", "open", "phrase")
        spoken = row.reference.lower().strip(" .?!")  # as it was drawn: somebody may have given it a capital since
        if is_split and (split := split_of(spoken)) != "validation":
            raise CalibrationError(
                f"{row.file} says {row.reference!r}, a sentence of the {split} split; "
                "please calibrate on speech made with `make-speech --split validation`."
            )
    return rows
