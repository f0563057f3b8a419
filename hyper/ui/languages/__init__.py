"""The page's texts in other languages. English stands in the code, and each text is the key of its translations.

A text with holes, such as "{n} of {words} words wrong", is the key of every sentence that it fits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from gradio.context import LocalContext
from starlette.datastructures import Headers

from hyper.reports.tongue import Tongue

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = Path(__file__).parent
LANGUAGES = ("de", "es", "it", "tr")
LAYER = re.compile(r"(enc|dec) \d+")  # a tick of a figure
HOLE = re.compile(r"\{(\w+)\}")
# Holes that nothing but digits fits: else "Anna May 3.wav" would be a date, and every sentence about pieces "2 pieces".
NUMBERS = {"day": r"\d+", "year": r"\d+", "n": r"[\d,]+", "nth": r"\d+", "slides": r"\d+"}
# A number as English writes it, with its unit; the other languages swap point and comma.
NUMBER = re.compile(r"[+−-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?( ?(%|°|s|ms|MB|GB|Hz|kHz|dB))?")
QUEUE = "In queue: {position} of {size}"  # gradio's own, for a screen reader; it has that in English alone
GRADIOS_QUEUE = "status.queue_position"  # the key by which it looks it up
GRADIOS_ITALIAN = {  # what it says of its own in the other languages; by its keys
    "audio.no_microphone": "Nessun microfono trovato",
    "audio.pause": "Pausa",
    "audio.play": "Riproduci",
    "audio.record": "Registra",
    "audio.resume": "Riprendi",
    "audio.stop": "Ferma",
    "audio.waiting": "In attesa",
    "common.clear": "Cancella",
    "common.download": "Scarica",
    "common.empty": "Vuoto",
    "common.error": "Errore",
    "common.loading": "Caricamento",
    "common.no_devices": "Nessun dispositivo trovato",
    "common.or": "oppure",
    "common.remove": "Rimuovi",
    "file.uploading": "Caricamento...",
    "upload_text.click_to_upload": "Fate clic per caricare",
    "upload_text.drop_audio": "Trascinate qui l'audio",
    "upload_text.drop_file": "Trascinate qui il file",
}
LONGEST_SENTENCE = 1_000  # taking a text apart costs its length cubed where it repeats itself
SWAPPED = str.maketrans(".,", ",.")
# Holes that hold a text of the page; the others hold numbers, names or what was said.
SAID_AGAIN = {"before", "after", "row", "recordings", "rates", "errors", "each", "one", "layer", "what", "where", "why"}
AS_WRITTEN = {"file", "heard", "label", "meant", "name", "names", "text", "value"}  # by somebody: numbers there stay


@cache
def texts(language: str) -> dict[str, str]:
    """All texts of a language, by the English ones; none of English itself and of what the page does not speak."""
    if language not in LANGUAGES:
        return {}
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def i18n() -> gr.I18n:
    """As gradio takes them: what a component is built with is looked up as it stands, and left where it is no key."""
    whole = {language: {k: v for k, v in texts(language).items() if not HOLE.search(k)} for language in LANGUAGES}
    for language, its in whole.items():
        its[GRADIOS_QUEUE] = texts(language)[QUEUE]
    whole["it"] |= GRADIOS_ITALIAN  # gradio has no Italian
    return gr.I18n(**whole)


def said(text: str) -> str:
    """The same text where a component is given it later, by a handler: gradio looks it up only where it is marked."""
    return str(gr.I18n()(text))


def say(text: str, /, **held: object) -> str:
    """What the server says to the visitor whose request it answers, in the page's language; else in English.

    `held` fills the holes of a text. Without it the text is whole: where it fits a key with holes, it is taken apart.
    """
    language = asked_language()
    return _filled(texts(language).get(text, text), held, language) if held else translated(text, language)


def word(text: str) -> str:
    """A word of a figure or a table: translated where it is one of the page's, and never taken apart."""
    language = asked_language()
    known = texts(language)
    return translated(text, language) if known and LAYER.fullmatch(text) else known.get(text, text)


def number(text: str, language: str) -> str:
    """A number with the language's decimal sign, in Turkish with its per cent and seconds; any other text as it is."""
    if language not in LANGUAGES or not NUMBER.fullmatch(text):
        return text
    written = text.translate(SWAPPED)
    if language == "tr" and written.endswith("%"):
        return f"%{written[:-1].rstrip()}"
    return f"{written}n" if language == "tr" and written.endswith(" s") else written  # saniye


def translated(text: str, language: str) -> str:
    """A text, or a sentence that fits one with holes; as it stands where there is no translation."""
    if text in texts(language):
        return texts(language)[text]
    if len(text) > LONGEST_SENTENCE:
        return text
    for pattern, translation in _with_holes(language):
        if found := pattern.fullmatch(text):
            parts = found.groupdict().items()
            held = {name: translated(part, language) if name in SAID_AGAIN else part for name, part in parts}
            return _filled(translation, held, language)
    return number(text, language)


def tongue() -> Tongue:
    """The page's language for what leaves the page."""
    language = asked_language()
    return Tongue(language if language in LANGUAGES else "en", partial(translated, language=language))


def asked_language() -> str:
    """What the browser asks for first, as the page itself goes by; empty where nobody asks."""
    request = LocalContext.request.get(None)
    return "" if request is None else first_language(request.headers)


class AskedLanguage:
    """An ASGI middleware for what gradio does not serve: `say` answers in the language of each request, or in one."""

    def __init__(self, app: ASGIApp, always: str | None = None) -> None:
        self._app, self._always = app, always

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asked = Headers(scope=scope) if self._always is None else {"accept-language": self._always}
            LocalContext.request.set(gr.Request(headers=asked))
        await self._app(scope, receive, send)


def first_language(headers: Mapping[str, str]) -> str:
    """That which the headers of a request ask for first."""
    return re.split("[-,;]", headers.get("accept-language", "").strip())[0].lower()


def _filled(text: str, held: Mapping[str, object], language: str) -> str:
    return text.format_map(
        {name: part if name in AS_WRITTEN else number(str(part), language) for name, part in held.items()}
    )


@cache
def _with_holes(language: str) -> list[tuple[re.Pattern[str], str]]:
    """What a sentence has to be like, and its translation; of two that a sentence fits, the longer one counts."""
    keys = sorted((key for key in texts(language) if HOLE.search(key)), key=len, reverse=True)
    return [(_pattern(key), texts(language)[key]) for key in keys]


def _pattern(key: str) -> re.Pattern[str]:
    parts = HOLE.split(key)  # text, name of a hole, text, ...
    return re.compile("".join(_hole(part) if i % 2 else re.escape(part) for i, part in enumerate(parts)), re.DOTALL)


def _hole(name: str) -> str:
    before = "0?" if name == "day" else ""  # English writes 03 March in a report, the others 3
    return f"{before}(?P<{name}>{NUMBERS.get(name, '.+?')})"
