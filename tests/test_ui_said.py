"""What the server says to a visitor of Try, in the page's other languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from gradio.context import LocalContext
from gradio.exceptions import Error
from served import ROOT
from test_ui_panels import comparison, speech, text_of
from test_verdict import FAR, LEFT_OUT, LOOP, QUIET

from hyper.compare.confidence import WordConfidence
from hyper.compare.scheduler import BusyError
from hyper.model.files import BackboneError
from hyper.recordings.audio import check_waveform, load_audio
from hyper.recordings.limits import AudioError, TextError, check_length
from hyper.recordings.sandbox import NOT_STARTED
from hyper.ui import languages, notices, panels
from hyper.ui.languages import HOLE, LANGUAGES, NUMBER, SAID_AGAIN, asked_language, say, texts, translated, word

IN_OTHERS = pytest.mark.parametrize("language", LANGUAGES)
UNSURE = (WordConfidence("turn", 0.3),)
heard = partial(comparison, waveform=speech(1.5))  # slowly enough that nobody doubts it


@contextmanager
def asked_in(wanted: str) -> Iterator[None]:
    """As while gradio answers a request."""
    token = LocalContext.request.set(SimpleNamespace(headers={"accept-language": wanted}))
    try:
        yield
    finally:
        LocalContext.request.reset(token)


def comparisons() -> Iterator[tuple]:
    """Every kind of result: the comparison and where the voice lies."""
    pairs = {
        ("turn of the light", "turn on the light"), ("turn off the lights", "turn of the lights"),
        ("turn on the lights", "turn on the lights now"), ("turn off the lights", "turn on the lights"),
        ("turn on the lights", "turn on the lights"), ("turn on the lights", "lights on the turn and and and and"),
    }  # fmt: skip
    for base, adapted in sorted(pairs):
        yield heard(base, adapted, "turn on the lights"), None
    yield heard("turn on lights", "turn on the lights", "turn on the lights"), None
    yield heard("a b", "c d", "turn"), None
    yield heard("a", "turn", "turn"), None
    yield heard("turn", "turn off", None), None
    yield heard("turn", "turn", None, base_words=(WordConfidence("turn", 0.9),)), None
    yield heard("turn", "turn off", "?!"), None
    yield heard("turn", None), None
    yield heard("turn", "off", "turn", verbatim="t turn"), FAR
    for row in ("base", "adapted"):
        yield replace(heard("turn", "off", base_words=UNSURE), preferred=row, strength=0.5), None
    made = heard("turn off", "off", base_words=(*UNSURE, WordConfidence("off", 0.9)))
    yield replace(made, is_calibrated=True), None
    for base, adapted in (((QUIET,), (QUIET,)), ((QUIET,), ()), ((LEFT_OUT,), (LOOP,))):
        made = heard("turn off", "off", base_words=UNSURE)
        yield replace(made, base=replace(made.base, flags=base), adapted=replace(made.adapted, flags=adapted)), None
    made = heard("turn", "off")
    yield replace(made, adapted=replace(made.adapted, words=UNSURE)), None
    yield heard("", "", base_words=()), None
    yield replace(heard("turn", "off"), n_pieces=2), None


def errors(folder) -> Iterator[Exception]:
    """What a visitor of Try may have done wrong."""
    (folder / "empty.wav").write_bytes(b"")
    yield BusyError("64 requests are waiting already; please try again in about 9 s.")
    yield BackboneError(
        "openai/whisper-tiny is not on this machine and the Hugging Face hub cannot be reached; connect to the network "
        "once to download it, or use the bundled model."
    )
    yield AudioError(NOT_STARTED)
    yield AudioError("The recording could not be decoded; please export a.wav again, best as wav.")
    yield AudioError("The recording is longer than the limit of 600 s; please trim it.")
    yield TextError("The reference is long.")
    yield OSError(28, "No space left on device")
    for call in (
        lambda: check_waveform(np.zeros(80, np.float32)),
        lambda: check_waveform(np.zeros(16_000, np.float32)),
        lambda: check_length(700, 600),
        lambda: load_audio(folder / "empty.wav"),
    ):
        with pytest.raises(AudioError) as caught:
            call()
        yield caught.value


def all_said(folder) -> set[str]:
    """Every text that was asked to be said in any of these."""
    found: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(languages, "translated", lambda text, _: (found.add(text), text)[1])
        for made, where in comparisons():
            panels.results_html(replace(made, where=where), "bundled")
            panels.details_html(made)
        for error in errors(folder):
            with pytest.raises(Error), notices.errors_as_notices():
                raise error
        for paths in ([], ["gone.wav"]):
            with pytest.raises(Error):
                notices.check_recordings(paths)
    return found


def keys_of(text: str) -> set[str]:
    """The texts that a sentence is looked up by."""
    if text in texts("de"):
        return {text}
    key_of = {translation: key for key, translation in texts("de").items()}
    for pattern, translation in languages._with_holes("de"):
        if found := pattern.fullmatch(text):
            parts = [part for name, part in found.groupdict().items() if name in SAID_AGAIN]
            return {key_of[translation]}.union(*map(keys_of, parts))
    return set()


@pytest.mark.parametrize(
    ("english", "german", "turkish"),
    [
        ("0.5 s", "0,5 s", "0,5 sn"),
        ("12.3 %", "12,3 %", "%12,3"),
        ("1,234.5 ms", "1.234,5 ms", "1.234,5 ms"),
        ("−3.2 dB", "−3,2 dB", "−3,2 dB"),
        ("2026", "2026", "2026"),
        ("mean angle between old and new 3.5°", "mittlerer Winkel zwischen alt und neu 3,5°", None),
        ("strength 0.5: 3 words differ from base", "Stärke 0,5: 3 Wörter anders als die Basis", None),
        ("base 12.5 %, adapted 3.1 %", "Basis 12,5 %, angepasst 3,1 %", "temel %12,5, uyarlanmış %3,1"),
        ("enc 3", "Enc. 3", "kod. 3"),
        ("LoRA of rank 1 for decoder.fc1", "LoRA vom Rang 1 für decoder.fc1", "1. dereceden LoRA: decoder.fc1"),
        ("meant: 1.5", "gemeint: 1.5", "kastedilen: 1.5"),  # as it was said
        ("1.5.wav", "1.5.wav", "1.5.wav"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(english, german, turkish):
    assert translated(english, "de") == german and translated(english, "en") == english
    assert turkish is None or translated(english, "tr") == turkish
    with asked_in("de"):
        assert say("{share} wrong", share="12.5 %") == "12,5 % falsch"
        assert say("{heard} instead of {meant}", heard="1.5", meant="2.5") == "1.5 statt 2.5"
        assert (word("dec 2"), word("1.5"), word("dec 2 b")) == ("Dec. 2", "1.5", "dec 2 b")  # names may be numbers


MADE_UP = {"The reference is long.", QUIET.reason, LOOP.reason, LEFT_OUT.reason}  # here, not by the server
SHORTEST = 6  # letters of a text that can be told from others


def test_every_sentence_has_a_translation(tmp_path):
    assert {text for text in all_said(tmp_path) if not keys_of(text) and not NUMBER.fullmatch(text)} - MADE_UP == set()


def shape(node: ast.expr) -> re.Pattern[str] | None:
    """What a text of the code may look like once it is filled in; None where it is none, or hardly says anything."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    words = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    letters = sum(len(word or "") for word in words if isinstance(word, str | None))
    if not all(isinstance(word, str | None) for word in words) or (None in words and letters < SHORTEST):
        return None
    return re.compile("".join(".+" if word is None else re.escape(word) for word in words), re.DOTALL)


