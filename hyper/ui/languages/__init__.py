"""The page's texts in other languages. English stands in the code, and each text is the key of its translations."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr

FOLDER = Path(__file__).parent
LANGUAGES = ("de", "es", "it", "tr")


def texts(language: str) -> dict[str, str]:
    """All texts of a language, by the English ones."""
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def i18n() -> gr.I18n:
    """As gradio takes them: what a component is built with is looked up as it stands, and left where it is no key."""
    return gr.I18n(**{language: texts(language) for language in LANGUAGES})


def said(text: str) -> str:
    """The same text where a component is given it later, by a handler: gradio looks it up only where it is marked."""
    return str(gr.I18n()(text))
