"""What a link to the page looks like where it is shared, read from the HTML as a preview's reader gets it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import gradio as gr
import httpx
import pytest
from served import launched

from hyper.ui.link_preview import DESCRIPTION, TITLE, with_preview


class Head(HTMLParser):
    """Every meta tag's name and content, the language, and the icons."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.metas: list[tuple[str, str]] = []
        self.language: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "html":
            self.language = found.get("lang")
        if tag == "meta" and (name := found.get("property") or found.get("name")):
            self.metas.append((name, found.get("content") or ""))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A page with this project's way of serving, and nothing on it."""
    with gr.Blocks(title="HyperWhisper", analytics_enabled=False) as demo:
        gr.HTML("empty")
    with launched(demo) as url:
        yield url


@pytest.mark.parametrize("encoding", ["identity", "gzip, br"])
def test_a_preview_names_the_project_once_and_not_gradio(address, encoding):
    answer = httpx.get(address, headers={"Accept-Encoding": encoding})
    head = Head(answer.text)
    previews = [(name, content) for name, content in head.metas if name.startswith(("og:", "twitter:"))]
    assert len(dict(previews)) == len(previews)
    tags = dict(previews)
    assert tags["og:title"] == tags["twitter:title"] == TITLE
    assert tags["og:description"] == tags["twitter:description"] == DESCRIPTION == dict(head.metas)["description"]
    assert tags["og:url"] == address
    assert not [content for _, content in previews if "gradio" in content.lower()]
    assert head.language == "en" and answer.text.count("<title>HyperWhisper</title>") == 1


def test_its_picture_and_the_icon_are_served(address):
    tags = dict(Head(httpx.get(address).text).metas)
    assert tags["og:image"] == tags["twitter:image"] == f"{address}link-preview.png"
    picture = httpx.get(tags["og:image"])
    assert picture.headers["content-type"] == "image/png" and picture.content[:8] == b"\x89PNG\r\n\x1a\n"
    icon = httpx.get(f"{address}favicon.ico")
    assert icon.is_success and b"<svg" in icon.content


def test_behind_a_proxy_the_addresses_are_those_that_visitors_use(address):
    sent = {"X-Forwarded-Host": "127.0.0.1", "X-Forwarded-Proto": "https"}
    tags = dict(Head(httpx.get(address, headers=sent).text).metas)
    assert tags["og:image"] == "https://127.0.0.1/link-preview.png"


def test_what_is_no_page_passes_as_it_is(address):
    assert httpx.get(f"{address}config").json()["title"] == "HyperWhisper"
    assert httpx.post(address).status_code == 404
    assert with_preview("<p>no tags</p>", address) == "<p>no tags</p>"