def code(*places: str) -> Iterator[ast.AST]:
    for place in places:
        for path in sorted((ROOT / "hyper").glob(place)):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def shapes_in(*places: str) -> list[re.Pattern[str]]:
    """Those of all texts of the code."""
    return [found for node in code(*places) if isinstance(node, ast.expr) and (found := shape(node))]


def test_every_reason_that_a_visitor_may_read_is_translated():
    """What is wrong with a recording, an archive, a list or a transcript."""
    places = [f"recordings/{name}.py" for name in ("audio", "libav", "limits", "tables", "xlsx", "archive", "matching")]
    places += ["compare/guards.py", "compare/speaker.py", "compare/scheduler.py", "reports/sessions.py"]
    kinds = re.compile("(Audio|Table|Archive|Manifest|Speaker|Session|Busy|Text)Error")
    found = [
        node.args[0]
        for node in code(*places)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.args
        and kinds.fullmatch(node.func.id)
    ]
    found += [node.value for node in code("compare/guards.py") if is_named(node, "reason")]
    keys = {key for key in texts("de") if key not in TOO_WIDE}
    missing = [ast.unparse(each) for each in found if (made := shape(each)) and not any(map(made.fullmatch, keys))]
    assert len(found) > 40 and [each for each in missing if not COMMANDS_ONLY.search(each)] == []


