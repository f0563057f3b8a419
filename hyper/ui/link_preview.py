"""What a link to the page looks like where it is shared: this project's name, sentence and picture, not gradio's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gradio.route_utils import get_root_url
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse

from hyper.model.files import ASSETS
from hyper.ui.templates import render

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME = "HyperWhisper"
TITLE = f"{NAME}: speech recognition that adapts to each recording"
DESCRIPTION = (
    "Whisper as it is and Whisper adapted to the recording it just heard, side by side: record, upload or press an "
    "example."
)
PICTURE = ASSETS / "screenshot.png"
PICTURE_PATH = "/link-preview.png"
PICTURE_TEXT = "The page after a comparison: two transcripts, one above the other"
WRITTEN_BY_GRADIO = re.compile(r"<meta\s+(?:property=\"og:|name=\"twitter:)[^>]*>\s*")


class LinkPreview:
    """An ASGI middleware over the page's HTML. Gradio's template names gradio twice before it names the page, and
    whoever makes a preview runs no script that could mend it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return await self._app(scope, receive, send)
        if scope["path"] == PICTURE_PATH:
            return await FileResponse(PICTURE)(scope, receive, send)
        if scope["path"] != "/":
            return await self._app(scope, receive, send)
        root = get_root_url(Request(scope), "/", scope.get("root_path"))
        await self._app(scope, receive, _Rewritten(send, root))


class _Rewritten:
    """The page's HTML with the tags of this project; what is no HTML passes as it is."""

    def __init__(self, send: Send, root: str) -> None:
        self._send, self._root = send, root
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                self._start = message
                return
        if self._start is None:
            return await self._send(message)
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        body = with_preview(self._body.decode(), self._root).encode()
        MutableHeaders(scope=self._start)["content-length"] = str(len(body))
        await self._send(self._start)
        await self._send({**message, "body": body})


def with_preview(html: str, root: str) -> str:
    """The page with the tags that previews read in place of gradio's first; the others are taken out.

    `root` is the page's address without a last slash: many readers take no relative addresses.
    """
    found = WRITTEN_BY_GRADIO.search(html)
    if found is None:  # another gradio, or its sign-in page
        return html
    place = found.start()
    tags = render(
        "link_preview",
        name=NAME,
        title=TITLE,
        description=DESCRIPTION,
        root=root,
        picture=PICTURE_PATH,
        picture_text=PICTURE_TEXT,
    )
    return html[:place] + tags + WRITTEN_BY_GRADIO.sub("", html[place:])
