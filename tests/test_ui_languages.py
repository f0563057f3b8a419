"""The page in other languages: every text of the interface in each of them, and no text that nothing shows."""

from __future__ import annotations

import ast
import re
import time
from calendar import month_abbr, month_name
from collections.abc import Callable
from html import unescape
from pathlib import Path

import gradio
import pytest
from served import ROOT
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from test_ui_reports import said_in_reports
from test_ui_said import all_said, keys_of, shapes_in

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.files import ASSETS
from hyper.ui import server
from hyper.ui.examples import read_examples
from hyper.ui.languages import GRADIOS_ITALIAN, HOLE, LANGUAGES, document, i18n, said, texts, translated
from hyper.ui.layout import capitalised
from hyper.ui.model_store import BETWEEN, ModelStore
from hyper.ui.offer import MEANING
from hyper.ui.page import build_demo
from hyper.ui.phrases import PHRASES

NOT_TRANSLATED = {*PHRASES, "c c call my my sister", "Whisper", "Run"}  # what is spoken, a name, a hidden button
NOT_TRANSLATED |= {"What to write", "adapter", "merged"}  # seen by programs alone
# Put together from more than one text of the code.
IN_PARTS = {
    "1 error", "1 speaker", "{n} speakers",
    "{recordings}. No reference text was given, so nothing is counted: a transcript alone cannot show what is right.",
}  # fmt: skip
IN_PARTS |= {f"{{day}} {month} {{year}}" for month in month_abbr[1:]}
IN_PARTS |= {f"{{day}} {month} {{year}}, {{time}}" for month in month_name[1:]}
SCRIPTS = [*ASSETS.glob("*.js"), *(ROOT / "hyper").rglob("*.js")]
IN_OTHERS = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def shown(backbone, make_hypernet, tmp_path_factory) -> set[str]:
    """Every text that a component is built with."""
    folder = tmp_path_factory.mktemp("gradio")
    examples = read_examples(ROOT / "examples" / "manifest.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        asr = PersonalizedAsr(backbone, make_hypernet(backbone), "random")
        models = ModelStore(asr, "bundled", server.load_by_name, takes_any=True, adapting=["openai/whisper-tiny.en"])
        components = build_demo(models, examples).config["components"]
    models = [each for each in components if each["props"].get("elem_id") == "hw-model"]
    parts = {part for each in models for choice in each["props"]["choices"] for part in choice[0].split(BETWEEN)}
    found = {part for part in parts if "/" not in part and not part[0].isdigit()}
    found |= {choice[0] for each in components if each["type"] == "radio" for choice in each["props"]["choices"]}
    for each in components:
        named = ("label", "info", "placeholder", *(["value"] if each["type"] in ("button", "html") else []))
        found |= {text for name in named if isinstance(text := each["props"].get(name), str)}
    for page in [text for text in found if text.startswith("<")]:  # built before anybody asks for a language
        found |= {unescape(text) for text in re.findall(r'data-say(?:-label)?="([^"]+)"', page)}
    found -= {capitalised(example.label) for example in examples}
    for example in examples:  # their names are taken apart, in capitals and without
        found |= {part for part in example.label.split(", ")} | {capitalised(example.label.split(", ")[0])}
    return {text for text in found if text and not text.startswith("<") and not text.isdecimal()}


@pytest.fixture(scope="module")
def said_later() -> set[str]:
    """Every text that a handler gives a component."""
    calls = [
        node
        for path in (ROOT / "hyper" / "ui").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "said"
    ]
    parts = [part for call in calls for argument in call.args for part in ast.walk(argument)]
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


@pytest.fixture(scope="module")
def sentences(tmp_path_factory) -> set[str]:
    """What sentences of results, errors, reports and figures are looked up by."""
    texts_said = all_said(tmp_path_factory.mktemp("errors")) | said_in_reports()
    return set().union(*map(keys_of, texts_said))


@pytest.fixture(scope="module")
def is_written() -> Callable[[str], bool]:
    """Whether the code, a template or a script has a text, or the parts of it."""
    shapes = shapes_in("**/*.py")
    ui = ROOT / "hyper" / "ui"
    files = [*(ROOT / "hyper").rglob("*.jinja"), *SCRIPTS, ui / "scripts.py"]
    texts_of_page = "".join(path.read_text(encoding="utf-8") for path in files)
    return lambda text: text in texts_of_page or any(each.fullmatch(text) for each in shapes)


@IN_OTHERS
def test_every_text_is_in_every_language_and_none_is_unused(language, shown, said_later, is_written, sentences):
    translated = set(texts(language))
    assert (shown | said_later) - translated - NOT_TRANSLATED == set()
    assert {key for key in translated - shown - said_later - sentences if not is_written(key)} == IN_PARTS - sentences


def test_what_the_page_itself_says_and_what_templates_say_is_translated():
    """Texts that stand in a script or a template as they are said."""
    said_in_scripts = {
        one or other
        for path in SCRIPTS
        for one, other in re.findall(r"""hwSay\((?:"([^"]+)"|'([^']+)')[,)]""", path.read_text(encoding="utf-8"))
    }
    said_in_templates = {
        text
        for path in (ROOT / "hyper").rglob("*.jinja")
        for text in re.findall(r'\bsay\("([^"]+)"', path.read_text(encoding="utf-8"))
    }
    calls = [
        node.args[0]
        for path in (ROOT / "hyper" / "ui").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say"
    ]
    said_in_code = {each.value for each in calls if isinstance(each, ast.Constant)}
    assert len(said_in_scripts) > 3 and len(said_in_templates) > 50 and len(said_in_code) > 10
    assert (said_in_scripts | said_in_templates | said_in_code) - set(texts("de")) == {
        "not sure: "
    }  # the part of a longer text


def test_what_notices_and_errors_say_is_translated():
    """Their titles too, and what stands in a constant by name."""
    modules = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "hyper" / "ui").rglob("*.py")]
    named = {
        each.targets[0].id: each.value.value
        for module in modules
        for each in module.body
        if isinstance(each, ast.Assign)
        and isinstance(each.value, ast.Constant)
        and isinstance(each.targets[0], ast.Name)
    }
    calls = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.Call)]
    names = [(call, getattr(call.func, "id", getattr(call.func, "attr", ""))) for call in calls]
    given = [part for call, name in names if says_something(name) for part in call.args]
    given = [part.func.value if isinstance(part, ast.Call) and is_filled(part) else part for part in given]
    found = {part.value if isinstance(part, ast.Constant) else named.get(getattr(part, "id", "")) for part in given}
    sentences = {text for text in found if isinstance(text, str) and text[:1].isupper()}
    assert len(sentences) > 30 and {"Too large to save here", "Live from the microphone"} <= sentences
    assert {text for text in sentences if not keys_of(text)} == set()


