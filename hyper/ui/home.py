"""A home in which nobody can write: what libraries would keep there lies in this start's folder, and goes with it."""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

KEPT_BELOW = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}  # variables, and where else it is in the home
FONTS = "MPLCONFIGDIR"  # matplotlib's list of fonts
COMPILED = "NUMBA_CACHE_DIR"  # what librosa has numba compile; without any place for it, librosa cannot be imported


def without_home(folder: Path) -> str | None:
    """Have it lie in this folder and say so; None where the home can be written, or it lies elsewhere anyway."""
    if FONTS in os.environ or all(_can_fill(place) for place in _places()):
        return None
    os.environ[FONTS] = str(folder / "fonts")
    librosa = find_spec("librosa")
    if librosa is not None and librosa.origin is not None and not _can_fill(Path(librosa.origin).parent):
        os.environ.setdefault(COMPILED, str(folder / "compiled"))
    return "Nothing can be kept in the home folder, so the first plots after each start take some seconds longer."


def _places() -> list[Path | None]:
    """Where libraries keep things; None where nobody knows."""
    try:
        home = Path.home()
    except RuntimeError:
        return [None]
    return [Path(os.environ.get(name) or home / below) for name, below in KEPT_BELOW.items()]


def _can_fill(place: Path | None) -> bool:
    """Whether a file can be made there, or where its folder would be made; none is left."""
    if place is None:
        return False
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False
