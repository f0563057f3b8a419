"""The HTML of the page: a template for each part of it."""

from __future__ import annotations

from pathlib import Path

from hyper.compare.guards import LEFT_OUT
from hyper.metrics.percent import percent
from hyper.model.info import gigabytes
from hyper.recordings.counts import count
from hyper.reports.templates import SUFFIX, environment
from hyper.ui import marks
from hyper.ui.languages import say, word
from hyper.ui.numbers import certainty, short_percent, words_wrong

TEMPLATES = environment(Path(__file__).parent)
TEMPLATES.filters |= {
    "say": say,
    "count": count,
    **{
        write.__name__: lambda value, write=write: say(write(value))
        for write in (certainty, gigabytes, percent, short_percent)
    },
    "words_wrong": words_wrong,
}
TEMPLATES.tests["unsure"] = marks.is_unsure
TEMPLATES.globals |= {"NO_SPEECH": marks.NO_SPEECH, "NO_WORDS": marks.NO_WORDS, "LEFT_OUT": LEFT_OUT}
TEMPLATES.globals |= {"say": say, "word": word}


def render(template: str, /, **values: object) -> str:
    """A template of the page, filled in. Templates include each other; all that comes from Python is text."""
    return TEMPLATES.get_template(template + SUFFIX).render(values)