def is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name


TOO_WIDE = {"{of}: {why}"}
COMMANDS_ONLY = re.compile(  # of paths that only who starts a command can name, and of who has left
    "There is no file|is a folder, not|may not be read|is not a text file in UTF-8|The page was left|references for"
)


@IN_OTHERS
def test_holes_are_the_same(language):
    assert texts(language).keys() == texts("de").keys()
    for english, translation in texts(language).items():
        assert sorted(HOLE.findall(translation)) == sorted(HOLE.findall(english))


@pytest.mark.parametrize(
    ("language", "verdict", "count"),
    [
        ("de-AT,en;q=0.5", "Besser Vor der Anpassung 2 von 4 Wörtern falsch, danach 1.", "2 von 4 Wörtern falsch"),
        ("es", "Mejor Antes de adaptar, 2 de 4 palabras erróneas; después, 1.", "2 de 4 palabras erróneas"),
        ("it-IT", "Meglio Prima dell'adattamento parole sbagliate: 2 su 4; dopo, 1.", "parole sbagliate: 2 su 4"),
        ("tr-TR", "Daha iyi Uyarlamadan önce 4 sözcükten 2 tanesi yanlış, sonra 1.", "4 sözcükten 2 tanesi yanlış"),
        ("fr,de;q=0.9", "Better 2 of 4 words wrong before adapting, 1 after.", "2 of 4 words wrong"),
        ("", "Better 2 of 4 words wrong before adapting, 1 after.", "2 of 4 words wrong"),
    ],
)
def test_a_result_in_the_language_that_the_browser_asks_for(language, verdict, count):
    made = heard("turn of the light", "turn on the light", "turn on the lights")
    with asked_in(language):
        text = text_of(panels.results_html(made, "bundled"))
    assert verdict in text and count in text


def test_the_details_are_said_whole():
    with asked_in("de"):
        text = text_of(panels.details_html(heard("turn on", "turn off")))
    assert "Ton lesen 3 ms" in text and "zusammen 200 ms" in text
    assert "4.800 Parameter, 0,085 % derer des Modells" in text
    assert not [key for key, german in texts("de").items() if len(key) > SHORTEST and key != german and key in text]


def test_who_asks_without_a_language_gets_english():
    assert asked_language() == ""
    with asked_in("DE"):
        assert asked_language() == "de"


def test_what_was_spoken_is_never_translated():
    assert translated("none instead of Back", "de") == "none statt Back"
    assert translated("Every word right before adapting, 1 of 5 words wrong after.", "de") == (
        "Vor der Anpassung jedes Wort richtig, danach 1 von 5 Wörtern falsch."
    )


def test_a_notice_speaks_the_visitors_language():
    with asked_in("it"), pytest.raises(Error) as caught:
        notices.check_recordings([])
    assert caught.value.title == "Niente da confrontare"
    assert caught.value.message == texts("it")[notices.NO_RECORDING]


@pytest.mark.parametrize(
    ("language", "short", "long"),
    [
        ("de", "2. März 2030", "2. März 2030, 04:05 Uhr"),
        ("es", "2 mar 2030", "2 de marzo de 2030, 04:05"),
        ("it", "2 mar 2030", "2 marzo 2030, 04:05"),
        ("tr", "2 Mart 2030", "2 Mart 2030, 04:05"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(language, short, long):
    assert translated("2 Mar 2030", language) == short
    assert translated("02 March 2030, 04:05", language) == long
    for month in range(1, 13):
        for written in ("%d %b %Y", "%d %B %Y, %H:%M"):
            day = f"{date(2030, month, 10):{written}}"
            assert translated(day, language) != day
    assert translated("Anna May 3", language) == "Anna May 3"  # a file's name
