"""A pair's calibration as a file in its hypernetwork's folder."""

from __future__ import annotations

import json
from pathlib import Path

from hyper.compare.calibration import Calibration, CalibrationError
from hyper.model.checkpoint import CheckpointError
from hyper.model.delivered import seal
from hyper.model.fingerprint import fingerprint
from hyper.model.hypernet import HyperNetwork
from hyper.recordings.whole_files import write_whole

CALIBRATION_FILE = "calibration.json"  # where `python -m hyper calibrate` was run


def save_calibration(calibration: Calibration, folder: Path) -> None:
    """Write the map into the hypernetwork's folder, in whole or not at all."""
    text = json.dumps(calibration.to_json(), indent=1, allow_nan=False)
    write_whole(folder / CALIBRATION_FILE, text + "\n")
    seal(folder)


def load_calibration(folder: Path, hypernet: HyperNetwork) -> Calibration | None:
    """The map of raw confidences fitted for this hypernetwork; None where there is none, or one of other weights."""
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return None
    try:
        calibration = Calibration.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:  # not JSON, or other keys
        detail = error if isinstance(error, CalibrationError) else "it is not JSON"
        raise CheckpointError(
            f"{path} cannot be used: {detail}. Delete it, or make it anew with `python -m hyper calibrate`."
        ) from error
    return calibration if calibration.fits(fingerprint(hypernet)) else None
