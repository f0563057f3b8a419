"""The one door to Jinja2: whatever goes into a template is escaped there, and a value it lacks is an error."""

from __future__ import annotations

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

SUFFIX = ".html.jinja"
MIME = {
    "csv": "text/csv",
    "html": "text/html",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "srt": "application/x-subrip",
    "TextGrid": "text/plain",
    "txt": "text/plain",
    "vtt": "text/vtt",
    "wav": "audio/wav",
    "woff2": "font/woff2",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def data_url(content: bytes, name: str) -> str:
    """A file inside the page itself, of the kind that its name says."""
    return f"data:{MIME[name.rsplit('.', 1)[-1]]};base64,{base64.b64encode(content).decode()}"


def environment(folder: Path) -> Environment:
    """The templates of a folder."""
    templates = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["data_url"] = data_url
    return templates


TEMPLATES = environment(Path(__file__).parent)


def render(template: str, /, **values: object) -> str:
    """A template of the reports, filled in."""
    return TEMPLATES.get_template(template + SUFFIX).render(values)
