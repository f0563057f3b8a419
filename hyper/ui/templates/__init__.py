"""The HTML of the page: a template for each part of it."""

from __future__ import annotations

from pathlib import Path

from hyper.model.info import gigabytes
from hyper.reports.templates import SUFFIX, environment
from hyper.ui.numbers import count, percent

TEMPLATES = environment(Path(__file__).parent)
TEMPLATES.filters |= {"count": count, "gigabytes": gigabytes, "percent": percent}


def render(template: str, /, **values: object) -> str:
    """A template of the page, filled in. Templates include each other; all that comes from Python is text."""
    return TEMPLATES.get_template(template + SUFFIX).render(values)
