"""The page's own font for what leaves the page: gradio brings it as files, which are read without gradio."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

FOLDER = "templates/frontend/static/fonts/IBMPlexSans"


def font_files() -> tuple[Path, Path]:
    """IBM Plex Sans, regular and bold, as WOFF2."""
    gradio = find_spec("gradio")
    assert gradio is not None and gradio.origin is not None
    folder = Path(gradio.origin).parent / FOLDER
    return folder / "IBMPlexSans-Regular.woff2", folder / "IBMPlexSans-Bold.woff2"
