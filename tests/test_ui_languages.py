"""The page in other languages: every text of the interface in each of them, and no text that nothing shows."""

from __future__ import annotations

import ast
import re

import pytest
from served import ROOT
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from hyper.compare.pipeline import PersonalizedAsr
from hyper.ui import panels, server
from hyper.ui.examples import read_examples
from hyper.ui.languages import HOLE, LANGUAGES, document, i18n, said, texts
from hyper.ui.layout import capitalised
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_demo
from hyper.ui.phrases import PHRASES

NOT_TRANSLATED = {*PHRASES, "c c call my my sister", "Whisper", "Run"}  # what is spoken, a name, a hidden button
NOT_TRANSLATED |= {"What to write", "adapter", "merged"}  # seen by programs alone
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
    found = {choice[0] for each in components if each["type"] == "radio" for choice in each["props"]["choices"]}
    for each in components:
        named = ("label", "info", "placeholder", *(["value"] if each["type"] in ("button", "html") else []))
        found |= {text for name in named if isinstance(text := each["props"].get(name), str)}
    labels = {example.label for example in examples} | {example.label.split(",")[0] for example in examples}
    found -= {capitalised(label) for label in labels}  # what the examples are stays as their files are called
    return {text for text in found if text and not text.startswith("<")}


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
def written() -> set[str]:
    """Every text of the code, and in capitals; `test_ui_said.py` has the sentences that the server says."""
    found: set[str] = set()
    for path in (ROOT / "hyper").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for path in (ROOT / "hyper" / "ui" / "templates").glob("*.jinja"):
        found |= set(re.findall('"([^"]+)"', path.read_text(encoding="utf-8")))
    return (
        found
        | {capitalised(text) for text in found}
        | {f"{panels.OTHER_WORDS} {panels.LIKELIER.format(row=row)}" for row in ("base", "adapted")}
    )


@IN_OTHERS
def test_every_text_is_in_every_language_and_none_is_unused(language, shown, said_later, written):
    translated = set(texts(language))
    assert (shown | said_later) - translated - NOT_TRANSLATED == set()
    assert {key for key in translated - shown - said_later if not HOLE.search(key)} - written == set()


@IN_OTHERS
def test_translations_are_other_words_that_gradio_can_format(language):
    for english, translation in texts(language).items():
        assert translation.strip() and "<" not in translation
        assert re.findall("`.+?`", translation) == re.findall("`.+?`", english)  # names of columns stay
        if len(english) > 12:
            assert translation != english
    whole = {english: translation for english, translation in texts(language).items() if not HOLE.search(english)}
    assert i18n().translations_dict[language] == whole and not any("{" in text for text in whole.values())


def test_what_a_handler_gives_is_marked_for_gradio():
    assert said("Next") == '__i18n__{"__type__": "translation_metadata", "key": "Next"}'


def test_the_page_gets_the_script_and_nothing_else_does():
    page = "<html><head><title>ü</title></head><body></body></html>"
    routes = [Route(path, lambda _request: HTMLResponse(page)) for path in ("/", "/other")]
    client = TestClient(document.DocumentLanguage(Starlette(routes=routes)))
    assert client.get("/").text == page.replace("</head>", f"{document.SCRIPT.decode()}</head>")
    assert client.get("/other").text == page
    assert client.head("/").headers["content-length"] == str(len(page.encode()))