def says_something(name: str) -> bool:
    return name in ("notice", "say", "_slide") or name.endswith("Error")


def is_filled(call: ast.Call) -> bool:
    """Whether it is a named text with holes that is filled here."""
    return getattr(call.func, "attr", "") == "format" and isinstance(call.func.value, ast.Name)


@IN_OTHERS
def test_translations_are_other_words_that_gradio_can_format(language):
    for english, translation in texts(language).items():
        assert translation.strip() and "<" not in translation
        assert re.findall("`.+?`", translation) == re.findall("`.+?`", english)  # names of columns stay
        if len(english) > 12:
            assert translation != english
    whole = {english: translation for english, translation in texts(language).items() if not HOLE.search(english)}
    given = dict(i18n().translations_dict[language])
    # Gradio fills the holes of this one itself; its own English has the same.
    assert HOLE.findall(given.pop("status.queue_position")) in (["position", "size"], ["size", "position"])
    gradios = GRADIOS_ITALIAN if language == "it" else {}
    assert given == whole | gradios and not any("{" in text for text in whole.values())


@IN_OTHERS
def test_what_a_whisper_was_taught_anew_has_one_name_in_every_text(language):
    own = {"de": "token-einbettung"}.get(language, "token embedding")
    named = {text: other.lower() for text, other in texts(language).items() if "token embedding" in text}
    assert MEANING in named and all(own in other for other in named.values())
    assert not re.search("wort?tabelle|tabla de palabras|tabella delle parole|sözcük tablosu", " ".join(named.values()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_takes_long_to_be_taken_apart(language):
    """What a visitor's list holds stands in sentences with holes; the patterns try every place for each of them."""
    text = ", line 1: `x` is " * 400
    start = time.process_time()
    assert translated(text, language) == text
    assert time.process_time() - start < 0.5


def test_italian_which_gradio_lacks_says_what_gradio_says_in_the_others():
    """By its keys, each of which its English has."""
    (core,) = (Path(gradio.__file__).parent / "templates/frontend/assets").glob("core-*.js")
    english = core.read_text(encoding="utf-8")
    for key in GRADIOS_ITALIAN:
        group, name = key.split(".")
        assert re.search(rf"\b{group}:\w", english) and re.search(rf"\b{name}:`", english), key
    assert {"upload_text.drop_audio", "upload_text.drop_file", "upload_text.click_to_upload"} <= set(GRADIOS_ITALIAN)


@pytest.mark.parametrize("n", [1, 5])
def test_italian_counts_are_right_for_one_and_for_more(n):
    assert translated(f"{n} of 8 words wrong", "it") == f"parole sbagliate: {n} su 8"
    assert translated(f"Base: not sure of {n} of 8 words", "it") == f"Base: incertezza su {n} di 8 parole"


def test_what_a_handler_gives_is_marked_for_gradio():
    assert said("Next") == '__i18n__{"__type__": "translation_metadata", "key": "Next"}'


def test_the_page_gets_the_script_and_nothing_else_does():
    page = "<html><head><title>ü</title></head><body></body></html>"
    routes = [Route(path, lambda _request: HTMLResponse(page)) for path in ("/", "/other")]
    client = TestClient(document.DocumentLanguage(Starlette(routes=routes)))
    assert client.get("/").text == page.replace("</head>", f"{document.SCRIPT.decode()}</head>")
    assert client.get("/other").text == page
    assert client.head("/").headers["content-length"] == str(len(page.encode()))
